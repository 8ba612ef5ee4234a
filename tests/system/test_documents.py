# SPDX-License-Identifier: ISC
"""What the documentation says is so: its commands are run as a new user would, its tables are whole, its links lead somewhere.

The machine is a bare Debian with Apache, a site `www.example.net`, the package's file in /root, and nobody to talk to but the
two responders of a CA.
"""

import errno
import os
import pathlib
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest
from helpers import audit_log, documents, machine as machines, manual, package, pki, stapleguard
from helpers.documents import BUILD, COMMANDS, FILE, NOT_RUN

ROOT = documents.ROOT
ADDRESS = "10.77.0.1"
RESPONDERS = {"site": (8889, "-ndays 7"), "intranet": (8888, "-nmin 720")}

FULLCHAIN = "/etc/letsencrypt/live/www.example.net/fullchain.pem"

# In the order in which somebody reads them; each goes on where the one before ended, but for the first.
STORY = ("docs/getting-started.md", "docs/troubleshooting.md", "docs/audit.md", "docs/operating.md")

RESPONDER_UNIT = """[Service]
WorkingDirectory=/srv/ca
ExecStart=/usr/bin/openssl ocsp -index index.txt -port {port} -CA ca.pem -rsigner ca.pem -rkey ca.key {life} -ignore_err
"""

SITE = """<VirtualHost *:443>
    ServerName www.example.net
    SSLEngine on
    SSLCertificateFile /etc/letsencrypt/live/www.example.net/fullchain.pem
    SSLCertificateKeyFile /etc/letsencrypt/live/www.example.net/privkey.pem
</VirtualHost>
"""

# In the container's network, by this machine's python: an address for the responders that is not the loopback's.
SET_ADDRESS = """import fcntl, socket, struct
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8916,
    struct.pack('16sHH4s8s', b'lo:0', socket.AF_INET, 0, socket.inet_aton('{address}'), bytes(8)))
"""


