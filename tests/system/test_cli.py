# SPDX-License-Identifier: ISC
"""The commands `stapleguard cert` and `stapleguard verify`: words, exit codes, and errors that say what to do."""

import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes

from helpers import pki, stapleguard

DAY, HOUR = pki.DAY, pki.HOUR

USABLE, NOTHING, UNUSABLE, USAGE = range(4)
GOOD, REVOKED_OR_UNKNOWN, REJECTED = range(3)


class Answer:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        lines = self.out.splitlines()
        self.word = lines[0] if lines else ""
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            self.fields.setdefault(name, []).append(value)


def run(*arguments):
    argv = [str(stapleguard.program("stapleguard")), *(str(a) for a in arguments)]
    return Answer(subprocess.run(argv, capture_output=True, text=True, timeout=60))


@pytest.fixture(scope="module")
def root():
    return pki.Authority.root()


@pytest.fixture(scope="module")
def ca(root):
    return root.intermediate(name="CLI test CA")


@pytest.fixture
def leaf(ca):
    return ca.leaf("shop.test", ocsp_urls=["http://ocsp.test/a", "http://ocsp.test/b"], must_staple=True)


@pytest.fixture
def full(tmp_path, leaf):
    return pki.write_fullchain(tmp_path / "full.pem", leaf)


