# SPDX-License-Identifier: ISC
"""A whole site in one directory: CA, responder, Apache, stapleguard; what most system tests begin with.

Owns: what it starts; end() ends all of it.
Never: shares anything with another site on the same machine.
"""

import pathlib
import tempfile
import time

from . import apache, pki, responder, stapleguard, tls


class Authorities:
    """One CA for a whole test run: root, intermediate, and the intermediate's OCSP signer."""

    def __init__(self):
        self.root = pki.Authority.root()
        self.ca = self.root.intermediate()
        self.signer = self.ca.delegate()
        self.stranger = pki.Authority.root("somebody else")


class Site:
    """place: an empty directory that others may pass through."""

    def __init__(self, place, authorities):
        self.place = pathlib.Path(place)
        self.authorities = authorities
        self.ca = authorities.ca
        self.responder = responder.Responder().start()
        self.sg = stapleguard.Stapleguard(self.place)
        self.apache = None
        self.certs_dir = self.place / "certs"
        self.certs_dir.mkdir()
        self.ca_file = pki.write_pem(self.certs_dir / "root.pem", authorities.root)

    def leaf(self, name, managed=True, **options):
        """A certificate `name`, its files, a good answer for it, and (managed) its section in the configuration."""
        options.setdefault("ocsp_urls", [self.responder.url])
        cert = self.ca.leaf(name, **options)
        pki.write_fullchain(self.pem(name), cert)
        pki.write_key(self.key(name), cert)
        self.responder.answer(cert, self.good(cert))
        if managed:
            self.sg.add(name, self.pem(name))
        return cert

    def leaves(self, count, managed=True):
        """Many at once, with one key and pre-signed answers."""
        certs = self.ca.many(count, ocsp_urls=[self.responder.url])
        for number, cert in enumerate(certs):
            name = f"site{number}.test"
            pki.write_fullchain(self.pem(name), cert)
            self.responder.answer(cert, pki.response(cert))
            if managed:
                self.sg.add(name, self.pem(name))
        if certs:
            pki.write_key(self.key("many"), certs[0])
        return certs

    def good(self, cert, **options):
        """A good response as CAs give them: signed by a delegate that is embedded."""
        options.setdefault("signer", self.authorities.signer)
        return pki.response(cert, **options)

    def pem(self, name):
        return self.certs_dir / f"{name}.pem"

    def key(self, name):
        return self.certs_dir / f"{name}.key"

    def make_apache(self, *names, **options):
        """An Apache with one TLS site a name, not started; its stapling cache is the file that stapleguard writes."""
        self.sg.make_directories()
        directory = self.place / "httpd"
        directory.mkdir()
        options.setdefault("cache_path", self.sg.dbm_path)
        self.apache = apache.Apache(directory, **options)
        for name in names:
            self.apache.add(name, (self.pem(name), self.key(name)))
        self.sg.use(self.apache)
        return self.apache

    def start_apache(self, *names, **options):
        return self.make_apache(*names, **options).start()

    def handshake(self, name, **options):
        return tls.handshake(self.apache.port, name, **options)

    def end(self):
        self.sg.end_all()
        if self.apache is not None:
            self.apache.stop()
        self.responder.stop()


def make_place():
    """A directory that www-data and the children's uids can pass through; the caller removes it."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="stapleguard-test-"))
    place.chmod(0o755)
    return place


def eventually(is_true, what, timeout_sec=20):
    """Wait for something that happens by itself."""
    end = time.monotonic() + timeout_sec
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {timeout_sec} s: {what}")
        time.sleep(0.01)
