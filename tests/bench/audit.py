#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""How long `stapleguard audit` takes for a large log, next to sha256sum, wc and jq of the same file in the same run.

usage: STAPLEGUARD_BUILD=build python3 tests/bench/audit.py [RECORDS]

A million records when nothing is said.  Prints for each way of reading the seconds, the ratio to the named reference, and the
largest resident memory.  Use a build with --buildtype=release.
"""

import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from helpers import audit_log, stapleguard  # noqa: E402

ROUNDS = 3


def measure(argv):
    """(seconds, KiB): the best of some rounds; what it prints is thrown away."""
    best = None
    for _ in range(ROUNDS):
        with open(os.devnull, "wb") as nothing:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=nothing, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 2):
            raise SystemExit(f"{argv}: exit code {process.returncode}")
        spent = usage.ru_utime + usage.ru_stime
        best = (spent, usage.ru_maxrss) if best is None or spent < best[0] else best
    return best


def make(path, count, key):
    with open(path, "w", encoding="utf-8") as out:
        out.write(audit_log.story(count, certs=50, key=key).text())


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    program = str(stapleguard.program("stapleguard"))
    with tempfile.TemporaryDirectory() as place:
        key = audit_log.Key(1795455253)
        log = os.path.join(place, "audit.jsonl")
        sealed = os.path.join(place, "sealed.jsonl")
        for path, path_key in ((log, None), (sealed, key)):
            # In a process of its own: what is measured begins as a copy of this one, whose memory would count.
            maker = multiprocessing.Process(target=make, args=(path, count, path_key))
            maker.start()
            maker.join()
        subprocess.run(["gzip", "-1", "-k", log], check=True)
        print(f"{count} records, {os.path.getsize(log) / 1e6:.0f} MB; processor seconds, the best of {ROUNDS}")
        references = {"sha256sum": ["sha256sum", log], "wc": ["wc", log], "zcat": ["zcat", log + ".gz"]}
        if shutil.which("jq"):
            references["jq"] = ["jq", "-c", 'select(.event == "fetch.failed")', log]
        base = {}
        for name, argv in references.items():
            base[name] = measure(argv)[0]
            print(f"  {name:24} {base[name]:7.2f} s")
        key_text = key.text()
        rows = [
            ("view", [program, "audit", log], "sha256sum"),
            ("view --json", [program, "audit", "--json", log], "wc"),
            ("filter by event", [program, "audit", "--event", "fetch.failed", log], "jq"),
            ("filter by time", [program, "audit", "--since", "2030-01-01", log], "wc"),
            ("filter by certificate", [program, "audit", "--cert", "shop7.test", log], "wc"),
            ("summary", [program, "audit", "--summary", "--until", "2035-01-01", log], "sha256sum"),
            ("verify", [program, "audit", "--verify", log], "sha256sum"),
            ("verify, gzip", [program, "audit", "--verify", log + ".gz"], "sha256sum"),
            ("verify with seals", [program, "audit", "--verify", "--key", key_text, sealed], "sha256sum"),
        ]
        for name, argv, reference in rows:
            spent, resident = measure(argv)
            ratio = f"{spent / base[reference]:6.2f} x {reference}" if reference in base else ""
            print(f"  {name:24} {spent:7.2f} s  {ratio:22} {resident / 1024:6.1f} MiB")


main()
