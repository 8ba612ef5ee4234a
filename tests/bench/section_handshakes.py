# SPDX-License-Identifier: ISC
"""3. Apache's handshakes with a status request: what a visitor waits for, by scheme and by the number of entries.

All Apaches run at once and take turns, so that what else the machine does meets all of them.
"""

import dataclasses
import itertools
import socket
import threading

from helpers import dbm
from helpers.apache import MODULES
from . import measure, world as worlds
from .table import Row, counted, number, usec

SECONDS, SECONDS_QUICK = 2, 0.3
ROUNDS = 5
SECONDS_BUSY = 12  # commits take at most a fifth of the time
REFRESHES_PER_SEC = 20  # what the schedule grants one responder (fetcher/schedule/responder.h)
FLAT_AIM = 0.95
P99_AIM = 1.2

OURS = "stapleguard"
NO_STAPLING = "SSLUseStapling off\n"
BY_CA = "plain hash file with a response signed by the CA itself"
MOD_MD = f"LoadModule md_module {MODULES}/mod_md.so\nMDStoreDir {{0}}\nMDStapling on\n"


@dataclasses.dataclass
class Scheme:
    """One way to staple, with its Apache.  best: its best round's result.  cpu_usec: Apache's for one handshake, at best."""

    name: str
    httpd: object
    entries: int = 0
    best: object = None
    cpu_usec: float = None
    missing: int = 0
    total: int = 0

    def take(self, result, cpu_usec):
        self.missing += result.without + result.failed
        self.total += result.total + result.failed
        cpu_usec /= max(1, result.total)
        self.cpu_usec = cpu_usec if self.cpu_usec is None else min(cpu_usec, self.cpu_usec)
        if self.best is None or result.per_sec > self.best.per_sec:
            self.best = result

    def words_of_entries(self):
        return counted(self.entries, "entry", "entries")

    def title(self):
        return f"{self.name}, {self.words_of_entries()}" if self.entries > 0 else self.name

    def words(self):
        return (f"{number(self.best.per_sec)}/s, p50 {usec(self.best.p50_usec)}, p99 {usec(self.best.p99_usec)}, "
                f"Apache's CPU {usec(self.cpu_usec)} each; "
                f"{self.missing:,} of {self.total:,} without a staple")


def with_file(world, name, count, source, extra=""):
    """An Apache whose DBM cache is a copy of source, which nothing manages."""
    label = source.stem
    path = world.cache_path(label)
    httpd = world.apache(label, cache_path=path, extra=extra).start()
    world.put(source, path)
    return Scheme(name, httpd, count)


def signed_by_ca(world):
    """The plain file's one entry with a response that holds no signer's certificate: what is left when mod_ssl decodes none."""
    (key, value), = dbm.dump(world.plain_file(1))
    path = world.scratch / "by-ca.db"
    dbm.write(path, [(key, dataclasses.replace(dbm.Record.parse(value), der=world.response_by_ca()).value())])
    return with_file(world, BY_CA, 1, path)


def managed(world, count):
    """Ours as it is used: with the daemon beside it."""
    sg = world.warm(count)
    sg.set("apache", commit_delay="0s", shield="auto")
    httpd = world.apache_with_us(sg, "ours").start()
    daemon = world.daemon_beside(sg, httpd)
    return Scheme(OURS, httpd, count), daemon


def schemes(world, counts):
    """All of them, warm.  Gives also the daemon."""
    ours, daemon = managed(world, counts[-1])
    found = [ours]
    for count in counts[:-1]:
        locks = world.fast / f"locks-{count}"
        locks.mkdir()
        found.append(with_file(world, OURS, count, world.our_file(count), f"Mutex flock:{locks} ssl-stapling\n"))
    for count in counts:
        found.append(with_file(world, "plain hash file", count, world.plain_file(count)))
    found.append(signed_by_ca(world))
    shmcb = world.apache("shmcb", cache=f"shmcb:{world.scratch}/shmcb(512000)").start()
    found.append(Scheme("shmcb", shmcb))
    store = world.scratch / "md"
    found.append(Scheme("mod_md", world.apache("md", cache="shmcb:none", extra=NO_STAPLING + MOD_MD.format(store)).start()))
    found.append(Scheme("no stapling", world.apache("none", cache="shmcb:none", extra=NO_STAPLING).start()))
    for scheme in list(found):
        if scheme.name != "no stapling" and not world.wait_for_staple(scheme.httpd.port, timeout_sec=60):
            raise RuntimeError(f"{scheme.name} does not staple:\n{scheme.httpd.log()[-3000:]}")
    return found, daemon


def shake(world, scheme, seconds=None):
    running = world.shake_hands(scheme.httpd.port, seconds or (SECONDS_QUICK if world.quick else SECONDS))
    before = measure.cpu_of_threads(scheme.httpd.pid)
    try:
        result = running.result()
        scheme.take(result, measure.cpu_of_threads(scheme.httpd.pid) - before)
    finally:
        running.end()
    return scheme


def rows_when_up(world, found):
    for round_no in range(1 if world.quick else ROUNDS):
        for scheme in found[round_no:] + found[:round_no]:
            shake(world, scheme)
    bare = next(scheme for scheme in found if scheme.name == "no stapling")
    for scheme in found:
        is_bare = scheme is bare
        yield Row("handshakes", f"responder up: {scheme.title()}",
                  scheme.words().split(";", maxsplit=1)[0] if is_bare else scheme.words(),
                  "" if is_bare else f"{number(bare.best.per_sec)}/s, no stapling",
                  None if is_bare else scheme.best.per_sec / bare.best.per_sec,
                  aim="0 without" if scheme.name == OURS else "", is_met=scheme.missing == 0 if scheme.name == OURS else None)


