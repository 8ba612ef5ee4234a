# SPDX-License-Identifier: ISC
"""The real `writer`, with the test in the place of the supervisor and of the fetcher.

Owns: one writer process, its two channels, its state directory and the directory of its DBM file.
Never: speaks for the writer; what a test expects, it expects over the wire or in the file.
"""

import grp
import os
import pathlib
import select
import signal
import socket
import threading
import time

from . import dbm, stapleguard, wire

HOUR = 3600


class LoneWriter:
    def __init__(self, place, scan_guard=True, flags=0):
        self.place = pathlib.Path(place)
        self.state_dir = self.place / "state"
        self.dbm_path = self.place / "apache" / "ocsp_cache.db"
        self.scan_guard = scan_guard
        self.flags = flags
        self.gid = grp.getgrnam(stapleguard.APACHE_USER).gr_gid
        self.pid = None
        self.said = []  # what the writer told the supervisor besides what a test waited for
        self.state_dir.mkdir(exist_ok=True)
        self.dbm_path.parent.mkdir(exist_ok=True)
        os.chown(self.dbm_path.parent, stapleguard.WRITE_UID, self.gid)
        self.dbm_path.parent.chmod(0o750)

    @property
    def store_dir(self):
        return self.state_dir / "writer" / "store"

    # The process ---------------------------------------------------------------------------------------------------------

    def start(self, wrapper=(), early=()):
        """Started, configured, locked in.  early: what the fetcher has said by then."""
        self.said = []
        self.supervisor, self.fetcher = wire.Channel(), wire.Channel()
        self.cert_count = 0
        self.has_begun = False
        for octets in early:
            self.fetcher.send_raw(octets)
        self.pid = wire.start_child(stapleguard.program("writer"), self.supervisor, self.fetcher, wrapper)
        self.supervisor.send(
            "WRITE_CONFIG", flags=self.flags | (wire.SCAN_GUARD if self.scan_guard else 0), uid=stapleguard.WRITE_UID, gid=self.gid,
            dbm_path=str(self.dbm_path), state_dir=str(self.state_dir),
        )
        assert self.hear("READY") is not None, self.complaint()
        return self

    def stop(self, timeout_sec=20):
        """The supervisor goes; gives the exit status (waitpid's)."""
        self.supervisor.close()
        self.fetcher.close()
        return self.collect(timeout_sec)

    def collect(self, timeout_sec=20):
        end = time.monotonic() + timeout_sec
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.pid = None
                return status
            time.sleep(0.005)
        raise TimeoutError("the writer did not end")

    def kill(self):
        """As a power loss would: nothing is written any more."""
        os.kill(self.pid, signal.SIGKILL)
        self.supervisor.close()
        self.fetcher.close()
        return self.collect()

    def end(self):
        """For a test that failed half-way."""
        if self.pid is not None:
            self.kill()

    def complaint(self):
        return [m.text for m in self.said if m.name == "LOG"]

    # The supervisor's side -----------------------------------------------------------------------------------------------

    def listen(self):
        """Take what the writer has told the supervisor so far: it waits for a supervisor that does not listen."""
        while select.select([self.supervisor], [], [], 0)[0]:
            message = self.supervisor.receive()
            if message is None:
                return
            self.said.append(message)

    def hear(self, name, timeout_sec=30):
        """The next message of that name; what came before is kept in `said`."""
        return self.supervisor.receive_named(name, timeout_sec, self.said)

    def tell(self, cert, pem=None, safety_margin=30 * HOUR, min_ttl=HOUR, unknown_grace=24 * HOUR, flags=0):
        """CERT_ADD; gives the CERT_INFO that comes back."""
        fd = wire.sealed_memfd(pem if pem is not None else cert.pem + b"".join(c.pem for c in cert.chain() or [cert.issuer]))
        self.supervisor.send(
            "CERT_ADD", fd=fd, cert_no=self.cert_count, flags=flags, leaf_blocks=1, safety_margin_sec=safety_margin,
            min_ttl_sec=min_ttl, refresh_every_sec=24 * HOUR, unknown_grace_sec=unknown_grace, name=f"cert{self.cert_count}",
        )
        os.close(fd)
        self.cert_count += 1
        return self.hear("CERT_INFO")

    def begin(self):
        self.supervisor.send("BEGIN", is_once=self.flags & wire.KEEPER == 0)
        self.has_begun = True

    def events(self, name=None):
        return [m for m in self.said if m.name == "EVENT" and (name is None or m.event_name == name)]

    def finish(self, timeout_sec=60):
        """BEGIN, if that was not said, and the end of what the supervisor says; gives ({cert_no: CERT_STATE}, WRITE_DONE)."""
        if not self.has_begun:
            self.begin()
        self.supervisor.ours.shutdown(socket.SHUT_WR)
        return self.hear_result(timeout_sec)

    def hear_result(self, timeout_sec=60):
        done = self.hear("WRITE_DONE", timeout_sec)
        assert done is not None, self.complaint()
        states = {m.cert_no: m for m in self.said if m.name == "CERT_STATE"}
        self.said = [m for m in self.said if m.name != "CERT_STATE"]
        return states, done

    # The fetcher's side --------------------------------------------------------------------------------------------------

    def held(self):
        """ANSWER(HELD) for the next certificate."""
        answer = self.fetcher.receive()
        assert answer.kind == wire.HELD
        return answer

    def offer(self, cert_no, der):
        """OFFER; gives the ANSWER."""
        self.fetcher.send("OFFER", cert_no=cert_no, der=der)
        answer = self.fetcher.receive()
        self.listen()
        return answer

    def offer_all(self, ders, rounds=1):
        """OFFERs in order from a thread, while somebody listens to what the supervisor is told; answers are left unread."""
        def send():
            for _ in range(rounds):
                for number, der in enumerate(ders):
                    self.fetcher.send("OFFER", cert_no=number, der=der)

        thread = threading.Thread(target=send)
        thread.start()
        while thread.is_alive():
            self.listen()
            thread.join(0.002)

    # The file ------------------------------------------------------------------------------------------------------------

    def entries(self):
        return dbm.entries(self.dbm_path)
