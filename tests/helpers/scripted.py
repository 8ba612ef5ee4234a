# SPDX-License-Identifier: ISC
"""An HTTP server whose every answer is a test's, for what the responder helper cannot say.

Owns: a listening socket on loopback and a thread for each client.
Never: leaves the machine.
"""

import socket
import threading


class Scripted:
    """An HTTP server whose every answer is a test's: reply(method, target, headers, count) gives octets, or None for
    an end of the connection."""

    def __init__(self, reply, host="127.0.0.1"):
        self.reply = reply
        self.requests = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}/"
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile("rb") as stream:
            try:
                while self._serve_one(client, stream):
                    pass
            except OSError:
                pass  # the fetcher cut it off

    def _serve_one(self, client, stream):
        line = stream.readline().decode("latin-1").split(" ")
        if len(line) < 3:
            return False
        headers = {}
        for header in iter(stream.readline, b"\r\n"):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        stream.read(int(headers.get("content-length", 0)))
        self.requests.append((line[0], line[1]))
        answer = self.reply(line[0], line[1], headers, len(self.requests))
        if answer is not None:
            client.sendall(answer)
        return answer is not None


def http(status, body=b"", **headers):
    lines = [f"HTTP/1.1 {status} Some", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ocsp_answer(der):
    return http(200, der, Content_Type="application/ocsp-response")
