#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Make fuzz_certs.h and the corpora of fuzz_ocsp_verify and fuzz_cert anew, all from one small PKI of Ed25519 keys.

Run it by hand when the samples need to change; what it writes is checked in.
"""

import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: E402
from cryptography.x509 import ocsp  # noqa: E402

from helpers import pki  # noqa: E402

NOW = int(time.time())


def ed25519_cert(name, issuer_name, signing_key, key, extensions):
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(f"CN={name}"))
        .issuer_name(x509.Name.from_rfc4514_string(f"CN={issuer_name}"))
        .public_key(key.public_key())
        .serial_number(4711 + len(name))
        .not_valid_before(pki.to_datetime(NOW - pki.DAY))
        .not_valid_after(pki.to_datetime(NOW + 90 * pki.DAY))
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(signing_key, None)


def make_certs():
    ca_key = ed25519.Ed25519PrivateKey.generate()
    ca = pki.Authority(
        ed25519_cert("fuzz CA", "fuzz CA", ca_key, ca_key, [(x509.BasicConstraints(True, None), True)]), ca_key
    )
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING])
    delegate_key = ed25519.Ed25519PrivateKey.generate()
    delegate = pki.Cert(
        ed25519_cert("fuzz signer", "fuzz CA", ca_key, delegate_key, [(usage, False), (x509.OCSPNoCheck(), False)]),
        delegate_key, ca,
    )
    access = x509.AuthorityInformationAccess([
        x509.AccessDescription(
            x509.oid.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.test/")
        )
    ])
    leaf_key = ed25519.Ed25519PrivateKey.generate()
    leaf = pki.Cert(
        ed25519_cert("fuzz.test", "fuzz CA", ca_key, leaf_key, [
            (access, False), (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
        ]), leaf_key, ca,
    )
    return ca, delegate, leaf


def response(leaf, signer, status="good", digest=None, next_update=NOW + 7 * pki.DAY, embed=True, by_name=False):
    is_revoked = status == "revoked"
    encoding = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.x509, issuer=leaf.issuer.x509, algorithm=digest or hashes.SHA1(), cert_status=pki.STATUS[status],
        this_update=pki.to_datetime(NOW - pki.HOUR),
        next_update=None if next_update is None else pki.to_datetime(next_update),
        revocation_time=pki.to_datetime(NOW - pki.HOUR) if is_revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
    ).responder_id(encoding, signer.x509)
    if embed and signer is not leaf.issuer:
        builder = builder.certificates([signer.x509])
    return builder.sign(signer.key, None).public_bytes(serialization.Encoding.DER)


def tbs_of(der):
    """ResponseData alone: the fuzzer signs it, and so gets behind the signature."""
    return ocsp.load_der_ocsp_response(der).tbs_response_bytes


def c_string(name, text):
    lines = "\n".join(f'    "{line}\\n"' for line in text.strip().splitlines())
    return f"static const char {name}[] =\n{lines};\n"


def write_header(ca, leaf):
    (HERE / "fuzz_certs.h").write_text(
        "/*\n"
        " * Owns: the fixed leaf, its issuer and the issuer's key of the fuzz targets; make_ocsp_corpus.py makes them and\n"
        " *       the corpora at once.\n"
        " * Runs in: libFuzzer.\n"
        " * Never: leaves the tests; the key is public.\n"
        " */\n"
        "#ifndef STAPLEGUARD_FUZZ_CERTS_H\n#define STAPLEGUARD_FUZZ_CERTS_H\n\n"
        f"#define FUZZ_NOW INT64_C({NOW + 60})\n\n"
        + c_string("fuzz_leaf_pem", leaf.pem.decode()) + "\n"
        + c_string("fuzz_issuer_pem", ca.pem.decode()) + "\n"
        + c_string("fuzz_issuer_key_pem", pki.key_pem(ca.key).decode()) + "\n#endif\n"
    )


def write_corpus(name, samples):
    folder = HERE / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for sample, data in samples.items():
        (folder / sample).write_bytes(data)


def main():
    ca, delegate, leaf = make_certs()
    good = response(leaf, delegate)
    write_header(ca, leaf)
    write_corpus("ocsp_verify", {
        "good_delegate": good,
        "good_issuer": response(leaf, ca, by_name=True),
        "revoked": response(leaf, ca, status="revoked"),
        "unknown": response(leaf, ca, status="unknown"),
        "no_next_update": response(leaf, ca, next_update=None),
        "short_ttl": response(leaf, ca, next_update=NOW + pki.HOUR),
        "certid_hash": response(leaf, ca, digest=hashes.SHA256()),
        "no_signer": response(leaf, delegate, embed=False),
        "trylater": pki.unsuccessful("trylater"),
        "trailing": good + b"\0",
        "cut": good[:-30],
        "tbs_good": tbs_of(response(leaf, ca)),
        "tbs_revoked": tbs_of(response(leaf, ca, status="revoked")),
        "tbs_by_name": tbs_of(response(leaf, ca, by_name=True)),
    })
    write_corpus("cert", {
        "leaf_der": leaf.der,
        "ca_der": ca.der,
        "delegate_der": delegate.der,
        "leaf_pem": leaf.pem,
        "chain_pem": leaf.pem + ca.pem,
        "reversed_pem": ca.pem + leaf.pem,
        "text_around": b"Subject: x\n" + leaf.pem + b"\n# end\n" + ca.pem,
        "cut_pem": leaf.pem[:-40],
        "der_cut": leaf.der[:-10],
    })


if __name__ == "__main__":
    main()
