# SPDX-License-Identifier: ISC
"""A whole Debian in a container: systemd is its first process, Debian's Apache its web server, stapleguard is installed in it.

Owns: the tree (kept in the build directory for the next run), a copy of it, the container, its control groups.
Never: reaches anything but loopback: the host's, or its own; registers itself anywhere; outlives the test run.
"""

import contextlib
import functools
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from . import stapleguard

# What stapleguard's own programs are linked with comes on top.
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "apache2", "openssl", "ca-certificates", "e2fsprogs", "logrotate", "procps",
)
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "setpriv", "dpkg-query")

DEFAULT_MIRROR = "http://deb.debian.org/debian"
PREFIX = "stapleguard-machine-"

# Nothing in the container may do something by itself, least of all listen on the host's ports.
DISABLED = (
    "apache2.service", "apache-htcacheclean.service", "apt-daily.timer", "apt-daily-upgrade.timer", "certbot.timer", "cron.service", "dpkg-db-backup.timer",
    "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "getty.target", "console-getty.service", "logrotate.timer",
    "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service", "man-db.timer",
)

# systemd-nspawn of Debian 12 allows a container what it knows, and it does not know these.
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"

# Into control groups of its own first: two containers would end each other's services there.  Should the test run be killed,
# systemd-nspawn is told to shut the machine down.
LAUNCH = """
for group in $GROUPS; do echo $$ >"$group/cgroup.procs" || exit 1; done
exec setpriv --pdeathsig TERM systemd-nspawn "$@"
"""


class CannotRun(Exception):
    """Why there can be no such container on this machine."""


_numbers = itertools.count(1)


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _hierarchies():
    """Where systemd keeps its control groups: the unified hierarchy, and where there is one, its own."""
    found = [pathlib.Path(line.split()[1]) for line in pathlib.Path("/proc/mounts").read_text().splitlines()
             if line.split()[2] == "cgroup2" or (line.split()[2] == "cgroup" and "name=systemd" in line.split()[3])]
    if not found:
        raise CannotRun("no control groups are mounted that systemd could use")
    return found


def _is_over(name):
    """Does `name` belong to a test run that has ended?"""
    number = name[len(PREFIX):].split("-")[0]
    return name.startswith(PREFIX) and number.isdigit() and not pathlib.Path("/proc", number).exists()


def _remove_group(group):
    """With all below it, and what may still run in it; a group goes when its last process has."""
    end = time.monotonic() + 10
    while group.exists():
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                for pid in pathlib.Path(folder, "cgroup.procs").read_text().split():
                    stapleguard.kill(int(pid))
                if time.monotonic() > end:
                    raise
        time.sleep(0.02)


def _remove_files(root):
    """A copy of the tree, and what systemd-nspawn put beside it and below /run."""
    shutil.rmtree(root, ignore_errors=True)
    (root.parent / f".#{root.name}.lck").unlink(missing_ok=True)
    propagated = pathlib.Path("/run/systemd/nspawn/propagate", root.name)
    if propagated.is_dir():
        propagated.rmdir()


def sweep(folder):
    """What a run left behind that was killed."""
    for hierarchy in _hierarchies():
        for group in hierarchy.glob(PREFIX + "*"):
            if _is_over(group.name):
                _remove_group(group)
    for entry in [*folder.glob(PREFIX + "*"), *folder.glob(f".#{PREFIX}*.lck")]:
        name = entry.name.removeprefix(".#").removesuffix(".lck")
        if _is_over(name):
            _remove_files(folder / name)


