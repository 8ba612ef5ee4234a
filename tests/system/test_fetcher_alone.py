# SPDX-License-Identifier: ISC
"""P7, P10: how the fetcher asks, what it takes for an answer, how long it waits: the real executable between a supervisor
and a writer that are us."""

import time

import pytest
from helpers import fetcher, pki, responder
from helpers.fetcher import leaf, only_pass, run_at
from helpers.scripted import Scripted, http, ocsp_answer

DAY = 86400


# How it asks ---------------------------------------------------------------------------------------------------------


# PARITY P10
def test_p10_what_the_responder_gives_is_offered_unchanged(place, ca, server):
    cert = leaf(ca, server)
    result = only_pass(place, cert)
    assert result.offers == [(0, server.answers[cert.serial])]
    assert result.counts() == {"due": 1, "not_due": 0, "failed": 0, "refused": 0}
    assert (result.done.done, result.done.failed) == (1, 0)
    assert result.events == []


# PARITY P10
def test_p10_get_says_what_it_wants_and_who_it_is(place, ca, server):
    only_pass(place, leaf(ca, server))
    seen = server.seen[0]
    assert seen.method == "GET"
    assert seen.headers["accept"] == "application/ocsp-response"
    assert seen.headers["user-agent"].startswith("stapleguard/")
    assert not {"accept-encoding", "expect", "cookie", "authorization", "content-type"} & set(seen.headers)


# PARITY P10
def test_p10_post_where_the_url_would_be_too_long(place, ca, server):
    cert = leaf(ca, server, server.url + "p" * 200)
    result = only_pass(place, cert)
    assert len(result.offers) == 1
    assert server.methods() == {"POST": 1}
    assert server.seen[0].headers["content-type"] == "application/ocsp-request"
    assert "expect" not in server.seen[0].headers


# PARITY P10
def test_p10_post_where_the_url_has_a_query(place, ca, server):
    cert = leaf(ca, server, server.url + "?ca=1")
    assert len(only_pass(place, cert).offers) == 1
    assert server.methods() == {"POST": 1}


# PARITY P10
@pytest.mark.parametrize("status", [400, 403, 404, 405, 414, 500, 501, 502])
def test_p10_post_after_a_get_that_is_refused(place, ca, status):
    cert = ca.leaf("shop.test", ocsp_urls=["http://127.0.0.1:1/"])
    der = pki.response(cert)
    with Scripted(lambda method, *_: ocsp_answer(der) if method == "POST" else http(status)) as scripted:
        with fetcher.Fetcher(place) as alone:
            alone.add(cert, responder=scripted.url)
            result = alone.run()
    assert result.offers == [(0, der)]
    assert [method for method, _ in scripted.requests] == ["GET", "POST"]


# PARITY P10
@pytest.mark.parametrize("status", [429, 503])
def test_p10_no_post_when_told_to_come_later(place, ca, status):
    cert = ca.leaf("shop.test", ocsp_urls=["http://127.0.0.1:1/"])
    with Scripted(lambda *_: http(status, Retry_After="120")) as scripted:
        with fetcher.Fetcher(place) as alone:
            alone.add(cert, responder=scripted.url)
            result = alone.run()
    assert [method for method, _ in scripted.requests] == ["GET"]
    assert [(e.reason_word, e.http_status) for e in result.events] == [("http-status", status)]


# PARITY P10
@pytest.mark.parametrize("kind", ["page", "empty", "garbage", "malformedrequest", "unauthorized", "stale"])
def test_p10_post_after_a_get_that_brought_no_usable_response(place, ca, kind):
    cert = ca.leaf("shop.test", ocsp_urls=["http://127.0.0.1:1/"])
    der = pki.response(cert)
    now = time.time()
    got = {
        "page": http(200, b"<html>", Content_Type="text/html"),
        "empty": ocsp_answer(b""),
        "garbage": ocsp_answer(b"no DER"),
        "malformedrequest": ocsp_answer(pki.unsuccessful("malformedrequest")),
        "unauthorized": ocsp_answer(pki.unsuccessful("unauthorized")),
        "stale": ocsp_answer(pki.response(cert, this_update=now - 9 * DAY, next_update=now - 2 * DAY)),
    }[kind]
    with Scripted(lambda method, *_: ocsp_answer(der) if method == "POST" else got) as scripted:
        with fetcher.Fetcher(place) as alone:
            alone.add(cert, responder=scripted.url)
            result = alone.run()
    assert result.offers == [(0, der)]
    assert result.events == []


def test_a_failed_post_names_the_get_before_it(place, ca, server):
    cert = leaf(ca, server)
    server.fail_all(responder.STATUS, 500)
    result = only_pass(place, cert)
    assert len(result.events) == 1
    assert result.events[0].detail == "HTTP status 500; by POST, after GET ended with http-status"
    assert server.methods() == {"GET": 1, "POST": 1}


