# SPDX-License-Identifier: ISC
"""P10: whom the fetcher connects to: names from the hosts file and from DNS, the address policy, IPv4 and IPv6, the proxy,
TLS.  All of it from inside the jail, where no file can be opened and no thread started."""

import contextlib
import socket
import ssl
import threading

import pytest
from helpers import fetcher, nameserver, pki, responder, wire
from helpers.fetcher import leaf, only_pass

pytestmark = pytest.mark.skipif(not fetcher.can_mount(), reason="needs a mount namespace of its own")

PRIVATE, LOOPBACK = wire.ALLOW_PRIVATE, wire.ALLOW_LOOPBACK


@pytest.fixture
def dns():
    with nameserver.NameServer() as started:
        yield started


# The hosts file ------------------------------------------------------------------------------------------------------


def test_a_name_of_the_hosts_file(place, ca, server, dns):
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    result = only_pass(place, cert, hosts="127.0.0.1 other.test OCSP.test # c\n", resolv_conf=dns.resolv_conf)
    assert len(result.offers) == 1
    assert dns.seen == []


def test_localhost_is_never_asked_of_dns(place, ca, server, dns):
    dns.names["localhost"] = ["127.0.0.2"]
    cert = leaf(ca, server, f"http://localhost:{server.port}/")
    result = only_pass(place, cert, hosts="", resolv_conf=dns.resolv_conf)
    assert len(result.offers) == 1
    assert dns.seen == []


# IPv4 and IPv6 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("order", [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_the_other_family_is_tried(place, ca, listening, order):
    with responder.Responder(host=listening) as server:
        cert = leaf(ca, server, f"http://both.test:{server.port}/")
        result = only_pass(place, cert, hosts="".join(f"{address} both.test\n" for address in order))
    assert len(result.offers) == 1 and result.events == []


def test_all_addresses_are_tried_within_the_deadline(place, ca, server):
    """Each that refuses makes way for the next at once, so that time is left for the answer."""
    cert = leaf(ca, server, f"http://many.test:{server.port}/")
    server.delay_sec = 0.8
    hosts = "".join(f"127.0.1.{n} many.test\n" for n in range(14)) + "127.0.0.1 many.test\n"
    assert len(only_pass(place, cert, hosts=hosts, timeout_msec=2000).offers) == 1


# DNS -----------------------------------------------------------------------------------------------------------------


def test_a_name_of_dns(place, ca, server, dns):
    dns.names["ocsp.test"] = ["127.0.0.1"]
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    assert len(only_pass(place, cert, resolv_conf=dns.resolv_conf).offers) == 1


def test_a_name_with_ipv6_alone(place, ca, dns):
    with responder.Responder(host="::1") as server:
        dns.names["six.test"] = ["::1"]
        cert = leaf(ca, server, f"http://six.test:{server.port}/")
        assert len(only_pass(place, cert, resolv_conf=dns.resolv_conf).offers) == 1


def test_a_name_server_that_drops_questions_for_ipv6(place, ca, server, dns):
    """Some do.  The answer for the other family must not wait for them until the deadline."""
    dns.names["ocsp.test"] = ["127.0.0.1"]
    dns.silent.add(nameserver.AAAA)
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    result = only_pass(place, cert, resolv_conf=dns.resolv_conf, timeout_msec=1500)
    assert len(result.offers) == 1 and result.events == []


def test_an_answer_that_needs_tcp(place, ca, server, dns):
    dns.names["ocsp.test"] = ["127.0.0.1"]
    dns.truncated = True
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    assert len(only_pass(place, cert, resolv_conf=dns.resolv_conf).offers) == 1
    assert "tcp" in {transport for _, _, transport in dns.seen}


# PARITY P7
def test_p7_a_name_that_does_not_exist(place, ca, server, dns):
    cert = leaf(ca, server, f"http://nowhere.test:{server.port}/")
    result = only_pass(place, cert, resolv_conf=dns.resolv_conf)
    assert result.reasons() == ["name-not-found"]
    assert "nowhere.test" in result.events[0].detail


# PARITY P7
def test_p7_a_name_without_an_address(place, ca, server, dns):
    dns.names["empty.test"] = []
    cert = leaf(ca, server, f"http://empty.test:{server.port}/")
    assert only_pass(place, cert, resolv_conf=dns.resolv_conf).reasons() == ["name-not-found"]


