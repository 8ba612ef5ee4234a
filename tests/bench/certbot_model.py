# SPDX-License-Identifier: ISC
"""What the certbot feature that began this did for one certificate, step by step as it was published.

It asked by POST, checked the signer and the signature, then: copied the live file and compared hashes (three tries), slept a
second, put its one record into the copy, renamed it over the live one.

Owns: the copy.
Never: does less than the original did; what it leaves out (certbot's own start, its locks, its logs) only makes it faster.
"""

import hashlib
import pathlib
import shutil
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from helpers import dbm, pki

TRIES = 3
SLEEP_SEC = 1
SAFETY_MARGIN_SEC = 30 * 3600


def _digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def _check(key, signature, text, digest):
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, text, padding.PKCS1v15(), digest)
    else:
        key.verify(signature, text, ec.ECDSA(digest))


def fetch(cert, issuer, url):
    """The DER of a verified response, and when it ends."""
    request = ocsp.OCSPRequestBuilder().add_certificate(cert, issuer, hashes.SHA1()).build()
    asked = urllib.request.Request(
        url, request.public_bytes(serialization.Encoding.DER), {"Content-Type": "application/ocsp-request"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        der = answer.read()
    response = ocsp.load_der_ocsp_response(der)
    signer = response.certificates[0] if response.certificates else issuer
    if signer is not issuer:
        _check(issuer.public_key(), signer.signature, signer.tbs_certificate_bytes, signer.signature_hash_algorithm)
    _check(signer.public_key(), response.signature, response.tbs_response_bytes, response.signature_hash_algorithm)
    assert response.serial_number == cert.serial_number
    assert response.certificate_status == ocsp.OCSPCertStatus.GOOD
    return der, pki.next_update_of(der)


def store(live, key, record):
    """Put one record, with a copy of the whole file and a second of sleep."""
    copy = live.with_name("certbot_copy.db")
    for _ in range(TRIES):
        shutil.copyfile(live, copy)
        if _digest(live) == _digest(copy):
            break
        time.sleep(SLEEP_SEC)
    time.sleep(SLEEP_SEC)
    dbm.put(copy, key, record)
    shutil.copystat(live, copy)
    copy.rename(live)


def update(live, cert_path, url):
    """All of it for the certificate in cert_path, whose issuer follows it there."""
    text = pathlib.Path(cert_path).read_bytes()
    cert, issuer = _load(text)
    der, ends = fetch(cert, issuer, url)
    store(pathlib.Path(live), cert.fingerprint(hashes.SHA1()), dbm.Record(ends - SAFETY_MARGIN_SEC, 1, der))


def _load(text):
    end = b"-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate(block + end) for block in text.split(end)[:2]]
