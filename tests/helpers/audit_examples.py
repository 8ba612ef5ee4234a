# SPDX-License-Identifier: ISC
"""The events of the audit log as docs/audit.md has them: who reports each, its members, what it means, and one example line.

Run as a program, it writes the table and the examples into docs/audit.md.
"""

import dataclasses
import hashlib
import json
import pathlib
import re
import sys

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from helpers import audit_log  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "audit.md"
TABLE = ROOT / "common/words/event.h"

# In every record.
ALWAYS = ["seq", "time", "process", "event", "prev", "hash"]
# In every record while seals are on.
SEALED = ["epoch", "seal"]
CERT = ["cert", "sha256", "serial"]
SHA256 = "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"
SHOP = {"cert": "/etc/ssl/shop.pem", "sha256": SHA256, "serial": "04d2c1"}
URL = "http://ocsp.example.net/"
TIMES = {"this_update": "2026-11-23T00:00:00Z", "next_update": "2026-11-30T00:00:00Z"}


@dataclasses.dataclass(frozen=True)
class Event:
    name: str
    processes: tuple  # what `process` may be
    members: tuple  # that it may have, besides ALWAYS
    meaning: str
    example: dict

    def process(self):
        return self.processes[0]


def event(name, processes, members, meaning, **example):
    return Event(name, tuple(processes.split()), tuple(members), meaning, example)