@pytest.fixture
def answer_file(tmp_path):
    def write(data, name="response.der"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


# stapleguard cert


def test_cert_shows_what_it_sees(full, leaf, ca):
    answer = run("cert", full)
    assert (answer.word, answer.code, answer.err) == ("usable", USABLE, "")
    assert answer.fields["subject"] == ["CN=shop.test"]
    assert answer.fields["sha256"] == [leaf.sha256.hex()]
    assert answer.fields["apache key"] == [leaf.sha1.hex()]
    assert int(answer.fields["serial"][0], 16) == leaf.serial
    assert answer.fields["must-staple"] == ["yes"]
    assert answer.fields["issuer"] == ["CN=CLI test CA"]
    assert answer.fields["issuer sha256"] == [ca.sha256.hex()]
    assert answer.fields["responder"] == ["http://ocsp.test/a", "http://ocsp.test/b"]
    assert answer.fields["not after"][0].startswith(leaf.x509.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_cert_takes_the_chain_from_another_file(tmp_path, leaf, ca):
    alone = pki.write_pem(tmp_path / "leaf.pem", leaf)
    chain = pki.write_pem(tmp_path / "chain.pem", ca)
    answer = run("cert", alone)
    assert (answer.word, answer.code) == ("no-issuer", UNUSABLE)
    assert "CN=CLI test CA" in answer.fields["detail"][0]
    assert run("cert", alone, "--chain", chain).word == "usable"
    assert run("cert", f"--chain={chain}", alone).code == USABLE


def test_cert_never_needs_or_shows_the_key(tmp_path, leaf):
    combined = pki.write_pem(tmp_path / "combined.pem", leaf.key_pem, leaf, leaf.issuer)
    answer = run("cert", combined)
    assert answer.word == "usable"
    assert not any(line in answer.out for line in leaf.key_pem.decode().splitlines()[1:-1])


def test_cert_without_responder_is_quiet(tmp_path, ca):
    """P9: nothing to staple is no fault."""
    path = pki.write_fullchain(tmp_path / "none.pem", ca.leaf("none.test"))
    answer = run("cert", path)
    assert (answer.word, answer.code) == ("no-ocsp", NOTHING)
    assert answer.fields["must-staple"] == ["no"]
    assert "responder" not in answer.fields


def test_cert_expired(tmp_path, ca):
    """P8: an expired certificate is not asked for."""
    now = time.time()
    old = ca.leaf("old.test", ocsp_urls=["http://ocsp.test/"], not_before=now - 9 * DAY, not_after=now - DAY)
    answer = run("cert", pki.write_fullchain(tmp_path / "old.pem", old))
    assert (answer.word, answer.code) == ("cert-expired", NOTHING)
    assert "CN=old.test ended at" in answer.fields["detail"][0]


def test_cert_unusable(tmp_path, leaf, ca):
    other = ca.leaf("ldap.test", ocsp_urls=["ldap://ocsp.test/"])
    files = {
        "no-usable-url": pki.write_fullchain(tmp_path / "ldap.pem", other),
        "no-certificate": pki.write_pem(tmp_path / "key.pem", leaf.key_pem),
        "der-not-pem": pki.write_pem(tmp_path / "leaf.der", leaf.der),
        "cert-malformed": pki.write_pem(tmp_path / "cut.pem", leaf.pem[: len(leaf.pem) // 2]),
        "file-missing": tmp_path / "missing.pem",
        "file-unreadable": tmp_path,
    }
    for word, path in files.items():
        answer = run("cert", path)
        assert (answer.word, answer.code) == (word, UNUSABLE)
        assert answer.fields["reason"][0]
    # Which of the two files it was.
    answer = run("cert", pki.write_pem(tmp_path / "leaf.pem", leaf), "--chain", tmp_path / "missing.pem")
    assert (answer.word, answer.code, answer.fields["file"]) == ("file-missing", UNUSABLE, [str(tmp_path / "missing.pem")])


def test_cert_prints_nothing_that_a_terminal_obeys(tmp_path, ca):
    hostile = ca.leaf("\x1b]0;owned\x07\u202e", alt_names=["x.test"], ocsp_urls=["ldap://\u001b[2J"])
    answer = run("cert", pki.write_fullchain(tmp_path / "hostile.pem", hostile))
    assert answer.word == "no-usable-url"
    assert "owned" in answer.fields["subject"][0]
    assert all(c == "\n" or c.isprintable() for c in answer.out)


# stapleguard verify


def test_verify_good(tmp_path, leaf, ca, answer_file):
    alone = pki.write_pem(tmp_path / "leaf.pem", leaf)
    chain = pki.write_pem(tmp_path / "chain.pem", ca)
    path = answer_file(pki.response(leaf, signer=ca.delegate(name="CLI test signer")))
    answer = run("verify", "--cert", alone, "--chain", chain, path)
    assert (answer.word, answer.code, answer.err) == ("good", GOOD, "")
    assert "CN=CLI test signer" in answer.fields["detail"][0]
    assert set(answer.fields) == {
        "detail", "produced at", "this update", "next update", "effective end", "apache expiry"
    }


def test_verify_finds_the_chain_in_the_certificate_file(full, leaf, answer_file):
    assert run("verify", "--cert", full, answer_file(pki.response(leaf))).word == "good"


@pytest.mark.parametrize("status", ["revoked", "unknown"])
def test_verify_withdraws(full, leaf, answer_file, status):
    answer = run("verify", "--cert", full, answer_file(pki.response(leaf, status=status)))
    assert (answer.word, answer.code) == (status, REVOKED_OR_UNKNOWN)
    assert ("revoked at" in answer.fields) == (status == "revoked")
    assert "apache expiry" not in answer.fields


def test_verify_rejects(full, leaf, ca, root, answer_file):
    """P11: each with its word, and what is wrong in a sentence."""
    now = time.time()
    good = pki.response(leaf)
    delegate = ca.delegate()
    cases = {
        "malformed": b"<html>",
        "trailing-bytes": good + b"\n",
        "too-large": good + bytes(10240 - len(good)),
        "status-trylater": pki.unsuccessful("trylater"),
        "status-unauthorized": pki.unsuccessful("unauthorized"),
        "wrong-certid": pki.response(ca.leaf("other.test")),
        "certid-hash": pki.response(leaf, certid_hash=hashes.SHA256()),
        "signer-not-authorised": pki.response(leaf, signer=ca.delegate(ocsp_signing=False)),
        "signer-expired": pki.response(leaf, signer=ca.delegate(not_before=now - 9 * DAY, not_after=now - DAY)),
        "bad-signature": good[:-1] + bytes([good[-1] ^ 1]),
        "weak-signature": pki.response(leaf, signature_hash=hashes.SHA1()),
        "not-yet-valid": pki.response(leaf, this_update=now + HOUR),
        "expired": pki.response(leaf, this_update=now - DAY, next_update=now - HOUR),
        "no-next-update": pki.response(leaf, next_update=None),
        "short-ttl": pki.response(leaf, next_update=now + 29 * HOUR),
    }
    for word, der in cases.items():
        answer = run("verify", "--cert", full, answer_file(der))
        assert (answer.word, answer.code) == (f"reject: {word}", REJECTED)
        assert answer.fields["reason"][0]
    # A delegate of the root is not one of the intermediate that issued the certificate.
    answer = run("verify", "--cert", full, answer_file(pki.response(leaf, signer=root.delegate())))
    assert answer.word == "reject: signer-not-authorised"
    # An empty file is an answer too: not one of an OCSP responder.
    assert run("verify", "--cert", full, answer_file(b"")).word == "reject: malformed"
    assert run("verify", "--cert", full, answer_file(pki.response(leaf, signer=delegate))).word == "good"


def test_verify_ttl_options(full, leaf, answer_file):
    """P12: 29 h left are refused, 32 h give 2 h, 6 d give 4 d 18 h; both durations can be set."""
    now = int(time.time())
    fixed = ("verify", "--cert", full, "--time", now)
    path = answer_file(pki.response(leaf, now=now, next_update=now + 32 * HOUR))
    assert run(*fixed, path).fields["apache expiry"][0].endswith("(2h ahead)")
    path = answer_file(pki.response(leaf, now=now, next_update=now + 6 * DAY))
    assert run(*fixed, path).fields["apache expiry"][0].endswith("(4d 18h ahead)")
    path = answer_file(pki.response(leaf, now=now, next_update=now + 29 * HOUR))
    answer = run(*fixed, path)
    assert answer.word == "reject: short-ttl"
    assert "1d 5h ahead" in answer.fields["detail"][0]
    assert run(*fixed, "--safety-margin", "27h", path).word == "good"
    assert run(*fixed, "--safety-margin", "27h", "--min-ttl", "2h", path).word == "reject: short-ttl"
    assert run(*fixed, "--safety-margin", "27h", "--min-ttl", "119m", path).word == "good"


def test_verify_at_another_time(full, leaf, answer_file):
    now = int(time.time())
    path = answer_file(pki.response(leaf, now=now, next_update=now + 7 * DAY))
    for at, word in [(now, "good"), (now - DAY, "reject: not-yet-valid"), (now + 7 * DAY, "reject: expired")]:
        assert run("verify", "--cert", full, "--time", at, path).word == word


def test_verify_allows_sha1_signatures_when_told(full, leaf, answer_file):
    path = answer_file(pki.response(leaf, signature_hash=hashes.SHA1()))
    answer = run("verify", "--cert", full, path)
    assert answer.word == "reject: weak-signature"
    assert "allow_sha1_signatures" in answer.fields["detail"][0]
    assert run("verify", "--cert", full, "--allow-sha1-signatures", path).word == "good"


def test_verify_needs_no_responder_in_the_certificate(tmp_path, ca, answer_file):
    silent = ca.leaf("silent.test")
    path = pki.write_fullchain(tmp_path / "silent.pem", silent)
    assert run("verify", "--cert", path, answer_file(pki.response(silent))).word == "good"


def test_verify_names_the_file_that_it_cannot_use(tmp_path, leaf, ca, full, answer_file):
    alone = pki.write_pem(tmp_path / "leaf.pem", leaf)
    missing = tmp_path / "missing"
    response = answer_file(pki.response(leaf))
    silent = pki.write_pem(tmp_path / "silent.pem", ca.leaf("silent.test"))
    cases = [
        (("--cert", missing, response), [str(missing), "file-missing"]),
        (("--cert", alone, "--chain", missing, response), [str(missing), "file-missing"]),
        (("--cert", alone, response), [str(alone), "no-issuer", "--chain FILE"]),
        (("--cert", silent, response), [str(silent), "no-issuer", "--chain FILE"]),
        (("--cert", response, response), [str(response), "der-not-pem"]),
        (("--cert", full, missing), [str(missing), "No such file"]),
        (("--cert", full, tmp_path), [str(tmp_path), "Is a directory"]),
    ]
    for arguments, words in cases:
        answer = run("verify", *arguments)
        assert (answer.code, answer.out) == (USAGE, "")
        assert [word for word in words if word not in answer.err] == []


# Usage


def test_usage_errors(full, leaf, answer_file):
    response = answer_file(pki.response(leaf))
    cases = [
        ((), "no command given"),
        (("frobnicate",), "frobnicate"),
        (("--frobnicate",), "frobnicate"),
        (("cert",), "name one certificate file"),
        (("cert", full, full), "name one certificate file"),
        (("cert", "--frobnicate", full), "frobnicate"),
        (("cert", full, "--chain"), "chain"),
        (("verify", response), "--cert FILE is missing"),
        (("verify", "--cert", full), "name one file with a response"),
        (("verify", "--cert", full, response, response), "name one file with a response"),
        (("verify", "--cert", full, "--time", "yesterday", response), "--time yesterday"),
        (("verify", "--cert", full, "--time", "-1", response), "--time -1"),
        (("verify", "--cert", full, "--time", "99999999999999999999", response), "--time"),
        (("verify", "--cert", full, "--safety-margin", "1x", response), "--safety-margin 1x"),
        (("verify", "--cert", full, "--min-ttl", "-1h", response), "--min-ttl -1h"),
    ]
    for arguments, words in cases:
        answer = run(*arguments)
        assert (answer.code, answer.out) == (USAGE, "")
        assert words in answer.err
        assert "usage: stapleguard" in answer.err


def test_unknown_command_lists_the_commands():
    answer = run("nonsense")
    assert answer.code == USAGE
    assert "  cert " in answer.err and "  verify " in answer.err


def test_help_and_version():
    answer = run("--version")
    assert answer.code == 0 and answer.out.startswith("stapleguard ") and answer.out.count("\n") == 1
    answer = run("--help")
    assert answer.code == 0 and "  verify " in answer.out
    for command in ("cert", "verify"):
        answer = run(command, "--help")
        assert answer.code == 0 and answer.out.startswith(f"usage: stapleguard {command} ") and "Exit code" in answer.out


def test_full_disk_is_an_error(full):
    with open("/dev/full", "w") as stdout:
        argv = [str(stapleguard.program("stapleguard")), "cert", str(full)]
        done = subprocess.run(argv, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == USAGE
    assert "standard output" in done.stderr
