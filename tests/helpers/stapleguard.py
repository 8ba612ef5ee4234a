# SPDX-License-Identifier: ISC
"""stapleguard itself, laid out in a directory of its own and run as its users run it.

Owns: the configuration, the state, run and log directories, and the processes it started.
Never: needs an account: the children run under numeric uids that nobody has.
"""

import dataclasses
import grp
import json
import os
import pathlib
import pwd
import signal
import subprocess
import time

from . import dbm

# Two test runs at the same time want users of their own each: what a user may have is bounded (RLIMIT_NPROC).
LANE = int(os.environ.get("STAPLEGUARD_LANE", "0"))
FETCH_UID = 64901 + 10 * LANE
WRITE_UID = 64902 + 10 * LANE
APACHE_USER = "www-data"

FRESH, FETCH_FAILED, NO_STAPLE, CONFIGURATION, ALREADY_RUNNING = range(5)


def build_directory():
    """Where the executables lie: STAPLEGUARD_BUILD, made by meson."""
    return pathlib.Path(os.environ["STAPLEGUARD_BUILD"]).resolve()


def program(name):
    """stapleguardd, fetcher, writer or stapleguard."""
    folder = {"stapleguardd": "supervisor", "stapleguard": "cli"}.get(name, name)
    return build_directory() / folder / name


@dataclasses.dataclass(frozen=True)
class Pass:
    """What came of one run of `stapleguardd --once`.  records: the audit log's new ones."""

    code: int
    output: str
    records: list

    def events(self, event=None, cert=None):
        return [
            r for r in self.records
            if (event is None or r["event"] == event) and (cert is None or r.get("cert") == cert)
        ]

    def reasons(self, event, cert=None):
        return [r.get("reason") for r in self.events(event, cert)]


class Stapleguard:
    """One installation below `directory`, which root owns and others may pass through."""

    def __init__(self, directory, apache=None):
        self.directory = pathlib.Path(directory)
        self.conf = self.directory / "stapleguard.conf"
        self.state_dir = self.directory / "state"
        self.run_dir = self.directory / "run"
        self.audit_log = self.directory / "log" / "audit.jsonl"
        self.dbm_path = self.run_dir / "apache" / "ocsp_cache.db"
        self.certs = {}
        self.running = []
        self.sections = {
            "stapleguard": {
                "state_dir": self.state_dir, "run_dir": self.run_dir, "audit_log": self.audit_log,
                "fetch_user": FETCH_UID, "write_user": WRITE_UID, "journal": "no",
            },
            "apache": {"dbm": self.dbm_path, "user": APACHE_USER, "discover": "none"},
            "fetch": {"allow_loopback": "yes", "timeout": "3s"},
        }
        if apache is not None:
            self.use(apache)

    def use(self, apache):
        self.set("apache", pid_file=apache.pid_file, control=apache.control)

    def set(self, section, **keys):
        """Set keys of a section; a value of None takes the key out."""
        for key, value in keys.items():
            if value is None:
                self.sections[section].pop(key, None)
            else:
                self.sections[section][key] = value

    def add(self, name, cert, **keys):
        """A [certificate] section; keys: chain, responder, safety_margin …"""
        self.certs[name] = {"cert": cert, **keys}

    def write_conf(self):
        sections = [(f"[{name}]", keys) for name, keys in self.sections.items()]
        sections += [(f'[certificate "{name}"]', keys) for name, keys in self.certs.items()]
        lines = []
        for header, keys in sections:
            lines.append(header)
            lines += [f"{key} = {value}" for key, value in keys.items()]
            lines.append("")
        self.conf.write_text("\n".join(lines))

    def make_directories(self):
        """What the first pass would make: needed where Apache starts before it."""
        self.run_dir.mkdir(exist_ok=True)
        folder = self.dbm_path.parent
        folder.mkdir(exist_ok=True)
        os.chown(folder, WRITE_UID, grp.getgrgid(pwd.getpwnam(APACHE_USER).pw_gid).gr_gid)
        folder.chmod(0o750)

    # Running -----------------------------------------------------------------------------------------------------------

    def command(self, *options):
        return [str(program("stapleguardd")), "--once", "-c", str(self.conf), *options]

    def once(self, *options, timeout_sec=120, expect=None):
        """One pass.  options: "--force", "-v".  expect: the exit code, or several; anything else shows all output."""
        self.write_conf()
        before = len(self.audit())
        done = subprocess.run(
            self.command(*options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout_sec, check=False,
        )
        result = Pass(done.returncode, done.stdout.decode(errors="replace"), self.audit()[before:])
        if expect is not None:
            expected = (expect,) if isinstance(expect, int) else expect
            assert result.code in expected, f"exit code {result.code}, expected {expect}:\n{result.output}{result.records}"
        return result

    def start(self, *options, groups=None):
        """Begin a pass and let it run; wait for it with finish().  groups: what else root is a member of then."""
        self.write_conf()
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            self.command(*options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            extra_groups=groups,
        )
        self.running.append(process)
        return process

    def finish(self, process, timeout_sec=120):
        output, _ = process.communicate(timeout=timeout_sec)
        self.running.remove(process)
        return process.returncode, output.decode(errors="replace")

    def children(self, process, timeout_sec=20):
        """{"fetcher": pid, "writer": pid} once both run their own programs."""
        end = time.monotonic() + timeout_sec
        while time.monotonic() < end:
            found = {}
            for pid in child_pids(process.pid):
                try:
                    name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                except OSError:
                    continue
                if name in ("fetcher", "writer"):
                    found[name] = pid
            if len(found) == 2:
                return found
            time.sleep(0.002)
        raise TimeoutError("fetcher and writer did not come up")

    def end_all(self):
        """For a test that failed half-way: end what it started."""
        for process in list(self.running):
            process.kill()
            self.finish(process)

    # Looking -----------------------------------------------------------------------------------------------------------

    def audit(self):
        """All records of the audit log; a line cut off by a crash is left out."""
        records = []
        if self.audit_log.exists():
            for line in self.audit_log.read_text().splitlines():
                try:
                    records.append(json.loads(line))
                except ValueError:
                    continue
        return records

    def entries(self):
        """{Apache's key: Record} of what the file could serve."""
        return dbm.entries(self.dbm_path)

    def staple(self, cert):
        """The DER in Apache's file for cert, or None."""
        record = self.entries().get(cert.sha1)
        return None if record is None else record.der


def child_pids(pid):
    """The processes that pid started and that still run."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def our_processes():
    """[(pid, program)]: everything that runs from the build directory.

    Below machine/ lie whole systems: machine.py ends what runs in them, and one may be made while other tests run.
    """
    build = str(build_directory()) + "/"
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                exe = os.readlink(entry / "exe")
            except OSError:
                continue
            if exe.startswith(build) and not exe.startswith(build + "machine/"):
                found.append((int(entry.name), exe))
    return found


def kill(pid):
    """End one process that we started, at once."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