class World:
    """The machine of a reader."""

    def __init__(self, machine, deb):
        self.machine = machine
        shutil.copy(deb, self.machine.path("/root"))
        with open(self.machine.path("/etc/hosts"), "a", encoding="utf-8") as hosts:
            hosts.write("127.0.0.1 localhost www.example.net\n")
        root = pki.Authority.root("Example root")
        self.ca = root.intermediate("Example CA")
        self._make_ca()
        site = self._leaf("www.example.net", "site", FULLCHAIN, must_staple=True)
        pki.write_key(self.machine.path("/etc/letsencrypt/live/www.example.net/privkey.pem"), site)
        shop = self._leaf("shop.example.net", "site", "/etc/ssl/shop/all.pem")
        self.write("/etc/ssl/shop/shop.crt", shop.pem)
        self.write("/etc/ssl/shop/bundle.crt", self.ca.pem)
        intranet = self._leaf("intranet.example.net", "intranet", "/etc/ssl/intranet/fullchain.pem")
        self.write("/etc/ssl/intranet/cert.pem", intranet.pem)
        self.write("/etc/ssl/intranet/ca.pem", self.ca.pem)
        self.certs = [site, shop, intranet]
        self._write_index()
        self.write("/etc/apache2/sites-enabled/example.conf", SITE.encode())
        for file in self.machine.path("/etc/apache2/mods-available").glob("ssl.*"):
            self.machine.path(f"/etc/apache2/mods-enabled/{file.name}").symlink_to(f"../mods-available/{file.name}")
        for module in ("socache_shmcb",):  # mods-available/ssl.conf wants it
            self.machine.path(f"/etc/apache2/mods-enabled/{module}.load").symlink_to(f"../mods-available/{module}.load")

    def write(self, path, data):
        place = self.machine.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def _leaf(self, name, responder, fullchain, **options):
        cert = self.ca.leaf(name, ocsp_urls=[f"http://{ADDRESS}:{RESPONDERS[responder][0]}/"], alt_names=[name], **options)
        self.machine.path(fullchain).parent.mkdir(parents=True, exist_ok=True)
        pki.write_fullchain(self.machine.path(fullchain), cert)
        return cert

    def _make_ca(self):
        self.write("/srv/ca/ca.pem", self.ca.pem)
        self.write("/srv/ca/ca.key", self.ca.key_pem)
        for name, (port, life) in RESPONDERS.items():
            self.write(f"/etc/systemd/system/responder-{name}.service", RESPONDER_UNIT.format(port=port, life=life).encode())

    def _write_index(self, revoked=None):
        """Of what the CA issued.  Another inode each time: openssl compares seconds."""
        rows = []
        for cert in self.certs:
            serial = f"{cert.serial:x}".upper()
            serial = serial.zfill(len(serial) + len(serial) % 2)
            state = "R\t391231235959Z\t250101000000Z" if cert is revoked else "V\t391231235959Z\t"
            rows.append(f"{state}\t{serial}\tunknown\t/CN={serial}\n")
        self.write("/srv/ca/index.new", "".join(rows).encode())
        self.machine.path("/srv/ca/index.new").rename(self.machine.path("/srv/ca/index.txt"))

    def revoke_and_put_right(self):
        """The CA revokes the site's certificate by mistake; stapleguard learns of it, and then the CA puts it right."""
        self._write_index(revoked=self.certs[0])
        self._reload_index()
        self.run(f"stapleguard refresh {FULLCHAIN}; stapleguard status --json | grep -q '\"state\":\"revoked\"'")
        self._write_index()
        self._reload_index()

    def _reload_index(self):
        """openssl reads it anew after it was asked for anything, not before."""
        for port, _ in RESPONDERS.values():
            self.run(f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' >/dev/tcp/{ADDRESS}/{port}")

    def boot(self):
        self.machine.boot()
        subprocess.run(["nsenter", "-t", str(self.machine.init), "-n", "/usr/bin/python3", "-c", SET_ADDRESS.format(address=ADDRESS)],
                       check=True, timeout=60)
        self.machine.run("systemctl", "start", *(f"responder-{name}" for name in RESPONDERS), "apache2")

    def run(self, command):
        """Up to half a minute until it succeeds, like somebody who looks again; returns what it said."""
        end = time.monotonic() + 30
        while True:
            done = self.machine.run("bash", "-c", f"cd /root && {command}", check=False, timeout_sec=300)
            if done.returncode == 0:
                return done.stdout + done.stderr
            assert time.monotonic() < end, f"{command}\n{done.returncode}: {done.stdout}{done.stderr}\n" \
                                           + self.machine.journal("--unit", "stapleguard", "-n", "20")
            time.sleep(0.5)


@pytest.fixture(scope="module")
def deb():
    try:
        return package.deb(package.RELEASES[0])
    except machines.CannotRun as reason:
        pytest.skip(str(reason))


# What the text before a command says has happened.
HAPPENED = {f"stapleguard resume {FULLCHAIN}": World.revoke_and_put_right}


def run_document(world, name):
    """Its files and commands, from top to bottom."""
    for block in documents.blocks(name):
        if block.kind == FILE:
            world.write(block.path, block.text.encode())
        elif block.kind == COMMANDS:
            for command in re.sub(r"\\\n", " ", block.text).splitlines():
                HAPPENED.get(command, lambda _: None)(world)
                world.run(command)


def in_a_world(deb, names):
    with machines.one(has_own_network=True) as machine:
        world = World(machine, deb)
        world.boot()
        for name in names:
            run_document(world, name)


@pytest.mark.package
def test_readme_is_followed_from_a_bare_system(deb):
    in_a_world(deb, ["README.md"])


@pytest.mark.package
def test_the_documents_are_followed_from_a_bare_system(deb):
    in_a_world(deb, STORY)


@pytest.mark.package
def test_what_builds_from_source_is_run_in_a_debian_that_can(place):
    blocks = [block for name in documents.names() for block in documents.blocks(name) if block.kind == BUILD]
    assert len(blocks) == 1
    for name in package.source_files():
        (place / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / "source" / name)
    try:
        done = package.run_in(package.RELEASES[0], place, f"set -e\ncd /exchange/source\n{blocks[0].text}\nstapleguardd --version\n"
                                                          "ls -ld /run/stapleguard/apache")
    except machines.CannotRun as reason:
        pytest.skip(str(reason))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"stapleguardd \d.*\ndrwxr-x--- .* stapleguard-write www-data ", done.stdout)


