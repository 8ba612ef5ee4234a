# SPDX-License-Identifier: ISC
"""A private CA for tests: certificates of any shape, and OCSP responses signed ahead of time.

Owns: keys, certificates and responses in memory, and how they are written to files.
Never: a network, or a clock of its own: `now` can be injected everywhere (seconds since 1970).
"""

import datetime
import itertools
import pathlib
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

MINUTE, HOUR, DAY = 60, 3600, 86400

UNSUCCESSFUL = {
    "malformedrequest": ocsp.OCSPResponseStatus.MALFORMED_REQUEST,
    "internalerror": ocsp.OCSPResponseStatus.INTERNAL_ERROR,
    "trylater": ocsp.OCSPResponseStatus.TRY_LATER,
    "sigrequired": ocsp.OCSPResponseStatus.SIG_REQUIRED,
    "unauthorized": ocsp.OCSPResponseStatus.UNAUTHORIZED,
}

STATUS = {
    "good": ocsp.OCSPCertStatus.GOOD,
    "revoked": ocsp.OCSPCertStatus.REVOKED,
    "unknown": ocsp.OCSPCertStatus.UNKNOWN,
}

_serials = itertools.count(0x1000)


def to_datetime(seconds):
    """Seconds since 1970 as the naive UTC datetime that `cryptography` wants."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds))


def new_key(kind="ecdsa"):
    """A private key: "ecdsa" (P-256) or "rsa" (2,048 bits)."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def secret_numbers(key):
    """The private parts of a key as big-endian octets: what must never be found in a process without keys."""
    numbers = key.private_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        values = [numbers.p, numbers.q, numbers.d]
    else:
        values = [numbers.private_value]
    return [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in values]


class Cert:
    """A certificate, with its key where we have it and the authority that issued it."""

    def __init__(self, x509_cert, key=None, issuer=None):
        self.x509 = x509_cert
        self.key = key
        self.issuer = issuer

    @property
    def serial(self):
        return self.x509.serial_number

    @property
    def der(self):
        return self.x509.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self):
        return self.x509.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return key_pem(self.key)

    @property
    def sha1(self):
        """Apache's key in the DBM file."""
        return self.x509.fingerprint(hashes.SHA1())

    @property
    def sha256(self):
        return self.x509.fingerprint(hashes.SHA256())

    def chain(self):
        """The issuers, nearest first, without the root (as a server sends them)."""
        found = []
        issuer = self.issuer
        while issuer is not None and issuer.issuer is not None:
            found.append(issuer)
            issuer = issuer.issuer
        return found


class Authority(Cert):
    """A CA certificate with its key: issues certificates and signs responses."""

    @classmethod
    def root(cls, name="stapleguard test root", key="ecdsa", now=None):
        now = time.time() if now is None else now
        private = new_key(key)
        return cls(_ca_cert(name, private.public_key(), name, private, now), private, None)

    def intermediate(self, name="stapleguard test intermediate", key="ecdsa", now=None):
        now = time.time() if now is None else now
        private = new_key(key)
        cert = _ca_cert(name, private.public_key(), self.x509.subject, self.key, now, self.key.public_key(), 0)
        return Authority(cert, private, self)

    def delegate(self, name="stapleguard test ocsp signer", key="ecdsa", not_before=None, not_after=None,
                 ocsp_signing=True, now=None):
        """A certificate that may sign this CA's responses (id-kp-OCSPSigning, id-pkix-ocsp-nocheck)."""
        now = time.time() if now is None else now
        private = new_key(key)
        builder = _builder(
            name, private.public_key(), self.x509.subject,
            now - HOUR if not_before is None else not_before, now + 365 * DAY if not_after is None else not_after,
        )
        usage = ExtendedKeyUsageOID.OCSP_SIGNING if ocsp_signing else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        return Cert(builder.sign(self.key, hashes.SHA256()), private, self)

    def leaf(self, name="localhost", key="ecdsa", ocsp_urls=(), must_staple=False, not_before=None, not_after=None,
             serial=None, now=None, alt_names=None, issuer_urls=()):
        """A server certificate.  key: a kind, or a private key to use again.  ocsp_urls: any URIs, in this order."""
        now = time.time() if now is None else now
        private = new_key(key) if isinstance(key, str) else key
        builder = _builder(
            name, private.public_key(), self.x509.subject,
            now - 2 * DAY if not_before is None else not_before, now + 90 * DAY if not_after is None else not_after,
            serial,
        )
        names = [name] if alt_names is None else alt_names
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        access = [(AuthorityInformationAccessOID.OCSP, url) for url in ocsp_urls]
        access += [(AuthorityInformationAccessOID.CA_ISSUERS, url) for url in issuer_urls]
        if access:
            descriptions = [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in access]
            builder = builder.add_extension(x509.AuthorityInformationAccess(descriptions), critical=False)
        if must_staple:
            builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        return Cert(builder.sign(self.key, hashes.SHA256()), private, self)

    def many(self, count, key=None, **options):
        """`count` leaves that share one key: made at some thousand a second."""
        shared = new_key("ecdsa") if key is None else key
        return [self.leaf(f"site{number}.test", key=shared, **options) for number in range(count)]


