#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Make the corpus of fuzz_msg: each message of common/proto/msg.h once as its sender would make it, from the table there.

Run it by hand when a message changes; what it writes is checked in.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from helpers import wire  # noqa: E402

ROW = re.compile(r"MESSAGE\((\w+), \w+, PARTY_(\w+), PARTY_(\w+), MSG_STATE_(\w+), (\d)\)")
# As fuzz_msg.c reads them.
PARTIES = {"SUPERVISOR": 0, "FETCHER": 1, "WRITER": 2, "CHILD": 1}
RUN, DESCRIPTOR = 16, 32


def sample(kind, name):
    if isinstance(kind, int):
        return bytes(range(kind))
    return {"text": f"a {name}", "blob": b"\x30\x03\x0a\x01\x06", "i64": 1700000000}.get(kind, 1)


def main():
    folder = HERE / "corpus" / "msg"
    folder.mkdir(exist_ok=True)
    for name, sender, receiver, states, descriptors in ROW.findall((HERE.parents[1] / "common" / "proto" / "msg.h").read_text()):
        first = PARTIES[sender] | PARTIES[receiver] << 2 | (0 if states == "SETUP" else RUN) | (DESCRIPTOR if int(descriptors) else 0)
        fields = {field: sample(kind, field) for field, kind in wire.MESSAGES[name]}
        (folder / name.lower()).write_bytes(bytes([first]) + wire.pack(name, **fields))


if __name__ == "__main__":
    main()
