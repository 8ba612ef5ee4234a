# SPDX-License-Identifier: ISC
"""The messages between the processes, encoded and decoded by hand: a second reading of common/proto/msg.h, so that a change of the
wire format by accident fails a test.  Messages, reasons and events are numbered in the order of their tables, which are read from
the headers.

Owns: the wire format, and one end of a channel.
Never: a descriptor that it was not given, or that came in and was not handed out.
"""

import array
import dataclasses
import fcntl
import os
import pathlib
import re
import select
import socket
import struct
import time

COMMON = pathlib.Path(__file__).resolve().parents[2] / "common"

# (name, kind); kind: u8, u16, u32, i64, text, blob, or a number of octets.
MESSAGES = {
    "FETCH_CONFIG": [
        ("flags", "u32"), ("uid", "u32"), ("gid", "u32"), ("timeout_msec", "u32"), ("concurrency", "u32"),
        ("per_responder", "u32"), ("max_body", "u32"), ("proxy", "text"), ("ca_file", "text"), ("root_dir", "text"),
    ],
    "WRITE_CONFIG": [
        ("flags", "u32"), ("uid", "u32"), ("gid", "u32"), ("commit_delay_msec", "u32"), ("dbm_path", "text"),
        ("state_dir", "text"),
    ],
    "CERT_ADD": [
        ("cert_no", "u32"), ("flags", "u32"), ("leaf_blocks", "u16"), ("safety_margin_sec", "u32"), ("min_ttl_sec", "u32"),
        ("refresh_every_sec", "u32"), ("unknown_grace_sec", "u32"), ("name", "text"), ("responder", "text"),
    ],
    "CERT_GONE": [("name", "text")],
    "BEGIN": [("is_once", "u8"), ("is_forced", "u8")],
    "CERT_DROP": [("cert_no", "u32")],
    "PEER": [("life", "u32")],
    "REFRESH": [("cert_no", "u32")],
    "RESUME": [("cert_no", "u32")],
    "APACHE": [("pid", "u32")],
    "APACHE_LOCK": [("kind", "u8")],
    "RESTART": [("request", "u32")],
    "READY": [("missing_layers", "u32")],
    "LOG": [("severity", "u8"), ("text", "text")],
    "EVENT": [
        ("event", "u16"), ("reason", "u16"), ("cert_no", "u32"), ("this_update", "i64"), ("next_update", "i64"),
        ("expiry", "i64"), ("bytes", "u32"), ("count", "u32"), ("duration_msec", "u32"), ("http_status", "u16"),
        ("responder", "text"), ("detail", "text"),
    ],
    "CERT_INFO": [
        ("cert_no", "u32"), ("state", "u8"), ("reason", "u16"), ("is_must_staple", "u8"), ("not_after", "i64"),
        ("sha256", 32), ("serial", "blob"), ("detail", "text"),
    ],
    "CERT_STATE": [
        ("cert_no", "u32"), ("state", "u8"), ("reason", "u16"), ("is_refreshed", "u8"), ("this_update", "i64"),
        ("next_update", "i64"), ("expiry", "i64"), ("fetched_at", "i64"),
    ],
    "PROGRESS": [("due", "u32"), ("not_due", "u32"), ("done", "u32"), ("failed", "u32"), ("refused", "u32")],
    "CERT_NEXT": [("cert_no", "u32"), ("failures", "u32"), ("next_at", "i64"), ("asked_at", "i64")],
    "FILE_STATE": [("shield", "u8"), ("reason", "u16"), ("restarts", "u32"), ("restart_at", "i64"), ("away_usec", "u32")],
    "RESTARTED": [("request", "u32"), ("reason", "u16"), ("away_usec", "u32"), ("detail", "text")],
    "WRITE_DONE": [("reason", "u16"), ("entries", "u32"), ("foreign", "u32"), ("detail", "text")],
    "ANSWER": [
        ("cert_no", "u32"), ("kind", "u8"), ("reason", "u16"), ("state", "u8"), ("this_update", "i64"),
        ("next_update", "i64"), ("effective_end", "i64"), ("fetched_at", "i64"),
    ],
    "OFFER": [("cert_no", "u32"), ("der", "blob")],
}

_INTEGERS = {"u8": ">B", "u16": ">H", "u32": ">I", "i64": ">q"}

# FLAGS of FETCH_CONFIG, WRITE_CONFIG and CERT_ADD.
VERBOSE, ALLOW_PRIVATE, ALLOW_LOOPBACK, SCAN_GUARD, ALLOW_SHA1, REQUIRE_SANDBOX, KEEPER, SHIELD = 1, 2, 4, 8, 16, 32, 64, 128
# Kinds of ANSWER.
HELD, ACCEPTED, REFUSED = range(3)
# States of a certificate.
STATES = ["missing", "good", "revoked", "unknown", "no-ocsp", "expired", "unusable"]
CERT_NO_NONE = 0xFFFFFFFF
# The longest message.
LEN_MAX = 12288
# Where a child finds its channels.
FD_SUPERVISOR, FD_SIBLING = 3, 4


def _table(header, macro, column):
    """A column of the rows `macro(CONSTANT, …)` of a header, in their order."""
    return re.findall(rf"{macro}\({column}", (COMMON / header).read_text())


