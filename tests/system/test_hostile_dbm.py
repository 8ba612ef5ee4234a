# SPDX-License-Identifier: ISC
"""Apache's children can write its DBM file, and its directory may be found in any state: the pass goes on, in bounded memory,
and what was dropped or refused is said.

Other formats, symbolic links and garbage are in test_bad_input and test_writer_alone; flipped bits, cut-off files, endless chains and
a taken-over reader by the hundred in unit/test_dbm_reader; garbage under the running service in test_daemon and test_restarts.
"""

import os
import random
import socket
import stat
import struct
import subprocess
import time

import pytest
from helpers import dbm, stapleguard
from helpers.stapleguard import FRESH, NO_STAPLE

HOUR = 3600
GIB = 1 << 30
# Supervisor, fetcher, writer and reader each stay far below.
MEMORY_MAX_KIB = 300 * 1024
# No assertion about speed: a pass that takes longer hangs.
HANG_SEC = 120


def foreign_records(count):
    value = dbm.Record(int(time.time()) + HOUR, 1, b"0\x03\n\x01\x00" * 100).value()
    return [(bytes([n]) * 20, value) for n in range(1, count + 1)]


def bounded_once(site, *options):
    """One pass; gives (exit code, records, output).  No process of it may have needed more than MEMORY_MAX_KIB."""
    site.sg.write_conf()
    before = len(site.sg.audit())
    with subprocess.Popen(
        site.sg.command("--force", *options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:
        end = time.monotonic() + HANG_SEC
        pid = 0
        while pid == 0:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid == 0 and time.monotonic() > end:
                process.kill()
                raise TimeoutError("the pass hangs")
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(status)
        output = process.stdout.read().decode(errors="replace")
    assert used.ru_maxrss < MEMORY_MAX_KIB, f"{used.ru_maxrss} KiB"
    records = site.sg.audit()[before:]
    return process.returncode, records, output


def events(records, event):
    return [record.get("reason") for record in records if record["event"] == event]


# What is replaced.  Each changes a good file of 60 records, given as a bytearray with the size of its pages.

def cut_in_a_page(octets, page):
    del octets[3 * page + page // 2:]


def cut_to_the_first_page(octets, page):
    del octets[page:]


def flip_bits(octets, page):
    """Not in the first 512 octets: what says that it is Berkeley DB at all is another test's."""
    chance = random.Random(1)
    for _ in range(400):
        octets[chance.randrange(512, len(octets))] ^= 1 << chance.randrange(8)


def flip_bits_of_the_head(octets, page):
    """Everything that the first page says but magic, version, page size and type."""
    chance = random.Random(2)
    for _ in range(60):
        octets[chance.randrange(28, 512)] ^= 1 << chance.randrange(8)


def point_pages_at_themselves(octets, page):
    for at in range(page, len(octets), page):
        struct.pack_into("<I", octets, at + 16, at // page)


def point_pages_in_a_circle(octets, page):
    count = len(octets) // page
    for number in range(1, count):
        struct.pack_into("<I", octets, number * page + 16, number % (count - 1) + 1)


def zero_all_but_the_head(octets, page):
    octets[page:] = bytes(len(octets) - page)


def claim_a_huge_hash(octets, page):
    """max_bucket, high_mask, low_mask: two billion buckets."""
    struct.pack_into("<III", octets, 72, 0x7FFFFFFF, 0x7FFFFFFF, 0x3FFFFFFF)


def claim_big_items(octets, page):
    """Every page's items begin beyond its end."""
    for at in range(page, len(octets), page):
        octets[at + 26:at + 90] = b"\xff" * 64


DAMAGE = [
    cut_in_a_page, cut_to_the_first_page, flip_bits, flip_bits_of_the_head, point_pages_at_themselves, point_pages_in_a_circle,
    zero_all_but_the_head, claim_a_huge_hash, claim_big_items,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_replaced_and_what_was_dropped_is_said(site, damage):
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    foreign = foreign_records(60)
    dbm.write(site.sg.dbm_path, foreign)
    octets = bytearray(site.sg.dbm_path.read_bytes())
    page = struct.unpack_from("<I", octets, 20)[0]
    damage(octets, page)
    site.sg.dbm_path.write_bytes(octets)
    code, records, output = bounded_once(site)
    assert code == FRESH, output
    assert dbm.is_sound(site.sg.dbm_path)
    served = site.sg.entries()
    assert served[cert.sha1].der == site.responder.answers[cert.serial]
    # Nothing that was made up: those that are left are as they were.
    kept = {key: record.value() for key, record in served.items() if key != cert.sha1}
    assert kept.items() <= dict(foreign).items()
    # Where what is left is a sound file of its own, nobody can tell that there was more.
    if len(kept) < 60 and damage not in (zero_all_but_the_head, point_pages_in_a_circle):
        assert events(records, "dbm.foreign_dropped"), output


@pytest.mark.parametrize("head", ["zeros", "a good file"])
def test_a_file_of_4_gib_is_mostly_hole(site, head):
    """Sparse: it costs its writer nothing, and must not cost us memory, a full disk or a walk over all of it."""
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    if head == "a good file":
        dbm.write(site.sg.dbm_path, foreign_records(5))
    with open(site.sg.dbm_path, "ab") as file:
        file.truncate(4 * GIB)
    code, _, output = bounded_once(site)
    assert code == FRESH, output
    found = os.stat(site.sg.dbm_path)
    assert found.st_size < GIB and found.st_blocks * 512 < 1 << 20
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]


# What is refused: it is not ours to take away, and never followed, opened for writing or waited for.

def fifo(path, _):
    os.mkfifo(path, 0o666)


def directory(path, _):
    path.mkdir()
    (path / "file").write_text("precious\n")


def unix_socket(path, _):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path, _):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def link_to_a_file(path, victim):
    victim.write_text("precious\n")
    path.symlink_to(victim)


def link_to_nowhere(path, victim):
    path.symlink_to(victim)


@pytest.mark.parametrize("make", [fifo, directory, unix_socket, device, link_to_a_file, link_to_nowhere], ids=lambda make: make.__name__)
def test_what_is_no_file_is_refused_and_left_alone(site, make):
    site.leaf("shop.test")
    site.sg.make_directories()
    victim = site.place / "victim"
    make(site.sg.dbm_path, victim)
    before = os.lstat(site.sg.dbm_path)
    code, records, output = bounded_once(site)
    assert code == NO_STAPLE
    assert events(records, "dbm.failed") and str(site.sg.dbm_path.name) in output, output
    after = os.lstat(site.sg.dbm_path)
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert victim.exists() == (make is link_to_a_file)
    if make is link_to_a_file:
        assert victim.read_text() == "precious\n"


@pytest.mark.parametrize("owner, mode", [(0, 0o600), (0, 0o644), (stapleguard.FETCH_UID, 0o600), (12345, 0o640), (12345, 0o000)])
def test_a_file_of_somebody_elses_is_replaced_and_what_could_not_be_read_is_said(site, owner, mode):
    cert = site.leaf("shop.test")
    site.sg.make_directories()
    dbm.write(site.sg.dbm_path, foreign_records(3))
    os.chown(site.sg.dbm_path, owner, owner)
    site.sg.dbm_path.chmod(mode)
    code, records, output = bounded_once(site)
    assert code == FRESH, output
    assert site.sg.staple(cert) == site.responder.answers[cert.serial]
    found = os.stat(site.sg.dbm_path)
    assert (found.st_uid, found.st_gid) == (stapleguard.WRITE_UID, os.stat(site.sg.dbm_path.parent).st_gid)
    if mode == 0o644:
        assert len(site.sg.entries()) == 4
    else:
        assert events(records, "dbm.foreign_dropped") == ["file-unreadable"]


def test_a_second_name_of_the_file_does_not_lead_the_writer_to_it(site):
    """A hard link: what hangs on the old inode stays as it was."""
    site.leaf("shop.test")
    site.sg.make_directories()
    dbm.write(site.sg.dbm_path, foreign_records(3))
    other = site.place / "other-name"
    os.link(site.sg.dbm_path, other)
    before = other.read_bytes()
    code, _, output = bounded_once(site)
    assert code == FRESH, output
    assert other.read_bytes() == before and os.stat(other).st_ino != os.stat(site.sg.dbm_path).st_ino