# PARITY P7
def test_p7_name_servers_that_fail(place, ca, server, dns):
    dns.rcode = nameserver.SERVFAIL
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    assert only_pass(place, cert, resolv_conf=dns.resolv_conf, timeout_msec=20000).reasons() == ["resolver-failed"]


# PARITY P7
def test_p7_name_servers_that_do_not_answer(place, ca, server, dns):
    """The deadline of the exchange holds for the look-up too."""
    dns.silent.update((nameserver.A, nameserver.AAAA))
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    result = only_pass(place, cert, resolv_conf=dns.resolv_conf, timeout_msec=700)
    assert result.reasons() == ["resolver-failed"]
    assert "no answer within the timeout" in result.events[0].detail


def test_nobody_listens_at_the_name_servers_address(place, ca, server):
    cert = leaf(ca, server, f"http://ocsp.test:{server.port}/")
    result = only_pass(place, cert, resolv_conf="nameserver 127.0.0.78\n", timeout_msec=20000)
    assert result.reasons() == ["resolver-failed"]


def test_a_pass_asks_for_a_name_once(place, ca, server, dns):
    dns.names["ocsp.test"] = ["127.0.0.1"]
    certs = [leaf(ca, server, f"http://ocsp.test:{server.port}/{n}") for n in range(30)]
    result = only_pass(place, *certs, resolv_conf=dns.resolv_conf)
    assert len(result.offers) == 30
    assert (dns.count("ocsp.test", nameserver.A), dns.count("ocsp.test", nameserver.AAAA)) == (1, 1)


def test_a_pass_asks_once_for_a_name_that_does_not_exist(place, ca, server, dns):
    certs = [leaf(ca, server, f"http://nowhere.test:{server.port}/{n}") for n in range(12)]
    result = only_pass(place, *certs, resolv_conf=dns.resolv_conf)
    assert result.reasons() == ["name-not-found"] * 12
    assert dns.count("nowhere.test", nameserver.A) == 1


def test_many_names_at_a_time(place, ca, server, dns):
    certs = []
    for n in range(40):
        dns.names[f"ocsp{n}.test"] = ["127.0.0.1"]
        certs.append(leaf(ca, server, f"http://ocsp{n}.test:{server.port}/"))
    result = only_pass(place, *certs, resolv_conf=dns.resolv_conf, concurrency=40)
    assert len(result.offers) == 40


def test_a_redirect_to_another_name(place, ca, server, dns):
    """To a path without the request, which a GET cannot survive and a POST can."""
    dns.names["first.test"] = ["127.0.0.1"]
    dns.names["second.test"] = ["127.0.0.1"]
    with responder.Responder() as first:
        cert = leaf(ca, server, f"http://first.test:{first.port}/")
        first.fail_all(responder.REDIRECT, f"http://second.test:{server.port}/")
        result = only_pass(place, cert, resolv_conf=dns.resolv_conf)
    assert len(result.offers) == 1 and result.events == []
    assert server.methods() == {"GET": 1, "POST": 1}
    assert dns.count("second.test", nameserver.A) == 1


# The address policy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1."])
@pytest.mark.parametrize("flags, words", [(PRIVATE, ["address-refused"]), (PRIVATE | LOOPBACK, None)])
def test_loopback_is_asked_only_where_allowed(place, ca, server, address, flags, words):
    cert = leaf(ca, server, f"http://{address}:{server.port}/")
    result = only_pass(place, cert, flags=flags, timeout_msec=1000)
    if words is None:
        assert "address-refused" not in result.reasons()
    else:
        assert result.reasons() == words
        assert "allow_loopback" in result.events[0].detail
        assert server.connections == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254"])
def test_the_addresses_of_a_name_are_judged(place, ca, server, dns, address):
    """A name of the outside that leads inside, from DNS and from the hosts file."""
    dns.names["outside.test"] = [address]
    cert = leaf(ca, server, f"http://outside.test:{server.port}/")
    result = only_pass(place, cert, resolv_conf=dns.resolv_conf, flags=PRIVATE)
    assert result.reasons() == ["address-refused"]
    result = only_pass(place, cert, hosts=f"{address} outside.test\n", flags=PRIVATE)
    assert result.reasons() == ["address-refused"]
    assert server.connections == 0


