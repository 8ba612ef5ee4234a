# SPDX-License-Identifier: ISC
"""Audit logs made by hand: records, their chain of hashes and their seals, by another implementation than the service's.

Owns: no file; it makes lines.
Never: asks the code that is tested.
"""

import datetime
import hashlib
import hmac
import json

ZEROS = "0" * 64
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MEMBERS = [
    "cert", "sha256", "serial", "responder", "this_update", "next_update", "expiry", "reason", "detail", "bytes", "count", "duration_ms",
    "http_status", "pid", "status",
]
NUMBERS = {"bytes", "count", "duration_ms", "http_status", "pid", "status"}


def moment(seconds):
    """RFC 3339 with microseconds, as a record's time."""
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second(seconds):
    """RFC 3339, as this_update and its kin."""
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Key:
    """The key of the seals: audit_seal.h in a few lines."""

    def __init__(self, start, interval=900, secret=b"k" * 32):
        self.start, self.interval, self.first = start, interval, secret
        self.secret, self.epoch = secret, 0

    def text(self):
        return f"sg1-{self.start}-{self.interval}-{self.first.hex()}"

    def move_to(self, seconds):
        while self.epoch < max(0, int(seconds) - self.start) // self.interval:
            self.secret = hmac.new(self.secret, b"stapleguard audit seal: next key", hashlib.sha256).digest()
            self.epoch += 1

    def seal(self, digest):
        return hmac.new(self.secret, bytes.fromhex(digest), hashlib.sha256).hexdigest()


class Chain:
    """Lines that follow each other.  key: seals them."""

    def __init__(self, start=1795455253, seq=0, prev=ZEROS, key=None):
        self.now, self.seq, self.prev, self.key = start, seq, prev, key
        self.lines = []

    def add(self, event="fetch.failed", process="fetcher", step=1.0, **members):
        """The next record, `step` seconds after the one before.  Members in any order; raw_…: written as they are."""
        self.now += step
        self.seq += 1
        line = core(self.seq, moment(self.now), process, event, self.prev, members)
        self.prev = hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest()
        line += f',"hash":"{self.prev}"'
        if self.key is not None:
            self.key.move_to(self.now)
            line += f',"epoch":{self.key.epoch},"seal":"{self.key.seal(self.prev)}"'
        self.lines.append(line + "}")
        return self

    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def anchor(self):
        return f"{self.seq}:{self.prev}"


def core(seq, time, process, event, prev, members):
    """A line up to its hash."""
    line = f'{{"seq":{seq},"time":"{time}","process":"{process}","event":"{event}"'
    for name in MEMBERS:
        if name in members:
            value = members[name]
            line += f',"{name}":{value if name in NUMBERS else json.dumps(value, ensure_ascii=False)}'
    return line + f',"prev":"{prev}"'


def rehash(line):
    """A line that was changed, with a hash that fits again."""
    start = line[: line.index(',"hash":"')]
    return start + f',"hash":"{hashlib.sha256(start.encode()).hexdigest()}"}}'


def hash_of(line):
    return json.loads(line)["hash"]


def story(count, certs=3, start=1795455253, key=None, step=30.0):
    """A log as a service writes it: a start, certificates, fetches, commits, trouble now and then."""
    chain = Chain(start, key=key)
    names = [f"shop{n}.test" for n in range(certs)]
    chain.add("service.start", "supervisor", detail="0.1.0", pid=4711)
    for name in names:
        chain.add("cert.added", "supervisor", cert=name, sha256=hashlib.sha256(name.encode()).hexdigest(), serial="0a1b2c")
    turn = 0
    while chain.seq < count:
        name = names[turn % certs]
        identity = {"cert": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "serial": "0a1b2c"}
        kind = turn % 5
        if kind == 3:
            chain.add("fetch.failed", "fetcher", step, responder="http://ocsp.example.net/ca", reason="timeout", duration_ms=10000,
                      detail="no answer within 10 s", **identity)
        elif kind == 4:
            chain.add("dbm.committed", "writer", step, count=certs, bytes=65536, duration_ms=3, detail="renamed into place")
        else:
            chain.add("staple.stored", "writer", step, this_update=second(chain.now - 3600), next_update=second(chain.now + 6 * 86400),
                      expiry=second(chain.now + 5 * 86400), bytes=503, **identity)
        turn += 1
    return chain
