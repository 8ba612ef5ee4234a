# SPDX-License-Identifier: ISC
"""Whatever a user gives it, stapleguardd says what is wrong, where, and what to do; and goes on with the rest."""

import os
import subprocess

import pytest
from helpers import dbm, pki, stapleguard
from helpers.stapleguard import CONFIGURATION, FRESH, NO_STAPLE

# name, text of the file, line of the error, words that must be said
CONFIGURATIONS = [
    ("unknown-key", "[fetch]\ntimeuot = 3s\n", 2, ["timeuot", "timeout"]),
    ("unknown-section", "[fetch]\n[fetcher]\nx = 1\n", 2, ["fetcher"]),
    ("key-outside-a-section", "timeout = 3s\n", 1, ["timeout"]),
    ("key-of-another-section", "[apache]\ntimeout = 3s\n", 2, ["timeout", "[fetch]"]),
    ("not-a-duration", "[fetch]\n\ntimeout = soon\n", 3, ["timeout", "soon"]),
    ("a-duration-without-a-unit", "[fetch]\ntimeout = 10\n", 2, ["timeout"]),
    ("a-duration-too-long", "[fetch]\ntimeout = 365d\n", 2, ["timeout"]),
    ("not-a-number", "[fetch]\nconcurrency = many\n", 2, ["concurrency", "many"]),
    ("not-yes-or-no", "[fetch]\nallow_loopback = maybe\n", 2, ["allow_loopback", "yes"]),
    ("not-a-choice", "[apache]\ndiscover = nginx\n", 2, ["discover", "nginx"]),
    ("not-an-absolute-path", "[apache]\ndbm = ocsp.db\n", 2, ["dbm"]),
    ("twice-the-same-key", "[fetch]\ntimeout = 3s\ntimeout = 4s\n", 3, ["timeout"]),
    ("no-equals-sign", "[fetch]\ntimeout 3s\n", 2, []),
    ("a-certificate-without-a-file", '[certificate "shop"]\nchain = /etc/chain.pem\n', 1, ["shop", "cert"]),
    ("a-certificate-without-a-name", "[certificate]\ncert = /etc/shop.pem\n", 1, []),
    ("twice-the-same-certificate",
     '[certificate "shop"]\ncert = /a.pem\n[certificate "shop"]\ncert = /b.pem\n', 3, ["shop"]),
    ("root-as-the-fetchers-user", "[stapleguard]\nfetch_user = root\n", 2, ["fetch_user"]),
    ("one-user-for-both", "[stapleguard]\nfetch_user = 64901\nwrite_user = 64901\n", 3, ["write_user"]),
    ("a-responder-that-is-no-url",
     '[certificate "shop"]\ncert = /a.pem\nresponder = ocsp.test\n', 3, ["responder"]),
    ("a-proxy-that-is-no-url", "[fetch]\nproxy = proxy.test\n", 2, ["proxy"]),
    ("a-terminal-escape", "[fetch]\n\x1b[31mx = 1\n", 2, []),
]


