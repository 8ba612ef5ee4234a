# SPDX-License-Identifier: ISC
"""Private Apaches as distributions and administrators lay them out, without stapling: what enable and disable work on.

Owns: their trees; Debian's own scripts, from Debian's package, unpacked once a build directory.
Never: installs a package, or touches /etc/apache2 or /var/lib/apache2.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

from . import apache, stapleguard


class CannotRun(Exception):
    """Why there can be no such tree on this machine."""


_PLAIN = """ServerRoot "{directory}"
ServerName localhost
{modules}
Listen 127.0.0.1:{port}
User {user}
Group {user}
PidFile {pid_file}
DefaultRuntimeDir {directory}/run
ErrorLog {error_log}
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 32
MaxRequestWorkers 32
GracefulShutdownTimeout 2
DocumentRoot {directory}/htdocs
SSLSessionCache none
{extra}
IncludeOptional conf.d/*.conf
{vhosts}
"""


class Plain(apache.Apache):
    """One httpd.conf with everything in it, and a conf.d."""

    def __init__(self, directory, modules=("socache_dbm",), extra=""):
        super().__init__(directory, cache="none", extra=extra)
        self.modules = ("mpm_event", "authz_core", "socache_shmcb", "ssl", *modules)
        (self.directory / "conf.d").mkdir()

    @property
    def tree(self):
        """What must be as before after a disable or a failure."""
        return [self.conf, self.directory / "conf.d"]

    def write_conf(self):
        """Once: from then on the file is the administrator's."""
        if self.conf.exists():
            return
        self.conf.write_text(_PLAIN.format(
            directory=self.directory, port=self.port, user=apache.USER, pid_file=self.pid_file, error_log=self.error_log,
            modules="\n".join(f"LoadModule {name}_module {apache.MODULES}/mod_{name}.so" for name in self.modules),
            extra=self.extra, vhosts="\n".join(v.text(self.port) for v in self.vhosts)))


_ENVVARS = """export APACHE_RUN_USER={user}
export APACHE_RUN_GROUP={user}
export APACHE_PID_FILE={pid_file}
export APACHE_RUN_DIR={directory}/run
export APACHE_LOCK_DIR={directory}/lock
export APACHE_LOG_DIR={directory}
export APACHE_STATE_DIRECTORY={directory}/state
export LANG=C
"""

_WRAPPER = """#!/bin/sh
# Debian's own script, for this tree alone.
export APACHE_CONFDIR={tree} APACHE_STARTED_BY_SYSTEMD=true
exec {real} "$@"
"""

_MODULES = ("mpm_event", "authz_core", "setenvif", "mime", "socache_shmcb", "ssl")


def _unpack():
    """Debian's package `apache2`: its scripts and its /etc/apache2, kept in the build directory."""
    kept = stapleguard.build_directory() / "debian-apache2"
    if (kept / "usr/sbin/a2enmod").exists():
        return kept
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None or shutil.which("perl") is None:
        raise CannotRun("this is no Debian: its scripts are not to be had")
    with tempfile.TemporaryDirectory(dir=stapleguard.build_directory()) as scratch:
        done = subprocess.run(["apt-get", "download", "apache2"], cwd=scratch, capture_output=True, text=True, check=False, timeout=300)
        packages = list(pathlib.Path(scratch).glob("apache2_*.deb"))
        if done.returncode != 0 or not packages:
            raise CannotRun(f"apt-get download apache2: {done.stderr.strip()}")
        part = pathlib.Path(scratch, "unpacked")
        subprocess.run(["dpkg-deb", "-x", packages[0], part], check=True, timeout=120)
        if not kept.exists():
            part.rename(kept)
    return kept


class Debian(apache.Apache):
    """sites-available, mods-enabled and their kin, with Debian's own apache2ctl, a2enmod and a2dismod."""

    def __init__(self, directory):
        package = _unpack()
        super().__init__(directory, cache="none")
        self.root = self.directory / "apache2"
        self.conf = self.root  # what tells its process from others: apache2ctl passes -d
        self.state = self.directory / "state"
        shutil.copytree(package / "etc/apache2", self.root, symlinks=True)
        for folder in ("sites-enabled", "mods-enabled", "conf-enabled"):
            for link in (self.root / folder).iterdir():
                link.unlink()
        (self.root / "envvars").write_text(_ENVVARS.format(user=apache.USER, pid_file=self.pid_file, directory=self.directory))
        conf = self.root / "mods-available" / "ssl.conf"  # names a script of the installed package
        conf.write_text(re.sub(r"^\s*SSLPassPhraseDialog.*$", "", conf.read_text(), flags=re.MULTILINE))
        (self.root / "ports.conf").write_text(f"Listen 127.0.0.1:{self.port}\nServerName localhost\n")
        scripts = self.directory / "bin"
        real = self.directory / "real"
        scripts.mkdir()
        real.mkdir()
        for name in ("apache2ctl", "a2enmod", "a2dismod"):
            shutil.copy(package / "usr/sbin" / name, real / name)  # a link there: they look at their own name
            (scripts / name).write_text(_WRAPPER.format(tree=self.root, real=real / name))
            (scripts / name).chmod(0o755)
        self.control = scripts / "apache2ctl"
        for note in ("enabled_by_admin", "disabled_by_admin"):  # as the package's own installation makes them
            (self.state / "module" / note).mkdir(parents=True)
        for name in _MODULES:
            self.a2("enmod", name)

    def a2(self, what, name):
        subprocess.run([self.directory / "bin" / f"a2{what}", "--quiet", name], check=True, capture_output=True, timeout=60)

    def is_enabled(self, module):
        return (self.root / "mods-enabled" / f"{module}.load").is_symlink()

    @property
    def tree(self):
        return [self.root, self.state]

    def write_conf(self):
        for vhost in self.vhosts:
            available = self.root / "sites-available" / f"{vhost.name}.conf"
            link = self.root / "sites-enabled" / f"{vhost.name}.conf"
            if not available.exists():
                available.write_text(vhost.text(self.port))
                link.symlink_to(f"../sites-available/{vhost.name}.conf")

    def run_control(self, *arguments):
        if arguments == ("-k", "start"):
            arguments = ("start",)
        return super().run_control(*arguments)

    @property
    def error_log(self):
        return self.directory / "error.log"

    @error_log.setter
    def error_log(self, path):
        pass


def _state(path):
    st = path.lstat()
    if stat.S_ISLNK(st.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISDIR(st.st_mode):
        return ("directory", stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid)
    return ("file", stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, path.read_bytes(),
            tuple((name, os.getxattr(path, name)) for name in os.listxattr(path)))


def picture(*roots):
    """{path: kind, mode, owner, bytes} of everything below the roots: what two moments are compared by."""
    found = {}
    for root in map(pathlib.Path, roots):
        for path in [root, *sorted(root.rglob("*"))] if root.exists() or root.is_symlink() else []:
            found[str(path)] = _state(path)
    return found
