# SPDX-License-Identifier: ISC
"""A copy of one of the configurations in tests/data/httpd, Apache's own words about it, and what cli/apache_config sees and computes.

Owns: a copy in the test's directory.
Never: starts a server, or touches the system's Apache.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

from .stapleguard import build_directory

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "httpd"
BINARY = "/usr/sbin/apache2"
MAIN_FILES = {
    "debian": "apache2.conf",
    "plain": "conf/httpd.conf",
    "confd": "conf/httpd.conf",
    "macros": "httpd.conf",
    "conditions": "httpd.conf",
}
DBM = "/run/stapleguard/apache/ocsp_cache.db"


@dataclasses.dataclass
class Change:
    kind: str
    is_link: bool
    path: pathlib.Path
    content: bytes
    before: bytes


@dataclasses.dataclass
class Edit:
    result: str
    error: str
    findings: list
    changes: list
    diff: str
    is_enabled: bool
    untried: str = ""

    def words(self):
        return sorted({finding[0] for finding in self.findings})

    def paths(self):
        return sorted(str(change.path) for change in self.changes)


@dataclasses.dataclass
class Vhost:
    path: pathlib.Path
    line: int
    is_tls: bool
    is_stapling: bool
    name: str
    aliases: list
    certificates: list
    use_line: int


class Configuration:
    """A copy of a tree; root is its ServerRoot."""

    def __init__(self, directory, name):
        shutil.copytree(DATA, directory, symlinks=True)
        self.directory = directory
        self.root = directory / name
        self.main = MAIN_FILES[name]
        self.lock_dir = directory / "lock"
        self.lock_dir.mkdir()
        self.dbm = directory / "ocsp_cache.db"
        self.environment = dict(
            os.environ, APACHE_RUN_DIR=str(self.root), APACHE_LOG_DIR=str(self.root), APACHE_RUN_USER="www-data",
            APACHE_RUN_GROUP="www-data", APACHE_PID_FILE=str(self.root / "apache2.pid"))
        for name_of_directory in ("logs", "run", "htdocs"):
            (self.root / name_of_directory).mkdir(exist_ok=True)
        self.make_certificates()

    def make_certificates(self):
        """Apache's -t wants files that are there and not empty, but does not look into them."""
        for vhost in self.vhosts():
            for path in vhost.certificates:
                path.parent.mkdir(exist_ok=True)
                path.write_text("x")
                path.with_suffix(".key").write_text("x")
        (self.root / "ssl").mkdir(exist_ok=True)
        for name in ("b.key", "optional.pem", "optional.key"):
            (self.root / "ssl" / name).write_text("x")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def append(self, name, content):
        with open(self.root / name, "ab") as file:
            file.write(content.encode())

    # Apache's own words

    def apache(self, *arguments):
        return subprocess.run(
            [BINARY, "-d", self.root, "-f", self.main, *arguments], capture_output=True, env=self.environment, timeout=60,
            check=False)

    def assert_syntax_is_ok(self):
        done = self.apache("-t")
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def dumped_vhosts(self):
        """(name, real path, line) of each; of a macro: (name, None, None)."""
        done = self.apache("-t", "-D", "DUMP_VHOSTS")
        assert done.returncode == 0, done.stderr
        found = []
        for line in done.stdout.decode(errors="surrogateescape").splitlines():
            match = re.match(r"\s*(?:port \S+ namevhost|\S+:\S+) +(\S+) \((.*)\)$", line)
            if match is None:
                continue
            place = re.match(r"(/.*):(\d+)$", match[2])
            found.append((match[1], os.path.realpath(place[1]), int(place[2])) if place else (match[1], None, None))
        return sorted(found, key=str)

    def dumped_certificates(self):
        done = self.apache("-t", "-D", "DUMP_CERTS")
        assert done.returncode == 0, done.stderr
        return sorted({os.path.normpath(line.strip()) for line in done.stdout.decode().splitlines()[1:]})

    # what cli/apache_config says

    def _run(self, *arguments, wrapper=()):
        control = self.directory.parent / "apachectl"
        variables = "".join(f"export {name}='{value}'\n" for name, value in self.environment.items() if name.startswith("APACHE_"))
        control.write_text(f"#!/bin/sh\n{variables}exec {BINARY} -d '{self.root}' -f '{self.main}' \"$@\"\n")
        control.chmod(0o755)
        done = subprocess.run(
            [*wrapper, build_directory() / "tests" / "helpers" / "httpd_edits", control, *arguments],
            capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self):
        return [line.split("\t") for line in os.fsdecode(self._run("tree")).splitlines()]

    def error(self):
        """Why the configuration cannot be read."""
        rows = self.rows()
        assert [row[0] for row in rows] == ["error"], rows
        return rows[0][1]

    def vhosts(self):
        rows = self.rows()
        assert rows and rows[0][0] != "error", rows
        return [
            Vhost(pathlib.Path(row[1]), int(row[2]), row[3] == "tls", row[4] == "on", row[5], row[6].split(),
                  [pathlib.Path(path) for path in row[7].split(" ") if path], int(row[8]))
            for row in rows if row[0] == "vhost"
        ]

    def stapling(self):
        """The names of the TLS hosts that staple."""
        return sorted(vhost.name for vhost in self.vhosts() if vhost.is_tls and vhost.is_stapling)

    def tls_names(self):
        return sorted(vhost.name for vhost in self.vhosts() if vhost.is_tls)

    def edit(self, verb, *names, wrapper=()):
        return parse_edit(self._run(verb, self.dbm, self.lock_dir, *names, wrapper=wrapper))

    def enable(self, *names):
        """Compute, and apply; it must work."""
        return self._apply(self.edit("enable", *names))

    def disable(self, *names):
        return self._apply(self.edit("disable", *(names or ("all",))))

    def _apply(self, edit):
        assert edit.result == "ok", (edit.result, edit.error)
        for change in edit.changes:
            apply_change(change)
        self.assert_syntax_is_ok()
        return edit

    def snapshot(self):
        """Every file and link below the directory: what it is, mode and bytes."""
        found = {}
        for path in sorted(self.directory.rglob("*")):
            if path.is_symlink():
                found[path] = os.readlink(path)
            elif path.is_file():
                found[path] = (path.stat().st_mode, path.read_bytes())
            else:
                found[path] = None
        return found


