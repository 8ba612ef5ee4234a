# SPDX-License-Identifier: ISC
"""What the sections share: a pool of certificates, the responder, installations, files of Apache's, load.

Owns: everything it makes, below two directories of its own; end() takes all of it away but the pool.
Never: touches the machine's Apache or its /etc.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from helpers import apache, dbm, load, tls
from helpers.daemon import Daemon, wait_until
from helpers.stapleguard import Stapleguard, build_directory

from . import machine, measure

# Responses live for a week and are asked for anew after a day; a pool is used for half of that.
POOL_AGE_SEC = 12 * 3600


# The responder's, on an address of the build directory's own: it stands in certificates that are kept, and what runs from
# other directories must not be in its way.
PORT = 8880


# For whatever ends by itself: a busy machine and many certificates take their time.
PATIENCE_SEC = 900


def address():
    digest = hashlib.sha256(str(build_directory()).encode()).digest()
    return f"127.{64 + digest[0] % 64}.{digest[1]}.{1 + digest[2] % 254}"


def url():
    return f"http://{address()}:{PORT}/"


def program(name):
    """One of the benchmark's own."""
    return build_directory() / "tests" / "bench" / name


def make_pool(count):
    """The directory of a pool of at least `count`, made unless one is there that is new enough, and no older than its maker."""
    directory = build_directory() / "bench-pool"
    mark = directory / "count"
    try:
        made_at = mark.stat().st_mtime
        is_good = int(mark.read_text()) >= count and made_at > max(
            time.time() - POOL_AGE_SEC, program("make_pool").stat().st_mtime)
    except (OSError, ValueError):
        is_good = False
    if not is_good:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        processes = len(os.sched_getaffinity(0))
        subprocess.run([program("make_pool"), directory, str(count), url(), str(processes)], check=True)
        mark.write_text(str(count))
    return directory