def test_the_demonstration_runs_and_shows_it():
    """scripts/demo, with the build that is tested."""
    if not pathlib.Path("/usr/sbin/apache2").exists():
        pytest.skip("apache2 is not installed here")
    done = subprocess.run([ROOT / "scripts/demo"], capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
                          env={**os.environ, "STAPLEGUARD_BUILD": str(stapleguard.build_directory())})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("The staple is served.") == 3 and "No staple: this is the moment" in done.stdout


def test_the_review_from_another_machine_says_something_when_it_should(tmp_path):
    """docs/operating.md's file, with an ssh that stays here."""
    review = next(block.text for block in documents.blocks("docs/operating.md") if block.path.endswith("/review-stapleguard"))
    log = tmp_path / "audit.jsonl"
    (tmp_path / "journal").mkdir()
    for name, text in (
            ("review-stapleguard", review), ("ssh", '#!/bin/sh\nshift\nexec sh -c "$*"\n'),
            ("stapleguard", f'#!/bin/sh\nexec {stapleguard.program("stapleguard")} "$@" --journal {tmp_path}/journal {log}\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

    def said():
        done = subprocess.run([tmp_path / "review-stapleguard", "www.example.net"], capture_output=True, text=True, check=True, timeout=60,
                              env=environment)
        return done.stdout + done.stderr

    def write(chain):
        log.write_text("\n".join(chain.lines) + "\n")

    kept = tmp_path / "stapleguard-www.example.net.anchor"
    chain, other = audit_log.Chain(), audit_log.Chain(start=1)
    for count in (3, 6):
        while len(chain.lines) < count:
            chain.add()
        write(chain)
        assert (said(), kept.read_text()) == ("", f"{chain.seq}:{chain.prev}\n")
    while len(other.lines) < 9:
        other.add()
    write(other)
    assert re.match(r"www.example.net: stapleguard audit --verify, exit code 1:\nBROKEN .*: rewritten\n", said())
    chain.lines = chain.lines[:4]
    write(chain)
    assert "truncated" in said() and kept.read_text() == f"6:{chain.prev}\n"
    log.unlink()
    assert "exit code 3:" in said()
    # The oldest files were rotated away.
    while len(chain.lines) < 6:
        chain.add()
    chain.lines = chain.lines[4:]
    write(chain)
    assert (said(), kept.read_text()) == ("", f"8:{chain.prev}\n")


# As text ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", documents.names())
def test_every_block_says_what_it_is(name):
    assert documents.indented(name) == [], "fence them: ```sh, ```text ... (tests/helpers/documents.py)"
    for block in documents.blocks(name):  # an unknown language is a KeyError
        assert block.kind != NOT_RUN or len(block.reason.split()) >= 4, block


def test_every_command_is_run_or_has_its_reason(record_property):
    """What is followed above is all there is."""
    followed = {"README.md", *STORY}
    for name in documents.names():
        for block in documents.blocks(name):
            if block.kind == NOT_RUN:
                record_property("not run", f"{block}: {block.reason}")
            assert block.kind not in (COMMANDS, FILE) or name in followed, f"{block}: nobody follows {name}"


def test_the_messages_it_explains_are_those_that_are_said():
    section = (ROOT / "docs/troubleshooting.md").read_text().partition("## `stapleguardd` does not start")[2].partition("\n## ")[0]
    said = re.findall(r"^- `([^`]+)`:", section, re.MULTILINE)
    code = "".join(path.read_text() for folder in ("common", "supervisor") for path in (ROOT / folder).rglob("*.c"))
    assert len(said) == 4 and all(words in code for words in said if words != os.strerror(errno.EROFS))


def test_the_refusals_of_enable_it_explains_are_those_that_are_said():
    section = (ROOT / "docs/troubleshooting.md").read_text().partition("## `stapleguard enable` refuses")[2].partition("\n## ")[0]
    said = re.findall(r"^- `([^`]+)`:", section, re.MULTILINE)
    code = "".join(path.read_text() for path in (ROOT / "cli").rglob("*.[ch]"))
    assert len(said) > 9 and [words for words in said if words not in code] == []


def test_the_keys_that_need_a_restart_are_those_that_a_reload_refuses():
    code = (ROOT / "supervisor/daemon/daemon_config.c").read_text().partition("fixed_key_changed(")[2].partition("\n}")[0]
    text = (ROOT / "docs/operating.md").read_text()
    sentence = re.search(r"These keys need a restart.*?finds them changed says so: (.*?)\.", text, re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence.group(1)) == re.findall(r'"(\w+)"', code)


@pytest.mark.parametrize("name", documents.names())
def test_every_link_leads_somewhere(name):
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\(([^)#]*)(?:#[\w-]*)?\)", text):
        if target and not target.startswith("http"):
            assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"
    for other, anchor in re.findall(r"\]\(([^)#]*)#([\w-]+)\)", text):
        page = ((ROOT / name).parent / other if other else ROOT / name).read_text()
        assert anchor in {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}


def test_every_document_is_installed():
    listed = set(re.findall(r"'([\w./-]+)'", (ROOT / "docs/meson.build").read_text()))
    files = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert files - {"meson.build"} <= listed, "docs/meson.build does not install them"
    assert all((ROOT / "docs" / name).exists() for name in listed if "." in name)


# Tables -------------------------------------------------------------------------------------------------------------------


def first_column(title):
    """The words in the first column of the table below a title of operating.md."""
    text = (ROOT / "docs/operating.md").read_text().partition(f"### {title}\n")[2]
    text = re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0]
    return [word for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)]


def test_every_event_that_needs_attention_is_explained():
    wanted = [name for name, _, severity in manual.tables()["event"] if severity != "info"]
    assert sorted(first_column("Events that need attention")) == sorted(wanted)


def test_every_reason_is_explained():
    assert sorted(first_column("Reasons")) == sorted(row[0] for row in manual.tables()["reason"])


def test_every_member_of_the_status_has_a_meaning():
    """As a daemon's own status is checked in test_daemon; here: the page's states are the code's."""
    states = re.findall(r'return "([\w-]+)";|\[CERT_STATE_\w+\] = "([\w-]+)"', (ROOT / "supervisor/status/status_json.c").read_text())
    text = (ROOT / "docs/status.md").read_text()
    assert all(f"`{one or other}`" in text for one, other in states)


# Pictures and alerts ------------------------------------------------------------------------------------------------------


def words_of(svg):
    """What a picture says, whatever version of dot laid it out."""
    root = ElementTree.fromstring(svg)
    return sorted((element.tag.rpartition("}")[2], element.text or "") for element in root.iter()
                  if element.tag.rpartition("}")[2] in ("title", "text"))


@pytest.mark.parametrize("source", sorted((ROOT / "docs/pictures").glob("*.dot")), ids=lambda path: path.stem)
def test_a_picture_is_made_from_its_source(source):
    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed here")
    done = subprocess.run(["dot", "-Tsvg", source], capture_output=True, text=True, check=True, timeout=60)
    wanted = words_of(done.stdout)
    assert len(wanted) > 10 and words_of(source.with_suffix(".svg").read_text()) == wanted, f"make it anew: dot -Tsvg {source}"


def metric_names():
    """The families that supervisor/status/metrics_text.c writes, as samples are called."""
    return set(re.findall(r'"(stapleguard_\w+)[ {]', (ROOT / "supervisor/status/metrics_text.c").read_text())) \
        | set(re.findall(r'cert_sample\(out, "(\w+)"', (ROOT / "supervisor/status/metrics_text.c").read_text()))


def test_the_alerts_ask_for_numbers_that_there_are():
    asked = set(re.findall(r"\b(stapleguard_\w+)", (ROOT / "docs/prometheus-rules.yml").read_text()))
    assert len(asked) > 6 and asked <= metric_names()


def promtool(place):
    """From Debian's package, which is unpacked and not installed: it would start a server."""
    if shutil.which("promtool"):
        return "promtool"
    folder = stapleguard.build_directory() / "machine" / "promtool"
    tool = folder / "usr/bin/promtool"
    if not tool.exists():
        done = subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=place, capture_output=True, text=True, check=False,
                              timeout=300)
        debs = list(place.glob("prometheus_*.deb"))
        if done.returncode != 0 or not debs:
            pytest.skip(f"no promtool here, and apt-get download: {done.stderr.strip().splitlines()[-1:]}")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "--extract", debs[0], folder], check=True, timeout=120)
    return str(tool)


