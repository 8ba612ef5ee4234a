# SPDX-License-Identifier: ISC
"""P5, P6, P13, P14, P15: the real writer between a supervisor and a fetcher that are us; the fetcher is as hostile as it
can be."""

import os
import pathlib
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes
from helpers import dbm, lone_writer, pki, stapleguard, wire
from helpers.daemon import wait_until
from helpers.site import eventually

HOUR, DAY = 3600, 86400

# What no honest fetcher sends.
HALF_AN_OFFER = wire.pack("OFFER", cert_no=0, der=b"x" * 100)[:50]
VIOLATIONS = {
    "an unknown type": b"\x7f\xff\x00\x00",
    "one octet": b"\x00",
    "half a message": HALF_AN_OFFER,
    "octets after the end": wire.pack("OFFER", cert_no=0, der=b"x") + b"\0",
    "a response longer than any that Apache serves": wire.pack("OFFER", cert_no=0, der=b"\x30" * 10240),
    "an offer without a response": wire.pack("OFFER", cert_no=0, der=b""),
    "longer than any message": b"\x00\x21" + b"x" * wire.LEN_MAX,
    "a message of the supervisor's": wire.pack("BEGIN", is_once=1),
    "a message of the writer's own": wire.pack("ANSWER", cert_no=0),
}


@pytest.fixture
def ca(authorities):
    return authorities.ca


@pytest.fixture
def writer(place):
    made = lone_writer.LoneWriter(place)
    yield made
    made.end()


def leaf(ca, name="shop.test", **options):
    return ca.leaf(name, ocsp_urls=["http://ocsp.test/"], **options)


def reason(message):
    return message.reason_word


def run_once(writer, offers=(), certs=(), **policy):
    """Start, tell of certs, offer [(cert_no, der)], finish, stop.  Gives (answers, states, WRITE_DONE)."""
    writer.start()
    for cert in certs:
        writer.tell(cert, **policy)
        writer.held()
    answers = [writer.offer(cert_no, der) for cert_no, der in offers]
    states, done = writer.finish()
    assert writer.stop() == 0
    return answers, states, done


def state_of(message):
    return wire.STATES[message.state]


# The main job ------------------------------------------------------------------------------------------------------------


# PARITY P13
def test_p13_an_accepted_response_is_in_the_file_as_httpd_keeps_it(writer, ca):
    cert = leaf(ca)
    der = pki.response(cert)
    answers, states, done = run_once(writer, [(0, der)], [cert])
    assert answers[0].kind == wire.ACCEPTED
    assert state_of(states[0]) == "good" and states[0].is_refreshed == 1
    assert reason(done) == "ok" and done.entries == 1 and done.foreign == 0
    expiry = pki.next_update_of(der) - 30 * HOUR
    assert states[0].expiry == expiry
    assert dict(dbm.dump(writer.dbm_path))[cert.sha1] == struct.pack("=qB", expiry * 1000000, 1) + der
    stored = writer.events("staple.stored")
    assert [m.cert_no for m in stored] == [0] and stored[0].expiry == expiry and stored[0].bytes == len(der)
    assert len(writer.events("dbm.committed")) == 1


# PARITY P14
def test_p14_the_file_belongs_to_the_writer_and_apaches_group(writer, ca):
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    found = writer.dbm_path.stat()
    assert (found.st_uid, found.st_gid) == (stapleguard.WRITE_UID, writer.gid)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert dbm.is_sound(writer.dbm_path)
    assert dbm.first_key_for_apache(writer.dbm_path) is None
    assert sorted(path.name for path in writer.dbm_path.parent.iterdir()) == [writer.dbm_path.name]


# PARITY P15
def test_p15_after_a_restart_the_staple_comes_from_the_store(writer, ca):
    cert = leaf(ca)
    der = pki.response(cert)
    run_once(writer, [(0, der)], [cert])
    writer.dbm_path.unlink()  # as each restart of Apache's does
    writer.start()
    assert writer.tell(cert).state == 0
    held = writer.held()
    assert state_of(held) == "good"
    assert held.this_update == pki.this_update_of(der) and held.next_update == pki.next_update_of(der)
    states, _ = writer.finish()
    assert state_of(states[0]) == "good" and states[0].is_refreshed == 0
    assert writer.entries()[cert.sha1].der == der


def test_a_second_pass_without_news_renames_nothing(writer, ca):
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    inode = writer.dbm_path.stat().st_ino
    _, states, done = run_once(writer, [], [cert])
    assert writer.dbm_path.stat().st_ino == inode
    assert done.detail.startswith("unchanged")
    assert state_of(states[0]) == "good"
    assert writer.events("dbm.committed") == []


