# SPDX-License-Identifier: ISC
"""The benchmark: runs the sections asked for, prints one table, writes it down.

Owns: options, order, the document.
Never: asserts a time; a figure that misses its aim is shown as such.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import (  # noqa: E402
    machine, section_commit, section_handshakes, section_idle, section_pass, section_politeness, section_restarts, table, world,
)

SECTIONS = {
    "pass": section_pass, "commit": section_commit, "handshakes": section_handshakes, "restarts": section_restarts,
    "idle": section_idle, "politeness": section_politeness,
}
COUNTS = (1, 100, 1000, 10000, 100000)

DOCUMENT = """# Benchmarks

`scripts/bench` generates this page. Anyone can run it, as root on Debian 12 or newer. It measured every figure, and every reference that a figure
is compared with, in the same run on the machine below. No test depends on a time. If a figure misses its aim, the table says so.

{machine}

The responder and the TLS clients ran on the same cores. {load} Each CPU time is the lowest of several runs, because other work on the machine
can only increase it.

{summary}

{sections}"""

NOTES = {
    "pass": """`stapleguardd --once` runs with an empty store, against a responder on loopback that serves pre-signed responses from
memory (ECDSA P-256 certificates of one CA, and an RSA-2048 delegated signer). The unavoidable parts are the costs of the libraries. A separate
program measures them and does nothing else. The parts are one exchange by libcurl over a connection that is kept alive, two verifications by
OpenSSL's `OCSP_basic_verify` (one for the fetcher, one for the writer), one put by Berkeley DB in transactions of 64, each synced, and one record
of a hash file. `common/ocsp` verifies a signer's certificate once per issuer, and OpenSSL verifies it for each response. The table therefore also
shows the parts with stapleguard's verification. The parts do not include reading the certificate's file (its PEM, and its issuer's signature).
Both processes read it, because neither trusts the other. `tests/bench/certbot_model.py` models certbot's way step by step, for a few
certificates.""",
    "commit": """The daemon fetches a newer response for one certificate, and verifies, stores and commits it at once
(`commit_delay = 0s`). The time comes from the audit log. It begins with the first look at Apache's file and ends with the rename, so it includes
reading, checking and merging. The references, a rebuild and a copy, do none of that. Apache runs at the same time, with the lock that
getting-started.md configures.""",
    "handshakes": """Two clients make one handshake after another, each with a status request and one HTTP request. "After a reload" means that
the responder is down and that Apache was restarted gracefully since, as logrotate does every day. `SSLStaplingResponderTimeout` has httpd's
default, 10 s. `SSLStaplingReturnResponderErrors` and `SSLStaplingFakeTryLater` are off, so an error is never counted as a staple. mod_ssl decodes
the response in each handshake, from any kind of cache, including the key in its signer's certificate. mod_md sends the bytes unchanged. The rows
with a response signed by the CA itself show how much of the difference comes from that.""",
    "restarts": """Apache is restarted gracefully at regular intervals, with the responder down. The table distinguishes handshakes during the
moment of a restart from handshakes that a child of the new generation served. Handshakes of the second kind have no staple until the file is
restored.""",
    "idle": """The daemon runs beside an idle Apache. The start is that of a machine that has just booted: the store exists, Apache's file does
not. The daemon trusts no earlier verification, because a compromised writer may have written the store.""",
    "politeness": """The simulation runs the fetcher's own schedule, agenda and budget second by second, with a simulated clock. At its
beginning, the store is a day and a half old, and all of it was fetched within one hour. That is the worst case.""",
}


def read_options():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--max", type=int, default=10000, metavar="N", help="certificates at most (10000)")
    parser.add_argument("--full", action="store_true", help="up to 100,000 certificates")
    parser.add_argument("--quick", action="store_true", help="every measurement once and short: shows that it works, no more")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help="where the table goes")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the rows, for programs")
    options = parser.parse_args()
    if options.full:
        options.max = COUNTS[-1]
    if not 1 <= options.max <= COUNTS[-1]:
        parser.error(f"--max: 1 to {COUNTS[-1]}")
    return options


def default_output(options):
    """The document in the tree is that of a whole run."""
    if options.only or options.quick or options.max < 10000:
        return world.build_directory() / "benchmarks.md"
    return pathlib.Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def measure_all(made, names):
    rows = []
    for name in names:
        began = time.monotonic()
        print(f"{table.SECTIONS[name]} …", file=sys.stderr, flush=True)
        for row in SECTIONS[name].rows(made):
            rows.append(row)
            print(f"  {row.what}: {row.value}", file=sys.stderr, flush=True)
        made.end_started()
        made.responder.say("serve")
        print(f"  ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return rows


def summary(rows):
    missed = [row for row in rows if row.is_met is False]
    judged = [row for row in rows if row.is_met is not None]
    if not judged:
        return "No aims were judged."
    words = f"{len(judged) - len(missed)} of {len(judged)} aims are met."
    for row in missed:
        ratio = f" ({row.cells()[3]})" if row.ratio else ""
        words += f"\n- Not met: {row.what}: {row.value}{ratio}; aim {row.aim}"
    return words


def document(description, load, rows):
    sections = []
    for name, title in table.SECTIONS.items():
        found = [row for row in rows if row.section == name]
        if found:
            sections.append(f"## {title}\n\n{NOTES[name]}\n\n{table.as_markdown(found)}\n")
    return DOCUMENT.format(
        machine="\n".join(f"- {what}: {text}" for what, text in description), load=load, summary=summary(rows),
        sections="\n".join(sections))


def how_busy(before, began_load):
    """In words: what the whole machine did."""
    busy, everything = (after - then for after, then in zip(machine.cpu_ticks(), before))
    return (f"The load average was {began_load:.1f} before the run and {machine.load():.1f} after it. The machine was busy for "
            f"{100 * busy / max(1, everything):.0f} % of the run.")


def main():
    options = read_options()
    names = options.only or list(SECTIONS)
    counts = [count for count in COUNTS if count < options.max] + [options.max]
    output = options.output or default_output(options)
    if os.geteuid() != 0:
        sys.exit("scripts/bench: run me as root: it starts Apache and drops privileges")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, ticks, load = time.monotonic(), machine.cpu_ticks(), machine.load()
    made = world.World(counts, quick=options.quick)
    try:
        description = machine.describe(made)
        rows = measure_all(made, [name for name in SECTIONS if name in names])
    finally:
        made.end()
    busy = how_busy(ticks, load)
    print("\n".join(f"{what}: {text}" for what, text in description))
    print(f"{busy}\n\n{table.as_text(rows)}\n\n{summary(rows)}")
    output.write_text(document(description, busy, rows), encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps([vars(row) for row in rows]), encoding="utf-8")
    print(f"\n{time.monotonic() - began:.0f} s; written to {output}")


if __name__ == "__main__":
    main()
