# SPDX-License-Identifier: ISC
"""The audit log in a running service: nothing is lost, whatever happens to its file; the journal; seals; a child that floods."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from helpers import audit, hostile, stapleguard
from helpers.daemon import Daemon, wait_until
from helpers.fetcher import can_mount
from helpers.stapleguard import FRESH, NO_STAPLE

SEAL_EVENTS = ("audit.seal_on", "audit.seal_off", "audit.seal_failed")


@pytest.fixture
def daemon(site):
    site.leaf("shop.test")
    made = Daemon(site.sg)
    yield made
    if made.is_running():
        made.stop()  # its children, too, are gone then
    made.end()


@pytest.fixture
def own_mounts():
    if not can_mount():
        pytest.skip("no mount namespace may be made here")


def lines(path):
    return path.read_bytes().splitlines()


def reload(daemon, count=1):
    """Something to record: the configuration is read anew."""
    for _ in range(count):
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(0.02)


def is_well(daemon):
    """It answers, and fetches."""
    before = daemon.cert("shop.test")["last_attempt"]
    time.sleep(1)  # attempts are told by the second
    daemon.cli("refresh", "shop.test", code=0)
    wait_until(lambda: (daemon.cert("shop.test")["last_attempt"] or "") > (before or ""), "an attempt")
    assert daemon.cert("shop.test")["state"] == "good"


def start_and_settle(daemon):
    """Until all that a start has to tell is in the log."""
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    count = None
    while count != (count := len(daemon.sg.audit())) or not daemon.events("dbm.committed"):
        time.sleep(0.6)


# The file ---------------------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_loses_nothing(site, daemon, own_mounts):
    folder = site.sg.audit_log.parent
    folder.mkdir()
    daemon.wrapper = audit.in_own_mounts(f"mount -t tmpfs -o size=256k,mode=750 none {folder}")
    daemon.start()
    log = audit.seen_by(daemon.process, site.sg.audit_log)
    daemon.wait_for_state("shop.test", "good")
    filler = log.parent / "filler"
    with pytest.raises(OSError, match="No space left"):
        with open(filler, "wb", buffering=0) as out:
            while True:
                out.write(b"x" * 4096)
    wait_until(lambda: reload(daemon) or "cannot be written: No space left on device" in daemon.log(), "the complaint")
    is_well(daemon)
    reload(daemon, 10)
    filler.unlink()
    wait_until(lambda: "is written again; records lost: 0" in daemon.log(), "the log to be written again")
    assert daemon.log().count("cannot be written") == 1
    reload(daemon)
    wait_until(lambda: sum(b"service.reload" in line for line in lines(log)) >= 12, "what waited in memory")
    kept = site.place / "kept.jsonl"
    daemon.process.send_signal(signal.SIGSTOP)
    shutil.copy(log, kept)
    daemon.process.send_signal(signal.SIGCONT)
    audit.check_chain(lines(kept))
    assert not [r for r in audit.records(kept) if r["event"] == "audit.gap"]


def test_a_read_only_file_system_stops_nothing(site, daemon, own_mounts):
    """One that comes over the directory while it runs; a start on one."""
    folder = site.sg.audit_log.parent
    folder.mkdir()
    daemon.wrapper = audit.in_own_mounts("true")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    enter = ["nsenter", "-t", str(daemon.process.pid), "-m"]
    subprocess.run([*enter, "mount", "-t", "tmpfs", "-o", "ro", "none", folder], check=True)
    wait_until(lambda: reload(daemon) or "cannot be written: Read-only file system" in daemon.log(), "the complaint")
    is_well(daemon)
    subprocess.run([*enter, "umount", folder], check=True)
    wait_until(lambda: "is written again; records lost: 0" in daemon.log(), "the log to be written again")
    daemon.stop()
    audit.check_chain(lines(site.sg.audit_log))

    daemon.wrapper = audit.in_own_mounts(f"mount --bind {folder} {folder}", f"mount -o remount,bind,ro {folder}")
    before = lines(site.sg.audit_log)
    daemon.start()
    assert daemon.log().count("cannot be written: Read-only file system") == 2
    is_well(daemon)
    subprocess.run(["nsenter", "-t", str(daemon.process.pid), "-m", "mount", "-o", "remount,bind,rw", folder], check=True)
    wait_until(lambda: daemon.log().count("is written again; records lost: 0") == 2, "the log to be written again")
    daemon.stop()
    after = lines(site.sg.audit_log)
    assert after[:len(before)] == before and json.loads(after[len(before)])["event"] == "service.start"
    audit.check_chain(after)
    assert not daemon.events("audit.gap")


def test_a_directory_that_is_removed_is_told_and_the_chain_goes_on(site, daemon):
    start_and_settle(daemon)
    before = lines(site.sg.audit_log)
    folder = site.sg.audit_log.parent
    shutil.rmtree(folder)
    folder.touch()  # so that it cannot simply be made again
    reload(daemon)
    wait_until(lambda: "cannot be written: Not a directory" in daemon.log(), "the complaint")
    is_well(daemon)
    folder.unlink()
    reload(daemon)
    wait_until(lambda: daemon.events("audit.gap"), "the gap")
    assert re.search(rf"records 1 to {len(before)} are missing in \S+: it was removed while the service ran", daemon.log())
    daemon.stop()
    last = json.loads(before[-1])
    audit.check_chain(lines(site.sg.audit_log), last["hash"], last["seq"])
    assert daemon.events("audit.gap")[0]["count"] == len(before)


def test_a_log_that_is_replaced_is_told(site, daemon):
    start_and_settle(daemon)
    whole = lines(site.sg.audit_log)
    copy = site.sg.audit_log.with_name("copy")
    copy.write_bytes(b"\n".join(whole[:-2]) + b"\n")
    copy.rename(site.sg.audit_log)
    reload(daemon)
    gap = wait_until(lambda: daemon.events("audit.gap"), "the gap")[0]
    assert gap["count"] == 2 and f"records {len(whole) - 1} to {len(whole)} are missing" in gap["detail"]


def test_what_was_cut_off_between_two_passes_is_told(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    whole = lines(site.sg.audit_log)
    site.sg.audit_log.write_bytes(b"\n".join(whole[:3]) + b"\n")
    result = site.sg.once(expect=FRESH)
    assert result.records[0]["event"] == "audit.gap" and result.records[0]["count"] == len(whole) - 3
    assert f"records 4 to {len(whole)} are missing" in result.records[0]["detail"]
    assert result.records[0]["prev"] == json.loads(whole[-1])["hash"]
    assert "gap in the audit log: records 4 to" in result.output


def test_a_killed_service_leaves_a_chain_that_goes_on(site, daemon):
    """kill -9 while it writes; what it kept of the chain's end agrees with the log."""
    for moment in (0, 0.05, 0.3):
        daemon.start()
        reload(daemon, 5)
        time.sleep(moment)
        daemon.kill()
        wait_until(lambda: not daemon.sg.running and not [p for p, _ in stapleguard.our_processes()], "its children to end")
    daemon.start()
    daemon.stop()
    audit.check_chain(lines(site.sg.audit_log))
    assert not daemon.events("audit.gap")