def test_prometheus_understands_the_alerts(place):
    done = subprocess.run([promtool(place), "check", "rules", ROOT / "docs/prometheus-rules.yml"], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0 and "8 rules found" in done.stdout, done.stdout + done.stderr


ALERT_TEST = """
rule_files: [{rules}]
tests:
  - interval: 1m
    input_series:
      - {{series: 'stapleguard_up{{instance="a"}}', values: '1x30'}}
      - {{series: 'stapleguard_must_staple{{instance="a", certificate="shop"}}', values: '1x30'}}
      - {{series: 'stapleguard_must_staple{{instance="a", certificate="other"}}', values: '0x30'}}
      - {{series: 'stapleguard_staple_served_until_timestamp_seconds{{instance="a", certificate="shop"}}', values: '0x30'}}
      - {{series: 'stapleguard_staple_served_until_timestamp_seconds{{instance="a", certificate="other"}}', values: '7200x30'}}
      - {{series: 'stapleguard_fetch_failures_in_row{{instance="a", certificate="other"}}', values: '3x30'}}
      - {{series: 'stapleguard_file_failed{{instance="a"}}', values: '0x30'}}
    alert_rule_test:
      - {{eval_time: 20m, alertname: StapleguardDown}}
      - {{eval_time: 20m, alertname: StapleCacheNotWritten}}
      - eval_time: 20m
        alertname: StapleMissingMustStaple
        exp_alerts: [{{exp_labels: {{severity: critical, instance: a, certificate: shop}}, exp_annotations: {{
          summary: "shop is must-staple and has no staple: browsers that enforce must-staple reject the site.",
          action: "`stapleguard status` shows the reason, and docs/operating.md says what to do about each reason."}}}}]
      - eval_time: 20m
        alertname: StapleEndsSoon
        exp_alerts: [{{exp_labels: {{severity: critical, instance: a, certificate: other}}, exp_annotations: {{
          summary: "The staple of other expires within 6 hours, and renewal fails.",
          action: "`stapleguard status` shows the reason. Check whether this machine can reach the responder."}}}}]
"""


def test_the_alerts_are_raised_when_they_should_be(place):
    tool = promtool(place)
    (place / "test.yml").write_text(ALERT_TEST.format(rules=ROOT / "docs/prometheus-rules.yml"))
    done = subprocess.run([tool, "test", "rules", place / "test.yml"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
