# SPDX-License-Identifier: ISC
"""A responder that lies in HTTP, stalls, floods, or whose name leads elsewhere at each look: the fetcher needs bounded memory and
connections, says what was wrong, and others are served meanwhile.

Each plain fault alone (no answer, cut off, slow, endless, redirects, single addresses) is in test_fetcher_alone, test_fetcher_names and
test_responder_faults; responses that do not verify are in the latter.
"""

import gzip
import os
import time

import pytest
from helpers import fetcher, nameserver, pki, responder, wire
from helpers.daemon import Daemon, wait_until
from helpers.fetcher import leaf
from helpers.scripted import Scripted, http, ocsp_answer
from helpers.stapleguard import FRESH

# Libraries, the CA bundle, a handful of exchanges with 64 KiB each.
MEMORY_MAX_KIB = 64 * 1024
TYPE = b"Content-Type: application/ocsp-response\r\n"
MIB = 1 << 20


def with_length(length, body):
    """A right answer that says another length, or several."""
    lines = b"".join(b"Content-Length: " + line + b"\r\n" for line in length)
    return b"HTTP/1.1 200 OK\r\n" + TYPE + lines + b"\r\n" + body


def chunked(body, head=b""):
    return b"HTTP/1.1 200 OK\r\n" + TYPE + b"Transfer-Encoding: chunked\r\n" + head + b"\r\n" + body


# name: (what comes after the request, what may be said of it; "good": it is a right answer all the same)
def lies(der):
    size = str(len(der)).encode()
    head = b"HTTP/1.1 200 OK\r\n" + TYPE
    bomb = gzip.compress(bytes(40 * MIB), 9)
    return {
        "gzip bomb": (http(200, bomb, Content_Type="application/ocsp-response", Content_Encoding="gzip"), {"too-large"}),
        "gzip bomb as transfer": (head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n",
                                  {"body-too-large"}),
        "length too small": (with_length([str(len(der) - 5).encode()], der), {"malformed"}),
        "length too large": (with_length([str(len(der) + 5).encode()], der), {"timeout", "connection-lost"}),
        "length negative": (with_length([b"-1"], der), {"network-error", "connection-lost", "timeout", "malformed", "good"}),
        "length no number": (with_length([b"many"], der), {"network-error", "malformed", "timeout", "good"}),
        "length of 2^64": (with_length([b"18446744073709551616"], der), {"body-too-large", "network-error", "timeout"}),
        "lengths that differ": (with_length([b"5", size], der), {"network-error", "malformed", "good"}),
        "chunk of 2^64": (chunked(b"10000000000000000\r\n" + der), {"network-error", "connection-lost", "timeout"}),
        "chunk without end": (chunked(b"ffffffff\r\n" + bytes(200000)), {"body-too-large"}),
        "chunk size no number": (chunked(b"lots\r\n" + der), {"connection-lost", "network-error"}),
        "chunk size a line of 100 KB": (chunked(b"5;" + b"x" * 100000 + b"\r\n" + der[:5]), {"network-error", "body-too-large", "timeout"}),
        "endless trailer": (chunked(b"%x\r\n" % len(der) + der + b"\r\n0\r\n" + b"X: y\r\n" * 200000),
                            {"headers-too-large", "body-too-large", "network-error", "timeout"}),
        "10,000 header lines": (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10000)) + TYPE + b"\r\n" + der,
                                {"headers-too-large"}),
        "100,000 interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 100000, {"headers-too-large", "network-error", "timeout"}),
        "status line of 1 MB": (b"HTTP/1.1 200 " + b"x" * MIB + b"\r\n\r\n", {"headers-too-large", "network-error"}),
        "NUL in a header": (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n" + TYPE + b"Content-Length: " + size + b"\r\n\r\n" + der,
                            {"network-error", "good"}),
        "HTTP/0.9": (der, {"network-error"}),
        "HTTP/9.9": (b"HTTP/9.9 200 OK\r\n" + TYPE + b"\r\n" + der, {"network-error"}),
        "an upgrade": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + der,
                       {"http-status", "network-error", "timeout"}),
        "a cookie, and a type in disguise": (http(200, der, Set_Cookie="a=b", Content_Type="text/html\tapplication/ocsp-response"),
                                             {"content-type"}),
        "a redirect to a file": (http(302, Location="file:///etc/passwd"), {"redirect-refused"}),
        "a redirect to gopher": (http(302, Location="gopher://127.0.0.1/"), {"redirect-refused"}),
        "a redirect to link-local": (http(302, Location="http://169.254.169.254/latest/meta-data/"), {"address-refused", "redirect-refused"}),
        "a redirect with a password": (http(302, Location="http://user:secret@127.0.0.1:1/"), {"redirect-refused", "connect-failed"}),
        "a redirect of 1 MB": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/" + b"x" * MIB + b"\r\n\r\n",
                               {"headers-too-large", "redirect-refused"}),
    }


