# SPDX-License-Identifier: ISC
"""P7: whatever a responder does, the old staple stays, the audit log has the stable word, and a pass ends."""

import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from helpers import pki, responder
from helpers.stapleguard import FETCH_FAILED, FRESH, NO_STAPLE

TIMEOUT_SEC = 2

# A pass over one certificate may take its timeout for each of a few tries, and the start and end of the processes.
PASS_BOUND_SEC = 30


def in_a_circle(target):
    return target


# kind, value, what the audit log may call it
HTTP_FAULTS = [
    (responder.STATUS, 500, {"http-status"}),
    (responder.STATUS, 404, {"http-status"}),
    (responder.STATUS, 503, {"http-status"}),
    (responder.STATUS, 204, {"http-status", "empty-body", "content-type"}),
    (responder.CONTENT_TYPE, "text/html", {"content-type"}),
    (responder.EMPTY, None, {"empty-body"}),
    (responder.TRUNCATED, None, {"connection-lost"}),
    (responder.ENDLESS, None, {"body-too-large"}),
    (responder.HANG, None, {"timeout"}),
    (responder.SLOW, None, {"timeout"}),
    (responder.SLOW_BODY, None, {"timeout"}),
    (responder.CLOSE, None, {"connection-lost"}),
    (responder.RESET, None, {"connection-lost"}),
    (responder.REDIRECT, "ftp://ftp.test/", {"redirect-refused"}),
    (responder.REDIRECT, in_a_circle, {"too-many-redirects"}),
    (responder.MANY_HEADERS, None, {"headers-too-large"}),
    (responder.ENDLESS_HEADERS, None, {"headers-too-large"}),
    (responder.GARBAGE, None, {"network-error", "connection-lost"}),
    (responder.BODY, b"\x30" * 70000, {"body-too-large"}),
]


def bounded_pass(site):
    """A forced pass with nothing but failures; gives back its result."""
    return site.sg.once("--force", expect=FETCH_FAILED, timeout_sec=PASS_BOUND_SEC)


def name_of(fault):
    kind, value, _ = fault
    if value is None or isinstance(value, bytes):
        return kind
    return f"{kind}-{value.__name__ if callable(value) else str(value).split(':', maxsplit=1)[0]}"


# PARITY P7
@pytest.mark.parametrize("fault", HTTP_FAULTS, ids=name_of)
def test_p7_a_broken_exchange_leaves_the_old_staple(site, fault):
    kind, value, words = fault
    cert = site.leaf("shop.test")
    site.sg.set("fetch", timeout=f"{TIMEOUT_SEC}s")
    site.sg.once(expect=FRESH)
    before = site.sg.staple(cert)
    site.responder.fail(cert, kind, value)
    result = bounded_pass(site)
    assert site.sg.staple(cert) == before
    reasons = result.reasons("fetch.failed", "shop.test")
    assert reasons and set(reasons) <= words, result.records


# PARITY P7
def test_p7_a_closed_port_leaves_the_old_staple(site):
    cert = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    before = site.sg.staple(cert)
    site.responder.down()
    result = bounded_pass(site)
    assert site.sg.staple(cert) == before
    assert result.reasons("fetch.failed", "shop.test") == ["connect-failed"]


def lies(site, authorities):
    """{word: a response that must be refused with it}"""
    now = time.time()
    cert = site.cert
    other = authorities.ca.leaf("other.test")
    good = site.good(cert)
    stranger = authorities.stranger
    expired = authorities.ca.delegate(not_before=now - 9 * pki.DAY, not_after=now - pki.DAY)
    unauthorised = authorities.ca.delegate(ocsp_signing=False)
    return {
        "malformed": b"this is not DER",
        "trailing-bytes": good + b"\x00",
        "wrong-certid": site.good(other),
        "certid-hash": site.good(cert, certid_hash=hashes.SHA256()),
        "bad-signature": good_with_a_broken_signature(site),
        "signer-not-authorised": pki.response(cert, signer=stranger),
        "signer-not-authorised, no OCSPSigning": pki.response(cert, signer=unauthorised),
        "signer-not-authorised, not embedded": site.good(cert, embed=False),
        "signer-expired": pki.response(cert, signer=expired),
        "weak-signature": site.good(cert, signer=site.rsa_signer, signature_hash=hashes.SHA1()),
        "expired": site.good(cert, this_update=now - 9 * pki.DAY, next_update=now - pki.DAY),
        "not-yet-valid": site.good(cert, this_update=now + pki.DAY, next_update=now + 9 * pki.DAY),
        "no-next-update": site.good(cert, next_update=None),
        "bad-times": site.good(cert, this_update=now + 240, next_update=now + 240),
        "short-ttl": site.good(cert, next_update=now + 20 * pki.HOUR),
        "status-malformedrequest": pki.unsuccessful("malformedrequest"),
        "status-internalerror": pki.unsuccessful("internalerror"),
        "status-trylater": pki.unsuccessful("trylater"),
        "status-sigrequired": pki.unsuccessful("sigrequired"),
        "status-unauthorized": pki.unsuccessful("unauthorized"),
    }