CHILDREN = "writer fetcher"
EVENTS = [
    event("service.start", "supervisor", ["pid", "detail"], "stapleguardd starts. `detail` is its version.", pid=4711, detail="0.1.0"),
    event("service.stop", "supervisor", ["status"], "stapleguardd exits with this exit code.", status=0),
    event("service.reload", "supervisor", ["detail"],
          "The service has read its configuration and all certificates again. `detail` is the number of certificates.",
          detail="12 certificates"),
    event("service.reload_failed", "supervisor", ["detail"],
          "The new configuration has an error. The service continues with the previous one.",
          detail="/etc/stapleguard/stapleguard.conf:7: `shield` must be auto or off, not `on`"),
    event("process.start", CHILDREN, ["pid"], "`process` was started.", pid=4712),
    event("process.exit", CHILDREN, ["status"],
          "`process` ended. `status` is its exit code, or minus the number of the signal that ended it.", status=-9),
    event("sandbox.violation", CHILDREN, ["status", "detail"], "The sandbox killed `process` because it made a forbidden system call.",
          status=-31),
    event("protocol.violation", "fetcher writer supervisor", ["reason", "detail"],
          "`process` sent or received a message that the protocol does not allow.", reason="protocol",
          detail="from the writer: a message that is not allowed in this state"),
    event("audit.gap", "supervisor", ["count", "detail"],
          "Records are missing from this log, or it contains lines that the service did not write. `count` is the number of missing records.",
          count=12, detail="12 records may be lost: the log could not be written: No space left on device"),
    event("audit.moved", "supervisor", ["detail"], "`audit_log` was changed. The log continues in another file, or comes from one.",
          detail="it goes on in /var/log/other/audit.jsonl"),
    event("audit.seal_on", "supervisor", ["detail"], "Records carry seals from this one on, or seals of another key than before.",
          detail="epoch 0, a new key every 15m"),
    event("audit.seal_off", "supervisor", ["detail"], "Records after this one carry no seals.",
          detail="audit_seal = no; this is the last record with a seal"),
    event("audit.seal_failed", "supervisor", ["detail"], "The service cannot seal records as configured.",
          detail="the key's file /var/lib/stapleguard/audit.seal: it does not exist; make one with: stapleguard audit --setup-seal"),
    event("audit.throttled", CHILDREN, ["reason", "count", "detail"],
          "`process` reports more events than its certificates can need. `count` is the number of events that were not recorded.",
          reason="flood", count=1800, detail="fetch.failed: 1800 were not recorded"),
    event("cert.added", "supervisor", [*CERT, "reason", "detail"],
          "stapleguard manages a new certificate. `reason` explains why there is nothing to staple for it (`no-ocsp`, `cert-expired`).", **SHOP),
    event("cert.changed", "supervisor", [*CERT, "reason", "detail"], "The certificate's file contains another certificate.", **SHOP),
    event("cert.refused", "supervisor", [*CERT, "reason", "detail"], "The certificate cannot be used.", cert="/etc/ssl/shop.pem",
          reason="no-issuer",
          detail="CN=shop.example.net was issued by CN=Example CA, which is not among the certificates given (1)"),
    event("cert.dropped", "supervisor", [*CERT, "detail"], "The certificate is no longer configured or used by Apache.",
          detail="not in the configuration any more; a staple that is held stays until it ends", **SHOP),
    event("cert.resumed", "writer", [*CERT, "reason", "detail"],
          "An administrator resumed a withdrawn certificate (`stapleguard resume`).", reason="revoked",
          detail="resumed by an administrator; its responder is queried now", **SHOP),
    event("cert.withdrawn", "writer", [*CERT, "reason", "detail", "this_update", "next_update", "bytes"],
          "The certificate's staple was withdrawn: `revoked`, `unknown` or `file-missing`.", reason="revoked",
          detail="revoked at 2026-11-22T10:00:00Z (no reason given), says the issuer CN=Example CA", bytes=503, **TIMES, **SHOP),
    event("fetch.failed", "fetcher", [*CERT, "responder", "reason", "detail", "bytes", "duration_ms", "http_status"],
          "A responder gave no response.", responder=URL, reason="timeout", detail="no answer within 10s", duration_ms=10000, **SHOP),
    event("response.rejected", "fetcher",
          [*CERT, "responder", "reason", "detail", "this_update", "next_update", "bytes", "duration_ms", "http_status"],
          "The fetcher rejected a responder's response.", responder=URL, reason="bad-signature", bytes=503, duration_ms=31, http_status=200,
          **TIMES, **SHOP),
    event("offer.refused", "writer", [*CERT, "reason", "detail"], "The writer refused a response that the fetcher had accepted.",
          reason="rollback", detail="thisUpdate is 2026-11-22T00:00:00Z; that of the response held is 2026-11-23T00:00:00Z", **SHOP),
    event("staple.stored", "writer", [*CERT, "this_update", "next_update", "expiry", "detail", "bytes"],
          "A fresh response is in the store. Apache may serve it until `expiry`.", expiry="2026-11-28T18:00:00Z", bytes=503,
          detail="signed by the issuer CN=Example CA; may be stapled until 2026-11-28T18:00:00Z", **TIMES, **SHOP),
    event("staple.extended", "writer", [*CERT, "expiry", "detail"],
          "No newer response is available, so Apache serves the current one into its `safety_margin`, until `expiry`.",
          expiry="2026-11-29T23:00:00Z", detail="no newer response could be had, so the old one is served into its safety_margin", **SHOP),
    event("store.set_aside", "writer", ["reason", "detail"], "The store was damaged, and the writer started a new one.",
          reason="store-corrupt", detail="DB_RUNRECOVERY: Fatal error, run database recovery; kept as store.corrupt-20261123T173439Z"),
    event("store.failed", "writer", ["reason", "detail"], "The store cannot be written.", reason="store-failed",
          detail="No space left on device"),
    event("store.record_dropped", "writer", [*CERT, "reason", "detail"], "One record of the store was damaged.", reason="store-corrupt",
          detail="the response does not verify any more; it is fetched anew", **SHOP),
    event("dbm.committed", "writer", ["detail", "count", "bytes", "duration_ms"],
          "The writer has written Apache's cache. `count` is the number of its entries.", count=12, bytes=65536, duration_ms=3,
          detail="12 ours, 0 foreign, scan guard on, 2^4 buckets; Apache's lock held for 55 us after 2 us of waiting"),
    event("dbm.failed", "writer", ["reason", "detail"], "Apache's cache could not be written.", reason="not-berkeley-db",
          detail="Apache's DBM file is a GDBM file; what stands at /run/stapleguard/apache/ocsp_cache.db stays"),
    event("dbm.foreign_dropped", "writer", ["reason", "detail", "count"],
          "Entries of other programs in Apache's cache were not carried over.", reason="reader-died",
          detail="the reader of Apache's file died of signal 9 (KILL)"),
    event("dbm.guard_left_out", "writer", ["reason", "detail", "count"], "Apache's cache was written without its scan guard.",
          reason="internal", detail="a file with the scan guard did not hold what was put in; staples are served, but slower"),
    event("dbm.lock_timeout", "writer", ["reason", "detail"],
          "Apache did not release its lock in time. The writer replaced the cache without it.", reason="lock-timeout",
          detail="longer than 500 ms"),
    event("dbm.repaired", "writer", ["reason", "detail", "count"],
          "Apache or another program had removed or replaced entries of stapleguard's. They are restored.", count=1,
          detail="entries of ours were missing or worse in Apache's file, and are right again"),
    event("shield.up", "writer", ["reason", "detail"], "The shield is up: Apache cannot delete its cache.",
          detail="the directory of Apache's file is immutable: no restart can delete it"),
    event("shield.down", "writer", ["reason", "detail"], "The shield is down: Apache can delete its cache.", reason="shield-in-doubt",
          detail="the file is being looked at; until it is found good, Apache may delete it"),
    event("apache.found", "supervisor", ["pid", "detail"], "Apache is running. `pid` is its main process.", pid=815),
    event("apache.ended", "supervisor", ["pid"], "Apache's main process has ended.", pid=815),
    event("apache.restart_seen", "writer", ["detail", "duration_ms"],
          "Apache was restarted. `duration_ms` is how long its cache was missing.",
          detail="its stapling cache was deleted, and back after 412 us", duration_ms=1),
    event("apache.restarted", "writer", ["detail", "duration_ms"], "stapleguard restarted Apache at an administrator's request.",
          detail="its stapling cache was never away"),
    event("apache.configtest_failed", "supervisor", ["reason", "detail"], "Apache rejects its configuration and was not restarted.",
          reason="configtest-failed", detail="AH00526: Syntax error on line 3 of /etc/apache2/apache2.conf"),
    event("apache.discovery_failed", "supervisor", ["detail"], "Apache did not list its certificates.",
          detail="/usr/sbin/apache2ctl -t -D DUMP_CONFIG: AH00526: Syntax error on line 3 of /etc/apache2/apache2.conf"),
    event("clock.wrong", CHILDREN, ["reason", "detail"],
          "The clock shows a time before stapleguard was built, so the service judges no response.", reason="clock-wrong",
          detail="the clock shows 0 seconds since 1970, stapleguard was built at 1795392000; nothing is fetched"),
]


