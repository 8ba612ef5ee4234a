# SPDX-License-Identifier: ISC
"""Apache's file: what Apache finds in it, who may touch it, and what of Apache's own survives there."""

import grp
import os
import pwd
import struct
import time

import pytest
from helpers import apache, dbm, pki
from helpers.stapleguard import APACHE_USER, FRESH, NO_STAPLE

DEBUG = "warn socache_dbm:debug mpm_event:notice"


def sweeps(apache):
    """The records that each sweep of Apache's visited."""
    lines = [line for line in apache.log().splitlines() if "AH00813" in line]
    return [int(line.split("old: ")[1].split(",")[0]) for line in lines]


def as_apache(action):
    """Run action in a child that is www-data; true when it raised nothing."""
    user = pwd.getpwnam(APACHE_USER)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


# PARITY P13
def test_p13_a_record_is_8_bytes_of_expiry_a_flag_and_the_response(site):
    cert = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    value = dict(dbm.dump(site.sg.dbm_path))[cert.sha1]
    der = site.responder.answers[cert.serial]
    expiry = (pki.next_update_of(der) - 30 * pki.HOUR) * 1000000
    assert value == struct.pack("=qB", expiry, 1) + der


def test_the_file_is_sound_for_berkeley_db(site):
    site.leaves(50)
    site.sg.once(expect=FRESH)
    assert dbm.is_sound(site.sg.dbm_path)


