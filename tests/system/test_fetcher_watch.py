# SPDX-License-Identifier: ISC
"""The fetcher as a daemon's: it asks when its schedule says so, for what it was told of, and for as long as a writer listens."""

import os
import time

import pytest
from helpers import fetcher, pki, responder, wire
from helpers.fetcher import DAY, HOUR, leaf


class Watched(fetcher.Fetcher):
    """A fetcher that was told to watch."""

    def watch(self):
        self.supervisor.send("BEGIN")
        return self

    def next(self, cert_no):
        """The next CERT_NEXT of a certificate."""
        while True:
            message = self.supervisor.receive_named("CERT_NEXT")
            assert message is not None
            if message.cert_no == cert_no:
                return message

    def offered(self):
        offer = self.writer.receive_named("OFFER")
        assert offer is not None
        return offer

    def accept(self, offer, until=7 * DAY):
        now = int(time.time())
        self.writer.send("ANSWER", cert_no=offer.cert_no, kind=wire.ACCEPTED, state=wire.STATES.index("good"),
                         this_update=now - HOUR, next_update=now + until, effective_end=now + until, fetched_at=now)

    def is_silent(self, seconds=0.7):
        with pytest.raises(TimeoutError):
            self.writer.receive(seconds)
        return True


def held(now, age=HOUR, until=6 * DAY):
    return {"state": wire.STATES.index("good"), "this_update": int(now - age), "next_update": int(now + until),
            "effective_end": int(now + until), "fetched_at": int(now - age)}


def known(ca, server):
    cert = leaf(ca, server)
    server.answer(cert, pki.response(cert))
    return cert


def test_what_has_nothing_is_asked_for_at_once_and_then_left_alone(place, ca, server):
    with Watched(place) as alone:
        alone.add(known(ca, server))
        alone.watch()
        assert alone.next(0).asked_at == 0
        alone.accept(alone.offered())
        after = alone.next(0)
        assert after.failures == 0 and after.asked_at > 0
        assert 0.8 * DAY < after.next_at - time.time() < 1.2 * DAY
        assert alone.is_silent() and server.count() == 1


def test_what_is_fresh_is_not_asked_for(place, ca, server):
    with Watched(place) as alone:
        alone.add(known(ca, server), held=held(time.time()))
        alone.watch()
        assert alone.next(0).next_at > time.time() + HOUR
        assert alone.is_silent() and server.count() == 0


def test_a_failure_is_tried_again_with_back_off(place, ca, server):
    server.fail_all(responder.STATUS, 503)
    with Watched(place) as alone:
        alone.add(known(ca, server))
        alone.watch()
        alone.next(0)
        after = alone.next(0)
        assert after.failures == 1
        assert 30 <= after.next_at - time.time() <= 121


def test_refresh_asks_now(place, ca, server):
    with Watched(place) as alone:
        for _ in range(2):
            alone.add(known(ca, server), held=held(time.time()))
        alone.watch()
        alone.supervisor.send("REFRESH", cert_no=1)
        offer = alone.offered()
        assert offer.cert_no == 1
        alone.accept(offer)
        alone.supervisor.send("REFRESH", cert_no=wire.CERT_NO_NONE)
        assert {alone.offered().cert_no, alone.offered().cert_no} == {0, 1}


def test_a_certificate_that_comes_later_with_a_gap_is_asked_for(place, ca, server):
    with Watched(place) as alone:
        alone.watch()
        alone.certs += [None] * 7
        alone.add(known(ca, server))
        assert alone.offered().cert_no == 7


def test_a_dropped_certificate_is_left_alone_also_while_it_is_asked_for(place, ca, server):
    server.fail_all(responder.HANG)
    with Watched(place, timeout_msec=20000) as alone:
        alone.add(known(ca, server))
        alone.watch()
        server.wait_for(1)
        alone.supervisor.send("CERT_DROP", cert_no=0)
        alone.supervisor.send("CERT_DROP", cert_no=0)
        alone.supervisor.send("CERT_DROP", cert_no=99)
        server.heal()
        assert alone.is_silent()
        alone.certs.append(None)
        alone.certs.pop()
        alone.add(known(ca, server))
        assert alone.offered().cert_no == 1


def test_a_new_writer_says_anew_what_it_holds(place, ca, server):
    """PEER: the offer under way is forgotten, and made again to the one that has nothing."""
    with Watched(place) as alone:
        alone.add(known(ca, server))
        alone.watch()
        alone.offered()  # never answered: this writer ends
        alone.writer.close()
        time.sleep(0.2)
        alone.writer = wire.Channel()
        alone.supervisor.send("PEER", fd=alone.writer.theirs.fileno(), life=2)
        alone.writer.close_theirs()
        assert alone.is_silent(0.3)  # it has not said yet what it holds
        alone.writer.send("ANSWER", cert_no=0, kind=wire.HELD)
        alone.accept(alone.offered())
        assert alone.next(0) is not None
        assert server.count() == 2


def test_without_a_writer_nobody_is_asked(place, ca, server):
    with Watched(place) as alone:
        alone.add(known(ca, server), held=held(time.time()))
        alone.watch()
        alone.next(0)
        alone.writer.close()
        time.sleep(0.2)
        alone.supervisor.send("REFRESH", cert_no=wire.CERT_NO_NONE)
        time.sleep(0.5)
        assert server.count() == 0


@pytest.mark.parametrize("state", ["revoked", "unknown"])
def test_what_is_withdrawn_is_not_asked_for_until_it_is_resumed(place, ca, server, state):
    with Watched(place) as alone:
        alone.add(known(ca, server), held={"state": wire.STATES.index(state)})
        alone.watch()
        assert alone.next(0).next_at == 0
        alone.supervisor.send("REFRESH", cert_no=0)
        assert alone.is_silent() and server.count() == 0
        alone.writer.send("ANSWER", cert_no=0, kind=wire.HELD)  # RESUME made the writer forget it
        assert alone.offered().cert_no == 0


def test_it_sleeps_when_nothing_is_due(place, ca, server):
    """No wake-ups: what the kernel counts as voluntary switches stands still."""
    with Watched(place) as alone:
        alone.add(known(ca, server), held=held(time.time()))
        alone.watch()
        alone.next(0)
        time.sleep(0.5)

        def switches():
            with open(f"/proc/{alone.pid}/status", encoding="ascii") as status:
                return int(next(line for line in status if line.startswith("voluntary_ctxt_switches")).split()[1])

        before = switches()
        time.sleep(2)
        assert switches() == before


def test_a_dead_responder_is_probed_and_the_others_go_on(place, ca, server):
    with responder.Responder() as dead:
        with Watched(place, per_responder=2) as alone:
            for _ in range(20):
                alone.add(leaf(ca, dead))
            dead.down()
            alone.add(known(ca, server))
            alone.watch()
            assert alone.offered().cert_no == 20
            assert os.path.exists(f"/proc/{alone.pid}")
