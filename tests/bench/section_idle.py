# SPDX-License-Identifier: ISC
"""5. Idle: what the daemon costs while nothing is due, and how long it takes to be there again."""

import time

from . import measure, section_pass, world as worlds
from .table import Row, counted, number, usec

READY_AIM_USEC = 500_000
WATCHED_SEC = 60


def start_up(world, sg):
    """(to READY, to Apache's file in place, CPU until then), microseconds, from an empty /run, as after a boot."""
    sg.dbm_path.unlink(missing_ok=True)
    began = time.monotonic()
    daemon = world.daemon(sg, is_ready=False)
    ready = placed = None
    while ready is None or placed is None:
        now = time.monotonic()
        if now - began > worlds.PATIENCE_SEC:
            raise TimeoutError(f"not ready after {worlds.PATIENCE_SEC} s:\n{daemon.log()[-2000:]}")
        if ready is None and "READY=1" in daemon.read_notes():
            ready = (now - began) * 1e6
        if placed is None and sg.dbm_path.exists():
            placed = (now - began) * 1e6
        time.sleep(0.0005)
    seen = {}
    measure.look(daemon.process.pid, seen)
    return daemon, ready, placed, sum(used.cpu_usec for used in seen.values())


def rows_of_start(world, sg, count):
    best = None
    for _ in range(1 if world.quick else 3):
        daemon, ready, placed, cpu = start_up(world, sg)
        if best is None or max(ready, placed) < max(best[:2]):
            best = (ready, placed, cpu)
        daemon.stop()
        world.started.remove(daemon)
    judged = count == 10000
    reading = 2 * count * section_pass.parts(world, count)["read"]["cpu_usec"]
    yield Row("idle", f"warm store of {count:,}: start to READY, first commit included",
              f"{usec(max(best[:2]))} (READY after {usec(best[0])}, Apache's file in place after {usec(best[1])}), "
              f"CPU {usec(best[2])}, of which reading {counted(count, 'certificate')} in both processes takes {usec(reading)}",
              aim=f"< {usec(READY_AIM_USEC)}" if judged else "", is_met=max(best[:2]) < READY_AIM_USEC if judged else None)


def rows_of_idle(world, sg, count):
    httpd = world.apache_with_us(sg, "idle").start()
    daemon = world.daemon_beside(sg, httpd)
    time.sleep(0.5 if world.quick else 5)
    seconds = 1 if world.quick else WATCHED_SEC
    before, after = {}, {}
    world.responder.say("count")
    measure.look(daemon.process.pid, before)
    time.sleep(seconds)
    measure.look(daemon.process.pid, after)
    asked = world.responder.say("count")["requests"]
    found = measure.difference(before, after)
    cpu = sum(used.cpu_usec for used in found.values())
    wakeups = sum(used.wakeups for used in found.values())
    yield Row("idle", f"{counted(count, 'certificate')}, {seconds} s with {asked} requests due: CPU per hour",
              f"{usec(cpu * 3600 / seconds)} ("
              + ", ".join(f"{name} {usec(used.cpu_usec * 3600 / seconds)}" for name, used in found.items()) + ")")
    yield Row("idle", "wake-ups per hour",
              f"{number(wakeups * 3600 / seconds)} ("
              + ", ".join(f"{name} {number(used.wakeups * 3600 / seconds)}" for name, used in found.items()) + ")")
    world.end_started()


def rows(world):
    count = min(world.counts[-1], 10000)
    sg = world.warm(count)
    yield from rows_of_start(world, sg, count)
    yield from rows_of_idle(world, sg, count)