def apply_change(change):
    """As a transaction does it, without the safety."""
    if change.kind == "create":
        assert not os.path.lexists(change.path)
        change.path.write_bytes(change.content)
    elif change.kind == "link":
        assert change.is_link and not os.path.lexists(change.path)
        change.path.symlink_to(os.fsdecode(change.content))
    elif change.kind == "replace":
        assert not change.path.is_symlink() and change.path.read_bytes() == change.before
        change.path.write_bytes(change.content)
    else:
        assert change.kind == "remove"
        before = os.fsencode(os.readlink(change.path)) if change.is_link else change.path.read_bytes()
        assert before == change.before
        change.path.unlink()


def parse_edit(output):
    """What tests/helpers/httpd_edits prints."""
    edit = Edit("", "", [], [], "", False)

    def take_line():
        nonlocal output
        line, _, output = output.partition(b"\n")
        return os.fsdecode(line)

    def take_bytes():
        nonlocal output
        length = int(take_line())
        taken, output = output[:length], output[length + 1:]
        return taken

    while output:
        fields = take_line().split("\t")
        if fields[0] == "result":
            edit.result, edit.error = fields[1:]
        elif fields[0] == "enabled":
            edit.is_enabled = fields[1] == "yes"
        elif fields[0] == "untried":
            edit.untried = fields[1]
        elif fields[0] == "finding":
            edit.findings.append((fields[1], fields[2], int(fields[3]), fields[4]))
        elif fields[0] == "change":
            content = take_bytes()
            edit.changes.append(Change(fields[1], fields[2] == "link", pathlib.Path(fields[3]), content, take_bytes()))
        else:
            assert fields == ["diff"], fields
            edit.diff, output = os.fsdecode(output), b""
    return edit
