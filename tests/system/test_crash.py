# SPDX-License-Identifier: ISC
"""kill -9 of any process at any moment: nothing that was acknowledged is lost, and the next pass sets all right."""

import pathlib

import pytest
from helpers import dbm, stapleguard
from helpers.stapleguard import FETCH_FAILED, FRESH, NO_STAPLE

COUNT = 300

# How many requests the responder has seen when the process dies: at the very start, in the middle, near the end.
MOMENTS = [0, 1, 40, 150, 299]


@pytest.fixture
def crowd(site):
    """A few hundred certificates, and a responder slow enough that a pass has a middle."""
    site.certs = site.leaves(COUNT)
    site.names = {f"site{number}.test": cert for number, cert in enumerate(site.certs)}
    site.responder.delay_sec = 0.005
    return site


def acknowledged(site):
    """The certificates whose staple the audit log says is stored."""
    return {r["cert"] for r in site.sg.audit() if r["event"] == "staple.stored"}


def assert_nothing_is_lost(site):
    """With the network gone, all that was acknowledged must come from the store."""
    stored = acknowledged(site)
    site.responder.down()
    site.sg.once(expect=(FRESH, FETCH_FAILED, NO_STAPLE))
    entries = site.sg.entries()
    lost = [name for name in stored if site.names[name].sha1 not in entries]
    assert lost == []
    for name in stored:
        cert = site.names[name]
        assert entries[cert.sha1].der == site.responder.answers[cert.serial]


def assert_the_next_pass_is_good(site):
    site.responder.up()
    site.sg.once("--force", expect=FRESH)
    assert set(site.sg.entries()) == {cert.sha1 for cert in site.certs}
    assert dbm.is_sound(site.sg.dbm_path)


def begin_and_kill(site, victim, moment):
    process = site.sg.start()
    children = site.sg.children(process)
    site.responder.wait_for(moment)
    stapleguard.kill(process.pid if victim == "supervisor" else children[victim])
    code, output = site.sg.finish(process)
    return code, output


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", ["supervisor", "fetcher", "writer"])
def test_a_process_killed_in_the_middle_loses_nothing(crowd, victim, moment):
    code, output = begin_and_kill(crowd, victim, moment)
    assert code != FRESH or moment == 299, output
    assert_nothing_is_lost(crowd)
    assert_the_next_pass_is_good(crowd)


def test_when_the_fetcher_dies_what_it_had_offered_is_in_apaches_file_at_once(crowd):
    code, output = begin_and_kill(crowd, "fetcher", 150)
    assert code in (FETCH_FAILED, NO_STAPLE), output
    stored = acknowledged(crowd)
    entries = crowd.sg.entries()
    assert stored and {crowd.names[name].sha1 for name in stored} <= set(entries)


@pytest.mark.parametrize("victim", ["fetcher", "writer"])
def test_a_childs_death_is_said_and_recorded(crowd, victim):
    _, output = begin_and_kill(crowd, victim, 40)
    assert victim in output
    exits = [r for r in crowd.sg.audit() if r["event"] == "process.exit" and r["process"] == victim]
    assert exits and exits[-1]["status"] == -9


@pytest.mark.parametrize("victim", ["supervisor", "fetcher", "writer"])
def test_a_kill_when_staples_are_held_already_leaves_them_in_apaches_file(crowd, victim):
    crowd.sg.once(expect=FRESH)
    before = crowd.sg.entries()
    crowd.responder.forget()
    process = crowd.sg.start("--force")
    children = crowd.sg.children(process)
    crowd.responder.wait_for(100)
    stapleguard.kill(process.pid if victim == "supervisor" else children[victim])
    crowd.sg.finish(process)
    assert crowd.sg.entries() == before


def store_files(site):
    return [path for path in pathlib.Path(site.sg.state_dir).rglob("*") if path.is_file()]


@pytest.mark.parametrize("where", ["all", "start", "end"])
def test_a_store_that_was_overwritten_with_garbage_is_set_aside_and_filled_anew(site, where):
    certs = site.leaves(50)
    site.sg.once(expect=FRESH)
    site.sg.dbm_path.unlink()
    spoiled = 0
    for path in store_files(site):
        data = bytearray(path.read_bytes())
        if not data:
            continue
        size = len(data) if where == "all" else max(1, len(data) // 2)
        start = len(data) - size if where == "end" else 0
        data[start:start + size] = bytes((n * 37 + 11) % 256 for n in range(size))
        path.write_bytes(data)
        spoiled += 1
    assert spoiled
    site.responder.forget()
    result = site.sg.once(expect=FRESH)
    assert set(site.sg.entries()) == {cert.sha1 for cert in certs}
    if where != "end":
        assert result.reasons("store.set_aside") == ["store-corrupt"]
        assert site.responder.count() == 50


def test_a_store_whose_files_were_cut_off_is_set_aside_and_filled_anew(site):
    certs = site.leaves(50)
    site.sg.once(expect=FRESH)
    site.sg.dbm_path.unlink()
    for path in store_files(site):
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    site.sg.once(expect=FRESH)
    assert set(site.sg.entries()) == {cert.sha1 for cert in certs}


def test_a_store_that_was_deleted_is_filled_anew(site):
    cert = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    for path in store_files(site):
        path.unlink()
    site.sg.once(expect=FRESH)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


def test_no_pass_after_a_crash_hangs(crowd):
    """Three crashes one after the other; what they leave behind never holds up the next."""
    for moment in (1, 60, 200):
        crowd.responder.forget()
        begin_and_kill(crowd, "writer", moment)
    crowd.sg.once("--force", expect=FRESH, timeout_sec=60)
