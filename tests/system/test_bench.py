# SPDX-License-Identifier: ISC
"""scripts/bench, tried out: every section with a few certificates, as fast as it goes.  No figure is judged here."""

import json
import os
import pathlib
import subprocess
import sys

from helpers import stapleguard

RUN = pathlib.Path(__file__).resolve().parents[1] / "bench" / "run.py"
COUNT = 20

# What each section must show: words of a row's first column.
ROWS = {
    "pass": [
        f"{COUNT} certificates: what came of it", f"{COUNT} certificates: time", f"{COUNT} certificates: the least",
        f"{COUNT} certificates: CPU per certificate, all processes", f"{COUNT} certificates: CPU per certificate of each",
        f"{COUNT} certificates: peak memory", "1 certificate: what came of it", "unavoidable parts", "is made of",
        "one verification", "supervisor: memory", "fetcher: memory", "writer: memory", "linear in N", "`openssl ocsp` once",
        "`openssl ocsp`: time", "certbot's way",
    ],
    "commit": [
        f"{COUNT} records, one changed", f"{COUNT} records: the same", f"{COUNT} records: Apache's file on disk",
        f"{COUNT} records: octets", f"{COUNT} records: Apache's lock",
    ],
    "handshakes": [
        f"up: ours, {COUNT} entries", "up: ours, 1 entry", f"up: plain hash file, {COUNT} entries", "up: shmcb", "up: mod_md",
        "up: plain hash file with a response that the CA signed", "so without a certificate in it, against mod_md",
        "up: no stapling", "flat in N", "entries against mod_md", "entries against a plain hash file", "by Apache's CPU",
        "refreshes and", "down, after a reload: ours", "down, after a reload: plain", "down, after a reload: shmcb",
        "down, after a reload: mod_md",
        "hanging, after a reload: ours", "hanging, after a reload: plain", "hanging, after a reload: shmcb",
        "hanging, after a reload: mod_md",
    ],
    "restarts": ["nothing done", "put back after 2 s", "ours, shield off", "ours, shield auto"],
    "idle": ["start to READY", "CPU per hour", "wake-ups per hour"],
    "politeness": [
        "busiest second", "requests in the week", "flat: busiest hour", "an outage of 6 h", "an outage of 48 h", "connections",
    ],
}


def test_the_benchmark_shows_every_row_and_counts_right(place):
    output, rows_file = place / "benchmarks.md", place / "rows.json"
    done = subprocess.run(
        [sys.executable, RUN, "--quick", "--max", str(COUNT), "--output", output, "--json", rows_file],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "STAPLEGUARD_BUILD": str(stapleguard.build_directory())},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rows = json.loads(rows_file.read_text())
    document = output.read_text()
    for section, wanted in ROWS.items():
        found = [row for row in rows if row["section"] == section]
        for words in wanted:
            assert any(words in row["what"] for row in found), f"{section} has no row of {words}"
        assert all(row["value"] and row["value"] in document and row["value"] in done.stdout for row in found)

    def value(words):
        return next(row["value"] for row in rows if words in row["what"])

    assert value("1 certificate: what came of it") == "1 request over 1 connection, 1 response stored, 1 in Apache's file"
    assert value(f"{COUNT} certificates: what came of it").startswith(f"{COUNT} requests over ")
    assert value(f"{COUNT} certificates: what came of it").endswith(f", {COUNT} responses stored, {COUNT} in Apache's file")
    assert value("hanging, after a reload: ours").endswith(" without a staple")
    for words in ("up: ours, 1 ", f"up: ours, {COUNT} ", "up: mod_md", "down, after a reload: ours", "hanging, after a reload: ours"):
        assert "; 0 of " in value(words), f"{words}: {value(words)}"
    for words in ("down, after a reload: shmcb", "down, after a reload: plain"):  # the references are what they are said to be
        assert "; 0 of " not in value(words), f"{words}: {value(words)}"
    assert "never taken" not in value(f"{COUNT} records: Apache's lock")