REASONS = _table("words/reason.h", "REASON", r'[A-Z0-9_]+,\s*"([^"]+)"')
EVENTS = _table("words/event.h", "EVENT", r'[A-Z0-9_]+,\s*"([^"]+)"')
_NAMES = dict(enumerate(_table("proto/msg.h", "MESSAGE", r"([A-Z_]+),"), start=1))
_NUMBERS = {name: number for number, name in _NAMES.items()}


@dataclasses.dataclass(frozen=True)
class Message:
    """A decoded message; its fields are attributes.  fd: the descriptor that came with it, the receiver's, or None."""

    name: str
    fields: dict
    fd: int = None

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def reason_word(self):
        return REASONS[self.fields["reason"]]

    @property
    def event_name(self):
        return EVENTS[self.fields["event"]]


def pack(message, /, **values):
    """The octets of a message; fields that are not given are 0 or empty."""
    fields = MESSAGES[message]
    unknown = set(values) - {field for field, _ in fields}
    if unknown:
        raise TypeError(f"{message} has no {', '.join(sorted(unknown))}")
    parts = [struct.pack(">H", _NUMBERS[message])]
    for field, kind in fields:
        value = values.get(field)
        if isinstance(kind, int):
            parts.append((value or b"").ljust(kind, b"\0"))
        elif kind in _INTEGERS:
            parts.append(struct.pack(_INTEGERS[kind], int(value or 0)))
        else:
            octets = value.encode() if isinstance(value, str) else bytes(value or b"")
            parts.append(struct.pack(">H", len(octets)) + octets)
    return b"".join(parts)


def unpack(data):
    """(name, fields) of a whole message; ValueError when it is not one."""
    number = int.from_bytes(data[:2], "big")
    if number not in _NAMES:
        raise ValueError(f"unknown message {number}")
    name = _NAMES[number]
    at = 2
    fields = {}
    for field, kind in MESSAGES[name]:
        if isinstance(kind, int):
            width = kind
            fields[field] = data[at:at + width]
        elif kind in _INTEGERS:
            width = struct.calcsize(_INTEGERS[kind])
            fields[field] = int.from_bytes(data[at:at + width], "big", signed=kind == "i64")
        else:
            width = 2 + int.from_bytes(data[at:at + 2], "big")
            octets = data[at + 2:at + width]
            fields[field] = octets.decode() if kind == "text" else octets
        at += width
    if at != len(data):
        raise ValueError(f"{name}: {len(data)} octets, its fields take {at}")
    return name, fields


class Channel:
    """Our end of a SOCK_SEQPACKET pair; `theirs` is the child's, to be closed once the child has it."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    @classmethod
    def at(cls, fd):
        """The end that a child of stapleguardd's was given."""
        made = cls.__new__(cls)
        made.ours, made.theirs = socket.socket(fileno=fd), None
        return made

    def fileno(self):
        return self.ours.fileno()

    def send(self, message, /, fd=None, **values):
        self.send_raw(pack(message, **values), [] if fd is None else [fd])

    def send_raw(self, data, fds=()):
        """Any octets, with any descriptors."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.ours.sendmsg([data], control)

    def receive(self, timeout_sec=20):
        """The next message; None when the other end is closed."""
        if not select.select([self.ours], [], [], timeout_sec)[0]:
            raise TimeoutError("no message came")
        try:
            data, control, _, _ = self.ours.recvmsg(LEN_MAX + 1, socket.CMSG_SPACE(struct.calcsize("i") * 4))
        except ConnectionResetError:
            return None
        fds = array.array("i")
        for level, kind, payload in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        for extra in fds[1:]:
            os.close(extra)
        if not data and not fds:
            return None
        name, fields = unpack(data)
        return Message(name, fields, fds[0] if fds else None)

    def receive_named(self, name, timeout_sec=20, skipped=None):
        """The next message called `name`; those before it go into the list `skipped`.  None at the end of the channel."""
        end = time.monotonic() + timeout_sec
        while True:
            message = self.receive(max(0.0, end - time.monotonic()))
            if message is None or message.name == name:
                return message
            if skipped is not None:
                skipped.append(message)

    def close(self):
        self.ours.close()

    def close_theirs(self):
        self.theirs.close()


def sealed_memfd(pem):
    """A memfd of PEM text, sealed as the supervisor seals it; the caller closes it."""
    fd = os.memfd_create("certificates", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, pem)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return fd


def start_child(program, supervisor, sibling, wrapper=(), environment=None):
    """Start a child as the supervisor does: the channels at 3 and 4, an empty environment (or a probe's), standard input and
    output at /dev/null.  wrapper: a command before it, such as strace.  Gives its pid."""
    null = os.open("/dev/null", os.O_RDWR)
    theirs = [os.dup(supervisor.theirs.fileno()), os.dup(sibling.theirs.fileno())]
    # Out of the way of 3 and 4, which dup2 would overwrite one after the other.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in theirs]
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1),
        (os.POSIX_SPAWN_DUP2, high[0], FD_SUPERVISOR), (os.POSIX_SPAWN_DUP2, high[1], FD_SIBLING),
        (os.POSIX_SPAWN_CLOSE, high[0]), (os.POSIX_SPAWN_CLOSE, high[1]),
    ]
    command = [*map(str, wrapper), str(program)]
    pid = os.posix_spawn(command[0], command, environment or {}, file_actions=actions)
    for fd in (null, *theirs, *high):
        os.close(fd)
    supervisor.close_theirs()
    sibling.close_theirs()
    return pid
