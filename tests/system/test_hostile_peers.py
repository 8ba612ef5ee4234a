# SPDX-License-Identifier: ISC
"""Hostile children against the real supervisor, in their real place; and a hostile fetcher against a writer that looks after a
daemon's certificates, one mutation of a message after the other.

test_writer_alone has the writer of a single pass, unit/test_relay the supervisor's judgement of each message.
"""

import os
import time

import pytest
from helpers import hostile, pki, wire
from helpers.daemon import Daemon, wait_until
from helpers.hostile import Hostile
from helpers.lone_writer import LoneWriter

CHILDREN = ("fetcher", "writer")
# The supervisor needs a few; a pool of one certificate needs none.
MEMORY_MAX_KIB = 32 * 1024


class Scene:
    """A service of one certificate, one of whose children is hostile in its first life."""

    def __init__(self, site, party, attack):
        self.site = site
        self.party = party
        self.cert = site.leaf("shop.test")
        self.hostile = Hostile(site.place, party, attack)
        site.sg.set("apache", commit_delay="0s")
        self.daemon = Daemon(site.sg, wrapper=self.hostile.wrapper)
        self.daemon.start(is_ready=False)
        wait_until(lambda: self.hostile.has_begun, "the attack")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def memory_kib(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def has_staple(self):
        return self.site.sg.dbm_path.exists() and self.cert.sha1 in self.site.sg.entries()

    def ended(self):
        """process.exit and sandbox.violation of the hostile child."""
        return [r for r in self.daemon.events("process.exit") + self.daemon.events("sandbox.violation") if r["process"] == self.party]

    def stop_well(self):
        code, seconds = self.daemon.stop()
        assert code == 0
        assert seconds < 6  # DESIGN.md "Modes", and how long it takes to look


@pytest.fixture
def scene(site):
    made = []

    def make(party, attack):
        made.append(Scene(site, party, attack))
        return made[0]

    yield make
    for each in made:
        each.daemon.end()


@pytest.mark.parametrize("party", CHILDREN)
@pytest.mark.parametrize("name", hostile.VIOLATIONS)
def test_a_violation_costs_a_child_its_life_and_the_supervisor_nothing(scene, party, name):
    """It is ended and recorded, what it said is not; the next one is honest, and the staple comes."""
    here = scene(party, name)
    wait_until(here.has_staple, "the staple")
    here.daemon.wait_for_state("shop.test", "good")
    wait_until(here.ended, "the record of its end")
    violations = here.daemon.events("protocol.violation")
    assert [v["process"] for v in violations] == [party]
    assert hostile.VIOLATIONS[name][1] in violations[0]["detail"]
    assert [r["status"] for r in here.ended()] == [-9]
    assert "forged" not in here.site.sg.audit_log.read_text() and "forged" not in here.daemon.log()
    assert here.descriptors() < 32
    here.stop_well()


@pytest.mark.parametrize("party", CHILDREN)
@pytest.mark.parametrize("name", ["silence", "never ready", "deaf"])
def test_a_child_that_does_nothing_keeps_nobody_from_looking_or_stopping(scene, party, name):
    here = scene(party, name)
    for _ in range(3):
        assert here.daemon.cert("shop.test")["state"] in ("missing", "good")
    here.stop_well()


@pytest.mark.parametrize("party", CHILDREN)
def test_a_child_that_floods_keeps_nobody_from_looking_or_stopping(scene, party):
    here = scene(party, "flood")
    time.sleep(2)
    assert here.daemon.cert("shop.test")["state"] in ("missing", "good")
    assert here.memory_kib() < MEMORY_MAX_KIB
    here.stop_well()


# The writer -----------------------------------------------------------------------------------------------------------------


def mutations(octets):
    """(octets, what was done) of a valid message: cut at each of the first places and the last, each bit of the head turned."""
    for length in [*range(1, 12), len(octets) - 1]:
        yield octets[:length], f"cut to {length}"
    for at in range(8):
        for bit in range(8):
            turned = bytearray(octets)
            turned[at] ^= 1 << bit
            yield bytes(turned), f"bit {bit} of octet {at}"
    yield octets + b"\0", "one more"


@pytest.fixture
def writer(place):
    made = LoneWriter(place, flags=wire.KEEPER)
    yield made
    made.end()


def test_no_mutation_of_an_offer_ends_the_writer_or_gets_a_bad_byte_in(writer, authorities):
    """A broken one costs the channel; the next fetcher begins with a new one.  What is well-formed is judged as any offer."""
    cert = authorities.ca.leaf("shop.test", ocsp_urls=["http://ocsp.test/"])
    good = pki.response(cert)
    writer.start()
    writer.tell(cert)
    writer.held()
    writer.begin()
    writer.hear("WRITE_DONE")
    assert writer.offer(0, good).kind == wire.ACCEPTED
    writer.hear_result()
    lives, refused = 1, 0
    for octets, what in mutations(wire.pack("OFFER", cert_no=0, der=good)):
        writer.fetcher.send_raw(octets)
        answer = writer.fetcher.receive()
        writer.listen()
        if answer is not None:
            assert answer.name == "ANSWER" and answer.kind == wire.REFUSED, what
            refused += 1
            continue
        lives += 1
        writer.fetcher.close()
        writer.fetcher = wire.Channel()
        writer.supervisor.send("PEER", fd=writer.fetcher.theirs.fileno(), life=lives)
        writer.fetcher.close_theirs()
        assert writer.held().this_update == pki.this_update_of(good), what
    violations = writer.events("protocol.violation")
    assert len(violations) == lives - 1 > 40
    assert refused > 20  # another certificate's number: nobody was told of it
    assert {record.der for record in writer.entries().values()} == {good}
    assert writer.stop() == 0


def test_offers_before_their_time_are_refused(writer, authorities):
    """An offer may lie in the channel before the writer is even configured."""
    cert = authorities.ca.leaf("shop.test", ocsp_urls=["http://ocsp.test/"])
    offer = wire.pack("OFFER", cert_no=0, der=pki.response(cert))
    writer.start(early=[offer, offer])
    wait_until(lambda: writer.listen() or writer.events("offer.refused"), "the refusal")
    assert {m.reason_word for m in writer.events("offer.refused")} == {"unknown-cert"}
    writer.tell(cert)
    answers = [writer.fetcher.receive() for _ in range(3)]
    assert [a.kind for a in answers].count(wire.REFUSED) == 2 and answers[-1].kind == wire.HELD
    writer.begin()
    writer.hear("WRITE_DONE")
    assert writer.offer(0, pki.response(cert)).kind == wire.ACCEPTED
    writer.hear_result()
    assert cert.sha1 in writer.entries()
    assert writer.events("protocol.violation") == []
    assert writer.stop() == 0
