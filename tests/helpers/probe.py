# SPDX-License-Identifier: ISC
"""A process of stapleguard in its real jail that tries, in place of its work, what it must not do (tests/probe).

Owns: the page that the probe and the test share, and every process that a probe needs.
Never: guesses at an outcome: a probe that did not get as far as its jail is an error.
"""

import contextlib
import ctypes
import errno
import grp
import mmap
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess

from . import stapleguard, wire

WITHOUT_SECCOMP, WITHOUT_LANDLOCK = 1, 2

OK, KILLED = "ok", "killed"

# struct probe_page of tests/probe/page.h.
_HEAD = struct.Struct("=16sIIIII256s256s")
_ATTEMPT = struct.Struct("=32si")
_ATTEMPTS_MAX = 256
_NOT_BEGUN, _BEGUN, _UNKNOWN, _SUCCEEDED = -3, -2, -1, 0
_ALL_TRIED = 42

SAMPLE_DBM = pathlib.Path(__file__).resolve().parents[1] / "data" / "apache-2.4.71-stapling-cache.db"
_PR_SET_PDEATHSIG = 1


class Page:
    """What to try, for whom, and what came of it."""

    def __init__(self, path, target, names, without=0, victim_pid=0, port=0, loosened=0, upwards="", abstract=""):
        self.path = pathlib.Path(path)
        self.names = list(names)
        assert len(self.names) <= _ATTEMPTS_MAX
        head = _HEAD.pack(
            target.encode(), without, victim_pid, port, loosened, len(self.names), upwards.encode(), abstract.encode(),
        )
        attempts = [_ATTEMPT.pack(name.encode(), _NOT_BEGUN) for name in self.names]
        octets = head + b"".join(attempts)
        self.path.write_bytes(octets.ljust(_HEAD.size + _ATTEMPTS_MAX * _ATTEMPT.size, b"\0"))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def raw(self):
        offsets = (_HEAD.size + i * _ATTEMPT.size for i in range(len(self.names)))
        return [_ATTEMPT.unpack_from(self._map, offset)[1] for offset in offsets]

    def settle(self, how_it_ended):
        """The attempt that the process did not outlive."""
        for number, outcome in enumerate(self.raw()):
            if outcome == _BEGUN:
                struct.pack_into("=i", self._map, _HEAD.size + number * _ATTEMPT.size + 32, how_it_ended)
                return
        raise AssertionError(f"the probe ended outside of an attempt: {how_it_ended}")

    def is_done(self):
        return _NOT_BEGUN not in self.raw() and _BEGUN not in self.raw()

    def close(self):
        self._map.close()
        self.path.unlink()


# Outcomes of our own, beside the errnos and those of page.h.
_KILLED, _EXECUTED = 10000, 10001


def _word(outcome):
    if outcome in (_SUCCEEDED, _EXECUTED):
        return OK
    if outcome == _KILLED:
        return KILLED
    assert outcome > 0, f"outcome {outcome}: tests/probe/attempts.c does not know it, or it was not made"
    return errno.errorcode[outcome]


