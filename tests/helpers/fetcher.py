# SPDX-License-Identifier: ISC
"""The fetcher alone: the real executable in its real jail, with us as supervisor and writer at the other ends.

Owns: the process it started and both channels.
Never: a stand-in for anything the fetcher does itself.
"""

import dataclasses
import os
import pathlib
import select
import signal
import subprocess
import time

from . import pki, stapleguard, wire

HOUR, DAY = 3600, 86400
PASS_TIMEOUT_SEC = 60


@dataclasses.dataclass
class Result:
    """What came of a pass.  offers: [(cert_no, DER)]; events, progress, logs: messages, in order; done: the last PROGRESS;
    order: every message of both channels as it came in."""

    offers: list = dataclasses.field(default_factory=list)
    events: list = dataclasses.field(default_factory=list)
    progress: list = dataclasses.field(default_factory=list)
    logs: list = dataclasses.field(default_factory=list)
    order: list = dataclasses.field(default_factory=list)
    done: object = None

    def counts(self):
        return {name: getattr(self.done, name) for name in ("due", "not_due", "failed", "refused")}

    def reasons(self, event="fetch.failed"):
        return [e.reason_word for e in self.events if e.event_name == event]

    def offered(self, cert_no):
        return [der for number, der in self.offers if number == cert_no]