def check():
    """Raises CannotRun, with the reason, where it is known beforehand that it cannot."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise CannotRun(f"not installed: {', '.join(missing)}")
    done = subprocess.run(["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--mount-proc", "true"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"no namespaces here: {done.stderr.strip()}")
    for hierarchy in _hierarchies():
        group = hierarchy / f"{PREFIX}{os.getpid()}-check"
        try:
            group.mkdir()
            group.rmdir()
        except OSError as error:
            raise CannotRun(f"no control group can be made: {error}") from error


def _libraries():
    """The packages of the libraries that our programs are linked with."""
    files = set()
    for name in ("stapleguardd", "fetcher", "writer", "stapleguard"):
        files |= set(re.findall(r"=> (/\S+)", _output("ldd", str(stapleguard.program(name)))))
    files |= {"/usr" + file for file in files}  # dpkg may know them by either name
    done = subprocess.run(["dpkg-query", "-S", *sorted(files)], capture_output=True, text=True, check=False)
    return sorted({line.split(":")[0] for line in done.stdout.splitlines()})


def _release():
    words = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if words.get("ID", "").strip('"') != "debian" or "VERSION_CODENAME" not in words:
        raise CannotRun("this is no Debian: our executables would not find their libraries in one")
    return words["VERSION_CODENAME"].strip('"')


def _mirror():
    """The first that apt uses here."""
    for file in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        text = file.read_text(errors="replace") if file.is_file() else ""
        found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(\S*/debian/?)(?:\s|$)", text, re.MULTILINE)
        if found:
            return found.group(1)
    return DEFAULT_MIRROR


def debootstrap(root, release, variant, packages):
    """A Debian in the directory `root`; raises CannotRun with debootstrap's last words."""
    log_file = stapleguard.build_directory() / "machine" / f"debootstrap-{release}-{variant}.log"
    with open(log_file, "w", encoding="utf-8") as log:
        done = subprocess.run(
            # What it mounts goes with it, also when it is interrupted.
            ["unshare", "--mount", "debootstrap", f"--variant={variant}", f"--include={packages}", release, str(root), _mirror()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, timeout=900)
    if done.returncode != 0:
        words = log_file.read_text(errors="replace").strip().splitlines()
        raise CannotRun(f"debootstrap: {words[-1] if words else 'no word'} (mirror {_mirror()})")


def apt_get(root, *words):
    """In the Debian of `root`, as debootstrap left it; raises CannotRun with apt's last words."""
    done = subprocess.run(
        ["chroot", str(root), "apt-get", "-q", "-y", "--no-install-recommends", *words],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        raise CannotRun(f"apt-get {words[0]} in {root}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def kept_tree(name, contents, fill):
    """The directory `name` that fill(directory) made, kept in the build directory as long as `contents`, a text, stays the same."""
    folder = stapleguard.build_directory() / "machine"
    folder.mkdir(exist_ok=True)
    sweep(folder)
    kept = folder / name
    stamp = folder / f"{name}.packages"
    if kept.exists() and stamp.exists() and stamp.read_text() == contents:
        return kept
    part = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder))
    try:
        fill(part)
        shutil.rmtree(part / "var/cache/apt", ignore_errors=True)
        part.chmod(0o755)
        if kept.exists():
            shutil.rmtree(kept)
        part.rename(kept)
        stamp.write_text(contents)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return kept


def make_tree():
    """A Debian as debootstrap makes it: once a build directory."""
    release = _release()
    packages = ",".join([*PACKAGES, *_libraries()])
    return kept_tree(release, packages, lambda root: debootstrap(root, release, "minbase", packages))


class Machine:
    """One container.  Its files may be changed in `root` while it does not run."""

    def __init__(self, tree, has_own_network=False):
        """has_own_network: a loopback of its own and nothing else, so that every port is free and nobody can be reached."""
        self.options = ["--private-network"] if has_own_network else []
        self.name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        self.root = tree.parent / self.name
        self.log = tree.parent / "console.log"
        self.groups = []
        self.process = None
        self.init = None
        _output("cp", "-a", "--reflink=auto", str(tree), str(self.root))
        (self.root / "var/log/journal").mkdir(exist_ok=True)  # kept over a reboot
        for unit in DISABLED:
            mask = self.root / "etc/systemd/system" / unit
            mask.unlink(missing_ok=True)
            if unit == "apache2.service":
                (self.root / "etc/systemd/system/multi-user.target.wants" / unit).unlink(missing_ok=True)
            else:
                mask.symlink_to("/dev/null")

    def install(self):
        """`meson install`, with the tree as its root."""
        subprocess.run(["meson", "install", "-C", str(stapleguard.build_directory()), "--no-rebuild", "--quiet"],
                       env={**os.environ, "DESTDIR": str(self.root)}, check=True, capture_output=True, timeout=120)

    def path(self, inside):
        """A file of the tree, seen from outside; what lies in /run, /tmp or /proc cannot be seen so."""
        return self.root / str(inside).lstrip("/")

    def boot(self):
        self.groups = [hierarchy / self.name for hierarchy in _hierarchies()]
        for group in self.groups:
            group.mkdir()
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["sh", "-c", LAUNCH, "sh", "--register=no", "--keep-unit", "--quiet", f"--directory={self.root}",
                 f"--machine={self.name}", f"--system-call-filter={LANDLOCK}", "--boot", "--console=pipe", *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "GROUPS": " ".join(map(str, self.groups))})
        end = time.monotonic() + 60
        while not self._has_booted():
            if self.process.poll() is not None:
                raise CannotRun(f"systemd-nspawn: {self.log.read_text(errors='replace').strip()}")
            assert time.monotonic() < end, f"it does not boot:\n{self.log.read_text(errors='replace')}"
            time.sleep(0.05)
        return self

    def _has_booted(self):
        if self.init is None:
            for pid in stapleguard.child_pids(self.process.pid):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                if re.search(r"^NSpid:.*\t1$", status, re.MULTILINE):
                    self.init = pid
        if self.init is None:
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(self, *command, check=True, timeout_sec=60):
        """Run something inside, as its root."""
        done = subprocess.run(["nsenter", "-t", str(self.init), "-a", *command], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False, timeout=timeout_sec,
                              env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def show(self, unit, *properties):
        """What systemd says of a unit: a string for one property, a dictionary for more."""
        output = self.run("systemctl", "show", unit, *[f"--property={name}" for name in properties]).stdout
        values = dict(line.split("=", 1) for line in output.splitlines())
        return values[properties[0]] if len(properties) == 1 else values

    def is_immutable(self, directory):
        return "i" in self.run("lsattr", "-d", directory, check=False).stdout.split(" ")[0]

    def can_be_immutable(self, directory):
        """tmpfs knows the flag from Linux 6.6."""
        return self.run("sh", "-c", 'cd "$0" && mkdir probe && chattr +i probe && chattr -i probe; s=$?; rmdir probe; exit $s', directory,
                        check=False).returncode == 0

    def journal(self, *options):
        return self.run("journalctl", "--no-pager", "--output=cat", *options).stdout

    def off(self):
        """Like the power switch."""
        if self.init is not None:
            stapleguard.kill(self.init)
        if self.process is not None:
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
        self.init = self.process = None
        for group in self.groups:
            _remove_group(group)
        self.groups = []

    def end(self):
        self.off()
        _remove_files(self.root)

    def traces(self):
        """What is still there of it: nothing, after end()."""
        places = [self.root.parent, pathlib.Path("/run/systemd/nspawn/propagate"), *_hierarchies()]
        left = [str(path) for place in places for path in place.glob(f"*{self.name}*")]
        left += [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if self.name in line]
        if self.process is not None:
            left.append(f"process {self.process.pid}")
        return left


@functools.lru_cache(maxsize=None)
def tree():
    """The tree, made at most once a run; raises CannotRun."""
    check()
    return make_tree()


def tree_with(*packages):
    """The same with more packages of Debian; raises CannotRun."""
    base = tree()

    def fill(root):
        _output("cp", "-a", "--reflink=auto", f"{base}/.", str(root))
        apt_get(root, "install", *packages)

    return kept_tree(f"{base.name}-{packages[0]}", f"{base.stat().st_mtime_ns} {packages}", fill)


@contextlib.contextmanager
def one(make=tree, **options):
    """A machine (Machine's options) that is gone without a trace afterwards; where there can be none, the test is skipped."""
    machine = None
    try:
        machine = Machine(make(), **options)
        yield machine
    except CannotRun as reason:
        pytest.skip(str(reason))
    finally:
        if machine is not None:
            machine.end()
            assert machine.traces() == []
