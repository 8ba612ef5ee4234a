# SPDX-License-Identifier: ISC
"""The main job: one pass of `stapleguardd --once` puts verified staples into a real Apache's cache."""

import os
import re
import shutil
import subprocess
import time

import pytest
from helpers import pki, responder, stapleguard, tls
from helpers.stapleguard import ALREADY_RUNNING, CONFIGURATION, FETCH_FAILED, FRESH, NO_STAPLE


def test_after_one_pass_apache_serves_the_staple_of_a_must_staple_certificate(shop):
    result = shop.sg.once(expect=FRESH)
    shop.responder.down()
    served = shop.handshake("shop.test")
    assert served.serial == shop.shop.serial
    assert served.status == "good"
    assert served.staple == shop.responder.answers[shop.shop.serial]
    assert result.events("staple.stored", "shop.test")
    status, output = tls.s_client_status(shop.apache.port, "shop.test", shop.ca_file)
    assert status == "good", output
    assert "Verify return code: 0 (ok)" in output


def test_in_tls_1_2_the_staple_is_served_as_well(shop):
    shop.sg.once(expect=FRESH)
    shop.responder.down()
    assert shop.handshake("shop.test", tls12=True).status == "good"


def test_without_stapleguard_and_without_a_responder_there_is_no_staple(shop):
    """What the others stand on: Apache alone has nothing to serve here."""
    shop.responder.down()
    assert shop.handshake("shop.test").status == "none"


def test_handshakes_after_a_pass_never_ask_the_responder(shop):
    shop.sg.once(expect=FRESH)
    asked = shop.responder.count()
    for _ in range(5):
        assert shop.handshake("shop.test").status == "good"
    assert shop.responder.count() == asked == 1


def test_apache_complains_of_nothing_after_a_pass(shop):
    before = len(shop.apache.complaints())
    shop.sg.once(expect=FRESH)
    assert shop.handshake("shop.test").status == "good"
    assert shop.apache.complaints()[before:] == []


def test_openssl_ocsp_as_the_responder(site, authorities):
    other = responder.OpensslResponder(site.place / "openssl", authorities.ca, authorities.signer)
    other.port = responder.free_port()
    cert = site.leaf("shop.test", must_staple=True, ocsp_urls=[other.url])
    other.know(cert)
    site.start_apache("shop.test")
    with other:
        site.sg.once(expect=FRESH)
    served = site.handshake("shop.test")
    assert served.status == "good"
    assert served.staple == site.sg.staple(cert)


# PARITY P15
def test_p15_a_pass_after_a_restart_puts_everything_back_without_the_network(shop):
    shop.sg.once(expect=FRESH)
    shop.responder.down()
    shop.apache.restart()
    assert shop.handshake("shop.test").status == "none"
    shop.responder.forget()
    result = shop.sg.once(expect=FRESH)
    assert result.events("fetch.failed") == []
    assert shop.handshake("shop.test").status == "good"


# PARITY P15
def test_p15_a_pass_after_a_graceful_restart_puts_everything_back_without_the_network(shop):
    shop.sg.once(expect=FRESH)
    shop.responder.down()
    shop.apache.graceful()
    shop.sg.once(expect=FRESH)
    assert shop.handshake("shop.test").status == "good"


# PARITY P16
def test_p16_a_second_pass_with_nothing_due_asks_nobody(shop):
    shop.sg.once(expect=FRESH)
    shop.responder.forget()
    before = shop.sg.staple(shop.shop)
    shop.sg.once(expect=FRESH)
    assert shop.responder.count() == 0
    assert shop.responder.connections == 0
    assert shop.sg.staple(shop.shop) == before


def test_force_asks_for_all(shop):
    second = shop.leaf("second.test")
    shop.sg.once(expect=FRESH)
    shop.responder.forget()
    shop.sg.once("--force", expect=FRESH)
    assert shop.responder.count(shop.shop) == 1
    assert shop.responder.count(second) == 1


def test_force_replaces_an_older_response_by_a_newer_one(shop):
    shop.sg.once(expect=FRESH)
    newer = shop.good(shop.shop, this_update=time.time() - 60)
    assert newer != shop.sg.staple(shop.shop)
    shop.responder.answer(shop.shop, newer)
    shop.sg.once("--force", expect=FRESH)
    assert shop.sg.staple(shop.shop) == newer