class Probes:
    """place: a directory that others may pass through."""

    def __init__(self, place):
        self.place = pathlib.Path(place)
        self.programs = stapleguard.build_directory() / "tests" / "probe"
        self.gid = grp.getgrnam(stapleguard.APACHE_USER).gr_gid
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.abstract = f"stapleguard-probe-{os.getpid()}"
        self.abstract_listener = socket.socket(socket.AF_UNIX)
        self.abstract_listener.bind("\0" + self.abstract)
        self.abstract_listener.listen()

    def end(self):
        self.listener.close()
        self.abstract_listener.close()

    def outcomes(self, target, names, without=0, loosened=0):
        """{name: "ok", "killed", or an errno's name}.  target: the name of a policy, or "nobody".

        loosened: the rule on an argument that is left out, counted from 1 in the order of list_policies.
        """
        owner = {"fetcher": stapleguard.FETCH_UID, "supervisor": 0, "nobody": 0}.get(target, stapleguard.WRITE_UID)
        with self._victim(owner) as victim_pid:
            page = Page(
                self.place / "page", target, names, without, victim_pid, self.listener.getsockname()[1], loosened, "../outside/file",
                self.abstract,
            )
            try:
                self._run(target, page)
                return dict(zip(page.names, map(_word, page.raw())))
            finally:
                page.close()

    def _run(self, target, page):
        run = getattr(self, f"_run_{target}", None) or self._run_writers
        while not page.is_done():
            self._lay_out()
            ended = run(page)
            if ended == _ALL_TRIED:
                break
            page.settle(ended)

    def _lay_out(self):
        """What a probe may have changed is as it was."""
        for name in ("state", "dbm", "outside", "empty"):
            folder = self.place / name
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir()
        (self.place / "empty").chmod(0o555)
        os.chown(self.place / "dbm", stapleguard.WRITE_UID, self.gid)
        shutil.copy(SAMPLE_DBM, self.place / "dbm" / "cache.db")
        # For everybody: what keeps a probe from it is not its mode.
        (self.place / "outside").chmod(0o777)
        for name in ("file", "doomed"):
            (self.place / "outside" / name).write_text("#!/bin/true\n")
            (self.place / "outside" / name).chmod(0o777)

    @contextlib.contextmanager
    def _victim(self, uid):
        """A process of the target's own user, outside of its jail."""
        victim = subprocess.Popen(  # pylint: disable=consider-using-with
            ["/bin/sleep", "600"], user=uid, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),
        )
        try:
            yield victim.pid
        finally:
            victim.kill()
            victim.wait()

    # Each gives how the target ended: _ALL_TRIED, _KILLED, _EXECUTED, or EFAULT for a fault.

    def _judge(self, status):
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
            return _KILLED
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV:
            return errno.EFAULT
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return _EXECUTED
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == _ALL_TRIED, f"status {status:#x}"
        return _ALL_TRIED

    def _start(self, name, page):
        supervisor, sibling = wire.Channel(), wire.Channel()
        pid = wire.start_child(
            self.programs / f"probe_{name}", supervisor, sibling, environment={"STAPLEGUARD_PROBE_PAGE": str(page.path)},
        )
        return pid, supervisor, sibling

    def _run_fetcher(self, page):
        pid, supervisor, sibling = self._start("fetcher", page)
        supervisor.send(
            "FETCH_CONFIG", flags=wire.ALLOW_LOOPBACK, uid=stapleguard.FETCH_UID, gid=stapleguard.FETCH_UID, timeout_msec=1000,
            concurrency=8, per_responder=4, max_body=65536, root_dir=str(self.place / "empty"), ca_file="/dev/null",
        )
        status = os.waitpid(pid, 0)[1]
        supervisor.close()
        sibling.close()
        return self._judge(status)

    def _run_writers(self, page):
        """The writer, its keeper or its reader; of the latter two the writer tells how they ended."""
        target = page.path.read_bytes()[:16].rstrip(b"\0").decode()
        pid, supervisor, sibling = self._start("writer", page)
        supervisor.send(
            "WRITE_CONFIG", flags=wire.KEEPER if target == "keeper" else 0, uid=stapleguard.WRITE_UID, gid=self.gid,
            dbm_path=str(self.place / "dbm" / "cache.db"), state_dir=str(self.place / "state"),
        )
        heard = []
        if target == "reader":
            assert supervisor.receive_named("READY", skipped=heard), heard
            supervisor.send("BEGIN", is_once=1)
            supervisor.ours.shutdown(socket.SHUT_WR)
            supervisor.receive_named("WRITE_DONE", skipped=heard)
            supervisor.close()
        if target == "keeper":
            supervisor.receive_named("no such message", skipped=heard)
        status = os.waitpid(pid, 0)[1]
        supervisor.close()
        sibling.close()
        if target == "writer":
            return self._judge(status)
        words = " ".join(m.text for m in heard if m.name == "LOG") + " ".join(m.detail for m in heard if m.name == "EVENT")
        if "(SYS)" in words or "signal SYS" in words:
            return _KILLED
        if "(SEGV)" in words or "signal SEGV" in words:
            return errno.EFAULT
        if all(outcome not in (_NOT_BEGUN, _BEGUN) for outcome in page.raw()):
            return _ALL_TRIED
        raise AssertionError(f"status {status:#x}, {words}, {page.raw()}")

    def _run_supervisor(self, page):
        made = stapleguard.Stapleguard(self.place / "state")
        made.write_conf()
        done = subprocess.run(
            [self.programs / "probe_supervisor", "--once", "-c", made.conf], cwd=self.place / "dbm", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=60,
            env={"STAPLEGUARD_PROBE_PAGE": str(page.path)},
        )
        if done.returncode == -signal.SIGSYS:
            return _KILLED
        if done.returncode == -signal.SIGSEGV:
            return errno.EFAULT
        assert done.returncode in (0, _ALL_TRIED), (done.returncode, done.stderr)
        return _EXECUTED if done.returncode == 0 else _ALL_TRIED

    def _run_nobody(self, page):
        """In namespaces of its own, should an attempt change something after all."""
        subprocess.run(
            ["unshare", "--mount", "--uts", "--ipc", self.programs / "probe_free", page.path], cwd=self.place / "dbm",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=60,
        )
        while _BEGUN in page.raw():
            page.settle(_EXECUTED)
        return _ALL_TRIED
