# SPDX-License-Identifier: ISC
"""What a tree of processes takes: CPU, wake-ups, memory, octets written, process by process.

Owns: nothing; it looks at /proc.
Never: slows down what it looks at more than some reads of /proc a moment do.
"""

import dataclasses
import os
import pathlib
import subprocess
import time


@dataclasses.dataclass
class Usage:
    """Of one process so far.  Memory in octets, its peak."""

    name: str
    cpu_usec: float = 0
    peak: int = 0
    wakeups: int = 0
    written: int = 0


def _read(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")


def children(pid):
    """Those that run now."""
    return [int(word) for word in _read(pid, f"task/{pid}/children").split()]


def _name(pid, parent_name):
    title = _read(pid, "cmdline").split("\0")[0].strip()
    name = title.rsplit(" ", 1)[-1].rsplit("/", 1)[-1]
    if parent_name is None:
        return "supervisor"
    # A child that has not taken its own name yet, or never does: the writer's reader of Apache's file.
    return f"{name}'s child" if name == parent_name else name


def usage(pid, name):
    """Of one process, now."""
    status = dict(line.split(":", 1) for line in _read(pid, "status").splitlines() if ":" in line)
    return Usage(
        name,
        cpu_usec=int(_read(pid, "schedstat").split()[0]) / 1e3,
        peak=int(status["VmHWM"].split()[0]) * 1024 if "VmHWM" in status else 0,
        wakeups=int(status["voluntary_ctxt_switches"]),
        written=int(dict(line.split(": ") for line in _read(pid, "io").splitlines())["wchar"]),
    )


def cpu_of_threads(pid):
    """Microseconds of CPU that all threads that now run in pid and its children took so far."""
    total = 0
    for each in [pid, *children(pid)]:
        for thread in pathlib.Path(f"/proc/{each}/task").iterdir():
            try:
                total += int((thread / "schedstat").read_text(encoding="ascii").split()[0]) / 1e3
            except OSError:  # it ended
                continue
    return total


def look(pid, seen, parent_name=None):
    """Bring seen ({pid: Usage}) up to date for pid and all below it; one that ends meanwhile keeps what it had."""
    try:
        name = _name(pid, parent_name)
        found = usage(pid, name)
        if found.peak > 0:  # not a zombie
            seen[pid] = found
        for child in children(pid):
            look(child, seen, name)
    except (OSError, KeyError, ValueError, IndexError):
        return


def by_name(seen):
    """{name: Usage}: processes of one name together; of memory, the largest."""
    total = {}
    for found in seen.values():
        kept = total.setdefault(found.name, Usage(found.name))
        kept.cpu_usec += found.cpu_usec
        kept.peak = max(kept.peak, found.peak)
        kept.wakeups += found.wakeups
        kept.written += found.written
    return total


@dataclasses.dataclass
class Run:
    """One command from start to end.  cpu_usec: of everything it started, as the kernel counted it at the end."""

    code: int
    usec: float
    cpu_usec: float
    parts: dict


def run(command, interval_sec=0.02, **options):
    """Run it to its end and look at its processes meanwhile."""
    seen = {}
    began = time.monotonic()
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            break
        look(process.pid, seen)
        time.sleep(interval_sec)
    elapsed = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    words = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(str(word) for word in command)} ended with {process.returncode}:\n{words[-2000:]}")
    return Run(process.returncode, elapsed * 1e6, (used.ru_utime + used.ru_stime) * 1e6, by_name(seen))


def difference(before, after):
    """{name: Usage} between two looks at the same processes."""
    seen = {}
    for pid, now in after.items():
        then = before.get(pid, Usage(now.name))
        seen[pid] = Usage(now.name, now.cpu_usec - then.cpu_usec, now.peak, now.wakeups - then.wakeups, now.written - then.written)
    return by_name(seen)
