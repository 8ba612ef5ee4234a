# SPDX-License-Identifier: ISC
"""The audit log read by hand: a second reading of common/audit/, so that a change of its format by accident fails a test.

Owns: nothing; also gives a daemon a journal and mounts of its own, in a mount namespace that ends with it.
Never: touches the machine's journal or mounts.
"""

import hashlib
import hmac
import json
import os
import pathlib
import re
import select
import socket

ZEROS = "0" * 64


def records(path):
    """Every line that is a record; what is none is left out."""
    found = []
    for line in pathlib.Path(path).read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def check_chain(lines, before=ZEROS, seq=0):
    """Each line is a record that follows the one before.  lines: octets.  Gives the last (hash, seq)."""
    for line in lines:
        record = json.loads(line)
        assert (record["seq"], record["prev"]) == (seq + 1, before), line
        before, seq = hashlib.sha256(line[:line.rindex(b',"hash"')]).hexdigest(), record["seq"]
        assert record["hash"] == before, line
    return before, seq


class Key:
    """The sealing key of one epoch; its file as the service keeps it."""

    def __init__(self, start, interval, secret, epoch=0):
        self.start, self.interval, self.secret, self.epoch = start, interval, secret, epoch

    @classmethod
    def read(cls, path):
        text = pathlib.Path(path).read_bytes()
        found = re.fullmatch(rb"(stapleguard-audit-seal 1\nstart (\d+)\ninterval (\d+)\nepoch (\d+)\nsecret ([0-9a-f]{64})\n)"
                             rb"check ([0-9a-f]{64})\n", text)
        assert found and hashlib.sha256(found[1]).hexdigest().encode() == found[6], text
        return cls(int(found[2]), int(found[3]), bytes.fromhex(found[5].decode()), int(found[4]))

    def write(self, path):
        """As `stapleguard audit --setup-seal` does: another file, renamed into place."""
        text = (f"stapleguard-audit-seal 1\nstart {self.start}\ninterval {self.interval}\nepoch {self.epoch}\n"
                f"secret {self.secret.hex()}\n").encode()
        text += b"check " + hashlib.sha256(text).hexdigest().encode() + b"\n"
        fresh = pathlib.Path(str(path) + ".test")
        fresh.touch(mode=0o600)
        fresh.write_bytes(text)
        fresh.rename(path)

    def at(self, epoch):
        secret = self.secret
        for _ in range(epoch - self.epoch):
            secret = hmac.digest(secret, b"stapleguard audit seal: next key", "sha256")
        return Key(self.start, self.interval, secret, epoch)

    def seals(self, record):
        """Does this record bear the seal of its epoch?"""
        key = self.at(record["epoch"])
        return hmac.digest(key.secret, bytes.fromhex(record["hash"]), "sha256").hex() == record["seal"]


# Mounts of a daemon's own ------------------------------------------------------------------------------------------------


def in_own_mounts(*commands):
    """A wrapper for a daemon whose mounts nobody else sees, and that end with it."""
    script = "set -e; " + "".join(f"{command}; " for command in commands) + 'exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def seen_by(process, path):
    """A file as that process sees it."""
    return pathlib.Path(f"/proc/{process.pid}/root{path}")


class Journal:
    """A socket in the place of journald's, for a daemon in mounts of its own."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.socket = None
        self.entries = []
        self.listen()

    def wrapper(self):
        return in_own_mounts("mount -t tmpfs -o mode=755 none /run", "mkdir -p /run/systemd/journal",
                             f"mount --bind {self.directory} /run/systemd/journal")

    def listen(self):
        path = self.directory / "socket"
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def read(self):
        """All entries so far, each {field: value}."""
        while self.socket is not None and select.select([self.socket], [], [], 0)[0]:
            self.entries.append(self._parse(self.socket.recv(1 << 18)))
        return self.entries

    @staticmethod
    def _parse(data):
        entry = {}
        while data:
            name, data = data.split(b"\n", 1)
            assert re.fullmatch(rb"[A-Z][A-Z0-9_]*", name), name
            length = int.from_bytes(data[:8], "little")
            assert data[8 + length:9 + length] == b"\n" and name.decode() not in entry
            entry[name.decode()] = data[8:8 + length].decode()
            data = data[9 + length:]
        return entry

    def events(self, event, **fields):
        """fields: CERT="shop.test" …, as STAPLEGUARD_CERT."""
        return [entry for entry in self.read() if entry.get("STAPLEGUARD_EVENT") == event
                and all(entry.get(f"STAPLEGUARD_{name}") == value for name, value in fields.items())]


def journal_stream(path):
    """What JOURNAL_STREAM says when standard error is this file."""
    details = os.stat(path)
    return f"{details.st_dev}:{details.st_ino}"
