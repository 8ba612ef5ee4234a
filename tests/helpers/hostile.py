# SPDX-License-Identifier: ISC
"""A fetcher or writer that turns on the supervisor: stapleguardd starts it in the real program's place, with the real channels.

Its first life does what it was told; each later one is the real program, so that a test sees whether the service recovers.

Owns: a copy of stapleguardd, beside it the hostile one and links to the real programs; in the child, its two channels.
Never: runs as root once it has turned hostile: it has the user that the real one would have.
"""

import os
import pathlib
import shutil
import socket
import sys
import time

from . import stapleguard, wire

TESTS = pathlib.Path(__file__).resolve().parents[1]
UIDS = {"fetcher": stapleguard.FETCH_UID, "writer": stapleguard.WRITE_UID}
CONFIGS = {"fetcher": "FETCH_CONFIG", "writer": "WRITE_CONFIG"}
# Longer than any test looks: who is still there then was let be.
PATIENCE_SEC = 60
# Of the counted flood.
FLOOD_EVENTS, FLOOD_LINES, FLOOD_OTHERS = 60000, 5000, 5
FLOOD_LINE = "y" * 300

_SCRIPT = """#!/usr/bin/python3
import sys
sys.path.insert(0, {tests!r})
sys.dont_write_bytecode = True
from helpers import hostile
hostile.live({party!r}, {place!r}, {real!r})
"""


class Hostile:
    """`party` does `attack` (a function of ATTACKS, by name) in its first life.  wrapper: for Daemon."""

    def __init__(self, place, party, attack):
        self.place = pathlib.Path(place) / "hostile"
        self.place.mkdir()
        (self.place / "attack").write_text(attack)
        for folder in ("supervisor", "fetcher", "writer"):
            (self.place / folder).mkdir()
        self.stapleguardd = self.place / "supervisor" / "stapleguardd"
        shutil.copy(stapleguard.program("stapleguardd"), self.stapleguardd)
        for name in ("fetcher", "writer"):
            (self.place / name / name).symlink_to(stapleguard.program(name))
        program = self.place / party / party
        program.unlink()
        program.write_text(_SCRIPT.format(
            tests=str(TESTS), party=party, place=str(self.place), real=str(stapleguard.program(party))))
        program.chmod(0o755)
        # The program that Daemon names is the argument that is dropped.
        self.wrapper = ("/bin/sh", "-c", f'shift; exec {self.stapleguardd} "$@"', "sh")

    @property
    def has_begun(self):
        return not (self.place / "attack").exists()


# In the child ------------------------------------------------------------------------------------------------------------------


class Peer:
    """What an attack has: its party, its channels, and whatever the supervisor said before."""

    def __init__(self, party):
        self.party = party
        self.supervisor = wire.Channel.at(wire.FD_SUPERVISOR)
        self.sibling = wire.Channel.at(wire.FD_SIBLING)

    def get_ready(self):
        self.supervisor.send("READY")

    def wait_for_cert(self):
        self.supervisor.receive_named("CERT_ADD", PATIENCE_SEC)

    def raw(self, data, fds=()):
        self.supervisor.send_raw(data, fds)

    def event(self, name, **fields):
        return wire.pack("EVENT", event=wire.EVENTS.index(name), **{"cert_no": wire.CERT_NO_NONE, **fields})

    def own_event(self, **fields):
        return self.event({"fetcher": "fetch.failed", "writer": "dbm.failed"}[self.party], **fields)


def live(party, place, real):
    """What stapleguardd executes."""
    attack = pathlib.Path(place) / "attack"
    if not attack.exists():
        os.execve(real, [f"stapleguardd: {party}"], {})
    name = attack.read_text()
    attack.unlink()
    peer = Peer(party)
    peer.supervisor.receive_named(CONFIGS[party])
    os.setgroups([])
    os.setresgid(UIDS[party], UIDS[party], UIDS[party])
    os.setresuid(UIDS[party], UIDS[party], UIDS[party])
    try:
        ATTACKS[name](peer)
        time.sleep(PATIENCE_SEC)
    except (BrokenPipeError, ConnectionResetError):
        time.sleep(PATIENCE_SEC)  # the channel is closed; the supervisor is to end us
    sys.exit(7)


def _once_ready(octets):
    """Ready, told of a certificate, then this message: octets(peer)."""
    def attack(peer):
        peer.get_ready()
        peer.wait_for_cert()
        peer.raw(octets(peer))
    return attack


def _foreign(peer):
    """A message that only the other child may send."""
    return {"fetcher": wire.pack("FILE_STATE", shield=1), "writer": wire.pack("PROGRESS", due=1)}[peer.party]


def _sibling(peer):
    return {"fetcher": wire.pack("OFFER", cert_no=0, der=b"x"), "writer": wire.pack("ANSWER", cert_no=0)}[peer.party]