# PARITY P14
def test_p14_apache_can_read_and_write_the_file_but_make_none_of_its_own(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    path = site.sg.dbm_path
    assert as_apache(lambda: os.close(os.open(path, os.O_RDWR)))
    assert not as_apache(lambda: os.close(os.open(path.parent / "other", os.O_RDWR | os.O_CREAT)))
    assert not as_apache(lambda: os.unlink(path))


# PARITY P14
def test_p14_nobody_else_can_write_the_file(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    details = os.stat(site.sg.dbm_path)
    assert details.st_mode & 0o002 == 0
    assert details.st_gid == grp.getgrnam(APACHE_USER).gr_gid


# PARITY P14
def test_p14_the_file_apache_made_is_replaced_and_still_apaches_to_use(shop):
    """Apache makes its file at start, as its own user; a pass puts another in its place."""
    inode = os.stat(shop.sg.dbm_path).st_ino
    shop.sg.once(expect=FRESH)
    assert os.stat(shop.sg.dbm_path).st_ino != inode
    assert as_apache(lambda: os.close(os.open(shop.sg.dbm_path, os.O_RDWR)))
    assert shop.handshake("shop.test").status == "good"
    assert [line for line in shop.apache.log().splitlines() if "AH00809" in line or "AH00807" in line] == []


def test_the_scan_guard_is_there_and_first_for_apache(site):
    site.leaves(100)
    site.sg.once(expect=FRESH)
    records = dbm.dump(site.sg.dbm_path)
    assert records[0][0] == dbm.GUARD_KEY
    assert len(records) == 101
    assert dbm.first_key_for_apache(site.sg.dbm_path) is None
    expiry, flag = struct.unpack("=qB", records[0][1])
    assert flag == 0
    assert expiry > (time.time() + 365 * pki.DAY) * 1000000


def test_without_the_scan_guard_the_file_has_only_entries(site):
    certs = site.leaves(20)
    site.sg.set("apache", scan_guard="no")
    site.sg.once(expect=FRESH)
    assert set(dbm.read(site.sg.dbm_path)) == {cert.sha1 for cert in certs}
    assert dbm.first_key_for_apache(site.sg.dbm_path) is not None


def test_apaches_sweep_visits_no_record(site):
    site.leaves(100)
    site.leaf("shop.test")
    site.start_apache("shop.test", log_level=DEBUG)
    site.sg.once(expect=FRESH)
    site.responder.down()
    before = len(sweeps(site.apache))
    for _ in range(3):
        assert site.handshake("shop.test").status == "good"
    visited = sweeps(site.apache)[before:]
    assert visited and set(visited) == {0}
    assert len(site.sg.entries()) == 101


def test_without_the_scan_guard_apaches_sweep_visits_all(site):
    """That the test above can fail."""
    site.leaves(100)
    site.leaf("shop.test")
    site.start_apache("shop.test", log_level=DEBUG)
    site.sg.set("apache", scan_guard="no")
    site.sg.once(expect=FRESH)
    assert site.handshake("shop.test").status == "good"
    assert 101 in sweeps(site.apache)


@pytest.mark.parametrize("count, kept", [(1, 1), (30, 30), (100, 64)])
def test_the_guard_comes_first_whatever_keys_stand_in_its_place(site, count, kept):
    """Keys of others, made to stand where the guard has to: they go behind it, and Apache's sweep still visits nothing."""
    site.leaves(20)
    site.leaf("shop.test")
    site.start_apache("shop.test", log_level=DEBUG)
    site.sg.dbm_path.unlink()
    keys = dbm.keys_in_bucket_0(count)
    far = dbm.Record(time.time() + pki.DAY, 1, b"\x30\x03\x0a\x01\x03")
    dbm.write(site.sg.dbm_path, [(key, far.value()) for key in keys])
    result = site.sg.once(expect=FRESH)
    committed = result.events("dbm.committed")[0]
    assert f"scan guard on with {kept} behind it" in committed["detail"]
    dropped = [(r["reason"], r["count"]) for r in result.events("dbm.foreign_dropped")]
    assert dropped == ([] if kept == count else [("guard-displaced", count - kept)])
    assert len(set(keys) & set(site.sg.entries())) == kept
    assert dbm.is_sound(site.sg.dbm_path)
    assert dbm.first_key_for_apache(site.sg.dbm_path) is None
    site.responder.down()
    before = len(sweeps(site.apache))
    for _ in range(3):
        assert site.handshake("shop.test").status == "good"
    assert set(sweeps(site.apache)[before:]) == {0}
    assert len(site.sg.entries()) == 21 + kept


@pytest.fixture
def guest(site):
    """A site beside ours whose certificate stapleguard does not manage: Apache itself fetched and stored its staple."""
    site.guest = site.leaf("guest.test", managed=False)
    site.responder.answer(site.guest, pki.response(site.guest))
    site.leaf("shop.test")
    site.start_apache("guest.test", "shop.test")
    assert site.handshake("guest.test").status == "good"
    assert site.guest.sha1 in site.sg.entries()
    return site


# PARITY P14
def test_p14_what_apache_stored_for_others_is_carried_over(guest):
    before = guest.sg.entries()[guest.guest.sha1]
    guest.sg.once(expect=FRESH)
    assert guest.sg.entries()[guest.guest.sha1] == before
    guest.responder.down()
    assert guest.handshake("guest.test").staple == before.der
    assert guest.handshake("shop.test").status == "good"


# PARITY P14
def test_p14_apache_can_still_store_for_others_after_a_pass(site):
    guest = site.leaf("guest.test", managed=False)
    site.responder.answer(guest, pki.response(guest))
    shop = site.leaf("shop.test")
    site.start_apache("guest.test", "shop.test")
    site.sg.once(expect=FRESH)
    assert site.handshake("guest.test").status == "good"
    assert set(site.sg.entries()) == {guest.sha1, shop.sha1}
    assert dbm.first_key_for_apache(site.sg.dbm_path) is None


def test_an_expired_entry_of_others_is_pruned(site):
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    old = dbm.Record(time.time() - 60, 1, b"\x30\x03\x0a\x01\x03")
    kept = dbm.Record(time.time() + pki.DAY, 1, b"\x30\x03\x0a\x01\x03")
    dbm.write(site.sg.dbm_path, [(b"o" * 20, old.value()), (b"k" * 20, kept.value())])
    site.sg.once(expect=FRESH)
    assert set(site.sg.entries()) == {b"k" * 20, cert.sha1}


def test_an_error_record_that_apache_put_in_place_of_ours_is_replaced(site):
    cert = site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    good = site.sg.entries()[cert.sha1]
    bad = dbm.Record(time.time() + 600, 0, pki.unsuccessful("trylater"))
    site.sg.dbm_path.unlink()
    dbm.write(site.sg.dbm_path, [(cert.sha1, bad.value())])
    site.responder.down()
    site.sg.once(expect=FRESH)
    assert site.sg.entries()[cert.sha1] == good


def test_hostile_entries_of_others_do_no_harm(site):
    """Records as www-data could write them: keys and values of any length, a guard of its own, our own key."""
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    far = dbm.Record(time.time() + 365 * pki.DAY, 1, b"\x00")
    records = [
        (b"short", b""), (b"x" * 20, b""), (b"y" * 20, b"\xff" * 8), (b"z" * 20, b"\xff" * 9), (b"long" * 500, b"v"),
        (b"big" * 6 + b"!!", b"\x7f" * 100000), (b"", far.value()), (cert.sha1, far.value()),
    ]
    dbm.write(site.sg.dbm_path, records)
    site.sg.once(expect=FRESH)
    assert dbm.is_sound(site.sg.dbm_path)
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]
    assert dbm.first_key_for_apache(site.sg.dbm_path) is None


# PARITY P14
def test_p14_one_commit_a_pass(site):
    site.leaves(300)
    result = site.sg.once(expect=FRESH)
    assert len(result.events("dbm.committed")) == 1
    assert result.events("dbm.committed")[0]["count"] == 300


def test_nothing_else_is_left_in_the_directory(site):
    site.leaves(20)
    site.sg.once(expect=FRESH)
    site.sg.once("--force", expect=FRESH)
    assert os.listdir(site.sg.dbm_path.parent) == [site.sg.dbm_path.name]


# PARITY P14
def test_p14_a_restart_loses_nothing_after_the_next_pass(guest):
    guest.leaves(50)
    guest.sg.once(expect=FRESH)
    before = guest.sg.entries()
    guest.responder.down()
    guest.apache.restart()
    assert guest.sg.entries() == {}
    guest.sg.once(expect=FRESH)
    ours = {key: record for key, record in before.items() if key != guest.guest.sha1}
    assert guest.sg.entries() == ours


def test_asking_apache_for_its_certificates_leaves_its_file_alone(shop):
    """Discovery has Apache dump its configuration in each pass: that must not throw the cache away, as a restart does."""
    shop.sg.once(expect=FRESH)
    before = os.stat(shop.sg.dbm_path).st_ino
    done = shop.apache.run_control("-t", "-D", "DUMP_CONFIG", "-D", "DUMP_RUN_CFG", "-D", "DUMP_MODULES", "-D", "DUMP_INCLUDES",
                                   "-D", "DUMP_CERTS", "-C", f'LoadModule info_module "{apache.MODULES}/mod_info.so"')
    assert f"SSLCertificateFile {shop.pem('shop.test')}" in done.stdout
    assert str(shop.pem("shop.test")) in done.stdout
    assert os.stat(shop.sg.dbm_path).st_ino == before


def test_a_pass_with_nothing_new_leaves_the_file_in_place(site):
    """Renaming costs the disk, and a new inode says that something happened."""
    site.leaves(20)
    site.sg.once(expect=FRESH)
    before = os.stat(site.sg.dbm_path).st_ino
    site.sg.once(expect=FRESH)
    assert os.stat(site.sg.dbm_path).st_ino == before


def test_the_file_is_put_back_when_somebody_deletes_it(site):
    site.leaves(10)
    site.sg.once(expect=FRESH)
    before = site.sg.entries()
    site.sg.dbm_path.unlink()
    site.responder.down()
    site.sg.once(expect=FRESH)
    assert site.sg.entries() == before


def test_a_staple_that_ran_out_leaves_the_file(site):
    cert = site.leaf("shop.test")
    site.sg.add("shop.test", site.pem("shop.test"), safety_margin="0s", min_ttl="0s")
    site.responder.answer(cert, site.good(cert, next_update=time.time() + 4))
    site.sg.once(expect=FRESH)
    end = pki.next_update_of(site.sg.staple(cert))
    site.responder.down()
    while time.time() <= end:
        time.sleep(0.1)
    site.sg.once(expect=NO_STAPLE)
    assert site.sg.entries() == {}


def test_a_response_larger_than_apache_itself_would_store_is_served(site, authorities):
    """Apache refuses 950 bytes and more in a DBM (AH00806); an outside writer has no such limit."""
    cert = site.leaf("shop.test", key="rsa", must_staple=True)
    signer = authorities.ca.delegate(key="rsa")
    site.responder.answer(cert, pki.response(cert, signer=signer))
    assert len(site.responder.answers[cert.serial]) > 950
    site.start_apache("shop.test")
    site.sg.once(expect=FRESH)
    site.responder.down()
    assert site.handshake("shop.test").staple == site.responder.answers[cert.serial]


def test_while_passes_go_on_no_handshake_is_without_a_staple(shop):
    """rename(2) of a whole file: at no instant does Apache find nothing."""
    shop.sg.once(expect=FRESH)
    shop.responder.down()
    process = None
    seen = set()
    for _ in range(5):
        process = shop.sg.start()
        while process.poll() is None:
            seen.add(shop.handshake("shop.test").status)
        code, output = shop.sg.finish(process)
        assert code == FRESH, output
    assert seen == {"good"}