def rows_of_aims(found):
    ours = sorted((scheme for scheme in found if scheme.name == OURS), key=lambda scheme: scheme.entries)
    plain = [scheme for scheme in found if scheme.name == "plain hash file"]
    few, many = ours[0], ours[-1]
    if few is not many:
        ratio = many.best.per_sec / few.best.per_sec
        judged = many.entries >= 10000
        yield Row("handshakes", f"flat in N: {OURS} with {many.words_of_entries()}", f"{number(many.best.per_sec)}/s",
                  f"{number(few.best.per_sec)}/s with {few.entries:,}", ratio, aim=f"≥ {FLAT_AIM}×" if judged else "",
                  is_met=ratio >= FLAT_AIM if judged else None)
        yield Row("handshakes", f"the same, measured by Apache's CPU per handshake: {many.words_of_entries()}", usec(many.cpu_usec),
                  f"{usec(few.cpu_usec)} with {few.entries:,}", many.cpu_usec / few.cpu_usec)
    mod_md = next(scheme for scheme in found if scheme.name == "mod_md")
    for what, other, is_aim in (("mod_md", mod_md, True), (f"a plain hash file of {plain[-1].entries:,}", plain[-1], False)):
        ratio = many.best.per_sec / other.best.per_sec
        yield Row("handshakes", f"{OURS} with {many.words_of_entries()} compared with {what}", f"{number(many.best.per_sec)}/s",
                  f"{number(other.best.per_sec)}/s", ratio, aim="≥ 1×" if is_aim else "", is_met=ratio >= 1 if is_aim else None)
        yield Row("handshakes", f"the same, measured by Apache's CPU per handshake: compared with {what}", usec(many.cpu_usec),
                  usec(other.cpu_usec), many.cpu_usec / other.cpu_usec)
    # mod_ssl decodes the response at each handshake, and OpenSSL with it the key in its signer's certificate; mod_md sends octets.
    by_ca = next(scheme for scheme in found if scheme.name == BY_CA)
    yield Row("handshakes", "a response signed by the CA itself, without an embedded certificate, compared with mod_md",
              f"{number(by_ca.best.per_sec)}/s", f"{number(mod_md.best.per_sec)}/s", by_ca.best.per_sec / mod_md.best.per_sec)
    yield Row("handshakes", "the same, measured by Apache's CPU per handshake: signed by the CA, compared with signed by its delegate",
              usec(by_ca.cpu_usec), f"{usec(few.cpu_usec)}, {OURS} with {few.words_of_entries()}", by_ca.cpu_usec / few.cpu_usec)


def keep_busy(world, sg, is_over):
    """Refreshes as many a second as the schedule allows for one responder; each second one brings a newer response."""
    for number in itertools.count():
        if is_over.wait(1 / REFRESHES_PER_SEC):
            return
        cert = number % min(REFRESHES_PER_SEC, len(sg.certs))
        if cert == 0:
            world.responder.say("newer")
        with socket.socket(socket.AF_UNIX) as control:  # a command for each would be most of the load
            control.connect(str(sg.run_dir / "control.sock"))
            control.sendall(f"refresh site{cert}.test\n".encode())
            while control.recv(4096):
                pass


def rows_when_busy(world, ours, daemon):
    """Refreshes and commits while clients shake hands; and quiet before."""
    seconds = SECONDS_QUICK * 3 if world.quick else SECONDS_BUSY
    quiet = shake(world, Scheme("quiet", ours.httpd), seconds).best
    is_over = threading.Event()
    offset = daemon.sg.audit_log.stat().st_size
    world.responder.say("count")
    thread = threading.Thread(target=keep_busy, args=(world, daemon.sg, is_over))
    thread.start()
    busy = shake(world, Scheme("busy", ours.httpd), seconds)
    is_over.set()
    thread.join()
    refreshed = world.responder.say("count")["requests"]
    records, _ = worlds.audit_after(daemon.sg, offset)
    commits = sum(record["event"] == "dbm.committed" for record in records)
    ratio = busy.best.p99_usec / quiet.p99_usec
    yield Row("handshakes",
              f"{OURS} with {ours.words_of_entries()} during {counted(refreshed, 'refresh', 'refreshes')} and "
              f"{counted(commits, 'commit')} in {number(seconds)} s",
              busy.words(), f"p99 {usec(quiet.p99_usec)}, quiet", ratio, aim=f"p99 ≤ {P99_AIM}×, 0 without",
              is_met=ratio <= P99_AIM and busy.missing == 0)


def rows_when_away(world, found, word, what):
    """The responder is away, and Apache was reloaded since, as logrotate does it every day."""
    world.responder.say(word)
    for scheme in found:
        scheme.httpd.graceful()
    for scheme in found:
        after = shake(world, Scheme(scheme.name, scheme.httpd, scheme.entries))
        is_ours = scheme.name == OURS
        yield Row("handshakes", f"responder {what}, after a reload: {scheme.title()}", after.words(),
                  f"{number(scheme.best.per_sec)}/s with it up", after.best.per_sec / scheme.best.per_sec,
                  aim="0 without" if is_ours else "", is_met=after.missing == 0 if is_ours else None)
    world.responder.say("serve")


def rows(world):
    counts = [count for count in world.counts if count != 100 or count == world.counts[-1]]
    found, daemon = schemes(world, counts)
    ours, plain = found[0], [scheme for scheme in found if scheme.name == "plain hash file"][-1]
    yield from rows_when_up(world, found)
    yield from rows_of_aims(found)
    yield from rows_when_busy(world, ours, daemon)
    away = [ours, plain] + [scheme for scheme in found if scheme.name in ("shmcb", "mod_md")]
    yield from rows_when_away(world, away, "down", "down")
    yield from rows_when_away(world, away, "stall", "hanging")
    world.end_started()
