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
        f"{COUNT} certificates: result", f"{COUNT} certificates: time", f"{COUNT} certificates: lower bound",
        f"{COUNT} certificates: CPU per certificate, all processes", f"{COUNT} certificates: CPU per certificate of each",
        f"{COUNT} certificates: peak memory", "1 certificate: result", "unavoidable parts", "composition of a pass",
        "one verification", "supervisor: memory", "fetcher: memory", "writer: memory", "linear in N", "`openssl ocsp` once",
        "`openssl ocsp`: time", "certbot's way",
    ],
    "commit": [
        f"{COUNT} records, one changed", f"{COUNT} records: the same", f"{COUNT} records: Apache's file on disk",
        f"{COUNT} records: bytes written", f"{COUNT} records: Apache's lock",
    ],
    "handshakes": [
        f"up: stapleguard, {COUNT} entries", "up: stapleguard, 1 entry", f"up: plain hash file, {COUNT} entries", "up: shmcb", "up: mod_md",
        "up: plain hash file with a response signed by the CA itself", "without an embedded certificate, compared with mod_md",
        "up: no stapling", "flat in N", "entries compared with mod_md", "entries compared with a plain hash file", "by Apache's CPU",
        "refreshes and", "down, after a reload: stapleguard", "down, after a reload: plain", "down, after a reload: shmcb",
        "down, after a reload: mod_md",
        "hanging, after a reload: stapleguard", "hanging, after a reload: plain", "hanging, after a reload: shmcb",
        "hanging, after a reload: mod_md",
    ],
    "restarts": ["no countermeasure", "file restored after 2 s", "stapleguard, shield off", "stapleguard, shield auto"],
    "idle": ["start to READY", "CPU per hour", "wake-ups per hour"],
    "politeness": [
        "busiest second", "requests in the week", "flat: requests per second", "an outage of 6 h", "an outage of 48 h", "connections",
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

    assert value("1 certificate: result") == "1 request over 1 connection, 1 response stored, 1 in Apache's file"
    assert value(f"{COUNT} certificates: result").startswith(f"{COUNT} requests over ")
    assert value(f"{COUNT} certificates: result").endswith(f", {COUNT} responses stored, {COUNT} in Apache's file")
    assert value("hanging, after a reload: stapleguard").endswith(" without a staple")
    for words in ("up: stapleguard, 1 ", f"up: stapleguard, {COUNT} ", "up: mod_md", "down, after a reload: stapleguard",
                  "hanging, after a reload: stapleguard"):
        assert "; 0 of " in value(words), f"{words}: {value(words)}"
    for words in ("down, after a reload: shmcb", "down, after a reload: plain"):  # the references are what they are said to be
        assert "; 0 of " not in value(words), f"{words}: {value(words)}"
    assert "never taken" not in value(f"{COUNT} records: Apache's lock")
