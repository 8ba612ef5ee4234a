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
    event("service.start", "supervisor", ["pid", "detail"], "stapleguardd starts; `detail` is its version", pid=4711, detail="0.1.0"),
    event("service.stop", "supervisor", ["status"], "it ends, with this exit code", status=0),
    event("service.reload", "supervisor", ["detail"], "configuration and certificates were read again; `detail`: how many there are",
          detail="12 certificates"),
    event("service.reload_failed", "supervisor", ["detail"], "they were not: it goes on as before",
          detail="/etc/stapleguard/stapleguard.conf:7: there is no key \"dmb\" in [apache]; did you mean \"dbm\"?"),
    event("process.start", CHILDREN, ["pid"], "`process` was started", pid=4712),
    event("process.exit", CHILDREN, ["status"], "`process` ended; `status`: its exit code, or minus the number of a signal", status=-9),
    event("sandbox.violation", CHILDREN, ["status", "detail"], "its sandbox ended it: a system call that it must not make", status=-31),
    event("protocol.violation", "fetcher writer supervisor", ["reason", "detail"],
          "a message that the protocol does not allow; `process` saw it or sent it", reason="protocol",
          detail="from the writer: a message that is not allowed in this state"),
    event("audit.gap", "supervisor", ["count", "detail"],
          "something is missing in this log, or stands in it that is not of the service; `count`: records that are missing", count=12,
          detail="12 records are lost or may be: the log could not be written: No space left on device"),
    event("audit.moved", "supervisor", ["detail"], "`audit_log` was changed: the log goes on elsewhere, or comes from there",
          detail="it goes on in /var/log/other/audit.jsonl"),
    event("audit.seal_on", "supervisor", ["detail"], "records carry seals from this one on, or under another key than before",
          detail="epoch 0, 15m each"),
    event("audit.seal_off", "supervisor", ["detail"], "records carry no seals behind this one", detail="audit_seal = no"),
    event("audit.seal_failed", "supervisor", ["detail"], "records cannot be sealed as they should be",
          detail="/var/lib/stapleguard/audit.seal: it does not exist; make one with: stapleguard audit --setup-seal"),
    event("audit.throttled", CHILDREN, ["reason", "count", "detail"],
          "`process` reports more than its certificates can need; `count`: what was not recorded", reason="flood", count=1800,
          detail="fetch.failed: 1800 were not recorded"),
    event("cert.added", "supervisor", [*CERT, "reason", "detail"],
          "a certificate is looked after from now on; `reason`: why there is nothing to staple for it (`no-ocsp`, `cert-expired`)", **SHOP),
    event("cert.changed", "supervisor", [*CERT, "reason", "detail"], "its file holds another certificate now", **SHOP),
    event("cert.refused", "supervisor", [*CERT, "reason", "detail"], "it cannot be used", cert="/etc/ssl/shop.pem", reason="no-issuer",
          detail="the issuer is CN=Example CA"),
    event("cert.dropped", "supervisor", [*CERT, "detail"], "it is not in the configuration any more",
          detail="not in the configuration any more; a staple that is held stays until it ends", **SHOP),
    event("cert.resumed", "writer", [*CERT, "reason", "detail"],
          "somebody had it looked after again (`stapleguard resume`), although it had been withdrawn", reason="revoked",
          detail="an administrator wants it looked after again; its responder is asked anew", **SHOP),
    event("cert.withdrawn", "writer", [*CERT, "reason", "detail", "this_update", "next_update", "bytes"],
          "its staple was taken away: `revoked`, `unknown`, or `file-missing`", reason="revoked",
          detail="revoked at 2026-11-22T10:00:00Z", bytes=503, **TIMES, **SHOP),
    event("fetch.failed", "fetcher", [*CERT, "responder", "reason", "detail", "bytes", "duration_ms", "http_status"],
          "a responder gave no response", responder=URL, reason="timeout", detail="no answer within 10s", duration_ms=10000, **SHOP),
    event("response.rejected", "fetcher",
          [*CERT, "responder", "reason", "detail", "this_update", "next_update", "bytes", "duration_ms", "http_status"],
          "what it sent was not believed", responder=URL, reason="bad-signature", bytes=503, duration_ms=31, http_status=200, **TIMES, **SHOP),
    event("offer.refused", "writer", [*CERT, "reason", "detail"], "the writer did not take what the fetcher offered", reason="rollback",
          detail="thisUpdate 2026-11-22T00:00:00Z is before the 2026-11-23T00:00:00Z that is held", **SHOP),
    event("staple.stored", "writer", [*CERT, "this_update", "next_update", "expiry", "detail", "bytes"],
          "a fresh response is in the store; `expiry`: until when Apache may serve it", expiry="2026-11-28T18:00:00Z", bytes=503,
          detail="signed by the issuer", **TIMES, **SHOP),
    event("staple.extended", "writer", [*CERT, "expiry", "detail"],
          "no newer response could be had, so the old one is served into its safety_margin, until `expiry`", expiry="2026-11-29T23:00:00Z",
          detail="no newer response could be had, so the old one is served into its safety_margin", **SHOP),
    event("store.set_aside", "writer", ["reason", "detail"], "the store was damaged, and a new one begun", reason="store-corrupt",
          detail="DB_RUNRECOVERY: Fatal error, run database recovery; kept as store.damaged"),
    event("store.failed", "writer", ["reason", "detail"], "the store cannot be written", reason="store-failed",
          detail="No space left on device"),
    event("store.record_dropped", "writer", [*CERT, "reason", "detail"], "one record of it was damaged", reason="store-corrupt",
          detail="the response does not verify any more; it is fetched anew", **SHOP),
    event("dbm.committed", "writer", ["detail", "count", "bytes", "duration_ms"],
          "Apache's cache was written; `count`: its entries", count=12, bytes=65536, duration_ms=3, detail="renamed into place"),
    event("dbm.failed", "writer", ["reason", "detail"], "it could not be written", reason="not-berkeley-db",
          detail="the file is GDBM; what stands at /run/stapleguard/apache/ocsp_cache.db stays"),
    event("dbm.foreign_dropped", "writer", ["reason", "detail", "count"], "entries of others that were in it are not there any more",
          reason="reader-died", detail="ended by signal 9"),
    event("dbm.guard_left_out", "writer", ["reason", "detail", "count"], "it has no scan guard", reason="guard-displaced",
          detail="a certificate's key takes the scan guard's place; staples are served, but slower"),
    event("dbm.lock_timeout", "writer", ["reason", "detail"], "Apache's lock was not free in time; the cache was written without it",
          reason="lock-timeout", detail="longer than 1000 ms"),
    event("dbm.repaired", "writer", ["reason", "detail", "count"], "Apache, or somebody else, had made entries of ours worse", count=1,
          detail="entries of ours were missing or worse in Apache's file, and are right again"),
    event("shield.up", "writer", ["reason", "detail"], "Apache cannot delete its cache any more",
          detail="the directory of Apache's file is immutable: no restart can delete it"),
    event("shield.down", "writer", ["reason", "detail"], "it can", reason="shield-in-doubt",
          detail="the file is being looked at; until it is found good, Apache may delete it"),
    event("apache.found", "supervisor", ["pid", "detail"], "Apache's main process", pid=815),
    event("apache.ended", "supervisor", ["pid"], "it has ended", pid=815),
    event("apache.restart_seen", "writer", ["detail", "duration_ms"], "somebody restarted Apache; `duration_ms`: how long its cache was away",
          detail="its stapling cache was deleted, and back after 412 us", duration_ms=1),
    event("apache.restarted", "writer", ["detail", "duration_ms"], "it was stapleguard, because an administrator asked",
          detail="its stapling cache was never away"),
    event("apache.configtest_failed", "supervisor", ["reason", "detail"], "Apache finds its configuration broken, so it was not restarted",
          reason="configtest-failed", detail="AH00526: Syntax error on line 3 of /etc/apache2/apache2.conf"),
    event("apache.discovery_failed", "supervisor", ["detail"], "Apache does not tell its certificates",
          detail="/usr/sbin/apache2ctl ended with code 1"),
    event("clock.wrong", CHILDREN, ["reason", "detail"], "the clock shows a time before this was built, so nothing is judged",
          reason="clock-wrong", detail="the clock shows 0 seconds since 1970, stapleguard was built at 1795392000; nothing is fetched"),
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
    rows = re.findall(r'EVENT\(\w+, "([a-z_.]+)", [A-Z_| ]+, SEVERITY_(\w+)\)', TABLE.read_text())
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
