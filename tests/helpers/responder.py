# SPDX-License-Identifier: ISC
"""An OCSP responder over HTTP that does what it is told: answer, or fail in any of the ways responders fail.

Owns: a listening socket on loopback and the thread that serves it.
Never: leaves the machine.

Answers are looked up by serial number and are made ahead (bytes) or when asked for (a function of no arguments that
gives bytes).  A fault holds for one serial (`faults[serial]`) or for every request (`fault`); both may be changed at any
time while the responder runs.
"""

import asyncio
import base64
import collections
import dataclasses
import pathlib
import socket
import subprocess
import threading
import time
import urllib.parse

from cryptography.x509 import ocsp

from . import pki

TYPE = b"application/ocsp-response"

# What a fault does instead of answering.
STATUS = "status"              # an HTTP status: value (default 500)
CONTENT_TYPE = "content-type"  # the right body under another type: value
NO_CONTENT_TYPE = "no-content-type"
BODY = "body"                  # other bytes under the right type: value
EMPTY = "empty"                # 200, the right type, no body
TRUNCATED = "truncated"        # the length of all, half of the body, end of connection
ENDLESS = "endless"            # a body without length that never ends
HANG = "hang"                  # reads the request, never answers
SLOW = "slow"                  # one byte a second, from the status line on
SLOW_BODY = "slow-body"        # headers at once, then one byte a second
CLOSE = "close"                # closes when it has the request
RESET = "reset"                # the same with a TCP reset
REDIRECT = "redirect"          # 302 to value, or to what it makes of the request's target
GET_REFUSED = "get-refused"    # 405 to GET; POST is answered
MANY_HEADERS = "many-headers"  # 10,000 header lines before the right answer
ENDLESS_HEADERS = "endless-headers"
GARBAGE = "garbage"            # bytes that are not HTTP


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str
    value: object = None
    headers: tuple = ()


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request that came in."""

    method: str
    target: str
    serial: int
    headers: dict
    time: float


class Responder:
    """Serves in a thread of its own, from start() or `with` on, until stop()."""

    def __init__(self, host="127.0.0.1", port=0, tls=None):
        self.host = host
        self.port = port
        self.tls = tls
        self.answers = {}
        self.fault = None
        self.faults = {}
        self.extra_headers = ()
        self.delay_sec = 0.0
        self.seen = []
        self.connections = 0
        self.peak = 0
        self.open_now = 0
        self._loop = None
        self._thread = None
        self._server = None
        self._transports = set()

    # What a test uses ------------------------------------------------------------------------------------------------

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/"

    def answer(self, cert, der):
        """From now on answer requests about cert with der (bytes, or a function that gives bytes)."""
        self.answers[cert.serial] = der

    def fail(self, cert, kind, value=None):
        self.faults[cert.serial] = Fault(kind, value)

    def fail_all(self, kind, value=None):
        self.fault = Fault(kind, value)

    def heal(self):
        """No faults any more; listens again if it was down."""
        self.fault = None
        self.faults.clear()
        self.up()

    def forget(self):
        """Count anew."""
        self.seen.clear()
        self.connections = 0
        self.peak = self.open_now

    def count(self, cert=None, method=None):
        return sum(
            1 for s in list(self.seen)
            if (cert is None or s.serial == cert.serial) and (method is None or s.method == method)
        )

    def methods(self):
        return collections.Counter(s.method for s in list(self.seen))

    def wait_for(self, count, timeout_sec=20):
        """Wait until `count` requests were seen."""
        end = time.monotonic() + timeout_sec
        while len(self.seen) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"the responder saw {len(self.seen)} of {count} requests")
            time.sleep(0.005)

    def down(self):
        """Nobody listens on the port any more; what is connected is cut off."""
        self._call(self._close_listener())

    def up(self):
        if self._server is None:
            self._call(self._listen())

    def start(self):
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="responder", daemon=True)
        self._thread.start()
        ready.wait()
        self._call(self._listen())
        return self

    def stop(self):
        if self._thread is None:
            return
        self._call(self._close_listener())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # The thread ------------------------------------------------------------------------------------------------------

    def _run(self, ready):
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(ready.set)
        self._loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _listen(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._server = await self._loop.create_server(
            lambda: _Connection(self), self.host, self.port, family=family, backlog=1024, reuse_address=True, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close_listener(self):
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        for transport in list(self._transports):
            transport.abort()

    def _body_for(self, serial):
        der = self.answers.get(serial)
        if der is None:
            return pki.unsuccessful("unauthorized")
        return der() if callable(der) else der



def serial_of(request_der):
    """The serial number an OCSP request asks for; -1 when it cannot be read."""
    try:
        return ocsp.load_der_ocsp_request(request_der).serial_number
    except ValueError:
        return -1


def _head(status, headers, length=None, keep_alive=True):
    lines = [b"HTTP/1.1 " + str(status).encode() + b" Some"]
    lines += [name + b": " + value for name, value in headers]
    if length is not None:
        lines.append(b"Content-Length: " + str(length).encode())
    if not keep_alive:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One client.  Requests come one after the other; each is parsed whole, then answered or failed."""

    def __init__(self, owner):
        self.owner = owner
        self.transport = None
        self.buffer = b""
        self.writable = asyncio.Event()
        self.task = None
        self.target = ""

    def connection_made(self, transport):
        self.transport = transport
        self.writable.set()
        self.owner._transports.add(transport)
        self.owner.connections += 1
        self.owner.open_now += 1
        self.owner.peak = max(self.owner.peak, self.owner.open_now)

    def connection_lost(self, exc):
        self.owner._transports.discard(self.transport)
        self.owner.open_now -= 1
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    def data_received(self, data):
        self.buffer += data
        while True:
            request = self._next_request()
            if request is None:
                return
            self._serve(*request)

    def _next_request(self):
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = (lines[0] + "  ").split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        return method, target, headers, rest[:length]

    def _serve(self, method, target, headers, body):
        owner = self.owner
        self.target = target
        if method == "GET":
            path = urllib.parse.urlsplit(target).path
            body = request_in(path)
        serial = serial_of(body)
        owner.seen.append(Seen(method, target, serial, headers, time.time()))
        fault = owner.faults.get(serial, owner.fault)
        keep_alive = headers.get("connection", "").lower() != "close"
        if fault is None or (fault.kind == GET_REFUSED and method == "POST"):
            if owner.delay_sec > 0:
                self.task = owner._loop.create_task(self._later(serial, keep_alive))
            else:
                self._good(serial, keep_alive)
        else:
            self.task = owner._loop.create_task(self._fail(fault, serial))

    async def _later(self, serial, keep_alive):
        await asyncio.sleep(self.owner.delay_sec)
        self._good(serial, keep_alive)

    def _good(self, serial, keep_alive):
        body = self.owner._body_for(serial)
        headers = [(b"Content-Type", TYPE), *self.owner.extra_headers]
        self.transport.write(_head(200, headers, len(body), keep_alive) + body)
        if not keep_alive:
            self.transport.close()

    async def _fail(self, fault, serial):
        try:
            await _FAULTS[fault.kind](self, fault, serial)
        except (asyncio.CancelledError, ConnectionError):
            pass

    # One coroutine a fault ---------------------------------------------------------------------------------------------

    async def _send(self, data):
        self.transport.write(data)
        await self.writable.wait()

    async def _dribble(self, data):
        for byte in data:
            await self._send(bytes([byte]))
            await asyncio.sleep(1)

    async def fault_status(self, fault, serial):
        status = 500 if fault.value is None else fault.value
        text = b"<html>no</html>"
        await self._send(_head(status, [(b"Content-Type", b"text/html"), *fault.headers], len(text)) + text)

    async def fault_get_refused(self, fault, serial):
        await self._send(_head(405, [(b"Allow", b"POST")], 0))

    async def fault_content_type(self, fault, serial):
        body = self.owner._body_for(serial)
        kind = b"text/html" if fault.value is None else fault.value.encode()
        await self._send(_head(200, [(b"Content-Type", kind)], len(body)) + body)

    async def fault_no_content_type(self, fault, serial):
        body = self.owner._body_for(serial)
        await self._send(_head(200, [], len(body)) + body)

    async def fault_body(self, fault, serial):
        await self._send(_head(200, [(b"Content-Type", TYPE)], len(fault.value)) + fault.value)

    async def fault_empty(self, fault, serial):
        await self._send(_head(200, [(b"Content-Type", TYPE)], 0))

    async def fault_truncated(self, fault, serial):
        body = self.owner._body_for(serial)
        await self._send(_head(200, [(b"Content-Type", TYPE)], len(body)) + body[: len(body) // 2])
        self.transport.close()

    async def fault_endless(self, fault, serial):
        await self._send(_head(200, [(b"Content-Type", TYPE)], keep_alive=False))
        while True:
            await self._send(b"\x30" * 16384)
            await asyncio.sleep(0)

    async def fault_hang(self, fault, serial):
        await asyncio.sleep(3600)

    async def fault_slow(self, fault, serial):
        body = self.owner._body_for(serial)
        await self._dribble(_head(200, [(b"Content-Type", TYPE)], len(body)) + body)

    async def fault_slow_body(self, fault, serial):
        body = self.owner._body_for(serial)
        await self._send(_head(200, [(b"Content-Type", TYPE)], len(body)))
        await self._dribble(body)

    async def fault_close(self, fault, serial):
        self.transport.close()

    async def fault_reset(self, fault, serial):
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    async def fault_redirect(self, fault, serial):
        where = fault.value(self.target) if callable(fault.value) else fault.value
        await self._send(_head(302, [(b"Location", where.encode())], 0))

    async def fault_many_headers(self, fault, serial):
        body = self.owner._body_for(serial)
        lines = [(b"X-Filler-%d" % n, b"x" * 40) for n in range(10000)]
        await self._send(_head(200, [*lines, (b"Content-Type", TYPE)], len(body)) + body)

    async def fault_endless_headers(self, fault, serial):
        await self._send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await self._send(b"X-Filler: " + b"x" * 1000 + b"\r\n")
            await asyncio.sleep(0)

    async def fault_garbage(self, fault, serial):
        await self._send(b"\x00\xff\x16\x03\x01 this is not HTTP\r\n\r\n" * 20)
        self.transport.close()


_FAULTS = {
    STATUS: _Connection.fault_status,
    GET_REFUSED: _Connection.fault_get_refused,
    CONTENT_TYPE: _Connection.fault_content_type,
    NO_CONTENT_TYPE: _Connection.fault_no_content_type,
    BODY: _Connection.fault_body,
    EMPTY: _Connection.fault_empty,
    TRUNCATED: _Connection.fault_truncated,
    ENDLESS: _Connection.fault_endless,
    HANG: _Connection.fault_hang,
    SLOW: _Connection.fault_slow,
    SLOW_BODY: _Connection.fault_slow_body,
    CLOSE: _Connection.fault_close,
    RESET: _Connection.fault_reset,
    REDIRECT: _Connection.fault_redirect,
    MANY_HEADERS: _Connection.fault_many_headers,
    ENDLESS_HEADERS: _Connection.fault_endless_headers,
    GARBAGE: _Connection.fault_garbage,
}


def request_in(path):
    """The request in a GET's path: base64, percent-encoded, after the last part of the responder's own path."""
    text = urllib.parse.unquote(path).lstrip("/")
    for candidate in (text, text.rsplit("/", 1)[-1]):
        try:
            der = base64.b64decode(candidate, validate=True)
        except ValueError:
            continue
        if serial_of(der) != -1:
            return der
    return b""


def free_port(host="127.0.0.1"):
    """A port on which nobody listens now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class OpensslResponder:
    """`openssl ocsp` as a responder: somebody else's code for the same protocol."""

    def __init__(self, directory, ca, signer):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.ca_file = pki.write_pem(self.directory / "ca.pem", ca)
        self.signer_file = pki.write_pem(self.directory / "signer.pem", signer)
        self.signer_key = pki.write_key(self.directory / "signer.key", signer)
        self.index = self.directory / "index.txt"
        self.index.write_text("")
        self.log = self.directory / "log"
        self.process = None
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def know(self, cert):
        """Put a certificate into its index as good; before start()."""
        serial = f"{cert.serial:X}"
        serial = serial.zfill(len(serial) + len(serial) % 2)
        with self.index.open("a", encoding="ascii") as index:
            index.write(f"V\t391231235959Z\t\t{serial}\tunknown\t/CN=known\n")

    def start(self):
        """Waits for what it prints: a connection that asks nothing would keep it from serving the next."""
        self.port = self.port or free_port()
        command = [
            "openssl", "ocsp", "-index", self.index, "-port", str(self.port), "-CA", self.ca_file,
            "-rsigner", self.signer_file, "-rkey", self.signer_key, "-ndays", "7", "-ignore_err",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + 20
        while "waiting for OCSP client connections" not in self.log.read_text(errors="replace"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"openssl ocsp does not start: {self.log.read_text(errors='replace')}")
            time.sleep(0.02)
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