# PARITY P10
def test_p10_every_url_in_turn_until_one_answers(place, ca, server):
    with responder.Responder() as lying, responder.Responder() as failing:
        urls = ["http://127.0.0.1:1/", failing.url, lying.url, server.url, "http://127.0.0.1:2/"]
        cert = leaf(ca, server, *urls)
        failing.fail_all(responder.STATUS, 503)
        lying.answer(cert, pki.response(cert, signer=pki.Authority.root("somebody else")))
        result = only_pass(place, cert)
    assert result.offers == [(0, server.answers[cert.serial])]
    assert [(e.event_name, e.reason_word, e.responder) for e in result.events] == [
        ("fetch.failed", "connect-failed", urls[0]),
        ("fetch.failed", "http-status", urls[1]),
        ("response.rejected", "signer-not-authorised", urls[2]),
    ]
    assert result.counts()["failed"] == 0


# PARITY P7
def test_p7_a_certificate_has_failed_when_all_its_urls_have(place, ca, server):
    good, bad = leaf(ca, server), ca.leaf("bad.test", ocsp_urls=["http://127.0.0.1:1/", "http://127.0.0.1:2/"])
    result = only_pass(place, bad, good)
    assert result.reasons() == ["connect-failed", "connect-failed"]
    assert result.counts() == {"due": 2, "not_due": 0, "failed": 1, "refused": 0}
    assert [number for number, _ in result.offers] == [1]
    assert result.progress[-1].failed == 1


def test_an_url_that_is_not_understood_fails_alone(place, ca, server):
    cert = leaf(ca, server, "http://user:secret@127.0.0.1/", "http://127.0.0.1:0/", server.url)
    result = only_pass(place, cert)
    assert result.reasons() == ["url-malformed", "url-malformed"]
    assert len(result.offers) == 1


# Redirects -----------------------------------------------------------------------------------------------------------


