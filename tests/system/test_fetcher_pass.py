# SPDX-License-Identifier: ISC
"""P6, P7, P8, P9, P16: a pass of the fetcher over many certificates: who is asked, how many at a time, what comes of it."""

import pathlib
import time

import pytest
from helpers import fetcher, pki, responder, site, wire
from helpers.fetcher import holding, leaf, many, only_pass

HOUR, DAY = 3600, 86400


# Many at a time ------------------------------------------------------------------------------------------------------


def test_connections_are_used_again(place, ca, server):
    result = only_pass(place, *many(ca, server, 60), concurrency=8, per_responder=3)
    assert len(result.offers) == 60
    assert server.connections <= 3


def test_a_kept_connection_that_was_closed_is_made_anew(place, ca, server):
    first, second = many(ca, server, 2)
    with fetcher.Fetcher(place, per_responder=1) as alone:
        alone.add(first)
        assert len(alone.run().offers) == 1
        server.down()
        server.up()
        alone.add(second)
        result = alone.run(forced=True)
    assert sorted(number for number, _ in result.offers) == [0, 1]
    assert result.events == []


def test_per_responder_and_concurrency_are_bounds(place, ca, server):
    with responder.Responder() as other:
        certs = many(ca, server, 30) + many(ca, other, 30)
        server.delay_sec = other.delay_sec = 0.03
        result = only_pass(place, *certs, concurrency=5, per_responder=3)
        assert len(result.offers) == 60
        assert (server.peak, other.peak) == (3, 3)
        site.eventually(lambda: server.open_now + other.open_now == 0, "the connections of the first pass are closed")
        server.forget()
        other.forget()
        only_pass(place, *certs, concurrency=2, per_responder=3)
        assert server.peak <= 2 and other.peak <= 2


def test_a_hanging_responder_does_not_keep_the_others_waiting(place, ca, server):
    """All of the good one's certificates are offered before the first of the others has failed."""
    with responder.Responder() as hanging:
        hanging.fail_all(responder.HANG)
        certs = many(ca, hanging, 4) + many(ca, server, 60)
        result = only_pass(place, *certs, concurrency=6, per_responder=2, timeout_msec=3000)
    names = [m.name for m in result.order if m.name in ("OFFER", "EVENT")]
    assert names[:60] == ["OFFER"] * 60
    assert len(result.events) == 4


def test_a_dead_responder_is_given_up_for_this_pass(place, ca, server):
    """P7: the certificates that are not asked for any more fail for the same reason, and the next pass asks again."""
    certs = many(ca, server, 100)
    server.down()
    with fetcher.Fetcher(place, per_responder=4) as alone:
        for cert in certs:
            alone.add(cert)
        result = alone.run()
        assert result.reasons() == ["connect-failed"] * 100
        asked = [e for e in result.events if not e.detail.startswith("not asked")]
        assert 16 <= len(asked) < 16 + 4
        assert result.counts() == {"due": 100, "not_due": 0, "failed": 100, "refused": 0}
        server.up()
        assert len(alone.run().offers) == 100


def test_given_up_responders_certificates_go_on_to_their_next_url(place, ca, server):
    certs = ca.many(50, ocsp_urls=["http://127.0.0.1:1/", server.url])
    for cert in certs:
        server.answer(cert, pki.response(cert))
    result = only_pass(place, *certs)
    assert len(result.offers) == 50
    assert len(result.events) == 50
    assert result.counts()["failed"] == 0


def test_answers_of_any_kind_keep_a_responder_from_being_given_up(place, ca, server):
    certs = many(ca, server, 40)
    server.fail_all(responder.STATUS, 503)
    result = only_pass(place, *certs)
    assert result.reasons() == ["http-status"] * 40
    assert server.count() == 40


def test_progress_is_told_while_a_pass_runs(place, ca, server):
    certs = many(ca, server, 20)
    server.delay_sec = 0.1
    result = only_pass(place, *certs, per_responder=2)
    counts = [m.done for m in result.progress]
    assert len(counts) > 2 and counts == sorted(counts) and counts[-1] == 20
    assert {m.due for m in result.progress} == {20}


# What is asked for -----------------------------------------------------------------------------------------------------


# PARITY P8
def test_p8_an_expired_certificate_is_not_asked_for(place, ca, server):
    now = time.time()
    cert = leaf(ca, server, not_before=now - 90 * DAY, not_after=now - DAY)
    result = only_pass(place, cert, forced=True)
    assert result.counts() == {"due": 0, "not_due": 0, "failed": 0, "refused": 0}
    assert server.count() == 0 and result.events == []


# PARITY P9
def test_p9_a_certificate_without_a_responder_is_quiet(place, ca, server):
    result = only_pass(place, ca.leaf("quiet.test"), leaf(ca, server), forced=True)
    assert result.counts() == {"due": 1, "not_due": 0, "failed": 0, "refused": 0}
    assert result.events == [] and [number for number, _ in result.offers] == [1]


