# SPDX-License-Identifier: ISC
"""Apache's stapling cache, read by Berkeley DB's own db5.3_dump; and written, for what Apache or others may leave there.

Owns: nothing; each call looks anew.
Never: uses stapleguard's own code, so that both cannot be wrong together.
"""

import ctypes
import dataclasses
import hashlib
import itertools
import shutil
import struct
import subprocess

_DUMP = ("db5.3_dump", "db_dump")
_LOAD = ("db5.3_load", "db_load")
_VERIFY = ("db5.3_verify", "db_verify")

GUARD_KEY = b""


@dataclasses.dataclass(frozen=True)
class Record:
    """One value as httpd keeps it.  expiry: seconds since 1970."""

    expiry: float
    flag: int
    der: bytes

    @classmethod
    def parse(cls, value):
        expiry_usec, flag = struct.unpack("=qB", value[:9])
        return cls(expiry_usec / 1e6, flag, value[9:])

    def value(self):
        return struct.pack("=qB", int(self.expiry * 1e6), self.flag) + self.der


def _tool(names):
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    raise FileNotFoundError(f"none of {names} is installed (package db-util)")


def dump(path):
    """All records in the file's own order: [(key, value)].  The order is the one in which Apache walks them."""
    done = subprocess.run([_tool(_DUMP), str(path)], capture_output=True, check=False, timeout=120)
    if done.returncode != 0:
        raise ValueError(f"{path}: {done.stderr.decode(errors='replace')}")
    lines = done.stdout.split(b"\n")
    start = lines.index(b"HEADER=END") + 1
    end = lines.index(b"DATA=END")
    octets = [bytes.fromhex(line.decode()) for line in lines[start:end]]
    return list(zip(octets[0::2], octets[1::2]))


def read(path):
    """{key: Record}, with the scan guard under the empty key."""
    return {key: Record.parse(value) for key, value in dump(path)}


def entries(path):
    """The same without the scan guard: what Apache could serve."""
    return {key: record for key, record in read(path).items() if key != GUARD_KEY}


def is_sound(path):
    """What db_verify says."""
    done = subprocess.run([_tool(_VERIFY), "-q", str(path)], capture_output=True, check=False, timeout=120)
    return done.returncode == 0


def write(path, records, kind="hash"):
    """Make a Berkeley DB file of [(key, value)]."""
    text = [b"VERSION=3", b"format=bytevalue", b"type=" + kind.encode(), b"HEADER=END"]
    for key, value in records:
        text += [b" " + key.hex().encode(), b" " + value.hex().encode()]
    text += [b"DATA=END", b""]
    subprocess.run([_tool(_LOAD), str(path)], input=b"\n".join(text), check=True, timeout=120)


def keys_in_bucket_0(count, bits=22):
    """Keys that stand in bucket 0 of any file with up to 2^bits buckets: Berkeley DB's hash, h = h * 16777619 ^ byte, undone."""
    modulus = 1 << bits
    inverse = pow(16777619, -1, modulus)
    ends = {}
    for last in range(256):
        for before in range(256):
            ends[(last * inverse % modulus ^ before) * inverse % modulus] = bytes((before, last))
    found = []
    for number in itertools.count():
        key = hashlib.sha256(str(number).encode()).digest()[:18]
        state = 0
        for octet in key:
            state = state * 16777619 % modulus ^ octet
        if state in ends:
            found.append(key + ends[state])
        if len(found) == count:
            return found


class _Datum(ctypes.Structure):
    _fields_ = [("dptr", ctypes.c_void_p), ("dsize", ctypes.c_size_t)]


def first_key_for_apache(path):
    """The first key that apr_dbm_firstkey hands to mod_socache_dbm, or None when its walk ends before it began."""
    apr = ctypes.CDLL("libapr-1.so.0", ctypes.RTLD_GLOBAL)
    util = ctypes.CDLL("libaprutil-1.so.0", ctypes.RTLD_GLOBAL)
    pool, dbm, key = ctypes.c_void_p(), ctypes.c_void_p(), _Datum()
    apr.apr_initialize()
    apr.apr_pool_create_ex(ctypes.byref(pool), None, None, None)
    try:
        read_only = 1  # APR_DBM_READONLY
        status = util.apr_dbm_open(ctypes.byref(dbm), str(path).encode(), read_only, 0, pool)
        if status != 0:
            raise OSError(f"apr_dbm_open: status {status}")
        util.apr_dbm_firstkey(dbm, ctypes.byref(key))
        found = None if not key.dptr else ctypes.string_at(key.dptr, key.dsize)
        util.apr_dbm_close(dbm)
        return found
    finally:
        apr.apr_pool_destroy(pool)


def put(path, key, record):
    """Store one Record in place, as one of Apache's children does it (apr_dbm_store)."""
    apr = ctypes.CDLL("libapr-1.so.0", ctypes.RTLD_GLOBAL)
    util = ctypes.CDLL("libaprutil-1.so.0", ctypes.RTLD_GLOBAL)
    pool, dbm = ctypes.c_void_p(), ctypes.c_void_p()
    value = record.value()
    util.apr_dbm_store.argtypes = [ctypes.c_void_p, _Datum, _Datum]
    util.apr_dbm_close.argtypes = [ctypes.c_void_p]
    apr.apr_initialize()
    apr.apr_pool_create_ex(ctypes.byref(pool), None, None, None)
    try:
        read_write = 2  # APR_DBM_READWRITE
        status = util.apr_dbm_open(ctypes.byref(dbm), str(path).encode(), read_write, 0x0FFF, pool)
        if status != 0:
            raise OSError(f"apr_dbm_open: status {status}")
        buffers = [ctypes.create_string_buffer(octets, len(octets)) for octets in (key, value)]
        data = [_Datum(ctypes.cast(buffer, ctypes.c_void_p), len(buffer)) for buffer in buffers]
        status = util.apr_dbm_store(dbm, data[0], data[1])
        util.apr_dbm_close(dbm)
        if status != 0:
            raise OSError(f"apr_dbm_store: status {status}")
    finally:
        apr.apr_pool_destroy(pool)