@pytest.mark.parametrize("address", ["10.255.255.1", "192.168.255.1", "172.31.255.1", "100.64.0.1", "[fd00::1]"])
def test_private_addresses_are_asked_only_where_allowed(place, ca, server, address):
    cert = leaf(ca, server, f"http://{address}:1/")
    result = only_pass(place, cert, flags=LOOPBACK, timeout_msec=500)
    assert result.reasons() == ["address-refused"]
    assert "allow_private" in result.events[0].detail


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "224.0.0.1", "[ff02::1]", "0.0.0.0", "[::]",
                                     "255.255.255.255", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]"])
def test_some_addresses_are_never_asked(place, ca, server, address):
    cert = leaf(ca, server, f"http://{address}/")
    assert only_pass(place, cert, timeout_msec=500).reasons() == ["address-refused"]


def test_the_allowed_addresses_of_a_name_are_enough(place, ca, server):
    hosts = "169.254.1.1 mixed.test\nfe80::1 mixed.test\n127.0.0.1 mixed.test\n"
    cert = leaf(ca, server, f"http://mixed.test:{server.port}/")
    result = only_pass(place, cert, hosts=hosts)
    assert len(result.offers) == 1 and result.events == []


# The proxy -----------------------------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy that leads everything to one port of loopback.  refuse: a status for each request instead."""

    def __init__(self, target_port, refuse=None):
        self.target_port = target_port
        self.refuse = refuse
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            self.seen.append(head.split(b"\r\n")[0].decode())
            if self.refuse is not None:
                client.sendall(f"HTTP/1.1 {self.refuse} No\r\nContent-Length: 0\r\n\r\n".encode())
                return
            with socket.create_connection(("127.0.0.1", self.target_port)) as server:
                if head.startswith(b"CONNECT"):
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    server.sendall(head)
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join(5)


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


# PARITY P10
def test_p10_the_proxy_is_asked_for_the_whole_url(place, ca, server, dns):
    """And resolves the name itself; being named by the administrator, it may be on this machine."""
    cert = leaf(ca, server, "http://ocsp.example.net/path/")
    with Proxy(server.port) as proxy:
        result = only_pass(place, cert, proxy=proxy.url, flags=PRIVATE, resolv_conf=dns.resolv_conf)
        assert len(result.offers) == 1
        assert proxy.seen[0].startswith("GET http://ocsp.example.net/path/ME")
    assert dns.seen == []


# PARITY P10
def test_p10_the_proxys_own_name_is_looked_up(place, ca, server, dns):
    dns.names["proxy.test"] = ["127.0.0.1"]
    cert = leaf(ca, server, "http://ocsp.example.net/")
    with Proxy(server.port) as proxy:
        result = only_pass(place, cert, proxy=f"http://proxy.test:{proxy.port}", flags=0, resolv_conf=dns.resolv_conf)
    assert len(result.offers) == 1
    assert {name for name, _, _ in dns.seen} == {"proxy.test"}


def test_an_address_is_judged_before_the_proxy_is_asked_for_it(place, ca, server):
    cert = ca.leaf("shop.test", ocsp_urls=["http://127.0.0.1/", "http://169.254.169.254/", "http://10.0.0.1/"])
    with Proxy(server.port) as proxy:
        result = only_pass(place, cert, proxy=proxy.url, flags=0)
        assert proxy.seen == []
    assert result.reasons() == ["address-refused"] * 3


@pytest.mark.parametrize("address", ["169.254.1.1", "[fe80::1]", "224.0.0.1", "0.0.0.0"])
def test_some_addresses_are_no_proxy(place, ca, server, address):
    cert = leaf(ca, server, "http://ocsp.example.net/")
    result = only_pass(place, cert, proxy=f"http://{address}:3128", timeout_msec=500)
    assert result.reasons() == ["address-refused"]


# PARITY P7
@pytest.mark.parametrize("refuse", [407, None])
def test_p7_a_proxy_that_refuses_or_is_gone(place, ca, server, refuse):
    cert = leaf(ca, server, "http://ocsp.example.net/")
    with Proxy(server.port, refuse) as proxy:
        url = proxy.url if refuse else f"http://127.0.0.1:{responder.free_port()}"
        result = only_pass(place, cert, proxy=url)
    assert result.reasons() == ["proxy-failed"]