def test_the_log_moves_with_a_reload(site, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    old, new = site.sg.audit_log, site.place / "elsewhere" / "audit.jsonl"
    site.sg.set("stapleguard", audit_log=new)
    site.sg.write_conf()
    reload(daemon)
    wait_until(lambda: new.exists() and b"service.reload" in new.read_bytes(), "the record of the reload")
    daemon.stop()
    moved = [r for path in (old, new) for r in audit.records(path) if r["event"] == "audit.moved"]
    assert [r["detail"] for r in moved] == [f"it goes on in {new}", f"it comes from {old}"]
    audit.check_chain(lines(old) + lines(new))
    # To where it cannot go: nothing changes.
    daemon.sg.audit_log = new
    daemon.start()
    site.sg.set("stapleguard", audit_log="/proc/audit.jsonl")
    site.sg.write_conf()
    reload(daemon)
    wait_until(lambda: daemon.events("service.reload_failed"), "the refusal")
    assert "audit_log = /proc/audit.jsonl cannot be written" in daemon.events("service.reload_failed")[0]["detail"]


# Seals --------------------------------------------------------------------------------------------------------------------


def make_key(site, ago_sec=0, interval=60):
    key = audit.Key(int(time.time()) - ago_sec, interval, os.urandom(32))
    site.sg.state_dir.mkdir(exist_ok=True)
    key.write(site.sg.state_dir / "audit.seal")
    return key


def test_each_record_bears_the_seal_of_its_time(site, daemon):
    key = make_key(site, ago_sec=605)
    site.sg.set("stapleguard", audit_seal="yes")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    daemon.stop()
    records = site.sg.audit()
    assert records[0]["event"] == "audit.seal_on" and len(records) > 5
    assert all(key.seals(record) for record in records)
    assert {record["epoch"] for record in records} <= {10, 11}
    # The first key is gone, and so is every other before the last one.
    kept = audit.Key.read(site.sg.state_dir / "audit.seal")
    assert kept.epoch == records[-1]["epoch"] and kept.secret == key.at(kept.epoch).secret
    assert os.stat(site.sg.state_dir / "audit.seal").st_mode & 0o777 == 0o600
    # Killed and started again, it goes on, and says nothing new; so does a single pass.
    daemon.start()
    daemon.kill()
    wait_until(lambda: not stapleguard.our_processes(), "its children to end")
    site.sg.once(expect=FRESH)
    assert all(key.seals(record) for record in site.sg.audit())
    assert len(daemon.events("audit.seal_on")) == 1


def test_the_key_moves_on_while_nothing_is_written(site, daemon):
    key = make_key(site, ago_sec=58)
    site.sg.set("stapleguard", audit_seal="yes")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    wait_until(lambda: audit.Key.read(site.sg.state_dir / "audit.seal").epoch >= 1, "the next key")
    daemon.stop()
    assert all(key.seals(record) for record in site.sg.audit())


def test_a_reload_turns_seals_on_and_off(site, daemon):
    key = make_key(site)
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    for value, event in (("yes", "audit.seal_on"), ("no", "audit.seal_off")):
        site.sg.set("stapleguard", audit_seal=value)
        site.sg.write_conf()
        reload(daemon)
        wait_until(lambda event=event: daemon.events(event), event)
    daemon.stop()
    records = site.sg.audit()
    on, off = (next(n for n, r in enumerate(records) if r["event"] == event) for event in ("audit.seal_on", "audit.seal_off"))
    assert [n for n, r in enumerate(records) if "seal" in r] == list(range(on, off + 1))
    assert all(key.seals(record) for record in records[on:off + 1])


def test_without_a_key_it_says_so_and_goes_on(site, daemon):
    site.sg.set("stapleguard", audit_seal="yes")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    path = site.sg.state_dir / "audit.seal"
    complaint = f"sealing audit records failed: the key's file {path}: it does not exist; make one with: " \
                "stapleguard audit --setup-seal"
    assert daemon.log().count(complaint) == 1
    wait_until(lambda: daemon.events("staple.stored"), "the records")
    assert [r["event"] for r in site.sg.audit() if r["event"] in SEAL_EVENTS] == ["audit.seal_failed"]
    # Made while it runs: in use from the next record on.
    key = make_key(site)
    reload(daemon)
    wait_until(lambda: daemon.events("audit.seal_on"), "the seals")
    # Another one: it is followed, not overwritten.
    second = make_key(site)
    reload(daemon)
    wait_until(lambda: len(daemon.events("audit.seal_on")) == 2, "the seals of the second")
    assert audit.Key.read(path).secret == second.at(audit.Key.read(path).epoch).secret
    # Damaged: said, and the file is left alone.
    path.write_bytes(b"damaged")
    reload(daemon)
    wait_until(lambda: "it is damaged; make another with: stapleguard audit --setup-seal --replace" in daemon.log(), "the complaint")
    assert path.read_bytes() == b"damaged"
    daemon.stop()
    sealed = [r for r in site.sg.audit() if "seal" in r]
    assert all(key.seals(r) or second.seals(r) for r in sealed) and second.seals(sealed[-1])
    audit.check_chain(lines(site.sg.audit_log))


# The journal --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def journal(site, own_mounts):
    site.sg.set("stapleguard", journal="yes")
    made = audit.Journal(site.place / "journal")
    yield made
    made.close()


def test_events_reach_the_journal_with_their_fields(site, daemon, journal):
    daemon.wrapper = journal.wrapper()
    daemon.start()
    stored = wait_until(lambda: journal.events("staple.stored", CERT="shop.test"), "the event")[0]
    daemon.wait_for_state("shop.test", "good")
    record = wait_until(lambda: daemon.events("staple.stored"), "the record")[0]
    assert (stored["STAPLEGUARD_SEQ"], stored["STAPLEGUARD_HASH"]) == (str(record["seq"]), record["hash"])
    assert stored["STAPLEGUARD_SHA256"] == record["sha256"] and stored["STAPLEGUARD_SERIAL"] == record["serial"]
    assert stored["STAPLEGUARD_PROCESS"] == "writer" and stored["STAPLEGUARD_EXPIRY"] == record["expiry"]
    assert stored["MESSAGE"].startswith("shop.test: fresh staple stored, valid until 20")
    assert stored["PRIORITY"] == "6" and stored["SYSLOG_IDENTIFIER"] == "stapleguard"
    daemon.stop()
    # Each record, in its order, and nothing else but anchors.
    told = [e for e in journal.read() if e["STAPLEGUARD_EVENT"] != "audit.anchor"]
    assert [(int(e["STAPLEGUARD_SEQ"]), e["STAPLEGUARD_HASH"], e["STAPLEGUARD_EVENT"]) for e in told] == [
        (r["seq"], r["hash"], r["event"]) for r in site.sg.audit()]


def test_anchors_come_at_the_start_at_a_rotation_and_at_the_end(site, daemon, journal):
    daemon.wrapper = journal.wrapper()
    daemon.start()
    wait_until(lambda: journal.events("audit.anchor"), "an anchor at the start")
    daemon.wait_for_state("shop.test", "good")
    before = len(journal.events("audit.anchor"))
    site.sg.audit_log.rename(site.sg.audit_log.with_name("audit.jsonl.1"))
    reload(daemon)
    wait_until(lambda: len(journal.events("audit.anchor")) > before, "an anchor at the rotation")
    daemon.stop()
    everything = audit.records(site.sg.audit_log.with_name("audit.jsonl.1")) + site.sg.audit()
    anchors = journal.events("audit.anchor")
    assert all(set(a) == {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "STAPLEGUARD_EVENT", "STAPLEGUARD_SEQ", "STAPLEGUARD_HASH",
                          "STAPLEGUARD_AUDIT_LOG"} for a in anchors)
    assert {a["STAPLEGUARD_AUDIT_LOG"] for a in anchors} == {str(site.sg.audit_log)}
    hashes = {r["seq"]: r["hash"] for r in everything}
    assert all(hashes[int(a["STAPLEGUARD_SEQ"])] == a["STAPLEGUARD_HASH"] for a in anchors)
    assert int(anchors[-1]["STAPLEGUARD_SEQ"]) == everything[-1]["seq"] and everything[-1]["event"] == "service.stop"


def test_nothing_is_told_twice_where_standard_error_is_the_journal(site, daemon, journal):
    daemon.wrapper = journal.wrapper()
    site.responder.down()
    daemon.log_path.touch()
    daemon.start(environment={"JOURNAL_STREAM": audit.journal_stream(daemon.log_path)})
    failed = wait_until(lambda: journal.events("fetch.failed", CERT="shop.test"), "the failure")
    assert failed[0]["PRIORITY"] == "4" and "connect-failed" in failed[0]["MESSAGE"]
    wait_until(lambda: daemon.cert("shop.test")["last_error"], "the failure in the status")
    site.sg.conf.write_text("[apache]\nno_such_key = 1\n")
    reload(daemon)
    wait_until(lambda: journal.events("service.reload_failed"), "the refused reload")
    stapleguard.kill(daemon.pids("fetcher")[0])
    exits = wait_until(lambda: journal.events("process.exit"), "the end of the fetcher")
    assert exits[0]["MESSAGE"] == "the fetcher ended: killed by SIGKILL" and exits[0]["PRIORITY"] == "3"
    site.sg.write_conf()
    daemon.stop()
    said = daemon.log()
    for line in ("connect-failed", "reload failed", "killed by", "audit anchor"):
        assert line not in said, said
    # What is no event is still said.
    assert "<6>stapleguardd: stopping" in said and "fetcher is started anew" in said


def test_where_standard_error_is_a_file_it_says_what_it_always_said(site, daemon, journal):
    daemon.wrapper = journal.wrapper()
    site.responder.down()
    daemon.start()
    wait_until(lambda: "shop.test: OCSP request to" in daemon.log(), "the line")
    assert journal.events("fetch.failed", CERT="shop.test")


def test_a_pass_with_a_journal_does_not_list_again_what_failed(site, journal):
    site.leaf("shop.test")
    site.responder.down()
    site.sg.write_conf()
    out = site.place / "out"
    with open(out, "wb") as stream:
        done = subprocess.run([*journal.wrapper(), *site.sg.command()], stdout=stream, stderr=stream, check=False, timeout=120,
                              env={"PATH": "/usr/sbin:/usr/bin", "JOURNAL_STREAM": audit.journal_stream(out)})
    assert done.returncode == NO_STAPLE
    assert journal.events("fetch.failed", CERT="shop.test")
    assert "1 certificate: 0 fresh" in out.read_text() and "connect-failed" not in out.read_text()


def test_a_journal_that_is_full_or_gone_stops_nothing(site, daemon, journal):
    site.leaves(200)
    daemon.wrapper = journal.wrapper()
    daemon.start()
    wait_until(lambda: "the system journal takes no events: it is full" in daemon.log(), "the complaint")
    daemon.wait_for_state("site199.test", "good")
    assert daemon.log().count("the system journal takes no events") == 1
    journal.read()
    reload(daemon)
    wait_until(lambda: journal.read() and "the system journal takes events again; it did not take" in daemon.log(), "the count")
    journal.close()
    reload(daemon)
    wait_until(lambda: "the system journal takes no events: Connection refused" in daemon.log(), "the second complaint")
    is_well(daemon)
    # journald is started anew
    journal.listen()
    journal.entries.clear()
    reload(daemon)
    wait_until(lambda: journal.events("service.reload"), "an event for the new one")
    daemon.stop()
    audit.check_chain(lines(site.sg.audit_log))


def test_without_a_journal_anchors_are_lines(site, daemon, own_mounts):
    site.sg.set("stapleguard", journal="yes")
    daemon.wrapper = audit.in_own_mounts("mount -t tmpfs -o mode=755 none /run")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    wait_until(lambda: "audit anchor" in daemon.log(), "the anchor of the start")
    daemon.stop()
    anchors = re.findall(rf"audit anchor (\d+):([0-9a-f]{{64}}) of {site.sg.audit_log}$", daemon.log(), re.MULTILINE)
    last = site.sg.audit()[-1]
    assert len(anchors) >= 2 and anchors[-1] == (str(last["seq"]), last["hash"])


# A child that floods --------------------------------------------------------------------------------------------------------


def test_a_flooding_child_is_throttled_and_counted(site, daemon):
    daemon.wrapper = hostile.Hostile(site.place, "fetcher", "counted flood").wrapper
    daemon.start(is_ready=False)
    wait_until(lambda: [r for r in daemon.events("process.exit") if r.get("status") == 7], "the end of the flood", 120)
    records = site.sg.audit()
    failed = [r for r in records if r["event"] == "fetch.failed"]
    throttled = [r for r in records if r["event"] == "audit.throttled"]
    assert 2000 <= len(failed) < 2200
    assert {(r["process"], r["reason"]) for r in throttled} == {("fetcher", "flood")}
    begun = [r["detail"].split(":")[0] for r in throttled if "count" not in r]
    assert begun == ["fetch.failed", "lines for the log"]
    counts = {r["detail"].split(":")[0]: r["count"] for r in throttled if "count" in r}
    # Nothing is dropped silently: every single one is a record, a line, or counted.
    assert len(failed) + counts["fetch.failed"] == hostile.FLOOD_EVENTS
    assert daemon.log().count("fetcher: " + hostile.FLOOD_LINE) + counts["lines for the log"] == hostile.FLOOD_LINES
    # Other kinds do not suffer.
    assert len([r for r in records if r["event"] == "response.rejected"]) == hostile.FLOOD_OTHERS
    # The count comes before the end of the child, and the service lives.
    order = [r["event"] for r in records]
    assert order.index("process.exit") > max(n for n, event in enumerate(order) if event == "audit.throttled")
    assert daemon.status()["certificates"][0]["name"] == "shop.test"
    daemon.stop()
    audit.check_chain(lines(site.sg.audit_log))
