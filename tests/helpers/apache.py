# SPDX-License-Identifier: ISC
"""A private Apache: its own configuration, ports, logs, PID file and stapling cache, in a directory of its own.

Owns: the processes it started, found again by its own PID file.
Never: touches the system's Apache, or ends a process by name.
"""

import dataclasses
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

from .responder import free_port

BINARY = "/usr/sbin/apache2"
MODULES = pathlib.Path("/usr/lib/apache2/modules")
USER = "www-data"

_LOADED = ("mpm_event", "authz_core", "socache_shmcb", "socache_dbm", "ssl", "status")

_SCRIPT = """#!/bin/sh
# What apachectl is to the system's Apache.
case "$1" in
configtest) shift; set -- -t "$@" ;;
start|stop|graceful|graceful-stop|restart) command=$1; shift; set -- -k "$command" "$@" ;;
esac
exec {binary} -d {directory} -f {conf} "$@"
"""

_CONF = """ServerRoot "{directory}"
ServerName localhost
{modules}
Listen 127.0.0.1:{port}
User {user}
Group {user}
PidFile {pid_file}
DefaultRuntimeDir {directory}/run
ErrorLog {error_log}
LogLevel {log_level}
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 32
MaxRequestWorkers 32
GracefulShutdownTimeout 2
DocumentRoot {directory}/htdocs
SSLRandomSeed startup builtin
SSLSessionCache none
SSLSessionTickets off
SSLUseStapling on
SSLStaplingCache {cache}
SSLStaplingReturnResponderErrors off
SSLStaplingFakeTryLater off
SSLStaplingResponderTimeout {responder_timeout}
{extra}
{vhosts}
"""

_VHOST = """<VirtualHost 127.0.0.1:{port}>
ServerName {name}
SSLEngine on
{certificates}
{extra}
</VirtualHost>
"""


@dataclasses.dataclass
class VirtualHost:
    """One site.  pairs: (certificate file, key file) each; two for a site with RSA and ECDSA."""

    name: str
    pairs: list
    extra: str = ""

    def text(self, port):
        lines = []
        for cert, key in self.pairs:
            lines.append(f"SSLCertificateFile {cert}")
            if key is not None:
                lines.append(f"SSLCertificateKeyFile {key}")
        return _VHOST.format(port=port, name=self.name, certificates="\n".join(lines), extra=self.extra)


def _has_processes(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class Apache:
    """directory: made by the caller, and passable for www-data."""

    def __init__(self, directory, cache_path=None, cache=None, log_level="warn mpm_event:notice", extra="",
                 responder_timeout=1):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.conf = self.directory / "apache.conf"
        self.control = self.directory / "apachectl"
        self.pid_file = self.directory / "apache.pid"
        self.error_log = self.directory / "error.log"
        self.cache = cache if cache is not None else f"dbm:{cache_path}"
        self.log_level = log_level
        self.extra = extra
        self.responder_timeout = responder_timeout
        self.vhosts = []
        self.pidfd = None
        self.pid = None
        for name in ("run", "htdocs"):
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "htdocs" / "index.html").write_text("ok\n")
        self.control.write_text(
            _SCRIPT.format(binary=BINARY, directory=self.directory, conf=self.conf)
        )
        self.control.chmod(0o755)

    def add(self, name, *pairs, extra=""):
        self.vhosts.append(VirtualHost(name, list(pairs), extra))

    def write_conf(self):
        modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _LOADED)
        self.conf.write_text(_CONF.format(
            directory=self.directory, modules=modules, port=self.port, user=USER, pid_file=self.pid_file,
            error_log=self.error_log, log_level=self.log_level, cache=self.cache, extra=self.extra,
            responder_timeout=self.responder_timeout,
            vhosts="\n".join(v.text(self.port) for v in self.vhosts),
        ))

    def run_control(self, *arguments):
        return subprocess.run([self.control, *arguments], capture_output=True, text=True, timeout=60, check=False)

    def start(self):
        """Start it and wait until it takes connections."""
        assert not self.is_alive()
        self.write_conf()
        done = self.run_control("-k", "start")
        if done.returncode != 0:
            raise RuntimeError(f"Apache does not start: {done.stderr}{done.stdout}{self.log()}")
        self._wait(self._has_come_up, f"to start ({done.stdout}{done.stderr})")
        return self

    def _has_come_up(self):
        if self.pidfd is None:
            self._find_process()
        if self.pidfd is None:
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def _find_process(self):
        try:
            self.pid = int(self.pid_file.read_text())
            self.pidfd = os.pidfd_open(self.pid)
        except (OSError, ValueError):
            self.pid = self.pidfd = None
            return
        try:
            is_ours = str(self.conf) in pathlib.Path(f"/proc/{self.pid}/cmdline").read_text()
        except OSError:  # a PidFile of one that was killed
            is_ours = False
        if not is_ours:
            os.close(self.pidfd)
            self.pid = self.pidfd = None

    def kill(self):
        """kill -9 of the whole process group, as the kernel does it when memory ends; the PidFile goes, as with systemd."""
        group = self.pid
        os.killpg(group, signal.SIGKILL)
        self.stop()
        self._wait(lambda: not _has_processes(group), "to let go of its ports")
        self.pid_file.unlink(missing_ok=True)

    def is_alive(self):
        return self.pidfd is not None and not select.select([self.pidfd], [], [], 0)[0]

    def graceful(self):
        """A graceful restart as anyone may do it; waits until the new generation is there."""
        before = self._generations()
        signal.pidfd_send_signal(self.pidfd, signal.SIGUSR1)
        self._wait(lambda: self._generations() > before, "to restart")

    def _generations(self):
        return self.log().count("resuming normal operations")

    def stop(self):
        """End it, and wait until the whole process group is gone."""
        if self.pidfd is None:
            return
        if self.is_alive():
            signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)
            if not select.select([self.pidfd], [], [], 20)[0]:
                os.killpg(self.pid, signal.SIGKILL)
        os.close(self.pidfd)
        self.pidfd = self.pid = None

    def restart(self):
        """A full restart: stop, then start."""
        self.stop()
        self.start()

    def log(self):
        try:
            return self.error_log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def complaints(self):
        """Lines of the error log that say `error` or worse."""
        levels = (":error]", ":crit]", ":alert]", ":emerg]")
        return [line for line in self.log().splitlines() if any(level in line for level in levels)]

    def _wait(self, is_true, what, timeout_sec=30):
        end = time.monotonic() + timeout_sec
        while not is_true():
            if time.monotonic() > end:
                raise TimeoutError(f"Apache did not manage {what}:\n{self.log()[-3000:]}")
            time.sleep(0.02)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
