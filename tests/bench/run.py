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

Made by `scripts/bench`, which anybody can run (Debian 12 or newer, as root); every figure, and every reference it is
compared to, was measured in the same run on the machine below.  Nothing in it asserts a time: where an aim is missed, the
table says so.

{machine}

Everything ran on these cores: the responder and the TLS clients, too.  {load}
CPU times are the best of some runs, because what else a machine does only ever adds to them.

{summary}

{sections}"""

NOTES = {
    "pass": """`stapleguardd --once` with an empty store, against a responder on loopback that serves pre-signed
responses out of memory (ECDSA P-256 leaves of one CA, an RSA-2048 delegated signer). The unavoidable parts are what
libraries take for them, measured by a program of their own that does nothing else: one exchange by libcurl on a
connection that is kept alive; two verifications (the fetcher's and the writer's) by OpenSSL's `OCSP_basic_verify`; one
put by Berkeley DB in transactions of 64, each synced; one record of a hash file. `common/ocsp` verifies a signer's
certificate once for its issuer, OpenSSL does it for each response; so the parts are shown with our verification, too.
Reading the certificate's file (its PEM, and that its issuer signed it) is not among the parts; neither process takes the
other's word for it, so both do it. certbot's way is modelled step by step in `tests/bench/certbot_model.py` and run for a
few certificates.""",
    "commit": """One certificate is asked for anew and gets a newer response; the daemon verifies, stores and commits
at once (`commit_delay = 0s`). The time is the one in its audit log, from the first look at Apache's file to the
rename, so also for what is read, checked and merged; building and copying do nothing of that. Apache runs beside it
with the lock of README.md.""",
    "handshakes": """Two clients that make handshake after handshake with a status request and one HTTP request each.
"After a reload": the responder is away and Apache was gracefully restarted since, as logrotate does it every day.
`SSLStaplingResponderTimeout` is httpd's default, 10 s; `SSLStaplingReturnResponderErrors` and
`SSLStaplingFakeTryLater` are off, so an error is never taken for a staple. mod_ssl decodes the response at each
handshake, whatever cache it comes from, and with it the key in its signer's certificate; mod_md hands on octets. How
much of their difference that is, the response that the CA signed itself shows.""",
    "restarts": """Graceful restarts, evenly spaced, with the responder down. A handshake that meets the very moment
of a restart is told from one that a child of the new generation served: the latter is lost until somebody puts the
file back.""",
    "idle": """The daemon beside an Apache that does nothing. Start-up is that of a machine that booted: the store is
there, Apache's file is not. Nothing that was verified before is believed: a store may have been written by a writer that
was taken over.""",
    "politeness": """The week is the fetcher's own schedule, agenda and budget, driven second by second with a clock
that is moved by hand. The store is a day and a half old when it begins, and all of it was fetched within one hour:
the worst case.""",
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
    return (f"The load average was {began_load:.1f} before and {machine.load():.1f} after; all in all the machine was busy for "
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
