# SPDX-License-Identifier: ISC
"""P10: how a responder is asked: every URL in turn, GET or POST, IPv4 and IPv6, by name, through a proxy, over TLS."""

import ssl

import pytest
from helpers import pki, responder
from helpers.stapleguard import FRESH, NO_STAPLE


# PARITY P10
def test_p10_a_get_is_enough(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    assert site.responder.methods() == {"GET": 1}


# PARITY P10
def test_p10_post_when_get_is_refused(site):
    cert = site.leaf("shop.test")
    site.responder.fail_all(responder.GET_REFUSED)
    site.sg.once(expect=FRESH)
    assert site.responder.methods() == {"GET": 1, "POST": 1}
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# PARITY P10
def test_p10_a_post_has_the_type_of_an_ocsp_request(site):
    site.leaf("shop.test")
    site.responder.fail_all(responder.GET_REFUSED)
    site.sg.once(expect=FRESH)
    post = next(seen for seen in site.responder.seen if seen.method == "POST")
    assert post.headers["content-type"] == "application/ocsp-request"


# PARITY P10
def test_p10_the_responders_own_path_stands_before_the_request(site):
    site.leaf("shop.test", ocsp_urls=[site.responder.url + "ocsp/leaf"])
    site.sg.once(expect=FRESH)
    assert site.responder.seen[0].target.startswith("/ocsp/leaf/")


# PARITY P10
def test_p10_the_second_url_is_asked_when_the_first_one_fails(site):
    closed = f"http://127.0.0.1:{responder.free_port()}/"
    cert = site.leaf("shop.test", ocsp_urls=[closed, site.responder.url])
    site.sg.once(expect=FRESH)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# PARITY P10
def test_p10_the_second_url_is_asked_when_the_first_one_lies(site):
    with responder.Responder() as liar:
        cert = site.leaf("shop.test", ocsp_urls=[liar.url, site.responder.url])
        liar.answer(cert, site.good(cert)[:-1] + b"\x00")
        site.sg.once(expect=FRESH)
        assert liar.count(cert) >= 1
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# PARITY P10
def test_p10_an_url_of_another_scheme_is_passed_over(site):
    cert = site.leaf("shop.test", ocsp_urls=["ldap://ldap.test/", site.responder.url])
    site.sg.once(expect=FRESH)
    assert site.responder.count(cert) == 1


# PARITY P10
def test_p10_ipv6(site):
    with responder.Responder("::1") as six:
        cert = site.leaf("shop.test", ocsp_urls=[six.url])
        six.answer(cert, site.good(cert))
        site.sg.once(expect=FRESH)
        assert six.count(cert) == 1


# PARITY P10
def test_p10_a_name_is_looked_up(site):
    cert = site.leaf("shop.test", ocsp_urls=[f"http://localhost:{site.responder.port}/"])
    site.sg.once(expect=FRESH)
    assert site.responder.count(cert) == 1
    assert site.responder.seen[0].headers["host"] == f"localhost:{site.responder.port}"


# PARITY P10
def test_p10_a_name_that_does_not_exist_is_named(site):
    site.leaf("shop.test", ocsp_urls=["http://no-such-name.invalid/"])
    result = site.sg.once(expect=NO_STAPLE)
    assert set(result.reasons("fetch.failed", "shop.test")) <= {"name-not-found", "resolver-failed"}
    assert result.events("fetch.failed", "shop.test")


# PARITY P10
def test_p10_through_a_proxy(site):
    """The proxy gets the whole URL, and looks the name up itself."""
    cert = site.leaf("shop.test", ocsp_urls=["http://ocsp.invalid/"])
    site.sg.set("fetch", proxy=f"http://127.0.0.1:{site.responder.port}")
    site.sg.once(expect=FRESH)
    assert site.responder.seen[0].target.startswith("http://ocsp.invalid/")
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# PARITY P10
def test_p10_a_proxy_that_is_down_is_named(site):
    site.leaf("shop.test", ocsp_urls=["http://ocsp.invalid/"])
    site.sg.set("fetch", proxy=f"http://127.0.0.1:{responder.free_port()}")
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("fetch.failed", "shop.test") == ["proxy-failed"]


@pytest.fixture
def tls_responder(site, authorities):
    """A responder behind https, with a certificate for localhost by the test CA."""
    server = authorities.ca.leaf("localhost")
    chain = pki.write_fullchain(site.certs_dir / "https.pem", server)
    key = pki.write_key(site.certs_dir / "https.key", server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with responder.Responder(tls=context) as secure:
        yield secure


# PARITY P10
def test_p10_an_https_responder_with_a_ca_we_know(site, tls_responder):
    url = f"https://localhost:{tls_responder.port}/"
    cert = site.leaf("shop.test", ocsp_urls=[url])
    tls_responder.answer(cert, site.good(cert))
    site.sg.set("fetch", ca_file=site.ca_file)
    site.sg.once(expect=FRESH)
    assert tls_responder.count(cert) == 1


# PARITY P10
def test_p10_an_https_responder_with_a_ca_we_do_not_know_is_not_asked(site, tls_responder):
    cert = site.leaf("shop.test", ocsp_urls=[f"https://localhost:{tls_responder.port}/"])
    tls_responder.answer(cert, site.good(cert))
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("fetch.failed", "shop.test") == ["tls-failed"]
    assert tls_responder.count(cert) == 0


def test_a_redirect_is_followed(site):
    with responder.Responder() as other:
        cert = site.leaf("shop.test")
        other.answer(cert, site.good(cert))
        # A responder that moves keeps the request in the new URL.
        site.responder.fail(cert, responder.REDIRECT, lambda target: other.url.rstrip("/") + target)
        site.sg.once(expect=FRESH)
        assert other.count(cert) == 1


def test_the_configured_responder_replaces_the_certificates_own(site):
    cert = site.leaf("shop.test", ocsp_urls=["http://no-such-name.invalid/"])
    site.sg.add("shop.test", site.pem("shop.test"), responder=site.responder.url)
    site.sg.once(expect=FRESH)
    assert site.responder.count(cert) == 1


def test_a_configured_responder_serves_a_certificate_that_names_none(site):
    cert = site.leaf("shop.test", ocsp_urls=[])
    site.sg.add("shop.test", site.pem("shop.test"), responder=site.responder.url)
    site.sg.once(expect=FRESH)
    assert site.responder.count(cert) == 1


def test_loopback_is_not_asked_unless_allowed(site):
    site.leaf("shop.test")
    site.sg.set("fetch", allow_loopback="no")
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("fetch.failed", "shop.test") == ["address-refused"]
    assert site.responder.connections == 0


def test_loopback_is_not_asked_by_another_name_either(site):
    site.leaf("shop.test", ocsp_urls=[f"http://localhost:{site.responder.port}/"])
    site.sg.set("fetch", allow_loopback="no")
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("fetch.failed", "shop.test") == ["address-refused"]
    assert site.responder.connections == 0


def test_link_local_is_never_asked(site):
    site.leaf("shop.test", ocsp_urls=["http://169.254.169.254/"])
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("fetch.failed", "shop.test") == ["address-refused"]


def test_no_more_than_per_responder_connections_at_once(site):
    site.leaves(40)
    site.responder.delay_sec = 0.05
    site.sg.set("fetch", per_responder=4)
    site.sg.once(expect=FRESH)
    assert site.responder.count() == 40
    assert site.responder.peak <= 4


def test_connections_are_used_again(site):
    site.leaves(100)
    site.sg.once(expect=FRESH)
    assert site.responder.count() == 100
    assert site.responder.connections < 50