def test_what_cannot_be_read_is_not_asked_for(place, ca, server):
    result = only_pass(place, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", leaf(ca, server))
    assert result.counts()["due"] == 1


@pytest.mark.parametrize("name, held, due", [
    ("nothing", None, True),
    ("fresh", (-HOUR, 7 * DAY, -HOUR, "good"), False),
    ("fetched a day and a half ago", (-36 * HOUR, 7 * DAY, -36 * HOUR, "good"), True),
    ("past its half", (-5 * DAY, 2.5 * DAY, -HOUR, "good"), True),
    ("less left than margin and ttl", (-HOUR, 30.5 * HOUR, -HOUR, "good"), True),
    ("fetched in the future", (-HOUR, 7 * DAY, DAY, "good"), True),
    ("revoked", (-5 * DAY, DAY, -5 * DAY, "revoked"), False),
    ("unknown", (-5 * DAY, DAY, -5 * DAY, "unknown"), False),
    ("missing", (0, 0, 0, "missing"), True),
])
# PARITY P16
def test_p16_what_is_due(place, ca, server, name, held, due):
    now = time.time()
    cert = leaf(ca, server)
    with fetcher.Fetcher(place) as alone:
        alone.add(cert, held=held and holding(*(now + offset for offset in held[:3]), held[3]))
        result = alone.run()
        assert (len(result.offers) == 1) is due, name
        assert (result.done.due, result.done.not_due) == (int(due), int(not due))
        assert len(alone.run(forced=True).offers) == 1


# PARITY P16
def test_p16_what_was_accepted_is_not_due_again(place, ca, server):
    with fetcher.Fetcher(place) as alone:
        alone.add(leaf(ca, server))
        assert alone.run().done.due == 1
        again = alone.run()
        assert (again.done.due, again.done.not_due) == (0, 1)
        assert again.offers == []


# PARITY P6
@pytest.mark.parametrize("status", ["revoked", "unknown"])
def test_p6_revoked_and_unknown_are_the_writers_to_decide(place, ca, server, status):
    cert = leaf(ca, server)
    server.answer(cert, pki.response(cert, status))
    result = only_pass(place, cert)
    assert result.offers == [(0, server.answers[cert.serial])]
    assert result.events == []


def test_the_certificates_own_policy_is_kept(place, ca, server):
    """What is too short for one may do for another."""
    certs = [leaf(ca, server), leaf(ca, server)]
    for cert in certs:
        server.answer(cert, pki.response(cert, next_update=time.time() + 20 * HOUR))
    with fetcher.Fetcher(place) as alone:
        alone.add(certs[0])
        alone.add(certs[1], safety_margin_sec=HOUR)
        result = alone.run()
    assert result.reasons("response.rejected") == ["short-ttl"]
    assert [number for number, _ in result.offers] == [1]


def test_a_rejected_response_is_reported_with_its_times(place, ca, server):
    cert = leaf(ca, server)
    this_update, next_update = int(time.time()) - 9 * DAY, int(time.time()) - DAY
    server.answer(cert, pki.response(cert, this_update=this_update, next_update=next_update))
    result = only_pass(place, cert)
    event = result.events[0]
    assert (event.event_name, event.reason_word) == ("response.rejected", "expired")
    assert (event.this_update, event.next_update) == (this_update, next_update)
    assert event.http_status == 200 and event.bytes == len(server.answers[cert.serial]) and event.detail != ""


def test_an_offer_that_the_writer_refuses_is_counted(place, ca, server):
    with fetcher.Fetcher(place) as alone:
        alone.add(leaf(ca, server))
        alone.add(leaf(ca, server))
        result = alone.run(refuse={0: "rollback"})
    assert result.counts() == {"due": 2, "not_due": 0, "failed": 0, "refused": 1}


def test_the_pass_waits_for_every_answer(place, ca, server):
    with fetcher.Fetcher(place) as alone:
        alone.add(leaf(ca, server))
        result = alone.run(answer=False)
        assert len(result.offers) == 1
        with pytest.raises(TimeoutError):
            alone.writer.receive(0.3)
        alone.writer.send("ANSWER", cert_no=0, kind=wire.ACCEPTED, state=wire.STATES.index("good"))
        assert alone.follow().counts() == {"due": 1, "not_due": 0, "failed": 0, "refused": 0}


def test_what_is_held_may_be_told_before_the_certificate(place, ca, server):
    now = time.time()
    with fetcher.Fetcher(place) as alone:
        alone.writer.send("ANSWER", cert_no=1, kind=wire.HELD)
        alone.writer.send("ANSWER", cert_no=0, kind=wire.HELD, **holding(now, now + 7 * DAY, now))
        alone.add(leaf(ca, server), held=False)
        alone.add(leaf(ca, server), held=False)
        result = alone.run()
    assert [number for number, _ in result.offers] == [1]


def test_the_pass_begins_when_all_that_is_held_is_known(place, ca, server):
    with fetcher.Fetcher(place) as alone:
        alone.add(leaf(ca, server))
        alone.add(leaf(ca, server), held=False)
        alone.begin()
        with pytest.raises(TimeoutError):
            alone.writer.receive(0.3)
        assert server.count() == 0
        alone.writer.send("ANSWER", cert_no=1, kind=wire.HELD)
        assert len(alone.follow().offers) == 2


def test_no_certificates_are_a_pass_too(place):
    with fetcher.Fetcher(place) as alone:
        assert alone.run().counts() == {"due": 0, "not_due": 0, "failed": 0, "refused": 0}


def resident_bytes(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.scale
def test_a_certificate_takes_less_than_2_kib(place, ca, server):
    certs = ca.many(4000, ocsp_urls=[server.url, "http://ocsp.example.net/a/path/that/is/longer/than/most/are/"])
    now = time.time()
    with fetcher.Fetcher(place) as alone:
        before = resident_bytes(alone.pid)
        for cert in certs:
            alone.add(cert, held=holding(now, now + 7 * DAY, now))
        assert alone.run().done.not_due == len(certs)
        assert (resident_bytes(alone.pid) - before) / len(certs) < 2048
