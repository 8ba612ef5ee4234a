# SPDX-License-Identifier: ISC
"""A name server on loopback, over UDP and TCP, that knows what it is told.

Owns: its sockets and threads.
Never: asks another server.
"""

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


class NameServer:
    """names: {name: [addresses]}; a name that is not there does not exist.  silent: {type} that are never answered;
    truncated: answers over UDP say that they are cut off; rcode: what every answer says instead."""

    def __init__(self, host="127.0.0.77", port=53):
        self.host = host
        self.port = port
        self.names = {}
        self.silent = set()
        self.truncated = False
        self.rcode = None
        self.seen = []  # (name, type, "udp" or "tcp")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = None

    @property
    def resolv_conf(self):
        return f"nameserver {self.host}\n"

    def __enter__(self):
        self.udp.bind((self.host, self.port))
        self.tcp = socket.create_server((self.host, self.port))
        for target in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(self, *_):
        # A thread in recvfrom is not woken by close.
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (self.host, self.port))
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()

    def count(self, name, kind=None):
        return sum(1 for seen in self.seen if seen[0] == name and kind in (None, seen[1]))

    def _serve_udp(self):
        while True:
            data, client = self.udp.recvfrom(4096)
            if not data:
                self.udp.close()
                return
            answer = self._answer(data, "udp")
            if answer is not None:
                self.udp.sendto(answer, client)

    def _serve_tcp(self):
        while True:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            with client, client.makefile("rb") as stream:
                while len(length := stream.read(2)) == 2:
                    answer = self._answer(stream.read(int.from_bytes(length, "big")), "tcp")
                    if answer is not None:
                        client.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, query, transport):
        labels, at = [], 12
        while query[at] != 0:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = int.from_bytes(query[at + 1:at + 3], "big")
        name = ".".join(labels)
        self.seen.append((name, kind, transport))
        if kind in self.silent:
            return None
        question = query[12:at + 5]
        found = [ipaddress.ip_address(text) for text in self.names.get(name, ())]
        records = [address.packed for address in found if address.version == (4 if kind == A else 6)]
        cut = self.truncated and transport == "udp"
        if cut or self.rcode is not None:
            records = []
        rcode = self.rcode if self.rcode is not None else NOERROR if name in self.names else NXDOMAIN
        flags = 0x8180 | (0x0200 if cut else 0) | rcode
        head = query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(r)) + r for r in records)
        return head + question + body