def test_the_policy_of_today_counts_for_what_is_held(writer, ca):
    cert = leaf(ca)
    der = pki.response(cert)
    run_once(writer, [(0, der)], [cert])
    _, states, _ = run_once(writer, [], [cert], safety_margin=2 * HOUR)
    assert states[0].expiry == pki.next_update_of(der) - 2 * HOUR
    assert writer.entries()[cert.sha1].expiry == pki.next_update_of(der) - 2 * HOUR


def test_two_files_with_one_certificate_share_its_staple(writer, ca):
    cert = leaf(ca)
    older, newer = pki.response(cert, this_update=time.time() - DAY), pki.response(cert)
    answers, states, done = run_once(writer, [(1, newer), (0, older), (0, newer)], [cert, cert])
    assert [a.kind for a in answers] == [wire.ACCEPTED, wire.REFUSED, wire.ACCEPTED]
    assert reason(answers[1]) == "rollback"
    assert [state_of(states[n]) for n in (0, 1)] == ["good", "good"]
    assert done.entries == 1


# PARITY P14
def test_p14_foreign_records_stay(writer, ca):
    cert = leaf(ca)
    foreign = dbm.Record(int(time.time()) + HOUR, 0, b"0\x03\n\x01\x03")
    dbm.write(writer.dbm_path, [(b"k" * 20, foreign.value())])
    _, _, done = run_once(writer, [(0, pki.response(cert))], [cert])
    assert done.foreign == 1 and done.entries == 2
    assert writer.entries()[b"k" * 20] == foreign


# Certificates that cannot be looked after ----------------------------------------------------------------------------------