def _done(peer, **fields):
    return wire.pack({"fetcher": "PROGRESS", "writer": "WRITE_DONE"}[peer.party], **fields)


def _others_event(peer):
    return peer.event({"fetcher": "staple.stored", "writer": "fetch.failed"}[peer.party])


def _out_of_range(peer):
    fields = {"fetcher": ("CERT_NEXT", {"cert_no": 1000}), "writer": ("FILE_STATE", {"shield": 99})}[peer.party]
    return wire.pack(fields[0], **fields[1])


def _early(peer):
    peer.raw(_done(peer))


def _descriptors(peer):
    peer.get_ready()
    with open("/dev/null", encoding="ascii") as null:
        peer.raw(peer.own_event(), [null.fileno()] * 3)


def _silent(peer):
    peer.get_ready()


def _never_ready(_peer):
    pass


def _flood(peer):
    """Until it is ended, everything it may say, as fast as it can."""
    peer.get_ready()
    peer.wait_for_cert()
    said = [
        wire.pack("LOG", severity=1, text="the same again " * 20),
        peer.own_event(detail="the same again " * 10),
        peer.event({"fetcher": "fetch.failed", "writer": "offer.refused"}[peer.party], cert_no=0, detail="the same again " * 10),
    ]
    peer.supervisor.ours.setblocking(True)
    while True:
        for octets in said:
            peer.raw(octets)


def _counted_flood(peer):
    """A flood of a size that the test knows, of two kinds; a few of a third; and the end."""
    peer.get_ready()
    peer.wait_for_cert()
    peer.supervisor.ours.setblocking(True)
    for octets, count in ((peer.event("fetch.failed", reason=wire.REASONS.index("timeout"), detail="x" * 300), FLOOD_EVENTS),
                          (wire.pack("LOG", severity=1, text=FLOOD_LINE), FLOOD_LINES),
                          (peer.event("response.rejected", reason=wire.REASONS.index("malformed")), FLOOD_OTHERS)):
        for _ in range(count):
            peer.raw(octets)
    sys.exit(7)


def _deaf(peer):
    """Fills what is said to the sibling, reads nothing, and asks for nothing."""
    peer.get_ready()
    peer.sibling.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


# name: what to do; the words that the supervisor must find for it (VIOLATIONS), or others than a violation.
VIOLATIONS = {
    "an unknown type": (_once_ready(lambda _: b"\x7f\xff\0\0"), "unknown type"),
    "one octet": (_once_ready(lambda _: b"\0"), "unknown type"),
    "half a message": (_once_ready(lambda peer: peer.own_event(detail="d" * 40)[:30]), "length"),
    "octets after the end": (_once_ready(lambda peer: peer.own_event() + b"\0"), "bytes after the end"),
    "longer than any message": (_once_ready(lambda _: b"\0\x12" + b"x" * wire.LEN_MAX), "length"),
    "the other child's message": (_once_ready(_foreign), "direction"),
    "a message between children": (_once_ready(_sibling), "direction"),
    "the supervisor's own message": (_once_ready(lambda _: wire.pack("BEGIN")), "direction"),
    "ready twice": (_once_ready(lambda _: wire.pack("READY")), "state"),
    "done before it is ready": (_early, "state"),
    "descriptors": (_descriptors, "descriptor"),
    "the other child's event": (_once_ready(_others_event), "not its own"),
    "the supervisor's event": (_once_ready(lambda peer: peer.event("service.stop")), "not its own"),
    "an event that does not exist": (_once_ready(lambda _: wire.pack("EVENT", event=999)), "not its own"),
    "an event of a certificate that does not exist": (_once_ready(lambda peer: peer.own_event(cert_no=1000)), "does not exist"),
    "a reason that does not exist": (_once_ready(lambda peer: peer.own_event(reason=9999)), "does not exist"),
    "a number out of range": (_once_ready(_out_of_range), "does not exist"),
    "a line break in a text": (_once_ready(lambda peer: peer.own_event(detail='a"}\n{"seq":1,"forged":"')), "field"),
    "a terminal escape in a line of the log": (_once_ready(lambda _: wire.pack("LOG", text="\x1b[2Jforged")), "field"),
    "a text that is not UTF-8": (_once_ready(lambda peer: peer.own_event(detail=b"forged\xff\xfe")), "field"),
    "a text beyond its bound": (_once_ready(lambda peer: peer.own_event(detail="f" * 2000)), "length"),
}
ATTACKS = {name: attack for name, (attack, _) in VIOLATIONS.items()} | {
    "silence": _silent,
    "never ready": _never_ready,
    "flood": _flood,
    "counted flood": _counted_flood,
    "deaf": _deaf,
}
