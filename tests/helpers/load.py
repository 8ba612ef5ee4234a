# SPDX-License-Identifier: ISC
"""Handshakes under load, and who served those that went without a staple.

Owns: the process of the load tool (handshakes.c).
Never: judges; the tests do.
"""

import dataclasses
import json
import re
import subprocess
import time

from . import stapleguard


@dataclasses.dataclass
class Result:
    """What came of it.  bare: (milliseconds since 1970, client's port) of each handshake without a good staple."""

    good: int
    without: int
    failed: int
    elapsed_usec: int
    p50_usec: int
    p99_usec: int
    bare: list

    @property
    def total(self):
        return self.good + self.without

    @property
    def per_sec(self):
        return self.total * 1e6 / self.elapsed_usec


class Load:
    """Handshakes from `threads` clients for so many seconds, beside what the test does meanwhile."""

    def __init__(self, port, name, threads=2, seconds=10):
        program = stapleguard.build_directory() / "tests" / "helpers" / "handshakes"
        self.process = subprocess.Popen(
            [program, str(port), name, str(threads), str(seconds)], stdout=subprocess.PIPE, text=True
        )

    def result(self):
        output, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0
        return Result(**json.loads(output))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# In Apache's configuration: when, the client's port, and the process that served it.
LOG_CONF = 'LogFormat "%{{msec}}t %{{remote}}p %P" served\nCustomLog {directory}/served.log served\n'


def children(apache):
    """The processes of Apache's present generations."""
    output = subprocess.run(["ps", "-o", "pid=", "--ppid", str(apache.pid)], capture_output=True, text=True, check=False).stdout
    return {int(pid) for pid in output.split()}


def now_msec():
    return time.time_ns() // 1_000_000


def served_by_new(result, restarts, served_log):
    """Those of result.bare that a child served which was not there before the last restart.  restarts: [(msec, old pids)]."""
    pids = {}
    for line in served_log.read_text().splitlines():
        match = re.fullmatch(r"(\d+) (\d+) (\d+)", line)
        if match:
            at, port, pid = (int(number) for number in match.groups())
            pids.setdefault(port, []).append((at, pid))
    found = []
    for at, port in result.bare:
        before = [old for when, old in restarts if when <= at]
        # A port may be used again; the request comes right after its handshake.
        if before and any(abs(when - at) < 1000 and pid not in before[-1] for when, pid in pids.get(port, [])):
            found.append((at, port))
    return found
