# SPDX-License-Identifier: ISC
"""certbot itself, with an ACME CA beside it: the documented hook has a renewed certificate stapled before Apache uses it.

Pebble is the CA (Debian has it), and runs no responder; `openssl ocsp` is one for it.
"""

import re
import shutil

import pytest
from helpers import documents, machine as machines, package, pki
from helpers.daemon import wait_until

pytestmark = pytest.mark.package

NAME = "www.example.net"
LIVE = f"/etc/letsencrypt/live/{NAME}"

PEBBLE_JSON = """{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
"certificate": "/srv/acme/cert.pem", "privateKey": "/srv/acme/key.pem", "httpPort": 80, "tlsPort": 443,
"ocspResponderURL": "http://127.0.0.1:8889/"}}
"""

CLI_INI = """server = https://acme.test:14000/dir
non-interactive = true
agree-tos = true
register-unsafely-without-email = true
renew-by-default = true
"""

UNITS = {
    "pebble": "Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0\nExecStart=/usr/bin/pebble -config /srv/acme/pebble.json",
    "responder": "WorkingDirectory=/srv/acme\nExecStart=/usr/bin/openssl ocsp -index index.txt -port 8889 -CA intermediate.pem "
                 "-rsigner intermediate.pem -rkey intermediate.key -ndays 7 -ignore_err",
    "learner": "ExecStart=/bin/bash /srv/acme/learn",
}

# What certbot got from the CA goes into the responder's index.
LEARN = """cd /srv/acme
while sleep 0.1; do
    for cert in /etc/letsencrypt/archive/*/cert*.pem; do
        serial=$(openssl x509 -in "$cert" -noout -serial) || continue
        serial=${serial#serial=}
        grep -q "$serial" index.txt && continue
        printf 'V\\t391231235959Z\\t\\t%s\\tunknown\\t/CN=%s\\n' "$serial" "$serial" >>index.txt
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' >/dev/tcp/127.0.0.1/8889  # openssl reads its index anew before it waits for the next one
    done
done
"""

# The key of a CA that is made anew at each start, over the connection that only this machine can make.
ASK_CA = """import ssl, sys, urllib.request
context = ssl.create_default_context(cafile='/srv/acme/root.pem')
for what, file in (('intermediates', 'intermediate.pem'), ('intermediate-keys', 'intermediate.key')):
    text = urllib.request.urlopen(f'https://acme.test:15000/{what}/0', context=context).read()
    open(f'/srv/acme/{file}', 'wb').write(text)
"""

SITE = f"""<VirtualHost *:443>
    ServerName {NAME}
    SSLEngine on
    SSLCertificateFile {LIVE}/fullchain.pem
    SSLCertificateKeyFile {LIVE}/privkey.pem
</VirtualHost>
"""


class World:
    """A machine whose site has a certificate from certbot, and stapleguard enabled."""

    def __init__(self, machine, deb):
        self.machine = machine
        shutil.copy(deb, self.machine.path("/root/stapleguard.deb"))
        self.append("/etc/hosts", f"127.0.0.1 localhost {NAME} acme.test\n")
        root = pki.Authority.root("ACME's own TLS root")
        server = root.leaf("acme.test", alt_names=["acme.test"])
        self.machine.path("/srv/acme").mkdir()
        pki.write_fullchain(self.machine.path("/srv/acme/cert.pem"), server)
        pki.write_key(self.machine.path("/srv/acme/key.pem"), server)
        self.machine.path("/srv/acme/root.pem").write_bytes(root.pem)
        self.append("/etc/ssl/certs/ca-certificates.crt", root.pem.decode())  # certbot believes these
        for path, text in {"/srv/acme/pebble.json": PEBBLE_JSON, "/srv/acme/learn": LEARN, "/srv/acme/index.txt": "",
                           "/etc/letsencrypt/cli.ini": CLI_INI, "/etc/apache2/sites-available/example.conf": SITE}.items():
            self.machine.path(path).parent.mkdir(parents=True, exist_ok=True)
            self.machine.path(path).write_text(text)
        for name, words in UNITS.items():
            self.machine.path(f"/etc/systemd/system/{name}.service").write_text(f"[Service]\n{words}\n")

    def append(self, path, text):
        with open(self.machine.path(path), "a", encoding="utf-8") as file:
            file.write(text)

    def run(self, command):
        return self.machine.run("bash", "-c", command, timeout_sec=300).stdout

    def begin(self):
        self.machine.boot()
        self.run("systemctl start pebble apache2")
        self.machine.run("bash", "-c", 'for i in $(seq 100); do python3 -c "$0" 2>/dev/null && exit 0; sleep 0.1; done; exit 1', ASK_CA)
        self.run("systemctl start responder learner")
        self.run(f"certbot certonly --webroot -w /var/www/html -d {NAME}")
        self.run("a2enmod -q ssl && a2ensite -q example && systemctl restart apache2")
        self.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y install /root/stapleguard.deb")
        self.append("/etc/stapleguard/stapleguard.conf", "[fetch]\nallow_loopback = yes\n")
        self.run("stapleguard enable --all")

    def serial(self):
        return self.run(f"openssl x509 -in {LIVE}/cert.pem -noout -serial").strip()

    def served(self):
        """(serial of the certificate, status of its staple) as a visitor gets them."""
        connect = f"openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null"
        serial = self.run(f"{connect} | openssl x509 -noout -serial").strip()  # with -status the signer's could come first
        return serial, self.run(f"{connect} -status | grep -m 1 'Cert Status' || echo none").strip()

    def check_renewed(self, said, before):
        """certbot told of the hook's work; the new certificate is served, with its staple."""
        assert "its staple is in Apache's file" in said and "Apache restarted" in said, said
        assert self.serial() != before
        wait_until(lambda: self.served()[0] == self.serial(), "the new certificate, from Apache's new children")
        assert self.served() == (self.serial(), "Cert Status: good")


@pytest.fixture(scope="module")
def world():
    with machines.one(lambda: machines.tree_with("certbot", "pebble"), has_own_network=True) as machine:
        made = World(machine, package.deb(package.RELEASES[0]))
        made.begin()
        yield made


def test_P17_the_documented_hook_has_the_staple_there_first(world):
    """docs/getting-started.md's block, as it stands."""
    block, = (block for name in documents.names() for block in documents.blocks(name) if block.kind == documents.ACME)
    before = world.serial()
    assert world.served() == (before, "Cert Status: good")
    world.check_renewed(world.run(re.sub(r"\\\n", " ", block.text) + " 2>&1"), before)


def test_P17_certbot_remembers_the_hook(world):
    before = world.serial()
    world.check_renewed(world.run("certbot renew --no-random-sleep-on-renew 2>&1"), before)