# PARITY P17
def test_p17_a_renewed_certificate_in_the_same_file_is_asked_for_at_once(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    renewed = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    assert site.responder.count(renewed) == 1
    assert site.sg.staple(renewed) == site.responder.answers[renewed.serial]


def test_rsa_and_ecdsa_certificates_of_one_site_each_get_their_own_staple(site):
    rsa = site.leaf("pair.test-rsa", key="rsa", alt_names=["pair.test"])
    ecdsa = site.leaf("pair.test-ecdsa", alt_names=["pair.test"])
    site.make_apache()
    site.apache.add("pair.test", *((site.pem(name), site.key(name)) for name in ("pair.test-rsa", "pair.test-ecdsa")))
    site.apache.start()
    site.sg.once(expect=FRESH)
    site.responder.down()
    for kind, cert in (("rsa", rsa), ("ecdsa", ecdsa)):
        served = site.handshake("pair.test", key=kind)
        assert served.serial == cert.serial
        assert served.staple == site.responder.answers[cert.serial]


def test_certificates_are_discovered_from_apache(site):
    first = site.leaf("first.test", managed=False)
    second = site.leaf("second.test", managed=False)
    site.start_apache("first.test", "second.test")
    site.sg.set("apache", discover="apache")
    result = site.sg.once(expect=FRESH)
    names = {record["cert"] for record in result.events("staple.stored")}
    assert names == {str(site.pem("first.test")), str(site.pem("second.test"))}
    site.responder.down()
    for name, cert in (("first.test", first), ("second.test", second)):
        assert site.handshake(name).staple == site.responder.answers[cert.serial]


def test_a_discovered_certificate_with_a_section_is_taken_once_and_by_its_section(site):
    cert = site.leaf("shop.test")
    site.start_apache("shop.test")
    site.sg.set("apache", discover="apache")
    result = site.sg.once(expect=FRESH)
    assert [record["cert"] for record in result.events("staple.stored")] == ["shop.test"]
    assert site.responder.count(cert) == 1


def test_when_apache_cannot_tell_the_last_list_serves_and_the_exit_code_says_so(site):
    site.leaf("shop.test", managed=False)
    site.start_apache("shop.test")
    site.sg.set("apache", discover="apache")
    site.sg.once(expect=FRESH)
    site.apache.conf.write_text(site.apache.conf.read_text() + "\nThisIsNoDirective yes\n")
    result = site.sg.once()
    assert "ThisIsNoDirective" in result.output
    assert site.responder.count() == 1
    assert len(site.sg.entries()) == 1


def test_a_discovered_certificate_comes_with_apaches_chain_file(site):
    """Its own file has no issuer; and the chain is known when Apache cannot tell, too."""
    cert = site.leaf("shop.test", managed=False)
    pki.write_pem(site.pem("shop.test"), cert)
    chain = site.certs_dir / "chain.pem"
    pki.write_pem(chain, *(cert.chain() or [cert.issuer]))
    site.make_apache()
    site.apache.add("shop.test", (site.pem("shop.test"), site.key("shop.test")), extra=f"SSLCertificateChainFile {chain}")
    site.apache.start()
    site.sg.set("apache", discover="apache")
    site.sg.once(expect=FRESH)
    site.responder.down()
    assert site.handshake("shop.test").staple == site.responder.answers[cert.serial]
    site.responder.up()
    site.apache.conf.write_text(site.apache.conf.read_text() + "\nThisIsNoDirective yes\n")
    shutil.rmtree(site.sg.state_dir / "store", ignore_errors=True)
    assert "issuer" not in site.sg.once("--force").output
    assert site.responder.count(cert) == 2


def test_a_certificate_whose_path_is_relative_to_server_root_is_discovered(site):
    cert = site.leaf("shop.test", managed=False)
    site.make_apache()
    shutil.copy(site.pem("shop.test"), site.apache.directory / "shop.pem")
    shutil.copy(site.key("shop.test"), site.apache.directory / "shop.key")
    site.apache.add("shop.test", ("shop.pem", "shop.key"))
    site.apache.start()
    site.sg.set("apache", discover="apache")
    site.sg.once(expect=FRESH)
    site.responder.down()
    assert site.handshake("shop.test").staple == site.responder.answers[cert.serial]


def refuse(site, condition, sentence):
    """From now on the control command fails where the shell condition holds."""
    head, _, rest = site.apache.control.read_text().partition("\n")
    site.apache.control.write_text(f"{head}\nif {condition}; then echo '{sentence}' >&2; exit 1; fi\n{rest}")


def test_where_mod_info_does_not_load_the_certificates_are_discovered_without_it(site):
    site.leaf("shop.test", managed=False)
    site.start_apache("shop.test")
    refuse(site, 'case "$*" in *info_module*) true;; *) false;; esac', "Cannot load mod_info.so into server")
    site.sg.set("apache", discover="apache")
    assert "mod_info" not in site.sg.once(expect=FRESH).output
    assert site.responder.count() == 1


def test_where_apachectl_refuses_options_the_program_is_asked(site):
    """As Red Hat's does."""
    site.leaf("shop.test", managed=False)
    site.start_apache("shop.test")
    program = site.apache.directory / "httpd"
    shutil.copy(site.apache.control, program)
    refuse(site, "[ $# -ne 1 ]", "Passing arguments to httpd using apachectl is no longer supported.")
    site.sg.set("apache", discover="apache")
    assert "no longer supported" in site.sg.once().output
    site.sg.set("apache", program=program)
    site.sg.once(expect=FRESH)


def test_exit_0_when_all_are_fresh(site):
    site.leaf("shop.test")
    result = site.sg.once()
    assert result.code == FRESH, result.output
    assert "1 certificate" in result.output


def test_exit_1_when_a_fetch_failed_but_the_old_staple_serves(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    site.responder.fail_all(responder.STATUS, 500)
    result = site.sg.once("--force")
    assert result.code == FETCH_FAILED, result.output


def test_exit_2_when_a_certificate_is_without_a_staple(site):
    site.leaf("shop.test")
    site.responder.fail_all(responder.STATUS, 500)
    result = site.sg.once()
    assert result.code == NO_STAPLE, result.output


def test_exit_3_when_the_configuration_is_wrong(site):
    site.sg.set("fetch", timeout="soon")
    result = site.sg.once()
    assert result.code == CONFIGURATION, result.output


def test_exit_4_when_another_one_runs_already(site):
    site.leaf("shop.test")
    site.sg.set("fetch", timeout="60s")
    site.responder.fail_all(responder.HANG)
    first = site.sg.start()
    site.responder.wait_for(1)
    second = site.sg.once()
    assert second.code == ALREADY_RUNNING, second.output
    assert str(first.pid) in second.output
    site.responder.heal()
    site.responder.down()
    code, output = site.sg.finish(first)
    assert code == NO_STAPLE, output


def test_after_one_that_was_killed_the_next_can_run(site):
    site.leaf("shop.test")
    site.sg.set("fetch", timeout="60s")
    site.responder.fail_all(responder.HANG)
    first = site.sg.start()
    site.responder.wait_for(1)
    first.kill()
    site.sg.finish(first)
    site.responder.heal()
    site.sg.once(expect=FRESH)


def test_exit_3_for_somebody_who_is_not_root_and_says_what_it_needs(site):
    site.leaf("shop.test")
    site.sg.write_conf()
    copy = site.place / "stapleguardd"
    shutil.copy(stapleguard.program("stapleguardd"), copy)
    done = subprocess.run(
        [copy, "--once", "-c", site.sg.conf], user=65534, group=65534, extra_groups=[], cwd=site.place,
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == CONFIGURATION, done.stderr
    assert "root" in done.stderr


# PARITY P16
def test_p16_one_bad_certificate_never_stops_the_others(site):
    good = [site.leaf(f"good{number}.test") for number in range(3)]
    refused = site.leaf("refused.test")
    site.responder.fail(refused, responder.STATUS, 500)
    site.sg.add("missing.test", site.certs_dir / "not-there.pem")
    garbage = pki.write_pem(site.certs_dir / "garbage.pem", "this is not a certificate\n")
    site.sg.add("garbage.test", garbage)
    good.append(site.leaf("last.test"))
    result = site.sg.once(expect=NO_STAPLE)
    assert set(site.sg.entries()) == {cert.sha1 for cert in good}
    for name in ("refused.test", "missing.test", "garbage.test"):
        assert name in result.output


# PARITY P9
def test_p9_a_certificate_without_ocsp_is_quiet(site):
    cert = site.leaf("quiet.test", ocsp_urls=[])
    site.leaf("shop.test")
    result = site.sg.once(expect=FRESH)
    assert site.responder.count(cert) == 0
    assert "nothing to staple" in result.output
    assert result.events("fetch.failed") == []


# PARITY P8
def test_p8_an_expired_certificate_is_not_asked_for(site):
    now = time.time()
    cert = site.leaf("old.test", not_before=now - 60 * pki.DAY, not_after=now - pki.DAY)
    result = site.sg.once()
    assert site.responder.count(cert) == 0
    assert len([r for r in result.records if r.get("cert") == "old.test"]) == 1
    assert result.code == FRESH, result.output


# PARITY P5
def test_p5_a_certificate_whose_file_is_gone_leaves_apaches_file(site):
    gone = site.leaf("gone.test")
    stays = site.leaf("stays.test")
    site.sg.once(expect=FRESH)
    assert set(site.sg.entries()) == {gone.sha1, stays.sha1}
    site.pem("gone.test").unlink()
    result = site.sg.once()
    assert set(site.sg.entries()) == {stays.sha1}
    assert result.reasons("cert.withdrawn") == ["file-missing"]
    assert "gone.test" in result.output


def test_a_certificate_taken_out_of_the_configuration_is_not_asked_for_any_more(site):
    gone = site.leaf("gone.test")
    stays = site.leaf("stays.test")
    site.sg.once(expect=FRESH)
    site.responder.forget()
    del site.sg.certs["gone.test"]
    site.sg.once("--force", expect=FRESH)
    assert site.responder.count(gone) == 0
    assert site.responder.count(stays) == 1


def test_a_certificate_taken_out_of_the_configuration_leaves_apaches_file_when_its_response_ends(site):
    """Not before: Apache may use it still, and an empty list may be a mistake."""
    gone = site.leaf("gone.test")
    stays = site.leaf("stays.test")
    site.sg.add("gone.test", site.pem("gone.test"), safety_margin="0s", min_ttl="0s")
    site.responder.answer(gone, site.good(gone, next_update=time.time() + 4))
    site.sg.once(expect=FRESH)
    end = pki.next_update_of(site.sg.staple(gone))
    del site.sg.certs["gone.test"]
    while time.time() <= end:
        time.sleep(0.1)
    result = site.sg.once(expect=FRESH)
    assert set(site.sg.entries()) == {stays.sha1}
    assert len(result.events("cert.withdrawn")) == 1


# PARITY P6
def test_p6_a_revoked_certificate_is_withdrawn_and_leaves_apaches_file(shop):
    shop.sg.once(expect=FRESH)
    shop.responder.answer(shop.shop, shop.good(shop.shop, status="revoked", this_update=time.time() - 60))
    result = shop.sg.once("--force", expect=NO_STAPLE)
    assert result.reasons("cert.withdrawn", "shop.test") == ["revoked"]
    assert shop.sg.entries() == {}
    assert "revoked" in result.output


# PARITY P6
def test_p6_a_withdrawn_certificate_is_not_asked_for_again(site):
    cert = site.leaf("shop.test")
    site.responder.answer(cert, site.good(cert, status="revoked"))
    site.sg.once(expect=NO_STAPLE)
    site.responder.forget()
    site.responder.answer(cert, site.good(cert, this_update=time.time() - 60))
    site.sg.once(expect=NO_STAPLE)
    assert site.responder.count(cert) == 0
    assert site.sg.entries() == {}


# PARITY P6
def test_p6_unknown_withdraws_a_certificate_that_is_no_longer_young(site):
    cert = site.leaf("shop.test", not_before=time.time() - 10 * pki.DAY)
    site.sg.once(expect=FRESH)
    site.responder.answer(cert, site.good(cert, status="unknown", this_update=time.time() - 60))
    result = site.sg.once("--force", expect=NO_STAPLE)
    assert result.reasons("cert.withdrawn", "shop.test") == ["unknown"]
    assert site.sg.entries() == {}


# PARITY P6
def test_p6_unknown_does_not_withdraw_a_young_certificate(site):
    cert = site.leaf("shop.test", not_before=time.time() - pki.HOUR)
    site.responder.answer(cert, site.good(cert, status="unknown"))
    result = site.sg.once(expect=NO_STAPLE)
    assert result.events("cert.withdrawn") == []
    site.responder.answer(cert, site.good(cert))
    site.sg.once("--force", expect=FRESH)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# PARITY P12
@pytest.mark.parametrize("hours, left", [(32, 2), (6 * 24, 4 * 24 + 18)])
def test_p12_apache_is_told_to_forget_the_staple_30_hours_before_its_end(site, hours, left):
    now = int(time.time())
    cert = site.leaf("shop.test")
    site.responder.answer(cert, site.good(cert, next_update=now + hours * pki.HOUR))
    site.sg.once(expect=FRESH)
    assert site.sg.entries()[cert.sha1].expiry == now + left * pki.HOUR


# PARITY P12
def test_p12_29_hours_left_is_refused(site):
    cert = site.leaf("shop.test")
    site.responder.answer(cert, site.good(cert, next_update=time.time() + 29 * pki.HOUR))
    result = site.sg.once(expect=NO_STAPLE)
    assert result.reasons("response.rejected", "shop.test") == ["short-ttl"]


# PARITY P12
def test_p12_margins_of_one_certificate_can_be_lower(site):
    now = int(time.time())
    cert = site.leaf("shop.test")
    site.sg.add("shop.test", site.pem("shop.test"), safety_margin="10m", min_ttl="5m")
    site.responder.answer(cert, site.good(cert, next_update=now + pki.HOUR))
    site.sg.once(expect=FRESH)
    assert site.sg.entries()[cert.sha1].expiry == now + 50 * pki.MINUTE


# PARITY P12
def test_p12_the_delegates_own_end_counts(site, authorities):
    now = int(time.time())
    signer = authorities.ca.delegate(not_after=now + 3 * pki.DAY)
    cert = site.leaf("shop.test")
    site.responder.answer(cert, site.good(cert, signer=signer))
    site.sg.once(expect=FRESH)
    assert site.sg.entries()[cert.sha1].expiry == now + 3 * pki.DAY - 30 * pki.HOUR


# PARITY P19
def test_p19_a_failure_names_the_certificate_the_responder_and_the_reason(site):
    site.leaf("shop.test")
    site.responder.fail_all(responder.STATUS, 503)
    result = site.sg.once(expect=NO_STAPLE)
    line = next(line for line in result.output.splitlines() if "shop.test" in line)
    assert "http-status" in line
    assert "503" in line
    record = result.events("fetch.failed", "shop.test")[0]
    assert record["responder"].startswith(f"http://127.0.0.1:{site.responder.port}")
    assert record["http_status"] == 503


def test_an_interrupted_pass_keeps_what_was_fetched(site):
    quick, slow = site.leaf("quick.test"), site.leaf("slow.test")
    site.sg.set("fetch", timeout="60s")
    site.responder.fail(slow, responder.HANG)
    process = site.sg.start()
    site.responder.wait_for(2)
    process.terminate()
    code, output = site.sg.finish(process)
    assert code == NO_STAPLE, output
    assert "interrupted" in output
    assert set(site.sg.entries()) == {quick.sha1}


def test_a_terminal_shows_progress_and_then_the_summary(site):
    quick, slow = site.leaf("quick.test"), site.leaf("slow.test")
    site.sg.set("fetch", timeout="1s")
    site.responder.fail(slow, responder.HANG)
    site.sg.write_conf()
    ours, theirs = os.openpty()
    with subprocess.Popen(site.sg.command(), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        output = read_terminal(ours)
    assert process.returncode == NO_STAPLE, output
    # done/total, failures, rate; rewritten in place, and taken away before the summary.
    assert re.search(r"\r\x1b\[K1/2 asked, 0 failed, \d+/s", output)
    assert re.search(r"\r\x1b\[K2/2 asked, 1 failed, \d+/s\r\x1b\[K2 certificates: ", output)
    assert set(site.sg.entries()) == {quick.sha1}


def read_terminal(descriptor):
    """All that is written to the other end of a pseudo-terminal."""
    output = b""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # EIO: the other end was closed
            data = b""
        if not data:
            os.close(descriptor)
            return output.decode()
        output += data


def test_p8_what_is_known_of_a_certificate_is_one_event(site):
    # PARITY P8, P19
    site.leaf("shop.test")
    site.leaf("none.test", ocsp_urls=[])
    first = site.sg.once(expect=FRESH)
    assert len(first.events("cert.added")) == 2
    again = site.sg.once("--force", expect=FRESH)
    assert again.events("cert.added") == []
    renewed = site.leaf("shop.test")
    result = site.sg.once(expect=FRESH)
    assert [record["sha256"] for record in result.events("cert.changed")] == [renewed.sha256.hex()]


def test_nothing_is_printed_to_a_pipe_but_plain_lines(site):
    site.leaf("shop.test")
    result = site.sg.once(expect=FRESH)
    assert "\x1b" not in result.output
    assert "\r" not in result.output


def test_the_audit_log_is_roots_alone_and_its_records_are_numbered(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    site.sg.once(expect=FRESH)
    records = site.sg.audit()
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    for before, after in zip(records, records[1:]):
        assert after["prev"] == before["hash"]
    details = os.stat(site.sg.audit_log)
    assert details.st_uid == 0
    assert details.st_mode & 0o007 == 0