class Responder:
    """The fast responder; every word is in force when the call returns."""

    def __init__(self, pool):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [program("responder"), pool, address(), str(PORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            raise RuntimeError(f"the responder does not start: is {address()}:{PORT} in use?")

    def say(self, word):
        """serve, stall, down, newer, count: gives the counts."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def cpu_usec(self):
        """What it took so far."""
        return measure.usage(self.process.pid, "responder").cpu_usec

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


def _fast_directory():
    """Where /run is: a tmpfs, as Debian has it."""
    for parent in ("/run", "/dev/shm"):
        if machine.file_system(parent) == "tmpfs" and os.access(parent, os.W_OK):
            return parent
    return None


class World:
    """quick: everything as short as can be."""

    def __init__(self, counts, quick=False):
        self.counts = counts
        self.quick = quick
        self.pool = make_pool(counts[-1])
        self.responder = Responder(self.pool)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="stapleguard-bench-", dir="/var/tmp"))
        self.fast = pathlib.Path(tempfile.mkdtemp(prefix="stapleguard-bench-", dir=_fast_directory()))
        for directory in (self.scratch, self.fast):
            directory.chmod(0o755)
        self.started = []
        self.warm_ones = {}
        self.facts = {}  # what one section found and another one shows

    # Installations ------------------------------------------------------------------------------------------------------

    def installation(self, count, label):
        """A stapleguard for the pool's first `count` certificates; its store on disk, Apache's file where /run would be."""
        directory = self.scratch / label
        directory.mkdir()
        sg = Stapleguard(directory)
        sg.run_dir = self.fast / label
        sg.dbm_path = sg.run_dir / "apache" / "ocsp_cache.db"
        sg.set("stapleguard", run_dir=sg.run_dir)
        sg.set("apache", dbm=sg.dbm_path, lock_dir=sg.run_dir / "lock")
        for number in range(count):
            sg.add(f"site{number}.test", self.cert(number))
        sg.write_conf()
        return sg

    def cert(self, number):
        return self.pool / "certs" / f"site{number}.pem"

    def first_pass(self, sg):
        """One pass with an empty store, measured."""
        return measure.run(sg.command(), interval_sec=0.005 if len(sg.certs) < 1000 else 0.02)

    def warm(self, count):
        """An installation whose store and file hold all of `count`; the same one for all sections."""
        if count not in self.warm_ones:
            sg = self.installation(count, f"warm{count}")
            self.first_pass(sg)
            self.keep_warm(count, sg)
        return self.warm_ones[count]

    def keep_warm(self, count, sg):
        """Others go on with sg; and its file is kept, because Apache deletes it when it stops."""
        self.warm_ones[count] = sg
        subprocess.run(["cp", "--sparse=always", sg.dbm_path, self.scratch / f"ours{count}.db"], check=True)

    def our_file(self, count):
        """Apache's file as we make it for `count`."""
        self.warm(count)
        return self.scratch / f"ours{count}.db"

    def daemon(self, sg, is_ready=True):
        made = Daemon(sg)
        self.started.append(made)
        made.start(is_ready=False)
        if is_ready:
            made.wait_for_note("READY=1", timeout_sec=PATIENCE_SEC)
        return made

    def daemon_beside(self, sg, httpd):
        """One that has found its Apache, and in whose file the first certificate's staple is."""
        made = self.daemon(sg)
        wait_until(lambda: made.status()["apache"]["pid"] == httpd.pid, "it to find its Apache", timeout_sec=PATIENCE_SEC)
        made.wait_for_state("site0.test", "good", timeout_sec=PATIENCE_SEC)
        return made

    # Apache -------------------------------------------------------------------------------------------------------------

    def apache(self, label, extra="", **options):
        """One that serves the pool's first certificate, not started.  Its patience with a responder is httpd's default."""
        directory = self.scratch / f"httpd-{label}"
        directory.mkdir()
        made = apache.Apache(directory, extra=extra, responder_timeout=1 if self.quick else 10, **options)
        made.add("site0.test", (self.cert(0), self.pool / "leaf.key"))
        self.started.append(made)
        return made

    def apache_with_us(self, sg, label, extra=""):
        """As README.md configures it: our file, and a lock that we can take."""
        sg.make_directories()
        locks = sg.run_dir / "lock"
        locks.mkdir(exist_ok=True)
        made = self.apache(label, cache_path=sg.dbm_path, extra=f"Mutex flock:{locks} ssl-stapling\n{extra}")
        sg.use(made)
        return made

    def cache_path(self, label):
        """A place for a cache of Apache's that nobody looks after."""
        directory = self.fast / f"cache-{label}"
        directory.mkdir()
        shutil.chown(directory, apache.USER, apache.USER)
        return directory / "ocsp_cache.db"

    def put(self, source, target):
        """A copy of a DBM file with its holes, renamed into place and given to Apache."""
        beside = target.with_name("beside")
        subprocess.run(["cp", "--sparse=always", source, beside], check=True)
        shutil.chown(beside, apache.USER, apache.USER)
        beside.rename(target)

    def plain_file(self, count):
        """A hash file with the same entries, made by Berkeley DB's own db_load, without the scan guard."""
        path = self.scratch / f"plain{count}.db"
        if not path.exists():
            records = [(key, value) for key, value in dbm.dump(self.our_file(count)) if key != dbm.GUARD_KEY]
            assert len(records) == count, f"{len(records)} entries instead of {count}"
            dbm.write(path, records)
        return path

    def response_by_ca(self):
        """For the first certificate, signed by the CA itself (bench_pool.h)."""
        return (self.pool / "by-ca").read_bytes()[4:]

    # Load ---------------------------------------------------------------------------------------------------------------

    def shake_hands(self, port, seconds, threads=2):
        return load.Load(port, "site0.test", threads=threads, seconds=seconds)

    def is_stapled(self, port):
        return tls.handshake(port, "site0.test").status == "good"

    def wait_for_staple(self, port, timeout_sec=30):
        end = time.monotonic() + timeout_sec
        while not self.is_stapled(port):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    # The end ------------------------------------------------------------------------------------------------------------

    def end_started(self):
        """What a section left running."""
        for thing in reversed(self.started):
            thing.stop()
        self.started = []

    def end(self):
        for thing in reversed(self.started):
            if isinstance(thing, Daemon):
                thing.end()
            else:
                thing.stop()
        self.responder.end()
        for directory in (self.scratch, self.fast):
            subprocess.run(["chattr", "-R", "-f", "-i", directory], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(directory, ignore_errors=True)


def audit_after(sg, offset):
    """(records, new offset): what the audit log got since, without reading all of it again."""
    records = []
    with open(sg.audit_log, "rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            records.append(json.loads(line))
    return records, offset
