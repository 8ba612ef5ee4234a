# SPDX-License-Identifier: ISC
"""2. A commit with one record changed: time, octets, Apache's lock; against building the file anew and against copying it."""

import re
import shutil
import time

from . import measure, section_pass, world as worlds
from .table import Row, counted, size, usec

TIMES = 7
LOCK_AIM_USEC = 1000
DISK_AIM = 10 * 1024


def commits(world, count):
    """[(event, octets that the writer and its children wrote)]: one changed certificate each."""
    sg = world.warm(count)
    sg.set("apache", commit_delay="0s")
    httpd = world.apache_with_us(sg, f"commit{count}").start()
    daemon = world.daemon_beside(sg, httpd)
    found = []
    offset = sg.audit_log.stat().st_size
    for _ in range(2 if world.quick else TIMES):
        world.responder.say("newer")
        before, after = {}, {}
        measure.look(daemon.process.pid, before)
        daemon.cli("refresh", "site0.test", code=0)
        event, offset = wait_for_commit(sg, offset)
        measure.look(daemon.process.pid, after)
        found.append((event, measure.difference(before, after)["writer"].written))
    world.end_started()
    return found


def wait_for_commit(sg, offset):
    end = time.monotonic() + worlds.PATIENCE_SEC
    while time.monotonic() < end:
        records, offset = worlds.audit_after(sg, offset)
        for record in records:
            if record["event"] == "dbm.committed":
                return record, offset
        time.sleep(0.01)
    raise TimeoutError(f"no commit within {worlds.PATIENCE_SEC} s")


def time_build(world, count):
    """Making a plain hash file of as many records, by plain Berkeley DB."""
    return section_pass.parts(world, count)["record"]["usec"] * count


def time_copy(world, count):
    plain, target = world.fast / f"plain{count}.db", world.fast / "copy.db"
    shutil.copyfile(world.plain_file(count), plain)
    best = None
    for _ in range(5):
        began = time.monotonic()
        shutil.copyfile(plain, target)
        taken = (time.monotonic() - began) * 1e6
        best = taken if best is None else min(best, taken)
    return best, plain.stat().st_size


def rows_of(world, count):
    found = commits(world, count)
    build, (copy, plain_size) = time_build(world, count), time_copy(world, count)
    taken = min(event["duration_ms"] for event, _ in found) * 1e3
    held = sorted(int(re.search(r"lock held for (\d+) us", event["detail"]).group(1)) for event, _ in found
                  if "lock held" in event["detail"])
    taken = max(taken, 500)  # the audit log's step is a millisecond
    yield Row("commit", f"{counted(count, 'record')}, one changed: time of the commit", usec(taken),
              f"{usec(build)}, the file rebuilt with plain Berkeley DB", taken / build)
    yield Row("commit", f"{counted(count, 'record')}: the same, compared with a copy", usec(taken),
              f"{usec(copy)}, a copy of a plain file with the same records", taken / copy)
    written = min(written for _, written in found)
    on_disk = found[-1][0]["bytes"] / count
    yield Row("commit", f"{counted(count, 'record')}: Apache's file on disk, per record", size(on_disk),
              f"{size(plain_size / count)}, a plain file with the same records", on_disk / (plain_size / count),
              aim=f"< {size(DISK_AIM)}" if count >= 1000 else "", is_met=on_disk < DISK_AIM if count >= 1000 else None)
    yield Row("commit", f"{counted(count, 'record')}: bytes written, including log and store",
              size(written),
              f"{size(plain_size)}, a plain file with the same records", written / plain_size)
    if held:
        middle = held[len(held) // 2]
        judged = count == 10000
        yield Row("commit", f"{counted(count, 'record')}: Apache's lock held", f"{usec(middle)} (median), {usec(held[-1])} at most",
                  aim="< 1 ms" if judged else "", is_met=held[-1] < LOCK_AIM_USEC if judged else None)
    else:
        yield Row("commit", f"{counted(count, 'record')}: Apache's lock held", "it was never taken", aim="taken", is_met=False)


def rows(world):
    for count in world.counts:
        if count != 1000 or count == world.counts[-1]:
            yield from rows_of(world, count)
