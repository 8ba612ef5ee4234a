# SPDX-License-Identifier: ISC
"""What somebody with less right than root can hold on to: locks, and files that are not for everybody."""

import fcntl
import json
import os
import re
import stat

import pytest
from helpers.daemon import Daemon, wait_until
from helpers.stapleguard import ALREADY_RUNNING, FRESH


def held(path, mode):
    """The file, made if need be, locked by somebody who opened it for reading when its mode allowed that."""
    path.parent.mkdir(exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_CREAT, mode)
    os.fchmod(fd, mode)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("name", ["run", "log"])
def test_a_lock_that_others_could_take_keeps_nobody_out(site, name):
    site.leaf("shop.test")
    lock = site.sg.run_dir / "stapleguardd.lock" if name == "run" else site.sg.audit_log.parent / ".audit.jsonl.lock"
    fd = held(lock, 0o644)
    done = site.sg.once(expect=FRESH)
    os.close(fd)
    assert mode_of(lock) == 0o600
    assert done.events("service.start") and not done.events("audit.gap")


def test_a_lock_of_roots_own_keeps_a_second_one_out(site):
    site.leaf("shop.test")
    os.close(held(site.sg.run_dir / "stapleguardd.lock", 0o600))
    fd = held(site.sg.run_dir / "stapleguardd.lock", 0o600)
    assert site.sg.once().code == ALREADY_RUNNING
    os.close(fd)
    site.sg.once(expect=FRESH)


def test_a_reader_of_the_audit_log_that_locks_it_suppresses_nothing(site):
    site.leaf("shop.test")
    before = len(site.sg.once(expect=FRESH).records)
    fd = held(site.sg.audit_log, 0o640)
    again = site.sg.once(expect=FRESH)
    os.close(fd)
    assert before and again.events("service.start") and again.events("service.stop")
    assert "lost" not in again.output


def test_records_that_a_pass_could_not_write_are_a_gap_of_the_next(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    kept = site.sg.audit_log.with_name("kept")
    site.sg.audit_log.rename(kept)
    site.sg.audit_log.symlink_to("nowhere")
    lost = []
    for _ in range(2):
        output = site.sg.once(expect=FRESH).output
        lost.append(int(re.search(r"records lost: (\d+)", output)[1]))
    assert 0 < lost[0] < lost[1]
    site.sg.audit_log.unlink()
    kept.rename(site.sg.audit_log)
    assert [gap["count"] for gap in site.sg.once(expect=FRESH).events("audit.gap")] == [lost[1]]
    assert not site.sg.once(expect=FRESH).events("audit.gap")


def test_no_file_is_for_everybody_whatever_umask_it_was_started_with(site):
    site.leaf("shop.test")
    daemon = Daemon(site.sg, wrapper=["/bin/sh", "-c", 'umask 000; exec "$0" "$@"'])
    try:
        daemon.start()
        daemon.wait_for_state("shop.test", "good")
        wait_until((site.sg.state_dir / "status.json").exists, "the status")
    finally:
        daemon.stop()
        daemon.end()
    site.sg.once(expect=FRESH)
    folders = (site.sg.state_dir, site.sg.run_dir, site.sg.audit_log.parent)
    modes = {path: mode_of(path) for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o007} == {}
    assert modes[site.sg.audit_log] == modes[site.sg.state_dir / "known"] == 0o640
    assert json.loads((site.sg.state_dir / "status.json").read_text())


def test_what_apache_told_is_not_for_everybody(site, tmp_path):
    dump = tmp_path / "apachectl"
    site.leaf("shop.test", managed=False)
    dump.write_text(f"#!/bin/sh\numask >{tmp_path}/umask\necho 'Server certificates:'\necho '  {site.pem('shop.test')}'\n")
    dump.chmod(0o755)
    site.sg.set("apache", discover="apache", control=dump)
    site.sg.once()
    assert mode_of(site.sg.state_dir / "discovered") == 0o640
    assert (tmp_path / "umask").read_text().strip() == "0022"