def run(*arguments):
    return subprocess.run(
        [stapleguard.program("stapleguardd"), *arguments], capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("text, line, words", [c[1:] for c in CONFIGURATIONS], ids=[c[0] for c in CONFIGURATIONS])
def test_a_wrong_configuration_is_named_with_file_and_line(place, text, line, words):
    conf = place / "stapleguard.conf"
    conf.write_text(text)
    for options in (["--once"], ["-n"]):
        done = run(*options, "-c", conf)
        assert done.returncode == CONFIGURATION, done.stderr
        assert f"{conf}:{line}:" in done.stderr
        for word in words:
            assert word in done.stderr
        assert "\x1b" not in done.stderr + done.stdout
    assert os.listdir(place) == ["stapleguard.conf"]


def test_a_configuration_that_does_not_exist_is_named(place):
    done = run("--once", "-c", place / "nowhere.conf")
    assert done.returncode == CONFIGURATION
    assert str(place / "nowhere.conf") in done.stderr


def test_a_good_configuration_passes_the_check_and_nothing_is_made(site):
    site.leaf("shop.test")
    site.sg.write_conf()
    done = run("-n", "-c", site.sg.conf)
    assert done.returncode == 0, done.stderr
    assert not site.sg.run_dir.exists()
    assert site.responder.count() == 0


@pytest.mark.parametrize("arguments", [["--twice"], ["--once", "surplus"], ["--force"], ["-c"], ["-Z"]])
def test_an_unknown_command_line_prints_the_usage(arguments):
    done = run(*arguments)
    assert done.returncode == CONFIGURATION
    assert "usage: stapleguardd" in done.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_go_to_standard_output(option):
    done = run(option)
    assert done.returncode == 0
    assert "stapleguardd" in done.stdout


@pytest.mark.parametrize("user", ["fetch_user", "write_user"])
def test_a_user_that_does_not_exist_is_named_with_how_to_make_it(site, user):
    site.leaf("shop.test")
    site.sg.set("stapleguard", **{user: "no-such-user"})
    result = site.sg.once(expect=CONFIGURATION)
    assert "no-such-user" in result.output
    assert "useradd" in result.output


def test_apaches_user_that_does_not_exist_is_named(site):
    site.leaf("shop.test")
    site.sg.set("apache", user="no-such-apache")
    result = site.sg.once(expect=CONFIGURATION)
    assert "no-such-apache" in result.output


def test_discovery_without_apache_is_named(site):
    site.sg.set("apache", discover="apache", control=site.place / "no-apachectl")
    result = site.sg.once(expect=CONFIGURATION)
    assert "no-apachectl" in result.output


# Certificates ------------------------------------------------------------------------------------------------------------


def refused(site, name):
    """One pass with the bad certificate `name` beside a good one: its reason; the good one must have its staple."""
    good = site.leaf("good.test")
    result = site.sg.once(expect=NO_STAPLE)
    assert site.sg.staple(good) == site.responder.answers[good.serial]
    records = result.events("cert.refused", name)
    assert len(records) == 1, result.records
    assert name in result.output
    assert records[0]["reason"] in result.output
    return records[0]["reason"]


def test_a_certificate_file_that_does_not_exist(site):
    site.sg.add("bad.test", site.certs_dir / "nowhere.pem")
    assert refused(site, "bad.test") == "file-missing"


def test_a_certificate_file_that_is_a_directory(site):
    site.sg.add("bad.test", site.certs_dir)
    assert refused(site, "bad.test") == "file-unreadable"


def test_a_certificate_file_that_is_a_pipe_does_not_hold_up_the_pass(site):
    os.mkfifo(site.certs_dir / "pipe.pem")
    site.sg.add("bad.test", site.certs_dir / "pipe.pem")
    assert refused(site, "bad.test") == "file-unreadable"


def test_a_certificate_file_that_is_empty(site):
    site.sg.add("bad.test", pki.write_pem(site.certs_dir / "bad.pem", ""))
    assert refused(site, "bad.test") == "no-certificate"


def test_a_certificate_file_that_is_der(site):
    cert = site.leaf("bad.test")
    site.pem("bad.test").write_bytes(cert.der)
    assert refused(site, "bad.test") == "der-not-pem"
    assert "openssl x509 -inform DER" in site.sg.once(expect=NO_STAPLE).output


def test_a_certificate_file_of_garbage(site):
    site.sg.add("bad.test", pki.write_pem(site.certs_dir / "bad.pem", os.urandom(5000)))
    assert refused(site, "bad.test") in ("no-certificate", "der-not-pem")


def test_a_certificate_block_that_is_damaged(site):
    cert = site.leaf("bad.test")
    lines = cert.pem.decode().splitlines()
    lines[3] = lines[3][::-1]
    pki.write_pem(site.pem("bad.test"), "\n".join(lines) + "\n", cert.issuer)
    assert refused(site, "bad.test") in ("cert-malformed", "no-issuer")


def test_a_certificate_block_without_end(site):
    cert = site.leaf("bad.test")
    site.pem("bad.test").write_bytes(cert.pem[:200])
    assert refused(site, "bad.test") in ("no-certificate", "cert-malformed")


def test_a_certificate_file_with_a_key_and_no_certificate(site):
    cert = site.leaf("bad.test")
    pki.write_pem(site.pem("bad.test"), cert.key_pem)
    assert refused(site, "bad.test") == "no-certificate"


def test_a_certificate_file_that_is_too_large(site):
    cert = site.leaf("bad.test")
    pki.write_pem(site.pem("bad.test"), cert, cert.issuer, "x" * 63 + "\n", b"# filler\n" * 300000)
    assert refused(site, "bad.test") == "file-too-large"


def test_a_certificate_without_its_issuer(site):
    cert = site.leaf("bad.test")
    pki.write_pem(site.pem("bad.test"), cert)
    assert refused(site, "bad.test") == "no-issuer"


def test_a_certificate_with_the_wrong_issuer(site, authorities):
    cert = site.leaf("bad.test")
    pki.write_pem(site.pem("bad.test"), cert, authorities.stranger)
    assert refused(site, "bad.test") == "no-issuer"


def test_a_chain_file_that_does_not_exist(site):
    site.leaf("bad.test")
    site.sg.add("bad.test", site.pem("bad.test"), chain=site.certs_dir / "nowhere.pem")
    assert refused(site, "bad.test") == "file-missing"


def test_a_certificate_with_an_ldap_responder_only(site):
    site.leaf("bad.test", ocsp_urls=["ldap://ldap.test/cn=ocsp"])
    assert refused(site, "bad.test") == "no-usable-url"


@pytest.mark.parametrize("url", ["http://", "http://:80/", "http://[::1/", "http://a b/", "http://ocsp.test:99999/"])
def test_a_responder_url_that_cannot_be_understood(site, url):
    good = site.leaf("good.test")
    cert = site.leaf("bad.test", ocsp_urls=[url])
    result = site.sg.once(expect=NO_STAPLE)
    assert site.sg.staple(good) is not None
    assert site.sg.staple(cert) is None
    words = result.reasons("fetch.failed", "bad.test") + result.reasons("cert.refused", "bad.test")
    assert words and set(words) <= {"url-malformed", "no-usable-url", "name-not-found"}, result.records


def test_all_orders_and_combinations_of_a_pem_file_are_understood(site, authorities):
    root, ca = authorities.root, authorities.ca
    orders = {
        "key-first": lambda c: [c.key_pem, c, ca],
        "key-last": lambda c: [c, ca, c.key_pem],
        "issuer-first": lambda c: [ca, c],
        "with-root": lambda c: [c, ca, root],
        "text-between": lambda c: ["some text\n", c, "# more text\n", ca],
        "windows-line-ends": lambda c: [c.pem.replace(b"\n", b"\r\n"), ca.pem.replace(b"\n", b"\r\n")],
    }
    certs = {}
    for name, parts in orders.items():
        certs[name] = site.leaf(name)
        pki.write_pem(site.pem(name), *parts(certs[name]))
    separate = site.leaf("chain-separate")
    pki.write_pem(site.pem("chain-separate"), separate)
    site.sg.add("chain-separate", site.pem("chain-separate"), chain=pki.write_pem(site.certs_dir / "chain.pem", ca))
    certs["chain-separate"] = separate
    result = site.sg.once(expect=FRESH)
    served = site.sg.entries()
    missing = [name for name, cert in certs.items() if cert.sha1 not in served]
    assert missing == [], result.output


# Apache's file -------------------------------------------------------------------------------------------------------------


def other_formats():
    """name, how to make it, what it must be called"""
    gdbm_magic = b"\xce\x9a\x57\x13" + b"\x00" * 4000
    lmdb = b"\x00" * 16 + b"\xde\xc0\xef\xbe" + b"\x00" * 4000
    return {
        "gdbm": (lambda path: path.write_bytes(gdbm_magic), "GDBM"),
        "lmdb": (lambda path: path.write_bytes(lmdb), "LMDB"),
        "berkeley-btree": (lambda path: dbm.write(path, [(b"k" * 20, b"v" * 20)], kind="btree"), "tree"),
    }


@pytest.mark.parametrize("kind", ["gdbm", "lmdb", "berkeley-btree"])
def test_a_file_of_another_format_is_refused_by_name_and_left_alone(site, kind):
    make, word = other_formats()[kind]
    site.leaf("shop.test")
    site.sg.make_directories()
    make(site.sg.dbm_path)
    before = site.sg.dbm_path.read_bytes()
    result = site.sg.once(expect=NO_STAPLE)
    assert word.lower() in result.output.lower()
    assert result.reasons("dbm.failed") == ["not-berkeley-db"]
    assert site.sg.dbm_path.read_bytes() == before


def test_garbage_in_place_of_apaches_file_is_refused_and_left_alone(site):
    """It may be of a format that we do not know: no guess."""
    site.leaf("shop.test")
    site.sg.make_directories()
    garbage = bytes(range(256)) * 64
    site.sg.dbm_path.write_bytes(garbage)
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("dbm.failed") == ["not-berkeley-db"]
    assert site.sg.dbm_path.read_bytes() == garbage


def test_a_damaged_berkeley_db_file_is_replaced_and_its_foreign_entries_are_dropped(site):
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    dbm.write(site.sg.dbm_path, [(bytes([n]) * 20, b"v" * 900) for n in range(60)])
    data = bytearray(site.sg.dbm_path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    site.sg.dbm_path.write_bytes(data)
    site.sg.once(expect=FRESH)
    assert dbm.is_sound(site.sg.dbm_path)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


def test_an_empty_file_in_place_of_apaches_file_is_replaced(site):
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    site.sg.dbm_path.write_bytes(b"")
    site.sg.once(expect=FRESH)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


def test_a_symbolic_link_in_place_of_apaches_file_is_never_followed(site):
    site.leaf("shop.test")
    site.sg.make_directories()
    victim = site.place / "victim"
    victim.write_text("precious\n")
    site.sg.dbm_path.symlink_to(victim)
    site.sg.once()
    assert victim.read_text() == "precious\n"


def test_a_store_of_another_user_is_named_and_the_pass_ends(site):
    """A child that ends while it sets itself up: the other one must not wait for it."""
    site.leaf("shop.test")
    store = site.sg.state_dir / "writer"
    store.mkdir(parents=True)
    os.chown(store, 12345, 12345)
    result = site.sg.once(timeout_sec=30, expect=NO_STAPLE)
    assert str(store) in result.output
    assert "12345" in result.output


def test_a_dbm_directory_of_another_user_is_named_with_how_to_mend_it(site):
    site.leaf("shop.test")
    folder = site.place / "apache-cache"
    folder.mkdir()
    site.sg.set("apache", dbm=folder / "ocsp_cache.db")
    result = site.sg.once(expect=CONFIGURATION)
    assert f"chown {stapleguard.WRITE_UID}:www-data {folder}" in result.output


def test_without_any_certificate_a_pass_says_so(site):
    result = site.sg.once(expect=CONFIGURATION)
    assert "no certificate" in result.output