def test_a_certificate_that_is_no_use_is_said_to_be_none(writer, ca):
    quiet = ca.leaf("quiet.test")
    ended = leaf(ca, "ended.test", not_before=time.time() - 9 * DAY, not_after=time.time() - DAY)
    writer.start()
    assert state_of(writer.tell(quiet)) == "no-ocsp"
    assert state_of(writer.tell(ended)) == "expired"
    broken = writer.tell(quiet, pem=b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert (state_of(broken), reason(broken)) == ("unusable", "cert-malformed")
    assert [state_of(writer.held()) for _ in range(3)] == ["no-ocsp", "expired", "unusable"]
    assert reason(writer.offer(0, pki.response(quiet))) == "unknown-cert"
    states, done = writer.finish()
    assert [state_of(states[n]) for n in range(3)] == ["no-ocsp", "expired", "unusable"]
    assert reason(done) == "ok" and done.entries == 0


# PARITY P5
def test_p5_a_certificate_nobody_tells_of_stays_until_its_response_ends(writer, ca):
    """Apache may serve it until its next restart."""
    cert = leaf(ca)
    der = pki.response(cert, next_update=time.time() + 4)
    run_once(writer, [(0, der)], [cert], safety_margin=0, min_ttl=0)
    run_once(writer)
    assert cert.sha1 in writer.entries()
    time.sleep(max(0.0, pki.next_update_of(der) - time.time()) + 0.1)
    run_once(writer)
    assert cert.sha1 not in writer.entries()
    withdrawn = writer.events("cert.withdrawn")
    assert [reason(m) for m in withdrawn] == ["file-missing"]
    assert cert.sha256.hex() in withdrawn[0].detail
    run_once(writer)
    assert writer.events("cert.withdrawn") == []


# Revoked, unknown, older ---------------------------------------------------------------------------------------------------


# PARITY P6
def test_p6_revoked_leaves_the_file_and_good_never_comes_back(writer, ca):
    cert = leaf(ca)
    good, revoked = pki.response(cert, this_update=time.time() - DAY), pki.response(cert, "revoked")
    run_once(writer, [(0, good)], [cert])
    answers, states, _ = run_once(writer, [(0, revoked)], [cert])
    assert answers[0].kind == wire.ACCEPTED and state_of(answers[0]) == "revoked"
    assert (state_of(states[0]), reason(states[0])) == ("revoked", "revoked")
    assert writer.entries() == {}
    assert [reason(m) for m in writer.events("cert.withdrawn")] == ["revoked"]
    newer = pki.response(cert, this_update=time.time())
    answers, states, _ = run_once(writer, [(0, good), (0, newer)], [cert])
    assert [reason(a) for a in answers] == ["good-after-revoked"] * 2
    assert state_of(states[0]) == "revoked" and writer.entries() == {}
    assert writer.events("cert.withdrawn") == []


# PARITY P6
def test_p6_unknown_of_a_young_certificate_changes_nothing_and_of_another_withdraws(writer, ca):
    young, old = leaf(ca, "young.test", not_before=time.time() - HOUR), leaf(ca, "old.test")
    goods = [pki.response(c, this_update=time.time() - HOUR / 2) for c in (young, old)]
    run_once(writer, list(enumerate(goods)), [young, old])
    unknown = [pki.response(c, "unknown", this_update=time.time()) for c in (young, old)]
    answers, states, _ = run_once(writer, list(enumerate(unknown)), [young, old])
    assert (answers[0].kind, reason(answers[0])) == (wire.REFUSED, "unknown")
    assert answers[1].kind == wire.ACCEPTED
    assert [state_of(states[n]) for n in (0, 1)] == ["good", "unknown"]
    assert set(writer.entries()) == {young.sha1}


def test_an_older_response_never_takes_the_place_of_a_newer(writer, ca):
    cert = leaf(ca)
    newer = pki.response(cert)
    older = pki.response(cert, this_update=time.time() - 2 * HOUR, next_update=time.time() + 30 * DAY)
    run_once(writer, [(0, newer)], [cert])
    answers, states, _ = run_once(writer, [(0, older), (0, newer)], [cert])
    assert [reason(a) for a in answers] == ["rollback", "ok"]
    assert state_of(states[0]) == "good"
    assert writer.entries()[cert.sha1].der == newer


# A hostile fetcher ---------------------------------------------------------------------------------------------------------


def test_nothing_that_does_not_verify_gets_in(writer, ca, authorities):
    cert, other = leaf(ca), leaf(ca, "other.test")
    stranger = authorities.stranger
    good = pki.response(cert)
    forged = bytearray(good)
    forged[-3] ^= 1
    offers = {
        "bad-signature": bytes(forged),
        "wrong-certid": pki.response(other),
        "signer-not-authorised": pki.response(cert, signer=stranger.delegate()),
        "expired": pki.response(cert, this_update=time.time() - 9 * DAY, next_update=time.time() - DAY),
        "short-ttl": pki.response(cert, next_update=time.time() + 29 * HOUR),
        "trailing-bytes": good + b"\0",
        "status-trylater": pki.unsuccessful("trylater"),
        "malformed": b"garbage",
    }
    answers, states, _ = run_once(writer, [(0, der) for der in offers.values()], [cert])
    assert [reason(a) for a in answers] == list(offers)
    assert all(a.kind == wire.REFUSED for a in answers)
    assert [reason(m) for m in writer.events("offer.refused")] == list(offers)
    assert state_of(states[0]) == "missing" and reason(states[0]) == "malformed"
    assert writer.entries() == {}


def test_an_offer_for_a_number_nobody_told_of_is_refused(writer, ca):
    cert = leaf(ca)
    writer.start()
    writer.tell(cert)
    writer.held()
    for number in (1, 77, wire.CERT_NO_NONE):
        answer = writer.offer(number, pki.response(cert))
        assert (answer.kind, reason(answer)) == (wire.REFUSED, "unknown-cert")
    assert writer.offer(0, pki.response(cert)).kind == wire.ACCEPTED
    writer.finish()
    assert {m.cert_no for m in writer.events("offer.refused")} == {wire.CERT_NO_NONE}
    assert cert.sha1 in writer.entries()


def test_a_flood_is_cut_off_and_does_not_touch_others(writer, ca):
    cert, other = leaf(ca), leaf(ca, "other.test")
    garbage = [(0, b"\x30\x03\x0a\x01\x01")] * 200
    answers, states, _ = run_once(writer, [*garbage, (0, pki.response(cert)), (1, pki.response(other))], [cert, other])
    words = [reason(a) for a in answers]
    assert words[:64] == ["status-malformedrequest"] * 64
    assert words[64:201] == ["flood"] * 137
    assert words[201] == "ok"
    assert [reason(m) for m in writer.events("offer.refused")].count("flood") == 1
    assert [state_of(states[n]) for n in (0, 1)] == ["missing", "good"]


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_message_that_is_none_closes_the_channel_and_ends_nothing(writer, ca, name):
    cert = leaf(ca)
    writer.start()
    writer.tell(cert)
    writer.held()
    assert writer.offer(0, pki.response(cert)).kind == wire.ACCEPTED
    writer.fetcher.send_raw(VIOLATIONS[name])
    assert writer.fetcher.receive() is None
    states, done = writer.finish()
    assert [reason(m) for m in writer.events("protocol.violation")] == ["protocol"]
    assert state_of(states[0]) == "good" and reason(done) == "ok"
    assert cert.sha1 in writer.entries()
    assert writer.stop() == 0


def test_a_descriptor_from_the_fetcher_is_a_violation(writer, ca):
    cert = leaf(ca)
    writer.start()
    writer.tell(cert)
    writer.held()
    before = len(os.listdir(f"/proc/{writer.pid}/fd"))
    with open("/dev/null") as null:
        writer.fetcher.send_raw(wire.pack("OFFER", cert_no=0, der=pki.response(cert)), [null.fileno(), null.fileno()])
    assert writer.fetcher.receive() is None
    eventually(lambda: len(os.listdir(f"/proc/{writer.pid}/fd")) < before, "the descriptors are closed")
    states, _ = writer.finish()
    assert state_of(states[0]) == "missing"
    assert len(writer.events("protocol.violation")) == 1


def test_an_empty_message_is_the_end_of_the_channel(writer, ca):
    cert = leaf(ca)
    writer.start()
    writer.tell(cert)
    writer.held()
    writer.fetcher.send_raw(b"")
    assert writer.fetcher.receive() is None
    assert reason(writer.finish()[1]) == "ok"


@pytest.mark.parametrize("moment", ["before it is begun", "after"])
def test_when_the_fetcher_is_gone_what_there_is_is_committed(writer, ca, moment):
    cert, other = leaf(ca), leaf(ca, "other.test")
    writer.start()
    for told in (cert, other):
        writer.tell(told)
        writer.held()
    assert writer.offer(0, pki.response(cert)).kind == wire.ACCEPTED
    if moment == "after":
        writer.begin()
    writer.fetcher.send("OFFER", cert_no=1, der=pki.response(other))
    writer.fetcher.close()
    states, done = writer.finish()
    assert [state_of(states[n]) for n in (0, 1)] == ["good", "good"]
    assert reason(done) == "ok"
    assert writer.events("protocol.violation") == []


def test_a_fetcher_that_reads_no_answers_does_not_stop_the_writer(writer, ca):
    certs = ca.many(400, ocsp_urls=["http://ocsp.test/"])
    ders = [pki.response(cert) for cert in certs]
    writer.start()
    for cert in certs:
        writer.tell(cert)
    writer.fetcher.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer.offer_all(ders, rounds=3)
    # Each certificate has one answer due at most, and the last one counts.
    kinds = {}
    while True:
        try:
            answer = writer.fetcher.receive(0.5)
        except TimeoutError:
            break
        kinds[answer.cert_no] = answer.kind
    assert set(kinds) == set(range(400)) and set(kinds.values()) == {wire.ACCEPTED}
    states, done = writer.finish()
    assert {state_of(m) for m in states.values()} == {"good"}
    assert done.entries == 400
    assert len(writer.events("staple.stored")) == 400


# The supervisor ------------------------------------------------------------------------------------------------------------


def test_by_hand_it_says_that_it_is_not_started_by_hand():
    done = subprocess.run(
        [stapleguard.program("writer")], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1 and b"stapleguardd" in done.stderr


def test_when_the_supervisor_goes_it_ends_well(writer):
    writer.start()
    assert writer.stop() == 0


def test_a_supervisor_that_breaks_the_protocol_is_left(writer):
    writer.start()
    writer.supervisor.send_raw(b"\x7f\xff")
    assert writer.hear("nothing like it") is None
    assert os.waitstatus_to_exitcode(writer.collect()) == 1
    assert any("supervisor" in text for text in writer.complaint())


def test_numbers_out_of_turn_are_not_guessed_at(writer, ca):
    writer.start()
    writer.cert_count = 3
    writer.tell(leaf(ca))
    writer.cert_count = 1
    assert writer.tell(leaf(ca)) is None
    assert os.waitstatus_to_exitcode(writer.collect()) == 1


def test_a_directory_that_is_missing_is_named(writer):
    writer.dbm_path.parent.rmdir()
    with pytest.raises(AssertionError):
        writer.start()
    assert os.waitstatus_to_exitcode(writer.collect()) == 1
    assert any(str(writer.dbm_path.parent) in text for text in writer.complaint())


def test_a_state_directory_of_somebody_elses_is_refused_with_what_to_do(writer):
    directory = writer.state_dir / "writer"
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    with pytest.raises(AssertionError):
        writer.start()
    assert os.waitstatus_to_exitcode(writer.collect()) == 1
    assert any("chown" in text for text in writer.complaint())
    assert directory.stat().st_uid == 12345


# The jail ------------------------------------------------------------------------------------------------------------------


def test_it_is_locked_in(writer):
    writer.start()
    fields = dict(
        line.split(":\t", 1) for line in pathlib.Path(f"/proc/{writer.pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert fields["Uid"].split() == [str(stapleguard.WRITE_UID)] * 4
    assert fields["Gid"].split() == [str(writer.gid)] * 4
    assert fields["Groups"].strip() == ""
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[kind], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    assert fields["Seccomp"].strip() == "2"
    assert os.readlink(f"/proc/{writer.pid}/root") == str(writer.state_dir)
    assert os.readlink(f"/proc/{writer.pid}/cwd") == str(writer.dbm_path.parent)
    assert os.listdir(f"/proc/{writer.pid}/task") == [str(writer.pid)]


def test_a_stop_in_the_middle_is_survived(writer, ca):
    """The kernel restarts the call that was interrupted, in its own way."""
    cert = leaf(ca)
    writer.start()
    writer.tell(cert)
    writer.held()
    time.sleep(0.1)
    os.kill(writer.pid, signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(writer.pid, signal.SIGCONT)
    time.sleep(0.1)
    assert writer.offer(0, pki.response(cert)).kind == wire.ACCEPTED
    writer.finish()
    assert writer.stop() == 0


def test_in_a_directory_with_a_group_of_its_own_the_file_is_apaches_all_the_same(writer, ca):
    cert = leaf(ca)
    os.chown(writer.dbm_path.parent, stapleguard.WRITE_UID, 12345)
    writer.dbm_path.parent.chmod(0o2750)
    run_once(writer, [(0, pki.response(cert))], [cert])
    assert writer.dbm_path.stat().st_gid == writer.gid
    assert stat.S_IMODE(writer.dbm_path.stat().st_mode) == 0o660


def test_it_owns_everything_it_makes(writer, ca):
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    for path in [writer.state_dir / "writer", *(writer.state_dir / "writer").rglob("*")]:
        found = path.stat()
        assert found.st_uid == stapleguard.WRITE_UID
        assert found.st_mode & 0o077 == 0


# The store -----------------------------------------------------------------------------------------------------------------


# PARITY P15
@pytest.mark.parametrize("count", [0, 1, 30, 200])
def test_p15_a_kill_loses_nothing_that_was_answered(writer, ca, count):
    certs = ca.many(200, ocsp_urls=["http://ocsp.test/"])
    ders = [pki.response(cert) for cert in certs]
    writer.start()
    for cert in certs:
        writer.tell(cert)
        writer.held()
    writer.offer_all(ders)
    accepted = {writer.fetcher.receive().cert_no for _ in range(count)}
    writer.kill()
    assert len(accepted) == count
    _, states, _ = run_once(writer, [], certs)
    assert all(state_of(states[number]) == "good" for number in accepted)
    entries = writer.entries()
    assert all(entries[certs[number].sha1].der == ders[number] for number in accepted)


def test_a_damaged_store_is_set_aside_and_filled_from_apaches_file_without_the_network(writer, ca):
    certs = [leaf(ca, f"{n}.test") for n in range(5)]
    ders = [pki.response(cert) for cert in certs]
    run_once(writer, list(enumerate(ders)), certs)
    (writer.store_dir / "staples.db").write_bytes(os.urandom(50000))
    _, states, done = run_once(writer, [], certs)
    assert {state_of(m) for m in states.values()} == {"good"}
    aside = writer.events("store.set_aside")
    assert [reason(m) for m in aside] == ["store-corrupt"]
    kept = [path.name for path in (writer.state_dir / "writer").iterdir() if path.name.startswith("store.corrupt-")]
    assert len(kept) == 1 and kept[0] in aside[0].detail
    assert {cert.sha1: der for cert, der in zip(certs, ders)} == {k: r.der for k, r in writer.entries().items()}
    # From here on the new store has them.
    writer.dbm_path.unlink()
    _, states, _ = run_once(writer, [], certs)
    assert {state_of(m) for m in states.values()} == {"good"}


def test_what_apache_fetched_itself_is_verified_before_it_is_kept(writer, ca, authorities):
    honest, forged, failed = (leaf(ca, f"{n}.test") for n in ("honest", "forged", "failed"))
    until = int(time.time()) + HOUR
    good = pki.response(honest)
    dbm.write(writer.dbm_path, [
        (honest.sha1, dbm.Record(until, 1, good).value()),
        (forged.sha1, dbm.Record(until, 1, pki.response(forged, signer=authorities.stranger.delegate())).value()),
        (failed.sha1, dbm.Record(until, 0, pki.unsuccessful("trylater")).value()),
    ])
    _, states, _ = run_once(writer, [], [honest, forged, failed])
    assert [state_of(states[n]) for n in range(3)] == ["good", "missing", "missing"]
    assert states[0].is_refreshed == 0
    assert {k: r.der for k, r in writer.entries().items()} == {honest.sha1: good}
    assert writer.events("offer.refused") == []


def test_of_many_damaged_stores_three_are_kept(writer, ca):
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    names = []
    for _ in range(5):
        (writer.store_dir / "staples.db").write_bytes(os.urandom(9000))
        _, states, _ = run_once(writer, [], [cert])
        assert state_of(states[0]) == "good"
        names.append(writer.events("store.set_aside")[0].detail.split("kept as ")[1])
    assert {path.name for path in asides(writer)} == set(sorted(names)[-3:])


def test_longer_and_shorter_responses_replace_each_other(writer, ca):
    """Pages at the end of the database come and go with them."""
    certs = ca.many(20, ocsp_urls=["http://ocsp.test/"])
    signer = ca.delegate(key="rsa")
    start = time.time() - HOUR
    for seconds in range(6):
        options = {"signer": signer} if seconds % 2 == 0 else {}
        ders = [pki.response(cert, this_update=start + seconds, **options) for cert in certs]
        # What was stored last goes first: its pages are the last ones.
        answers, _, _ = run_once(writer, list(enumerate(ders))[::1 if seconds % 2 == 0 else -1], certs)
        assert {a.kind for a in answers} == {wire.ACCEPTED}
        assert {k: r.der for k, r in writer.entries().items()} == {cert.sha1: der for cert, der in zip(certs, ders)}


def test_a_record_that_no_longer_verifies_is_dropped_alone(writer, ca):
    strict, other = leaf(ca), leaf(ca, "other.test")
    weak = pki.response(strict, signature_hash=hashes.SHA1())
    run_once(writer, [(0, weak), (1, pki.response(other))], [strict, other], flags=wire.ALLOW_SHA1)
    assert set(writer.entries()) == {strict.sha1, other.sha1}
    _, states, _ = run_once(writer, [], [strict, other])
    assert [state_of(states[n]) for n in (0, 1)] == ["missing", "good"]
    dropped = writer.events("store.record_dropped")
    assert [m.cert_no for m in dropped] == [0]
    assert set(writer.entries()) == {other.sha1}


@pytest.fixture
def small_disk(writer):
    """The state directory on a file system of its own, which a test can fill or make read-only."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=0755", "tmpfs", writer.state_dir]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield writer
    writer.end()
    subprocess.run(["umount", writer.state_dir], check=True)


def remount(writer, options):
    subprocess.run(["mount", "-o", f"remount,{options}", writer.state_dir], check=True)


def fill_up(writer):
    with open(writer.state_dir / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def offer_until_refused(writer, certs):
    """Ever newer responses: the log has room for some that was set aside before the disk was full.  Gives the refusal, and
    {cert_no: the last response that was accepted}; certs are the last ones that were told of."""
    accepted = {}
    for seconds in range(60):
        for number, cert in enumerate(certs, writer.cert_count - len(certs)):
            der = pki.response(cert, this_update=time.time() - HOUR + seconds)
            answer = writer.offer(number, der)
            if answer.kind == wire.REFUSED:
                return answer, accepted
            accepted[number] = der
    raise AssertionError("the disk was never full")


def asides(writer):
    return list((writer.state_dir / "writer").glob("store.corrupt-*"))


def test_a_full_disk_refuses_new_responses_and_keeps_the_old(small_disk, ca):
    writer = small_disk
    certs = ca.many(60, ocsp_urls=["http://ocsp.test/"])
    writer.start()
    for cert in certs:
        writer.tell(cert)
        writer.held()
    fill_up(writer)
    refused, accepted = offer_until_refused(writer, certs)
    assert reason(refused) == "store-failed"
    assert len(accepted) == 60
    states, done = writer.finish()
    assert {reason(m) for m in writer.events("store.failed")} == {"store-failed"}
    assert writer.events("store.set_aside") == [] and asides(writer) == []
    # Apache's file lies elsewhere: it gets what was acknowledged; of the one that was refused, either response would do.
    assert reason(done) == "ok"
    entries = {k: r.der for k, r in writer.entries().items()}
    assert set(entries) == {cert.sha1 for cert in certs}
    assert all(entries[certs[n].sha1] == der for n, der in accepted.items() if n != refused.cert_no)
    assert {state_of(m) for m in states.values()} == {"good"}
    writer.stop()
    # With room again nothing that was acknowledged is lost, and everything goes on.
    (writer.state_dir / "filler").unlink()
    newest = pki.response(certs[refused.cert_no], this_update=time.time())
    accepted[refused.cert_no] = newest
    answers, states, done = run_once(writer, [(refused.cert_no, newest)], certs)
    assert answers[0].kind == wire.ACCEPTED and reason(done) == "ok"
    assert {state_of(m) for m in states.values()} == {"good"}
    assert {k: r.der for k, r in writer.entries().items()} == {certs[n].sha1: der for n, der in accepted.items()}


def test_with_a_full_disk_apaches_file_is_served_from_what_is_held(small_disk, ca):
    writer = small_disk
    certs = ca.many(60, ocsp_urls=["http://ocsp.test/"])
    ders = [pki.response(cert, this_update=time.time() - DAY) for cert in certs]
    run_once(writer, list(enumerate(ders)), certs)
    writer.dbm_path.unlink()
    fill_up(writer)
    _, states, done = run_once(writer, [], certs)
    assert reason(done) == "ok"
    assert {state_of(m) for m in states.values()} == {"good"}
    assert {k: r.der for k, r in writer.entries().items()} == {cert.sha1: der for cert, der in zip(certs, ders)}
    assert asides(writer) == []


def test_with_a_full_disk_what_apache_fetched_itself_stays(small_disk, ca):
    writer = small_disk
    certs = ca.many(60, ocsp_urls=["http://ocsp.test/"])
    writer.start()
    for cert in certs:
        writer.tell(cert)
        writer.held()
    fill_up(writer)
    _, accepted = offer_until_refused(writer, certs[1:])
    good = pki.response(certs[0])
    dbm.write(writer.dbm_path, [(certs[0].sha1, dbm.Record(int(time.time()) + HOUR, 1, good).value())])
    states, done = writer.finish()
    assert reason(done) == "ok"
    assert writer.entries()[certs[0].sha1].der == good
    assert len(writer.entries()) == 60
    assert (state_of(states[0]), reason(states[0])) == ("missing", "ok")


def test_room_that_comes_back_is_used_without_a_restart(small_disk, ca):
    writer = small_disk
    certs = ca.many(60, ocsp_urls=["http://ocsp.test/"])
    writer.start()
    for cert in certs:
        writer.tell(cert)
        writer.held()
    fill_up(writer)
    offer_until_refused(writer, certs)
    (writer.state_dir / "filler").unlink()
    end = time.monotonic() + 30
    other = leaf(ca)
    writer.tell(other)
    writer.held()
    while writer.offer(60, pki.response(other)).kind != wire.ACCEPTED:
        assert time.monotonic() < end, "the store never came back"
        time.sleep(1)
    writer.finish()
    assert other.sha1 in writer.entries()
    assert asides(writer) == []


def test_a_read_only_store_is_not_set_aside_and_apaches_file_stays(small_disk, ca):
    writer = small_disk
    cert = leaf(ca)
    older, newer = pki.response(cert, this_update=time.time() - DAY), pki.response(cert)
    run_once(writer, [(0, older)], [cert])
    remount(writer, "ro")
    answers, states, done = run_once(writer, [(0, newer)], [cert])
    assert (answers[0].kind, reason(answers[0])) == (wire.REFUSED, "store-failed")
    assert reason(done) == "store-failed"
    assert state_of(states[0]) == "good"  # which the file in place holds
    assert writer.entries()[cert.sha1].der == older
    assert {reason(m) for m in writer.events("store.failed")} == {"store-failed"}
    # Where Apache deleted the file, what is held is put there.
    writer.dbm_path.unlink()
    _, states, done = run_once(writer, [], [cert])
    assert reason(done) == "ok" and state_of(states[0]) == "good"
    assert writer.entries()[cert.sha1].der == older
    remount(writer, "rw")
    assert asides(writer) == []
    answers, states, _ = run_once(writer, [(0, newer)], [cert])
    assert answers[0].kind == wire.ACCEPTED and state_of(states[0]) == "good"


# Apache's file -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets, words", [
    (struct.pack("<I", 0x13579ACF) + bytes(60), "GDBM"),
    (b"some words in a file\n", "text"),
    (bytes(16) + struct.pack("<I", 0xBEEFC0DE) + bytes(44), "LMDB"),
])
def test_another_kind_of_file_is_refused_by_name_and_stays(writer, ca, octets, words):
    cert = leaf(ca)
    writer.dbm_path.write_bytes(octets)
    answers, states, done = run_once(writer, [(0, pki.response(cert))], [cert])
    assert answers[0].kind == wire.ACCEPTED
    assert (state_of(states[0]), reason(states[0])) == ("missing", "not-berkeley-db")
    assert reason(done) == "not-berkeley-db" and words in done.detail
    assert [reason(m) for m in writer.events("dbm.failed")] == ["not-berkeley-db"]
    assert writer.dbm_path.read_bytes() == octets


def test_a_symbolic_link_is_refused_and_not_followed(writer, ca):
    cert = leaf(ca)
    target = writer.place / "precious"
    target.write_bytes(b"")
    writer.dbm_path.symlink_to(target)
    _, states, done = run_once(writer, [(0, pki.response(cert))], [cert])
    assert reason(done) == "dbm-unwritable" and "symbolic link" in done.detail
    assert reason(states[0]) == "dbm-unwritable"
    assert target.read_bytes() == b"" and writer.dbm_path.is_symlink()


@pytest.mark.parametrize("make, words", [
    (lambda path: path.mkdir(), "a directory"), (os.mkfifo, "a FIFO"), (lambda path: os.mknod(path, stat.S_IFSOCK | 0o666), "a socket"),
])
def test_what_is_no_file_is_named_and_stays(writer, ca, make, words):
    cert = leaf(ca)
    make(writer.dbm_path)
    before = writer.dbm_path.lstat()
    done = run_once(writer, [(0, pki.response(cert))], [cert])[2]
    assert reason(done) == "dbm-unwritable" and words in done.detail
    assert writer.dbm_path.lstat().st_ino == before.st_ino


@pytest.mark.parametrize("damage", ["empty", "cut off", "garbage behind the first page", "unreadable"])
def test_a_damaged_file_is_replaced(writer, ca, damage):
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    octets = bytearray(writer.dbm_path.read_bytes())
    if damage == "empty":
        octets.clear()
    elif damage == "cut off":
        del octets[9000:]
    elif damage == "garbage behind the first page":
        octets[100:200] = os.urandom(100)
        octets[8192:] = os.urandom(len(octets) - 8192)
    writer.dbm_path.unlink()
    writer.dbm_path.write_bytes(octets)
    writer.dbm_path.chmod(0o600 if damage == "unreadable" else 0o644)
    _, states, done = run_once(writer, [], [cert])
    assert state_of(states[0]) == "good" and reason(done) == "ok"
    assert cert.sha1 in writer.entries()
    assert dbm.is_sound(writer.dbm_path)
    if damage == "unreadable":
        assert [reason(m) for m in writer.events("dbm.foreign_dropped")] == ["file-unreadable"]


def test_a_file_that_keeps_the_reader_busy_costs_foreign_records_alone(writer, ca):
    """Every bucket's page names itself as the next: a walk without end."""
    cert = leaf(ca)
    foreign = dbm.Record(int(time.time()) + HOUR, 1, b"0\x03\n\x01\x00" * 20)
    dbm.write(writer.dbm_path, [(bytes([n]) * 20, foreign.value()) for n in range(40)])
    octets = bytearray(writer.dbm_path.read_bytes())
    page_size = struct.unpack_from("<I", octets, 20)[0]
    for at in range(page_size, len(octets), page_size):
        struct.pack_into("<I", octets, at + 16, at // page_size)
    writer.dbm_path.write_bytes(octets)
    writer.dbm_path.chmod(0o644)
    _, states, done = run_once(writer, [(0, pki.response(cert))], [cert])
    assert state_of(states[0]) == "good" and done.foreign == 0
    assert [reason(m) for m in writer.events("dbm.foreign_dropped")] == ["reader-died"]


def test_left_overs_of_a_killed_commit_are_removed(writer, ca):
    cert = leaf(ca)
    for name in (".ocsp_cache.db.stapleguard-new", "__db..ocsp_cache.db.stapleguard-new"):
        path = writer.dbm_path.parent / name
        path.write_bytes(b"half")
        os.chown(path, stapleguard.WRITE_UID, writer.gid)
    run_once(writer, [(0, pki.response(cert))], [cert])
    assert sorted(path.name for path in writer.dbm_path.parent.iterdir()) == [writer.dbm_path.name]


def test_without_the_guard_the_file_is_an_ordinary_one(place, ca):
    cert = leaf(ca)
    writer = lone_writer.LoneWriter(place, scan_guard=False)
    try:
        run_once(writer, [(0, pki.response(cert))], [cert])
        assert dict(dbm.dump(writer.dbm_path)).keys() == {cert.sha1}
    finally:
        writer.end()


def test_nothing_is_left_running(writer, ca):
    """Neither the trial of the store nor the reader of the file outlives its work."""
    cert = leaf(ca)
    run_once(writer, [(0, pki.response(cert))], [cert])
    writer.start()
    writer.tell(cert)
    writer.finish()
    assert writer.stop() == 0
    assert subprocess.run(["pgrep", "-u", str(stapleguard.WRITE_UID)], capture_output=True, text=True, check=False).stdout == ""
    writer.start()
    # The store is tried after the first message; its trial ends by itself.
    wait_until(lambda: stapleguard.child_pids(writer.pid) == [], "the end of the store's trial")
    os.kill(writer.pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(writer.collect()) == -signal.SIGTERM
    shutil.rmtree(writer.store_dir)
