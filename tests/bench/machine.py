# SPDX-License-Identifier: ISC
"""What was measured on: cores, memory, kernel, versions, and how busy the machine was besides.

Never: anything that names the machine or its user.
"""

import os
import pathlib
import re
import subprocess


def _first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not installed"
    return (done.stdout + done.stderr).strip().splitlines()[0]


def _version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout or "unknown"


def _cpu():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    match = re.search(r"^model name\s*: (.*)$", text, re.M)
    return match.group(1) if match else os.uname().machine


def _memory():
    text = pathlib.Path("/proc/meminfo").read_text(encoding="utf-8")
    return int(re.search(r"^MemTotal:\s+(\d+)", text, re.M).group(1)) / 2**20


def file_system(path):
    """The type of the file system that path is on."""
    return subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout.strip()


def load():
    """The load average of the last minute."""
    return os.getloadavg()[0]


def cpu_ticks():
    """(busy, all) of the whole machine since it started."""
    values = [int(word) for word in pathlib.Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)


def describe(world):
    """[(what, text)]"""
    system = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(encoding="utf-8"), re.M)
    return [
        ("processor", f"{_cpu()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{_memory():.1f} GiB"),
        ("kernel", f"Linux {os.uname().release}"),
        ("system", system.group(1) if system else "unknown"),
        ("Apache httpd", _version("apache2-bin")),
        ("OpenSSL", _first_line("openssl", "version")),
        ("libcurl", _version("libcurl4")),
        ("Berkeley DB", _version("libdb5.3")),
        ("compiler", _first_line("gcc", "--version")),
        ("the store is on", file_system(world.scratch)),
        ("Apache's file is on", file_system(world.fast)),
    ]
