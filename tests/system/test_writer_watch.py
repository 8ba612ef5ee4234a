# SPDX-License-Identifier: ISC
"""The writer as a daemon's: commits in their time, certificates that come and go, a fetcher that is started anew, floods."""

import os
import signal
import subprocess
import time

import pytest
from helpers import dbm, pki, stapleguard, wire
from helpers.daemon import wait_until
from helpers.lone_writer import LoneWriter


@pytest.fixture
def ca(authorities):
    return authorities.ca


@pytest.fixture
def writer(place):
    made = LoneWriter(place, flags=wire.KEEPER)
    yield made
    made.end()


def watch(writer):
    writer.begin()
    return writer.hear_result()


def leaf(ca):
    return ca.leaf("x.test", ocsp_urls=["http://ocsp.test/"])


def good(cert, **options):
    return pki.response(cert, **options)


def keeper_of(writer):
    output = subprocess.run(["ps", "-o", "pid=", "--ppid", str(writer.pid)], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in output.split()]


def test_the_first_commit_comes_at_once_and_a_new_staple_soon(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    states, done = watch(writer)
    assert wire.STATES[states[0].state] == "missing" and done.entries == 0
    writer.offer(0, good(cert))
    states, done = writer.hear_result()
    assert wire.STATES[states[0].state] == "good" and done.entries == 1
    assert cert.sha1 in dbm.entries(writer.dbm_path)


def test_a_dropped_certificate_keeps_its_staple_and_takes_no_offer(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    writer.offer(0, good(cert, this_update=time.time() - 7200))
    watch(writer)
    writer.supervisor.send("CERT_DROP", cert_no=0)
    writer.supervisor.send("CERT_DROP", cert_no=0)
    writer.supervisor.send("CERT_DROP", cert_no=7)
    time.sleep(0.2)
    writer.fetcher.send("OFFER", cert_no=0, der=good(cert))
    wait_until(lambda: writer.listen() or writer.events("offer.refused"), "the refusal")
    assert writer.events("offer.refused")[0].reason_word == "unknown-cert"
    assert cert.sha1 in dbm.entries(writer.dbm_path)


def test_P5_a_certificate_that_is_gone_leaves_the_file(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    writer.offer(0, good(cert))
    watch(writer)
    writer.supervisor.send("CERT_DROP", cert_no=0)
    writer.supervisor.send("CERT_GONE", name="cert0")
    wait_until(lambda: cert.sha1 not in dbm.entries(writer.dbm_path), "its entry to go")
    wait_until(lambda: writer.listen() or writer.events("cert.withdrawn"), "the event")


def test_a_fetcher_that_was_started_anew_hears_what_is_held(writer, ca):
    writer.start()
    for name in ("a.test", "b.test"):
        writer.tell(leaf(ca))
        writer.held()
    watch(writer)
    writer.fetcher.close()
    time.sleep(0.1)
    writer.fetcher = wire.Channel()
    writer.supervisor.send("PEER", fd=writer.fetcher.theirs.fileno(), life=2)
    writer.fetcher.close_theirs()
    assert {writer.held().cert_no, writer.held().cert_no} == {0, 1}


def test_numbers_may_have_gaps_but_never_go_back(writer, ca):
    writer.start()
    writer.cert_count = 5
    cert = leaf(ca)
    assert writer.tell(cert).cert_no == 5
    assert writer.held().cert_no == 5
    watch(writer)
    writer.cert_count = 5
    assert writer.tell(cert) is None  # it ends: its supervisor is mad
    assert os.WEXITSTATUS(writer.collect()) == 1


def test_P6_resume_forgets_the_withdrawal(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    watch(writer)
    writer.offer(0, good(cert, status="revoked", this_update=time.time() - 7200))
    assert writer.offer(0, good(cert)).kind == wire.REFUSED  # good after revoked
    writer.supervisor.send("RESUME", cert_no=0)
    answer = writer.held()
    assert wire.STATES[answer.state] == "missing"
    assert writer.offer(0, good(cert)).kind == wire.ACCEPTED
    writer.listen()
    assert writer.events("cert.resumed")


def test_a_flood_is_refused_for_an_hour(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    watch(writer)
    reasons = [wire.REASONS[writer.offer(0, b"\x30\x00").reason] for _ in range(80)]
    assert reasons[0] != "flood" and reasons[-1] == "flood"


def test_the_keepers_end_ends_the_writer_and_its_end_the_keeper(writer, ca):
    writer.start()
    watch(writer)
    (keeper,) = keeper_of(writer)
    os.kill(keeper, signal.SIGKILL)
    assert os.WEXITSTATUS(writer.collect()) == 1
    writer.supervisor.close()
    writer.fetcher.close()
    writer.start()
    watch(writer)
    (keeper,) = keeper_of(writer)
    writer.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{keeper}") or "zombie" in open(f"/proc/{keeper}/status").read(), "the keeper's end")


def test_what_is_held_goes_into_the_file_at_the_end(writer, ca):
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    watch(writer)
    writer.offer(0, good(cert))
    writer.supervisor.close()
    writer.fetcher.close()
    assert writer.collect() == 0
    assert cert.sha1 in dbm.entries(writer.dbm_path)


def test_a_restart_without_apache_is_answered(writer):
    writer.start()
    watch(writer)
    writer.supervisor.send("RESTART", request=7)
    answer = writer.hear("RESTARTED")
    assert answer.request == 7 and answer.reason_word == "apache-not-running"


def test_a_full_disk_is_said_and_tried_again(writer, ca, place):
    """The file's directory takes no new file; once it does again, the staple gets there by itself."""
    writer.start()
    cert = leaf(ca)
    writer.tell(cert)
    writer.held()
    watch(writer)
    staging = writer.dbm_path.parent / ".stapleguard"
    staging.chmod(0o500)
    os.chown(staging, 0, 0)
    writer.offer(0, good(cert))
    wait_until(lambda: writer.listen() or writer.events("dbm.failed"), "the failure")
    os.chown(staging, stapleguard.WRITE_UID, writer.gid)
    staging.chmod(0o700)
    wait_until(lambda: writer.listen() or cert.sha1 in dbm.entries(writer.dbm_path), "the staple", timeout_sec=60)


def test_a_store_that_cannot_be_opened_is_tried_again_but_not_in_a_loop(writer):
    folder = writer.state_dir / "writer"
    folder.mkdir()
    os.chown(folder, stapleguard.WRITE_UID, writer.gid)
    folder.chmod(0o500)  # no store can be made in it
    writer.start()
    _, done = watch(writer)
    assert done.reason_word == "store-failed"
    time.sleep(1.5)
    writer.listen()
    assert len(writer.events("dbm.failed")) <= 2