# PARITY P7
def test_p7_a_proxy_that_does_not_exist(place, ca, server, dns):
    cert = leaf(ca, server, "http://ocsp.example.net/")
    result = only_pass(place, cert, proxy="http://nowhere.test:3128", resolv_conf=dns.resolv_conf)
    assert result.reasons() == ["proxy-failed"]
    assert "nowhere.test" in result.events[0].detail


def test_the_environments_proxy_is_not_used(place, ca, server):
    cert = leaf(ca, server, server.url)
    with Proxy(server.port) as proxy:
        wrapper = ["/usr/bin/env", f"http_proxy={proxy.url}", f"ALL_PROXY={proxy.url}"]
        assert len(only_pass(place, cert, wrapper=wrapper).offers) == 1
        assert proxy.seen == []


# TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(place, authorities):
    """A responder that speaks TLS, as "localhost"."""
    cert = authorities.ca.leaf("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.write_fullchain(place / "tls.pem", cert), pki.write_key(place / "tls.key", cert))
    with responder.Responder(tls=context) as started:
        yield started


def ca_file(place, *certs):
    return str(pki.write_pem(place / "ca.pem", *certs))


def test_https_with_the_ca_file(place, authorities, tls):
    certs = [leaf(authorities.ca, tls, f"https://localhost:{tls.port}/{n}") for n in range(10)]
    result = only_pass(place, *certs, ca_file=ca_file(place, authorities.root), per_responder=2)
    assert len(result.offers) == 10
    assert tls.connections <= 2


def test_https_through_the_proxy(place, authorities, tls):
    cert = leaf(authorities.ca, tls, f"https://localhost:{tls.port}/")
    with Proxy(tls.port) as proxy:
        result = only_pass(place, cert, ca_file=ca_file(place, authorities.root), proxy=proxy.url)
        assert proxy.seen == [f"CONNECT localhost:{tls.port} HTTP/1.1"]
    assert len(result.offers) == 1


# PARITY P7
@pytest.mark.parametrize("status", [403, 407, 502])
def test_p7_a_proxy_that_refuses_connect(place, authorities, tls, status):
    cert = leaf(authorities.ca, tls, f"https://localhost:{tls.port}/")
    with Proxy(tls.port, status) as proxy:
        result = only_pass(place, cert, ca_file=ca_file(place, authorities.root), proxy=proxy.url)
    assert result.reasons() == ["proxy-failed"]
    assert str(status) in result.events[0].detail


def test_https_with_an_intermediate_as_the_ca_file(place, authorities, tls):
    cert = leaf(authorities.ca, tls, f"https://localhost:{tls.port}/")
    assert len(only_pass(place, cert, ca_file=ca_file(place, authorities.ca)).offers) == 1


# PARITY P7
@pytest.mark.parametrize("kind", ["stranger", "other name", "no file", "empty"])
def test_p7_https_that_cannot_be_believed(place, authorities, tls, kind):
    host = "127.0.0.1" if kind == "other name" else "localhost"
    cert = leaf(authorities.ca, tls, f"https://{host}:{tls.port}/")
    path = {
        "stranger": lambda: ca_file(place, authorities.stranger), "other name": lambda: ca_file(place, authorities.root),
        "no file": lambda: str(place / "missing.pem"), "empty": lambda: "",
    }[kind]()
    alone = fetcher.Fetcher(place, ca_file=path)
    with alone:
        alone.add(cert)
        result = alone.run()
    assert result.reasons() == ["tls-failed"]
    assert tls.count() == 0
    assert ["ca_file" in line.text for line in alone.logs] == ([True] if kind == "no file" else [])


# PARITY P7
def test_p7_http_where_tls_was_expected(place, authorities, tls):
    cert = leaf(authorities.ca, tls, f"http://localhost:{tls.port}/")
    assert only_pass(place, cert).reasons() == ["connection-lost"]


# PARITY P7
def test_p7_tls_where_http_was_expected(place, authorities, server):
    """The server there waits for the rest of a request."""
    cert = leaf(authorities.ca, server, f"https://localhost:{server.port}/")
    assert only_pass(place, cert, timeout_msec=700).reasons() == ["timeout"]