KNOWN = {row.name: row for row in EVENTS}
TEXT_MAX = {"cert": 255, "responder": 1024, "detail": 400, "serial": 64, "sha256": 64}
SHAPES = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "sha256": "[0-9a-f]{64}", "serial": "([0-9a-f]{2})+", "prev": "[0-9a-f]{64}",
    "hash": "[0-9a-f]{64}", "seal": "[0-9a-f]{64}", "reason": "[a-z0-9]+(-[a-z0-9]+)*",
    **{name: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" for name in ("this_update", "next_update", "expiry")},
}


def fault_of(record):
    """What of this record is not as docs/audit.md says; "" for nothing."""
    row = KNOWN.get(record.get("event"))
    if row is None:
        return f"the event {record.get('event')} is not documented"
    if record["process"] not in row.processes:
        return f"{row.name} comes from {record['process']}"
    order = [name for name in [*ALWAYS[:4], *audit_log.MEMBERS, *ALWAYS[4:], *SEALED] if name in record]
    if list(record) != order:
        return f"its members are {list(record)}"
    strange = set(record) - set(ALWAYS) - set(SEALED) - set(row.members)
    if strange:
        return f"{row.name} has {strange}, which is not documented"
    for name, value in record.items():
        if isinstance(value, int) != (name in audit_log.NUMBERS | {"seq", "epoch"}):
            return f"{name} is {value!r}"
        if name in SHAPES and not re.fullmatch(SHAPES[name], value):
            return f"{name} is {value!r}"
        if isinstance(value, str) and not (value.isprintable() and 0 < len(value.encode()) <= TEXT_MAX.get(name, 64)):
            return f"{name} is {value!r}"
    return ""


def faults_of_log(path):
    """The same for all lines of a file that are the service's own, as their hashes show."""
    faults = []
    for line in pathlib.Path(path).read_bytes().splitlines():
        start, middle, end = line.rpartition(b',"hash":"')
        if middle and end.startswith(hashlib.sha256(start).hexdigest().encode()):
            fault = fault_of(json.loads(line))
            if fault:
                faults.append(f"{fault}: {line.decode()}")
    return faults


def severities():
    """{event: severity} as common/words/event.h has them."""
    rows = re.findall(r'EVENT\(\w+, "([a-z_.]+)", [A-Z_| ]+, SEVERITY_(\w+),', TABLE.read_text())
    return {name: severity.lower() for name, severity in rows}


def lines():
    """One example each, as one log."""
    chain = audit_log.Chain(1795455253)
    for row in EVENTS:
        chain.add(row.name, row.process(), **row.example)
    return chain.lines


def table():
    severity = severities()
    rows = ["| event | process | severity | members | meaning |", "|---|---|---|---|---|"]
    for row in EVENTS:
        members = " ".join(f"`{name}`" for name in row.members)
        rows.append(f"| `{row.name}` | {', '.join(row.processes)} | {severity.get(row.name, '')} | {members} | {row.meaning} |")
    return "\n".join(rows)


def page(text):
    """The page with table and examples as they are here."""
    for name, content in (("events", table()), ("examples", "```json\n" + "\n".join(lines()) + "\n```")):
        start, end = f"<!-- {name}: tests/helpers/audit_examples.py -->\n", f"\n<!-- end of {name} -->"
        before, rest = text.split(start)
        text = before + start + content + end + rest.split(end, 1)[1]
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