LIES = [
    "malformed", "trailing-bytes", "wrong-certid", "certid-hash", "bad-signature", "signer-not-authorised",
    "signer-not-authorised, no OCSPSigning", "signer-not-authorised, not embedded", "signer-expired", "weak-signature",
    "expired", "not-yet-valid", "no-next-update", "bad-times", "short-ttl", "status-malformedrequest",
    "status-internalerror", "status-trylater", "status-sigrequired", "status-unauthorized",
]


def good_with_a_broken_signature(site):
    """Signed by the CA itself, so that the signature is the last thing in it; its last byte is another."""
    der = pki.response(site.cert)
    return der[:-1] + bytes([der[-1] ^ 1])


@pytest.fixture
def lying_site(site, authorities):
    site.cert = site.leaf("shop.test")
    site.rsa_signer = authorities.ca.delegate(key="rsa")
    return site


# PARITY P11
@pytest.mark.parametrize("lie", LIES)
def test_p11_a_response_that_cannot_be_stapled_leaves_the_old_staple(lying_site, authorities, lie):
    site = lying_site
    word = lie.split(",", maxsplit=1)[0]
    site.sg.once(expect=FRESH)
    before = site.sg.staple(site.cert)
    site.responder.answer(site.cert, lies(site, authorities)[lie])
    result = bounded_pass(site)
    assert site.sg.staple(site.cert) == before
    assert result.reasons("response.rejected", "shop.test") == [word]


# PARITY P11
@pytest.mark.parametrize("lie", ["bad-signature", "signer-not-authorised", "wrong-certid", "expired"])
def test_p11_a_response_that_cannot_be_stapled_never_gets_into_apaches_file(lying_site, authorities, lie):
    site = lying_site
    site.responder.answer(site.cert, lies(site, authorities)[lie])
    site.sg.once(expect=NO_STAPLE)
    assert site.sg.entries() == {}


# PARITY P11
def test_p11_a_sha1_signature_is_taken_where_it_is_allowed(lying_site, authorities):
    site = lying_site
    site.sg.add("shop.test", site.pem("shop.test"), allow_sha1_signatures="yes")
    der = lies(site, authorities)["weak-signature"]
    site.responder.answer(site.cert, der)
    site.sg.once(expect=FRESH)
    assert site.sg.staple(site.cert) == der


# PARITY P11
def test_p11_an_older_response_never_replaces_a_newer_one(site):
    cert = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    before = site.sg.staple(cert)
    site.responder.answer(cert, site.good(cert, this_update=time.time() - pki.DAY))
    result = site.sg.once("--force", expect=(FRESH, FETCH_FAILED))
    assert site.sg.staple(cert) == before
    assert result.reasons("offer.refused", "shop.test") in (["rollback"], [])


# PARITY P11
def test_p11_a_response_longer_than_apache_can_serve_is_refused(site, authorities):
    """Made long by many embedded certificates; it is good in all other respects."""
    cert = site.leaf("shop.test")
    filler = [authorities.ca.delegate(f"filler {n} " + "x" * 40) for n in range(30)]
    der = long_response(site, cert, filler)
    assert len(der) > 10239
    site.responder.answer(cert, der)
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("response.rejected", "shop.test") == ["too-large"]


def long_response(site, cert, filler):
    now = time.time()
    signer = site.authorities.signer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=cert.x509, issuer=cert.issuer.x509, algorithm=hashes.SHA1(), cert_status=pki.STATUS["good"],
        this_update=pki.to_datetime(now - pki.HOUR), next_update=pki.to_datetime(now + 7 * pki.DAY),
        revocation_time=None, revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.x509)
    builder = builder.certificates([signer.x509, *(f.x509 for f in filler)])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# PARITY P16
def test_p16_a_responder_that_hangs_does_not_hold_up_another_one(site):
    with responder.Responder() as stuck:
        stuck.fail_all(responder.HANG)
        held = [site.leaf(f"held{n}.test", ocsp_urls=[stuck.url]) for n in range(20)]
        free = [site.leaf(f"free{n}.test") for n in range(20)]
        site.sg.set("fetch", timeout="2s", per_responder=8)
        site.sg.once(expect=NO_STAPLE)
        assert set(site.sg.entries()) == {cert.sha1 for cert in free}
        assert stuck.count() >= len(held) or stuck.connections >= 8


# PARITY P7
def test_p7_a_responder_that_comes_back_is_asked_again_after_the_back_off_or_by_force(site):
    cert = site.leaf("shop.test")
    site.responder.down()
    site.sg.once(expect=NO_STAPLE)
    site.responder.up()
    site.sg.once("--force", expect=FRESH)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]
