# SPDX-License-Identifier: ISC
"""A TLS client that asks for a staple and says exactly which bytes it got.

Owns: one connection at a time.
Never: judges a staple; the tests do, with what is handed back.
"""

import ctypes
import ctypes.util
import dataclasses
import re
import socket
import struct
import subprocess

from cryptography import x509
from cryptography.x509 import ocsp

# openssl/tls1.h, openssl/ssl.h
_CTRL_SET_HOSTNAME = 55
_CTRL_SET_STATUS_TYPE = 65
_CTRL_GET_STATUS_RESPONSE = 70
_CTRL_SET_SIGALGS_LIST = 98
_CTRL_SET_MAX_VERSION = 124
_STATUS_TYPE_OCSP = 1
_TLS1_2 = 0x0303

SIGALGS = {"rsa": b"RSA-PSS+SHA256:RSA+SHA256", "ecdsa": b"ECDSA+SHA256"}


@dataclasses.dataclass(frozen=True)
class Handshake:
    """What came of one: the server's certificate and staple as DER (None: no staple)."""

    cert: bytes
    staple: bytes

    @property
    def serial(self):
        return x509.load_der_x509_certificate(self.cert).serial_number

    @property
    def status(self):
        """"none", "good", "revoked", "unknown", or the word of an unsuccessful response."""
        if self.staple is None:
            return "none"
        response = ocsp.load_der_ocsp_response(self.staple)
        if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            return response.response_status.name.lower()
        return response.certificate_status.name.lower()


def _library():
    ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    pointer, long_, int_ = ctypes.c_void_p, ctypes.c_long, ctypes.c_int
    for library, name, result, arguments in (
        (ssl, "TLS_client_method", pointer, []),
        (ssl, "SSL_CTX_new", pointer, [pointer]),
        (ssl, "SSL_CTX_free", None, [pointer]),
        (ssl, "SSL_CTX_ctrl", long_, [pointer, int_, long_, pointer]),
        (ssl, "SSL_new", pointer, [pointer]),
        (ssl, "SSL_free", None, [pointer]),
        (ssl, "SSL_ctrl", long_, [pointer, int_, long_, pointer]),
        (ssl, "SSL_set_fd", int_, [pointer, int_]),
        (ssl, "SSL_connect", int_, [pointer]),
        (ssl, "SSL_get_error", int_, [pointer, int_]),
        (ssl, "SSL_get1_peer_certificate", pointer, [pointer]),
        (crypto, "i2d_X509", int_, [pointer, ctypes.POINTER(pointer)]),
        (crypto, "X509_free", None, [pointer]),
        (crypto, "CRYPTO_free", None, [pointer, ctypes.c_char_p, int_]),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return ssl, crypto


_ssl, _crypto = _library()


def handshake(port, server_name, key=None, host="127.0.0.1", tls12=False, timeout_sec=30):
    """One handshake with a status request.  key: "rsa" or "ecdsa", to be served by that certificate."""
    context = _ssl.SSL_CTX_new(_ssl.TLS_client_method())
    connection = None
    try:
        if tls12:
            _ssl.SSL_CTX_ctrl(context, _CTRL_SET_MAX_VERSION, _TLS1_2, None)
        if key is not None:
            _ssl.SSL_CTX_ctrl(context, _CTRL_SET_SIGALGS_LIST, 0, SIGALGS[key])
        connection = _ssl.SSL_new(context)
        _ssl.SSL_ctrl(connection, _CTRL_SET_STATUS_TYPE, _STATUS_TYPE_OCSP, None)
        _ssl.SSL_ctrl(connection, _CTRL_SET_HOSTNAME, 0, server_name.encode())
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", timeout_sec, 0))
            plain.connect((host, port))
            _ssl.SSL_set_fd(connection, plain.fileno())
            result = _ssl.SSL_connect(connection)
            if result != 1:
                raise ConnectionError(f"handshake failed: SSL error {_ssl.SSL_get_error(connection, result)}")
            return Handshake(_peer_certificate(connection), _staple(connection))
    finally:
        if connection is not None:
            _ssl.SSL_free(connection)
        _ssl.SSL_CTX_free(context)


def _staple(connection):
    start = ctypes.c_void_p()
    length = _ssl.SSL_ctrl(connection, _CTRL_GET_STATUS_RESPONSE, 0, ctypes.byref(start))
    return ctypes.string_at(start, length) if length > 0 else None


def _peer_certificate(connection):
    cert = _ssl.SSL_get1_peer_certificate(connection)
    out = ctypes.c_void_p()
    length = _crypto.i2d_X509(cert, ctypes.byref(out))
    der = ctypes.string_at(out, length)
    _crypto.CRYPTO_free(out, b"", 0)
    _crypto.X509_free(cert)
    return der


def s_client_status(port, server_name, ca_file=None, host="127.0.0.1"):
    """The same as users do it: `openssl s_client -status`.  Gives ("none" | "good" | …, all that was printed)."""
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", server_name, "-status"]
    if ca_file is not None:
        command += ["-CAfile", str(ca_file), "-verify_return_error"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    if done.returncode != 0:
        return "failed", output
    if "OCSP response: no response sent" in output:
        return "none", output
    status = re.search(r"Cert Status: (\w+)", output)
    if status is None:
        status = re.search(r"OCSP Response Status: (\w+)", output)
    return (status.group(1) if status else "unreadable"), output
