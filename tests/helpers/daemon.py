# SPDX-License-Identifier: ISC
"""stapleguardd as a service: started with a datagram socket for its notifications, watched, stopped, killed.

Owns: the supervisor's process it started, found again by pidfd.
Never: ends a process by name.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time

from . import stapleguard


def wait_until(is_true, what, timeout_sec=30):
    """Poll until is_true() gives something true, and return that."""
    end = time.monotonic() + timeout_sec
    while True:
        found = is_true()
        if found:
            return found
        assert time.monotonic() < end, f"waited {timeout_sec} s for {what}"
        time.sleep(0.02)


class Daemon:
    """One service of the installation `sg`.  wrapper: a command to run it with."""

    def __init__(self, sg, wrapper=()):
        self.sg = sg
        self.wrapper = wrapper
        self.process = None
        self.log_path = sg.directory / "stapleguardd.log"
        self.notify_path = sg.directory / "notify.sock"
        self.socket = None
        self.notes = []

    def start(self, *options, is_ready=True, environment=None):
        self.sg.write_conf()
        self.notify_path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.notify_path))
        self.notes = []
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, stapleguard.program("stapleguardd"), "-c", self.sg.conf, *options], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={"PATH": "/usr/sbin:/usr/bin", "NOTIFY_SOCKET": str(self.notify_path), **(environment or {})},
            )
        if is_ready:
            self.wait_for_note("READY=1")
        return self

    def read_notes(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.notes += self.socket.recv(4096).decode().splitlines()
        return self.notes

    def wait_for_note(self, note, timeout_sec=30):
        def has_come():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log()}"
            return note in self.read_notes()

        wait_until(has_come, f"{note}, log:\n{self.log()}", timeout_sec)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, signal_no=signal.SIGTERM):
        """Ask it to end.  Returns (exit code, seconds)."""
        if self.process is None:
            return None
        begun = time.monotonic()
        self.process.send_signal(signal_no)
        code = self.process.wait(timeout=30)
        self.close()
        return code, time.monotonic() - begun

    def close(self):
        self.process = None
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def kill(self):
        """kill -9 of the supervisor alone."""
        self.process.kill()
        self.process.wait()
        self.close()

    def end(self):
        """Kill it.  Its children go on until they notice: the writer may be in the middle of a commit."""
        if self.is_running():
            orphans = [pid for child in stapleguard.child_pids(self.process.pid) for pid in (child, *stapleguard.child_pids(child))]
            self.process.kill()
            self.process.wait()
            wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in orphans), "its orphans to end")
        self.close()

    # What it shows ----------------------------------------------------------------------------------------------------

    def cli(self, *words, code=None, environment=None):
        done = subprocess.run(
            [stapleguard.program("stapleguard"), words[0], "-c", str(self.sg.conf), *words[1:]], capture_output=True, text=True,
            timeout=120, check=False, env={**os.environ, **(environment or {})},
        )
        if code is not None:
            assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.log()[-3000:]}"
        return done

    def status(self):
        return json.loads(self.cli("status", "--json").stdout)

    def cert(self, name):
        return next(c for c in self.status()["certificates"] if c["name"] == name)

    def wait_for_state(self, name, state, timeout_sec=30):
        wait_until(lambda: self.cert(name)["state"] == state, f"{name} to be {state}; log:\n{self.log()[-2000:]}", timeout_sec)

    def pids(self, *names):
        """The pids of the children, by what ps shows of them: fetcher, writer, keeper."""
        output = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in output.splitlines()]
        ours = {self.process.pid}
        for _ in range(3):
            ours |= {int(pid) for pid, parent, _ in rows if int(parent) in ours}
        return [int(pid) for pid, _, args in rows
                if int(pid) in ours and any(args.strip() == f"stapleguardd: {name}" for name in names)]

    def events(self, event, cert=None):
        """Those in the audit log by now; a record may take a moment to get there."""
        return [r for r in self.sg.audit() if r["event"] == event and (cert is None or r.get("cert") == cert)]