def high_water_kib(alone):
    return int(alone.status()["VmHWM"].split()[0])


@pytest.mark.parametrize("name", lies(b""))
def test_a_lie_is_named_and_another_responder_is_asked_all_the_same(place, ca, server, name):
    cert = ca.leaf("shop.test")
    answer, words = lies(pki.response(cert))[name]
    good = leaf(ca, server)
    with Scripted(lambda *_: answer) as scripted, fetcher.Fetcher(place, timeout_msec=1500, concurrency=2, per_responder=1) as alone:
        victim = alone.add(cert, responder=scripted.url)
        served = alone.add(good)
        result = alone.run()
        assert high_water_kib(alone) < MEMORY_MAX_KIB
    assert result.offered(served) == [server.answers[good.serial]]
    said = {e.reason_word for e in result.events if e.cert_no == victim}
    if result.offered(victim):
        assert "good" in words and result.offered(victim) == [pki.response(cert)] or said <= words
    else:
        assert said and said <= words, result.events


def test_junk_behind_an_answer_is_not_the_next_answer(place, ca):
    """On a kept connection, what was sent unasked would be a `revoked` for the certificate that is asked for next."""
    certs = [ca.leaf(f"shop{n}.test") for n in range(6)]
    goods = {cert.serial: pki.response(cert) for cert in certs}
    junk = b"".join(ocsp_answer(pki.response(cert, status="revoked")) for cert in certs)

    def reply(_method, target, _headers, _count):
        return ocsp_answer(goods[responder.serial_of(responder.request_in(target))]) + junk

    with Scripted(reply) as scripted, fetcher.Fetcher(place, timeout_msec=2000, concurrency=1, per_responder=1) as alone:
        numbers = [alone.add(cert, responder=scripted.url) for cert in certs]
        result = alone.run()
    for number, cert in zip(numbers, certs):
        assert set(result.offered(number)) <= {goods[cert.serial]}
    assert result.offers, result.events


@pytest.mark.parametrize("kind", [responder.HANG, responder.SLOW, responder.SLOW_BODY, responder.ENDLESS_HEADERS, responder.ENDLESS])
def test_hundreds_at_a_stalling_responder_cost_few_connections_and_hold_up_nobody(place, ca, server, kind):
    stalled = ca.many(200, ocsp_urls=["http://replaced.test/"])
    goods = fetcher.many(ca, server, 40)
    with responder.Responder() as bad, fetcher.Fetcher(place, timeout_msec=300, concurrency=32, per_responder=4) as alone:
        bad.fail_all(kind)
        for cert in stalled:
            alone.add(cert, responder=bad.url)
        numbers = [alone.add(cert) for cert in goods]
        result = alone.run(timeout_sec=120)
        assert high_water_kib(alone) < MEMORY_MAX_KIB
        # One that was just cut off may still be open at the other end.
        assert bad.peak <= 8
    assert all(result.offered(number) for number in numbers)
    if kind in (responder.HANG, responder.SLOW, responder.SLOW_BODY):
        # It rests, instead of being waited for 200 times.
        assert bad.connections < len(stalled)


# Names that change ----------------------------------------------------------------------------------------------------------


class Changing(dict):
    """names of a NameServer: each look-up of a name takes the next of its answers, the last one for ever."""

    def __init__(self, **answers):
        super().__init__()
        self.answers = {f"{name}.test": list(found) for name, found in answers.items()}

    def get(self, name, default=None):
        found = self.answers.get(name)
        if found is None:
            return default
        return found.pop(0) if len(found) > 1 else found[0]

    def __contains__(self, name):
        return name in self.answers


needs_mounts = pytest.mark.skipif(not fetcher.can_mount(), reason="needs a mount namespace of its own")