class Fetcher:
    """place: a directory for what it needs.  config: fields of FETCH_CONFIG.  hosts, resolv_conf: what /etc/hosts and
    /etc/resolv.conf say to it (text).  wrapper: a command to run it with."""

    def __init__(self, place, hosts=None, resolv_conf=None, wrapper=(), **config):
        self.place = pathlib.Path(place)
        self.supervisor = wire.Channel()
        self.writer = wire.Channel()
        self.certs = []
        self.logs = []
        self.exit_status = None
        wrapper = [*_with_files(self.place, hosts, resolv_conf), *wrapper]
        self.pid = wire.start_child(stapleguard.program("fetcher"), self.supervisor, self.writer, wrapper)
        values = {
            "flags": wire.ALLOW_PRIVATE | wire.ALLOW_LOOPBACK, "uid": stapleguard.FETCH_UID, "gid": stapleguard.FETCH_UID,
            "timeout_msec": 5000, "concurrency": 8, "per_responder": 4, "max_body": 65536,
            "root_dir": str(_empty_directory(self.place)),
        }
        values.update(config)
        self.supervisor.send("FETCH_CONFIG", **values)

    def wait_ready(self):
        ready = self.supervisor.receive_named("READY", skipped=self.logs)
        assert ready is not None, f"the fetcher ended: {self.wait()}, {self.logs}"
        return ready

    def __enter__(self):
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.end()

    # What the supervisor and the writer say ----------------------------------------------------------------------------

    def add(self, cert, held=None, **fields):
        """CERT_ADD and what the writer holds (fields of ANSWER; None: nothing).  Gives its number."""
        cert_no = len(self.certs)
        self.certs.append(cert)
        blocks = cert if isinstance(cert, bytes) else cert.pem + b"".join(c.pem for c in cert.chain() or [cert.issuer])
        values = {
            "leaf_blocks": 1, "safety_margin_sec": 30 * HOUR, "min_ttl_sec": HOUR, "refresh_every_sec": DAY,
            "unknown_grace_sec": DAY, "name": f"cert-{cert_no}",
        }
        values.update(fields)
        fd = wire.sealed_memfd(blocks)
        try:
            self.supervisor.send("CERT_ADD", fd=fd, cert_no=cert_no, **values)
        finally:
            os.close(fd)
        if held is not False:
            self.writer.send("ANSWER", cert_no=cert_no, kind=wire.HELD, **(held or {}))
        return cert_no

    def begin(self, forced=False):
        self.supervisor.send("BEGIN", is_once=1, is_forced=forced)

    def run(self, forced=False, refuse=(), answer=True, timeout_sec=PASS_TIMEOUT_SEC):
        """A whole pass.  refuse: {cert_no: reason word} of the offers that the writer refuses.  answer: False, and the
        writer stays silent; the pass is not waited for then but for the first offer."""
        self.begin(forced)
        return self.follow(refuse, answer, timeout_sec)

    def follow(self, refuse=(), answer=True, timeout_sec=PASS_TIMEOUT_SEC):
        result = Result()
        refuse = dict(refuse)
        end = time.monotonic() + timeout_sec
        channels = {self.supervisor.fileno(): self.supervisor, self.writer.fileno(): self.writer}
        while result.done is None:
            for fd in select.select(list(channels), [], [], max(0.0, end - time.monotonic()))[0]:
                message = channels[fd].receive()
                if message is None:
                    del channels[fd]
                    assert fd != self.supervisor.fileno(), f"the fetcher ended: {self.wait()}, {result}"
                    continue
                self._note(result, message, refuse, answer)
                if message.name == "OFFER" and not answer:
                    return result
            if time.monotonic() > end:
                raise TimeoutError(f"the pass did not end: {result}")
        return result

    def _note(self, result, message, refuse, answer):
        result.order.append(message)
        if message.name == "OFFER":
            result.offers.append((message.cert_no, message.der))
            if answer:
                self._answer(message, refuse)
        elif message.name == "EVENT":
            result.events.append(message)
        elif message.name == "PROGRESS":
            result.progress.append(message)
            if message.done == message.due:
                result.done = message
        elif message.name == "LOG":
            result.logs.append(message)

    def _answer(self, offer, refuse):
        word = refuse.get(offer.cert_no)
        if word is not None:
            self.writer.send("ANSWER", cert_no=offer.cert_no, kind=wire.REFUSED, reason=wire.REASONS.index(word))
            return
        this_update, next_update = pki.this_update_of(offer.der), pki.next_update_of(offer.der)
        self.writer.send(
            "ANSWER", cert_no=offer.cert_no, kind=wire.ACCEPTED, state=wire.STATES.index("good"), this_update=this_update,
            next_update=next_update, effective_end=next_update, fetched_at=int(time.time()),
        )

    # The process -------------------------------------------------------------------------------------------------------

    def wait(self, timeout_sec=20):
        """The exit status, as os.waitstatus_to_exitcode gives it (negative: a signal)."""
        end = time.monotonic() + timeout_sec
        while self.exit_status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.exit_status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise TimeoutError("the fetcher did not end")
            else:
                time.sleep(0.005)
        return self.exit_status

    def end(self):
        """Close the supervisor's end: the fetcher must then end by itself, and well."""
        self.supervisor.close()
        try:
            status = self.wait()
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        finally:
            self.writer.close()
        assert status == 0, f"the fetcher ended with {status}"

    def status(self):
        """/proc/PID/status as a dictionary."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _empty_directory(parent):
    directory = parent / "empty"
    directory.mkdir(exist_ok=True)
    return directory


def _with_files(directory, hosts, resolv_conf):
    """A command that lays files over those of /etc, for what it runs alone."""
    mounts = []
    for name, text in (("hosts", hosts), ("resolv.conf", resolv_conf)):
        if text is not None:
            path = directory / name
            path.write_text(text)
            mounts.append(f"mount --bind {path} /etc/{name} && ")
    if not mounts:
        return []
    return ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", "".join(mounts) + 'exec "$0" "$@"']


def can_mount():
    """May we lay files over those of /etc?"""
    return subprocess.run(["/usr/bin/unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


# What most tests begin with --------------------------------------------------------------------------------------------


def leaf(ca, server, *urls, **options):
    """A certificate with a good answer waiting at server; urls: others than the server's own."""
    cert = ca.leaf("shop.test", ocsp_urls=urls or [server.url], **options)
    server.answer(cert, pki.response(cert))
    return cert


def many(ca, server, count):
    """The same many times over."""
    certs = ca.many(count, ocsp_urls=[server.url])
    for cert in certs:
        server.answer(cert, pki.response(cert))
    return certs


def only_pass(place, *certs, forced=False, **config):
    """A fetcher, one pass over certs, the end."""
    with Fetcher(place, **config) as alone:
        for cert in certs:
            alone.add(cert)
        return alone.run(forced)


def run_at(place, cert, url, **config):
    """The same for one certificate that is asked for at url, whatever it names itself."""
    with Fetcher(place, **config) as alone:
        alone.add(cert, responder=url)
        return alone.run()


def holding(this_update, next_update, fetched_at, state="good"):
    """What a writer says that holds a response."""
    return {
        "state": wire.STATES.index(state), "this_update": int(this_update), "next_update": int(next_update),
        "effective_end": int(next_update), "fetched_at": int(fetched_at),
    }