def _builder(name, public_key, issuer_name, not_before, not_after, serial=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    if isinstance(issuer_name, str):
        issuer_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(public_key)
        .serial_number(next(_serials) if serial is None else serial)
        .not_valid_before(to_datetime(not_before))
        .not_valid_after(to_datetime(not_after))
    )


def _ca_cert(name, public_key, issuer_name, signing_key, now, issuer_public=None, path_length=None):
    builder = _builder(name, public_key, issuer_name, now - 30 * DAY, now + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    if issuer_public is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public), critical=False
        )
    return builder.sign(signing_key, hashes.SHA256())


def response(leaf, status="good", now=None, this_update=None, next_update="default", signer=None, embed=True,
             issuer=None, certid_hash=None, signature_hash=None, by_name=False):
    """The DER of a signed response about `leaf`.

    this_update, next_update: seconds since 1970 (next_update None: leave it out; default: 7 days ahead).
    signer: a delegate (embedded unless embed is False), or None: the issuer itself.
    issuer: whom the CertID names, when not the leaf's own issuer.
    """
    now = time.time() if now is None else now
    this_update = now - HOUR if this_update is None else this_update
    next_update = now + 7 * DAY if next_update == "default" else next_update
    issuer = leaf.issuer if issuer is None else issuer
    signer = leaf.issuer if signer is None else signer
    is_revoked = status == "revoked"
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.x509,
        issuer=issuer.x509,
        algorithm=hashes.SHA1() if certid_hash is None else certid_hash,
        cert_status=STATUS[status],
        this_update=to_datetime(this_update),
        next_update=None if next_update is None else to_datetime(next_update),
        revocation_time=to_datetime(this_update) if is_revoked else None,
        revocation_reason=None,
    )
    encoding = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
    builder = builder.responder_id(encoding, signer.x509)
    if embed and signer is not leaf.issuer:
        builder = builder.certificates([signer.x509])
    signed = builder.sign(signer.key, hashes.SHA256() if signature_hash is None else signature_hash)
    return signed.public_bytes(serialization.Encoding.DER)


def unsuccessful(word):
    """The DER of a response without an answer: "trylater", "unauthorized", "internalerror" …"""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(UNSUCCESSFUL[word]).public_bytes(serialization.Encoding.DER)


def next_update_of(der):
    """nextUpdate of a response, in seconds since 1970, or None."""
    moment = ocsp.load_der_ocsp_response(der).next_update
    return None if moment is None else int((moment - datetime.datetime(1970, 1, 1)).total_seconds())


def this_update_of(der):
    moment = ocsp.load_der_ocsp_response(der).this_update
    return int((moment - datetime.datetime(1970, 1, 1)).total_seconds())


def write_pem(path, *parts, mode=0o644):
    """Write certificates (Cert), keys (their PEM bytes), text or garbage one after the other; gives the path back."""
    path = pathlib.Path(path)
    blocks = []
    for part in parts:
        if isinstance(part, Cert):
            part = part.pem
        elif isinstance(part, str):
            part = part.encode()
        blocks.append(part)
    path.write_bytes(b"".join(blocks))
    path.chmod(mode)
    return path


def write_fullchain(path, leaf, mode=0o644):
    """Leaf and intermediates, as certbot's fullchain.pem; the issuer also where it is the root itself."""
    chain = leaf.chain() or [leaf.issuer]
    return write_pem(path, leaf, *chain, mode=mode)


def write_key(path, leaf):
    return write_pem(path, leaf.key_pem, mode=0o600)
