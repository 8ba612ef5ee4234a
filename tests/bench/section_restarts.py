# SPDX-License-Identifier: ISC
"""4. Restarts: handshakes without a staple over graceful restarts under load, with the responder down."""

import re
import subprocess
import threading
import time

from helpers import load
from helpers.daemon import wait_until

from . import world as worlds
from .table import Row, counted, usec

RESTARTS = 20
SPACING_SEC = 2.5
PUT_BACK_SEC = 2
AWAY_AIM_USEC = 2000


def under_load(world, httpd, after_restart=None):
    """(result, [(msec, processes of before)]): restarts, evenly spaced, under two clients."""
    restarts = 1 if world.quick else RESTARTS
    spacing = 1 if world.quick and after_restart is None else SPACING_SEC
    running = world.shake_hands(httpd.port, 0.3 + restarts * spacing)
    marks = []
    try:
        time.sleep(0.2)
        for _ in range(restarts):
            marks.append((load.now_msec(), load.children(httpd)))
            began = time.monotonic()
            httpd.graceful()
            if after_restart is not None:
                after_restart()
            time.sleep(max(0, spacing - (time.monotonic() - began)))
        return running.result(), marks
    finally:
        running.end()


def without_us(world, count, label, is_put_back):
    """An Apache whose file is a good one, and nobody who looks after it."""
    path = world.cache_path(label)
    httpd = world.apache(label, cache_path=path)
    httpd.extra += load.LOG_CONF.format(directory=httpd.directory)
    httpd.start()
    source = world.our_file(count)
    world.put(source, path)
    world.responder.say("down")
    waiting = []

    def put_back():
        timer = threading.Timer(PUT_BACK_SEC, world.put, (source, path))
        timer.start()
        waiting.append(timer)

    result, marks = under_load(world, httpd, put_back if is_put_back else None)
    for timer in waiting:
        timer.join()
    return result, load.served_by_new(result, marks, httpd.directory / "served.log")


def with_us(world, count, shield):
    """Gives also how long the file was away at each restart, in microseconds."""
    sg = world.warm(count)
    httpd = world.apache_with_us(sg, f"shield-{shield}")
    httpd.extra += load.LOG_CONF.format(directory=httpd.directory)
    sg.set("apache", shield=shield)
    httpd.start()
    daemon = world.daemon_beside(sg, httpd)
    if not world.wait_for_staple(httpd.port):
        raise RuntimeError(f"no staple to begin with:\n{daemon.log()[-2000:]}{httpd.log()[-2000:]}")
    if shield == "auto":
        wait_until(lambda: is_shielded(sg), "the shield to be up", timeout_sec=worlds.PATIENCE_SEC)
    world.responder.say("down")
    result, marks = under_load(world, httpd)
    away = [int(match.group(1)) for record in daemon.events("apache.restart_seen")
            if (match := re.search(r"back after (\d+) us", record.get("detail", "")))]
    return result, load.served_by_new(result, marks, httpd.directory / "served.log"), away


def is_shielded(sg):
    output = subprocess.run(["lsattr", "-d", sg.dbm_path.parent], capture_output=True, text=True, check=False).stdout
    return "i" in output.split(" ")[0]


def has_flag(directory):
    """Does the file system there know the immutable flag?  By trying."""
    tried = directory / "flag"
    tried.mkdir()
    done = subprocess.run(["chattr", "+i", tried], capture_output=True, check=False)
    subprocess.run(["chattr", "-i", tried], capture_output=True, check=False)
    tried.rmdir()
    return done.returncode == 0


def row_of(what, result, fresh, nothing=None, is_judged=False):
    """fresh: those served by a child of a new generation, which are lost for good; the others met the moment itself."""
    against = ratio = None
    if nothing is not None:
        against = f"{100 * nothing.without / nothing.total:.1f} %, no countermeasure"
        ratio = (result.without / result.total) / (nothing.without / nothing.total) if nothing.without > 0 else None
    return Row("restarts", what,
               f"{result.without:,} of {result.total:,} ({100 * result.without / result.total:.2f} %), "
               f"{len(fresh):,} of them by new children", against or "", ratio,
               aim="0 by new children" if is_judged else "", is_met=not fresh if is_judged else None)


def one(world, make):
    """Each begins with a responder that answers, and leaves nothing running."""
    world.responder.say("serve")
    try:
        return make()
    finally:
        world.end_started()
        world.responder.say("serve")


def rows(world):
    count = min(world.counts[-1], 10000)
    times = f"{counted(1 if world.quick else RESTARTS, 'restart')}, {counted(count, 'record')}, handshakes without a staple"
    nothing, fresh = one(world, lambda: without_us(world, count, "nothing", False))
    yield row_of(f"{times}: no countermeasure", nothing, fresh)
    result, fresh = one(world, lambda: without_us(world, count, "put-back", True))
    yield row_of(f"{times}: file restored after {PUT_BACK_SEC} s", result, fresh, nothing)
    result, fresh, away = one(world, lambda: with_us(world, count, "off"))
    yield row_of(f"{times}: stapleguard, shield off", result, fresh, nothing, is_judged=True)
    if away:
        away.sort()
        middle = away[len(away) // 2]
        judged = count == 10000
        yield Row("restarts", "stapleguard, shield off: time without the file, from the kernel's notification to the rename",
                  f"{usec(middle)} (median), {usec(away[-1])} at most",
                  aim="< 2 ms (median)" if judged else "", is_met=middle < AWAY_AIM_USEC if judged else None)
    if not has_flag(world.fast):
        yield Row("restarts", f"{times}: stapleguard, shield auto", "not measured: this file system has no immutable flag")
        return
    result, fresh, _ = one(world, lambda: with_us(world, count, "auto"))
    yield row_of(f"{times}: stapleguard, shield auto", result, fresh, nothing, is_judged=True)