def redirecting(*places):
    """A server that sends to each of places in turn."""
    return Scripted(lambda _method, _target, _headers, count: http(302, Location=places[(count - 1) % len(places)]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(place, ca, server, status):
    cert = leaf(ca, server)
    with Scripted(lambda *_: http(status, Location=server.url + "x/" + "A" * 8)) as scripted:
        server.answer(cert, pki.response(cert))
        result = run_at(place, cert, scripted.url + "p" * 200)
    assert server.methods() == {"POST": 1}
    assert len(result.offers) == 1


def test_a_relative_redirect_stays_at_the_server(place, ca):
    cert = ca.leaf("shop.test")
    der = pki.response(cert)

    def reply(_method, target, *_):
        return ocsp_answer(der) if target == "/there" else http(302, Location="/there")

    with Scripted(reply) as scripted:
        result = run_at(place, cert, scripted.url)
    assert result.offers == [(0, der)]


def test_two_redirects_are_followed_and_a_third_is_not(place, ca):
    cert = ca.leaf("shop.test")
    der = pki.response(cert)

    def reply(_method, target, *_):
        if target == "/2":
            return ocsp_answer(der)
        return http(302, Location={"/1": "/2"}.get(target, "/1"))

    with Scripted(reply) as scripted:
        assert run_at(place, cert, scripted.url).offers == [(0, der)]
    with redirecting("/1", "/2", "/3", "/4") as scripted:
        result = run_at(place, cert, scripted.url)
        assert result.reasons() == ["too-many-redirects"]
        assert len(scripted.requests) == 3


@pytest.mark.parametrize("where", [
    "https://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "http://user:secret@127.0.0.1/", "http://", "//",
    "http://127.0.0.1/" + "x" * 1024, "gopher://127.0.0.1:25/",
])
def test_a_redirect_elsewhere_is_refused(place, ca, where):
    with redirecting(where) as scripted:
        result = run_at(place, ca.leaf("shop.test"), scripted.url)
    assert result.reasons() == ["redirect-refused"]
    assert len(scripted.requests) == 1


def test_a_redirect_to_nowhere_is_refused(place, ca):
    with Scripted(lambda *_: http(302)) as scripted:
        result = run_at(place, ca.leaf("shop.test"), scripted.url)
    assert result.reasons() == ["redirect-refused"]


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0", "224.0.0.1"])
def test_a_redirect_is_held_to_the_address_policy(place, ca, address):
    with redirecting(f"http://{address}/latest/meta-data/") as scripted:
        result = run_at(place, ca.leaf("shop.test"), scripted.url)
    assert result.reasons() == ["address-refused"]
    assert f"redirected to http://{address.lower()}" in result.events[0].detail or "[::ffff:" in address


# Bounds --------------------------------------------------------------------------------------------------------------


FAULTS = {
    responder.HANG: "timeout",
    responder.SLOW: "timeout",
    responder.SLOW_BODY: "timeout",
    responder.ENDLESS: "body-too-large",
    responder.MANY_HEADERS: "headers-too-large",
    responder.ENDLESS_HEADERS: "headers-too-large",
    responder.TRUNCATED: "connection-lost",
    responder.CLOSE: "connection-lost",
    responder.RESET: "connection-lost",
    responder.GARBAGE: "network-error",
    responder.CONTENT_TYPE: "content-type",
    responder.NO_CONTENT_TYPE: "content-type",
    responder.EMPTY: "empty-body",
}


# PARITY P7
@pytest.mark.parametrize("kind", FAULTS)
def test_p7_each_fault_has_its_word(place, ca, server, kind):
    cert = leaf(ca, server)
    server.fail_all(kind)
    result = only_pass(place, cert, timeout_msec=1000)
    assert result.reasons() == [FAULTS[kind]]
    assert result.counts()["failed"] == 1
    assert result.events[0].responder == server.url
    assert result.events[0].cert_no == 0
    assert FAULTS[kind] != "timeout" or result.events[0].duration_msec >= 1000


def test_too_much_header_is_cut_off_at_once(place, ca, server):
    """And not when the deadline comes: another exchange, begun at the same time and slow, ends later."""
    server.delay_sec = 1.0
    header = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(17))
    with Scripted(lambda *_: header) as scripted, fetcher.Fetcher(place, timeout_msec=8000) as alone:
        alone.add(ca.leaf("shop.test"), responder=scripted.url)
        alone.add(leaf(ca, server))
        result = alone.run()
    assert result.reasons() == ["headers-too-large"]
    assert [m.name for m in result.order if m.name in ("EVENT", "OFFER")] == ["EVENT", "OFFER"]


def test_a_header_line_without_end_is_cut_off(place, ca):
    with Scripted(lambda *_: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300000) as scripted:
        result = run_at(place, ca.leaf("shop.test"), scripted.url)
    assert result.reasons() == ["headers-too-large"]


def test_max_body_is_exact(place, ca):
    cert = ca.leaf("shop.test")
    with Scripted(lambda *_: ocsp_answer(bytes(20001))) as scripted:
        assert run_at(place, cert, scripted.url, max_body=20000).reasons() == ["body-too-large"]
        assert run_at(place, cert, scripted.url, max_body=20001).reasons("response.rejected") == ["too-large"]


def test_an_endless_error_page_is_an_error_page(place, ca):
    with Scripted(lambda *_: http(500, bytes(200000), Content_Type="text/html")) as scripted:
        result = run_at(place, ca.leaf("shop.test"), scripted.url)
    assert result.reasons() == ["http-status"]
    assert [method for method, _ in scripted.requests] == ["GET", "POST"]


def test_a_response_longer_than_apache_can_serve_is_rejected(place, ca, server):
    cert = leaf(ca, server)
    server.answer(cert, b"\x30\x82\x27\xfc" + bytes(10236))
    result = only_pass(place, cert)
    assert result.reasons("response.rejected") == ["too-large"]
    assert result.events[0].bytes == 10240


@pytest.mark.parametrize("kind", [
    "Application/OCSP-Response", "application/ocsp-response; charset=x", "application/ocsp-response ;a=b",
])
def test_the_media_type_may_be_written_in_several_ways(place, ca, server, kind):
    cert = leaf(ca, server)
    server.fail_all(responder.CONTENT_TYPE, kind)
    assert len(only_pass(place, cert).offers) == 1


def test_one_deadline_spans_get_and_post(place, ca):
    """Each of them alone would be in time."""
    cert = ca.leaf("shop.test")
    der = pki.response(cert)

    def reply(method, *_):
        time.sleep(0.7)
        return ocsp_answer(der) if method == "POST" else http(404)

    with Scripted(reply) as scripted:
        assert run_at(place, cert, scripted.url, timeout_msec=1100).reasons() == ["timeout"]
        assert run_at(place, cert, scripted.url, timeout_msec=10000).offers == [(0, der)]


def test_one_deadline_spans_redirects(place, ca):
    def reply(_method, _target, _headers, count):
        time.sleep(0.5)
        return http(302, Location=f"/{count}")

    with Scripted(reply) as scripted:
        assert run_at(place, ca.leaf("shop.test"), scripted.url, timeout_msec=1200).reasons() == ["timeout"]


def test_the_next_url_has_its_own_deadline(place, ca, server):
    cert = leaf(ca, server, "http://127.0.0.1:1/", server.url)
    with responder.Responder() as hanging:
        hanging.fail_all(responder.HANG)
        cert = leaf(ca, server, hanging.url, server.url)
        server.delay_sec = 0.5
        result = only_pass(place, cert, timeout_msec=1000)
    assert result.reasons() == ["timeout"]
    assert len(result.offers) == 1