# common/bounds.h: NAME_KEEP_SEC, and how long a look at the clock may come late.
NAME_KEEP_SEC = 60 + 2
ELSEWHERE = ["169.254.169.254", "fe80::1", "224.0.0.1", "::ffff:169.254.169.254", "0.0.0.0"]


@needs_mounts
def test_a_name_that_leads_elsewhere_the_second_time_is_judged_again(place, ca, server):
    """Rebinding: what was allowed once is not allowed by name.  Each look-up is two questions, A and AAAA."""
    with nameserver.NameServer() as dns:
        dns.names = Changing(**{f"rebind{n}": [["127.0.0.1"], ["127.0.0.1"], [later]] for n, later in enumerate(ELSEWHERE)})
        with fetcher.Fetcher(place, resolv_conf=dns.resolv_conf, timeout_msec=2000) as alone:
            numbers = [alone.add(leaf(ca, server, f"http://rebind{n}.test:{server.port}/")) for n in range(len(ELSEWHERE))]
            first = alone.run(forced=True)
            within = alone.run(forced=True)  # what was judged is kept, and asked again
            server.down()  # and with it the connections that were kept
            server.up()
            time.sleep(NAME_KEEP_SEC)
            asked = server.connections
            later = alone.run(forced=True)
    assert all(first.offered(number) and within.offered(number) for number in numbers), (first.events, within.events)
    assert later.reasons() == ["address-refused"] * len(ELSEWHERE) and not later.offers
    assert server.connections == asked


@needs_mounts
def test_what_was_judged_is_what_is_asked(place, ca, server):
    """Between the judgement and the connection nobody looks the name up again: a second answer would lead to link-local."""
    with nameserver.NameServer() as dns:
        dns.names = Changing(rebind=[["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]])
        cert = leaf(ca, server, f"http://rebind.test:{server.port}/")
        with fetcher.Fetcher(place, resolv_conf=dns.resolv_conf, timeout_msec=2000) as alone:
            number = alone.add(cert)
            result = alone.run()
    assert result.offered(number) and result.events == []
    assert dns.count("rebind.test", nameserver.A) == 1


@needs_mounts
def test_a_redirect_to_a_name_that_changes_is_judged_where_it_leads(place, ca, server):
    with nameserver.NameServer() as dns, responder.Responder() as first:
        dns.names = Changing(rebind=[["169.254.169.254"]], first=[["127.0.0.1"]])
        cert = leaf(ca, server, f"http://first.test:{first.port}/")
        first.fail_all(responder.REDIRECT, f"http://rebind.test:{server.port}/")
        result = fetcher.only_pass(place, cert, resolv_conf=dns.resolv_conf, timeout_msec=2000)
    assert result.reasons() == ["address-refused"]
    assert server.connections == 0


# The service ------------------------------------------------------------------------------------------------------------------


def test_the_service_serves_the_others_while_a_responder_stalls(site):
    """Staples come, and are refreshed on demand, while another CA's responder holds every connection it can get."""
    good = {f"good{n}.test": site.leaf(f"good{n}.test") for n in range(5)}
    with responder.Responder() as bad:
        bad.fail_all(responder.SLOW)
        for n in range(30):
            site.leaf(f"bad{n}.test", ocsp_urls=[bad.url])
        site.sg.set("fetch", timeout="2s", per_responder=4)
        site.sg.set("apache", commit_delay="1s")
        daemon = Daemon(site.sg).start()
        wait_until(lambda: set(site.sg.entries()) == {cert.sha1 for cert in good.values()}, "the staples of the good ones")
        name, cert = next(iter(good.items()))
        newer = site.good(cert, this_update=int(time.time()) - 60)
        site.responder.answer(cert, newer)
        daemon.cli("refresh", name, code=0)
        wait_until(lambda: site.sg.staple(cert) == newer, "the newer staple")
        fetcher_pid = daemon.pids("fetcher")[0]
        memory = [line for line in open(f"/proc/{fetcher_pid}/status", encoding="ascii") if line.startswith("VmHWM")]
        assert int(memory[0].split()[1]) < MEMORY_MAX_KIB
        assert bad.peak <= 8
        assert len(os.listdir(f"/proc/{fetcher_pid}/fd")) < 64
        code, _ = daemon.stop()
    assert code == FRESH
