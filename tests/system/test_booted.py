# SPDX-License-Identifier: ISC
"""The units as they are installed, run by a systemd that booted: Debian's Apache beside them, in a container of its own.

One container serves all tests here, and each test leaves it with both services running.
"""

import contextlib
import json
import os
import re
import shlex

import pytest
from helpers import machine as machines
from helpers import audit, pki, responder, tls
from helpers.daemon import wait_until

PORTS_CONF = "Listen 127.0.0.1:{port}\n"

STAPLING_CONF = """SSLUseStapling on
SSLStaplingCache dbm:/run/stapleguard/apache/ocsp_cache.db
SSLStaplingReturnResponderErrors off
SSLStaplingFakeTryLater off
Mutex flock:/run/stapleguard/lock ssl-stapling
ServerName localhost
"""

SITE_CONF = """<VirtualHost 127.0.0.1:{port}>
ServerName {name}
SSLEngine on
SSLCertificateFile {folder}/fullchain.pem
SSLCertificateKeyFile {folder}/privkey.pem
CustomLog ${{APACHE_LOG_DIR}}/{name}.log combined
</VirtualHost>
"""

# Where administrators keep them; nobody but root and the user may look.
SITES = {"shop.test": "/etc/letsencrypt/live/shop.test", "home.test": "/home/alice/tls"}

UNIT = "stapleguard.service"
AUDIT_LOG = "/var/log/stapleguard/audit.jsonl"


class World:
    """A machine with two must-staple sites, and their responder outside of it."""

    def __init__(self, machine, authorities):
        self.machine = machine
        self.authorities = authorities
        self.responder = responder.Responder().start()
        self.port = responder.free_port()
        self.certs = {name: self._make_site(name, folder) for name, folder in SITES.items()}
        machine.path("/etc/apache2/ports.conf").write_text(PORTS_CONF.format(port=self.port))
        machine.path("/etc/apache2/conf-enabled/stapleguard.conf").write_text(STAPLING_CONF)
        machine.path("/etc/apache2/sites-enabled/000-default.conf").unlink()
        for module in ("ssl", "socache_dbm"):
            for file in machine.path("/etc/apache2/mods-available").glob(f"{module}.*"):
                machine.path(f"/etc/apache2/mods-enabled/{file.name}").symlink_to(f"../mods-available/{file.name}")
        # ssl.conf's session cache; not needed, and one module less.
        conf = machine.path("/etc/apache2/mods-available/ssl.conf")
        conf.write_text(re.sub(r"^\s*SSLSessionCache\s.*$", "SSLSessionCache none", conf.read_text(), flags=re.MULTILINE))
        machine.path("/etc/stapleguard/stapleguard.conf").write_text("[fetch]\nallow_loopback = yes\n")

    def _make_site(self, name, folder):
        cert = self.authorities.ca.leaf(name, ocsp_urls=[self.responder.url], must_staple=True)
        place = self.machine.path(folder)
        place.mkdir(parents=True)
        pki.write_fullchain(place / "fullchain.pem", cert, mode=0o600)
        pki.write_key(place / "privkey.pem", cert)
        for directory in (place, place.parent):
            directory.chmod(0o700)
            if folder.startswith("/home"):
                os.chown(directory, 1000, 1000)
        self.responder.answer(cert, pki.response(cert, signer=self.authorities.signer))
        self.machine.path(f"/etc/apache2/sites-enabled/{name}.conf").write_text(
            SITE_CONF.format(port=self.port, name=name, folder=folder))
        return cert

    def first_start(self):
        """As README.md says."""
        run = self.machine.run
        run("systemd-sysusers")
        run("systemd-tmpfiles", "--create", "stapleguard.conf")
        run("systemctl", "daemon-reload")
        run("systemctl", "enable", "--now", "stapleguard")
        run("systemctl", "enable", "--now", "apache2")
        self.wait_until_fresh()

    def settings(self, unit=UNIT, **keys):
        """A drop-in for the running system alone; none: take it away."""
        folder = f"/run/systemd/system/{unit}.d"
        text = "".join(f"{key}={value}\n" for key, value in keys.items())
        self.machine.run("sh", "-c", f"mkdir -p {folder} && printf '[Service]\\n%s' {shlex.quote(text)} >{folder}/test.conf"
                         if keys else f"rm -f {folder}/test.conf")
        self.machine.run("systemctl", "daemon-reload")

    def staples(self):
        """{name: what a visitor gets}."""
        return {name: tls.handshake(self.port, name).status for name in SITES}

    def are_stapled(self):
        try:
            return set(self.staples().values()) == {"good"}
        except OSError:
            return False

    def status(self):
        """None while nobody answers."""
        done = self.machine.run("stapleguard", "status", "--json", check=False)
        return json.loads(done.stdout) if done.stdout.startswith("{") else None

    def wait_until_fresh(self):
        """Every certificate known through Apache, and its staple in Apache's file."""
        def is_fresh():
            status = self.status()
            return status and len(status["certificates"]) == len(SITES) and all(
                cert["state"] == "good" for cert in status["certificates"])

        try:
            wait_until(is_fresh, "fresh staples")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.status()}\n{self.machine.journal('-n', '60')}") from error

    def pid(self, unit=UNIT):
        return int(self.machine.show(unit, "MainPID"))

    def processes(self):
        """[(pid, user, words)] of the service, by the numbers of the container."""
        group = self.machine.show(UNIT, "ControlGroup")
        pids = self.machine.run("sh", "-c", f"cat /sys/fs/cgroup/systemd{group}/cgroup.procs 2>/dev/null"
                                            f" || cat /sys/fs/cgroup{group}/cgroup.procs").stdout.split()
        output = self.machine.run("ps", "-o", "pid=,user:32=,args=", "-p", ",".join(pids)).stdout
        return [(int(pid), user, words) for pid, user, words in (line.split(None, 2) for line in output.splitlines())]

    def process(self, words):
        """None while there is none, or a second one: a fork that lives for a moment bears its parent's title."""
        found = [pid for pid, _, args in self.processes() if args == words]
        return found[0] if len(found) == 1 else None

    def audit(self, file=AUDIT_LOG):
        path = self.machine.path(file)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self, event):
        return [record for record in self.audit(AUDIT_LOG + ".1") + self.audit() if record["event"] == event]

    def is_shielded(self):
        return self.machine.is_immutable("/run/stapleguard/apache")

    def can_be_shielded(self):
        return self.machine.can_be_immutable("/run")


@pytest.fixture(scope="module")
def world(authorities):
    with machines.one() as machine:
        machine.install()
        made = World(machine, authorities)
        try:
            machine.boot()
            made.first_start()
            yield made
        finally:
            made.responder.stop()


@pytest.fixture(autouse=True)
def responder_answers(world):
    world.responder.heal()


# Running ----------------------------------------------------------------------------------------------------------------


def test_both_sites_are_stapled_and_nothing_was_denied(world):
    """First, before anything is broken on purpose: whatever the hardening took too much of would be told here."""
    world.responder.down()
    assert world.staples() == {name: "good" for name in SITES}
    assert world.machine.show(UNIT, "ActiveState", "Type", "NRestarts") == {
        "ActiveState": "active", "Type": "notify", "NRestarts": "0"}
    assert world.machine.show(UNIT, "StatusText").startswith("2 certificates: 2 with a staple, 0 without")
    status = world.status()
    assert not status.get("discovery_error")
    assert {cert["file"] for cert in status["certificates"]} == {f"{folder}/fullchain.pem" for folder in SITES.values()}
    said = world.machine.journal("--unit", UNIT, "--priority=warning")
    assert said == "", said
    everything = world.machine.journal("--unit", UNIT)
    assert not re.search(r"denied|not permitted|Read-only|ignoring|Failed|AH0", everything), everything
    assert not [r for r in world.audit() if r["event"] in ("sandbox.violation", "process.exit", "audit.gap")]


def test_ps_shows_each_process_under_its_own_user(world):
    """Once what lives for a moment has ended: apachectl, and the writer's fork that reads Apache's file."""
    wanted = [
        ("root", "/usr/local/sbin/stapleguardd"), ("stapleguard-fetch", "stapleguardd: fetcher"),
        ("stapleguard-write", "stapleguardd: keeper"), ("stapleguard-write", "stapleguardd: writer"),
    ]
    seen = []

    def are_as_wanted():
        seen[:] = sorted((user, words) for _, user, words in world.processes())
        return seen == wanted

    with contextlib.suppress(AssertionError):
        wait_until(are_as_wanted, "the four processes alone")
    assert seen == wanted


def test_the_service_sees_a_file_system_it_cannot_write_to(world):
    """As root, in the service's view of the files."""
    own = ["/run/stapleguard", "/var/lib/stapleguard", "/var/log/stapleguard", "/run/apache2", "/run/lock", "/tmp"]
    foreign = ["/", "/etc", "/etc/stapleguard", "/usr", "/var/lib", "/var/log/apache2", "/run", "/run/systemd/system", "/root",
               "/home/alice", "/etc/letsencrypt/live/shop.test", "/var/www"]
    script = 'for place; do touch "$place/probe" 2>/dev/null && rm "$place/probe" && echo "$place"; done; true'
    done = world.machine.run("nsenter", "-t", str(world.pid()), "-m", "sh", "-c", script, "sh", *own, *foreign)
    assert done.stdout.split() == own
    # The same as in the machine's own view, where root may.
    assert world.machine.run("sh", "-c", script, "sh", *foreign).stdout.split() == foreign


def test_the_directories_keep_their_owners(world):
    def owners():
        return world.machine.run("stat", "-c", "%n %U:%G %a", "/run/stapleguard", "/run/stapleguard/apache",
                                 "/run/stapleguard/lock", "/run/stapleguard/empty", "/var/lib/stapleguard",
                                     "/var/log/stapleguard").stdout.splitlines()

    wanted = ["/run/stapleguard root:root 755", "/run/stapleguard/apache stapleguard-write:www-data 750",
              "/run/stapleguard/lock root:root 755", "/run/stapleguard/empty root:root 555",
              "/var/lib/stapleguard root:root 755", "/var/log/stapleguard root:stapleguard 2750"]
    assert owners() == wanted
    world.machine.run("systemctl", "stop", "stapleguard")
    world.machine.run("rmdir", "/run/stapleguard/empty")
    world.machine.run("chmod", "755", "/var/log/stapleguard")
    world.machine.run("chgrp", "root", "/var/log/stapleguard")
    world.machine.run("systemctl", "start", "stapleguard")
    assert owners() == wanted
    world.wait_until_fresh()


# Apache restarts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_apache_restarted_by_systemd_has_its_staples(world, how):
    world.responder.down()
    before = world.pid("apache2.service")
    world.machine.run("systemctl", how, "apache2")
    wait_until(world.are_stapled, "staples after Apache's restart")
    assert (world.pid("apache2.service") == before) == (how == "reload")


def test_stapleguard_restarts_apache(world):
    """configtest by Debian's apache2ctl, and a signal to the process it found: below all of the hardening."""
    world.responder.down()
    before = world.machine.path("/var/log/apache2/error.log").read_text().count("resuming normal operations")
    done = world.machine.run("stapleguard", "restart")
    assert "restarted" in done.stdout
    assert world.machine.path("/var/log/apache2/error.log").read_text().count("resuming normal operations") == before + 1
    wait_until(world.are_stapled, "staples after the restart")


def test_stapleguard_does_not_restart_a_broken_apache(world):
    broken = world.machine.path("/etc/apache2/sites-enabled/broken.conf")
    broken.write_text("NoSuchDirective on\n")
    try:
        done = world.machine.run("stapleguard", "restart", check=False)
        assert done.returncode != 0 and "NoSuchDirective" in done.stdout + done.stderr
    finally:
        broken.unlink()
    assert world.are_stapled()


# The service restarts -------------------------------------------------------------------------------------------------------


def test_reload_finds_the_certificates_again(world):
    before = len(world.events("service.reload"))
    world.machine.run("systemctl", "reload", "stapleguard")
    wait_until(lambda: len(world.events("service.reload")) > before, "the reload")
    world.wait_until_fresh()
    assert world.machine.show(UNIT, "ActiveState") == "active"


def test_a_killed_fetcher_is_started_again(world):
    before = wait_until(lambda: world.process("stapleguardd: fetcher"), "the fetcher")
    main = world.pid()
    world.machine.run("kill", "-KILL", str(before))
    wait_until(lambda: world.process("stapleguardd: fetcher") not in (None, before), "another fetcher")
    assert world.pid() == main
    assert world.are_stapled()


def test_a_killed_supervisor_is_started_again_by_systemd(world):
    world.responder.down()
    before = world.pid()
    world.machine.run("kill", "-KILL", str(before))
    wait_until(lambda: world.pid() not in (0, before), "another supervisor")
    assert world.are_stapled()
    world.wait_until_fresh()
    world.machine.run("systemctl", "restart", "apache2")
    wait_until(world.are_stapled, "staples after Apache's restart")


def test_a_supervisor_that_hangs_is_ended_by_the_watchdog(world):
    assert world.machine.show(UNIT, "WatchdogUSec") == "1min"
    world.settings(WatchdogSec="1s")
    try:
        world.machine.run("systemctl", "restart", "stapleguard")
        before = world.pid()
        world.machine.run("kill", "-STOP", str(before))
        wait_until(lambda: world.pid() not in (0, before), "another supervisor")
        assert "Watchdog timeout" in world.machine.journal("--unit", UNIT)
    finally:
        world.settings()
        world.machine.run("systemctl", "restart", "stapleguard")
    world.wait_until_fresh()
    assert world.are_stapled()


# The service ends -----------------------------------------------------------------------------------------------------------


def test_stopped_it_leaves_apache_its_file_and_no_shield(world):
    if world.can_be_shielded():
        wait_until(world.is_shielded, "the shield")
    world.machine.run("systemctl", "stop", "stapleguard")
    assert not world.is_shielded()
    assert world.are_stapled()
    world.machine.run("systemctl", "restart", "apache2")
    assert world.machine.show("apache2.service", "ActiveState") == "active"
    world.responder.down()
    world.machine.run("systemctl", "start", "stapleguard")
    wait_until(world.are_stapled, "staples from the store")


def test_killed_all_at_once_it_leaves_no_shield(world):
    if not world.can_be_shielded():
        pytest.skip("this kernel's tmpfs has no immutable flag: it came with Linux 6.6")
    wait_until(world.is_shielded, "the shield")
    world.settings(Restart="no")
    try:
        # Else it might see the writer's end just in time, and lower it itself.
        world.machine.run("kill", "-STOP", str(wait_until(lambda: world.process("stapleguardd: keeper"), "the keeper")))
        world.machine.run("systemctl", "kill", "--signal=KILL", "--kill-who=all", "stapleguard")
        wait_until(lambda: world.machine.show(UNIT, "ActiveState") == "failed", "its end")
        assert not world.is_shielded()
        world.machine.run("systemctl", "restart", "apache2")
        assert world.machine.show("apache2.service", "ActiveState") == "active"
    finally:
        world.settings()
        world.machine.run("systemctl", "restart", "stapleguard")
    wait_until(world.are_stapled, "staples from the store")


# Without a daemon -----------------------------------------------------------------------------------------------------------


def test_the_timer_takes_turns_with_the_daemon(world):
    world.machine.run("systemctl", "start", "stapleguard-once.timer")
    wait_until(lambda: world.machine.show(UNIT, "ActiveState") == "inactive", "the daemon to give way")
    assert world.machine.show("stapleguard-once.timer", "ActiveState", "Persistent", "FixedRandomDelay") == {
        "ActiveState": "active", "Persistent": "yes", "FixedRandomDelay": "yes"}
    # Apache was restarted and its file is gone; the pass makes it anew, from the responder or from the store.
    world.machine.run("systemctl", "restart", "apache2")
    world.machine.run("systemctl", "start", "stapleguard-once.service")
    assert world.machine.show("stapleguard-once.service", "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    world.responder.down()
    assert world.are_stapled()
    assert world.machine.path("/var/lib/systemd/timers/stamp-stapleguard-once.timer").exists()
    assert world.machine.run("test", "-e", "/run/stapleguard/apache/ocsp_cache.db").returncode == 0
    world.machine.run("systemctl", "start", "stapleguard")
    assert world.machine.show("stapleguard-once.timer", "ActiveState") == "inactive"
    world.wait_until_fresh()


# The audit log --------------------------------------------------------------------------------------------------------------


def journal_entries(world, *matches):
    """What journalctl finds: [{field: value}]."""
    output = world.machine.run("journalctl", "--no-pager", "--output=json", *matches).stdout
    return [json.loads(line) for line in output.splitlines()]


def test_journalctl_finds_events_by_certificate(world):
    name = next(cert["name"] for cert in world.status()["certificates"] if "shop.test" in cert["file"])
    found = journal_entries(world, f"STAPLEGUARD_CERT={name}")
    assert found and {entry["STAPLEGUARD_CERT"] for entry in found} == {name}
    stored = next(entry for entry in found if entry["STAPLEGUARD_EVENT"] == "staple.stored")
    assert stored["MESSAGE"].startswith(f"{name}: fresh staple stored, valid until 20")
    assert (stored["SYSLOG_IDENTIFIER"], stored["_SYSTEMD_UNIT"], stored["_TRANSPORT"]) == ("stapleguard", UNIT, "journal")
    hashes = {str(record["seq"]): record["hash"] for record in world.audit(AUDIT_LOG + ".1") + world.audit()}
    assert hashes[stored["STAPLEGUARD_SEQ"]] == stored["STAPLEGUARD_HASH"]
    anchors = journal_entries(world, "STAPLEGUARD_EVENT=audit.anchor")
    assert anchors and all(hashes[entry["STAPLEGUARD_SEQ"]] == entry["STAPLEGUARD_HASH"] for entry in anchors)
    assert {entry["STAPLEGUARD_AUDIT_LOG"] for entry in anchors} == {AUDIT_LOG}


def test_the_journal_tells_nothing_twice(world):
    said = world.machine.journal("--unit", UNIT)
    assert re.search(r"^Apache is running \(pid \d+\)", said, re.MULTILINE)
    assert "stapleguardd: Apache is running" not in said and "audit anchor" not in said and "takes no events" not in said
    assert not re.search(r"^stapleguardd: (error|warning): the \S+ ended: killed by", said, re.MULTILINE)


def test_the_log_is_sealed_below_the_hardening(world):
    conf = world.machine.path("/etc/stapleguard/stapleguard.conf")
    before = conf.read_text()
    key = audit.Key(1700000000, 900, os.urandom(32)).at(60000)
    try:
        key.write(world.machine.path("/var/lib/stapleguard/audit.seal"))
        conf.write_text(before + "[stapleguard]\naudit_seal = yes\n")
        world.machine.run("systemctl", "reload", "stapleguard")
        wait_until(lambda: world.events("audit.seal_on"), "the seals")
        world.machine.run("systemctl", "restart", "stapleguard")
        world.wait_until_fresh()
        wait_until(lambda: "seal" in world.audit()[-1], "a sealed record of the next start")
        assert all(key.seals(record) for record in world.audit() if "seal" in record)
        assert not world.events("audit.seal_failed")
    finally:
        conf.write_text(before)
        world.machine.run("systemctl", "reload", "stapleguard")
    wait_until(lambda: world.events("audit.seal_off"), "the end of the seals")


def test_logrotate_keeps_the_chain_and_the_staples(world):
    """As Debian runs it every night: Apache's logs too, with a reload of Apache."""
    last = world.audit()[-1]
    world.responder.down()
    world.machine.run("logrotate", "--force", "/etc/logrotate.conf")
    old = world.audit(AUDIT_LOG + ".1")
    assert last in old
    world.machine.run("systemctl", "reload", "stapleguard")
    wait_until(lambda: world.audit(), "a record in the new file")
    wait_until(world.are_stapled, "staples after Apache's logrotate")
    first = world.audit()[0]
    assert (first["prev"], first["seq"]) == (world.audit(AUDIT_LOG + ".1")[-1]["hash"], world.audit(AUDIT_LOG + ".1")[-1]["seq"] + 1)


def test_the_log_is_verified_against_the_machines_journal(world):
    """Over the rotation; and what was cut off at the end, with anchors that only the service can have written."""
    world.machine.run("systemctl", "reload", "stapleguard")
    world.machine.run("systemctl", "restart", "stapleguard")  # an anchor at the stop, and one at the start
    world.wait_until_fresh()
    command = ["/usr/local/bin/stapleguard", "audit", "--verify", "--json"]
    found = json.loads(world.machine.run(*command).stdout)
    assert found["verdict"] == "sound" and found["anchors_met"] >= 2 and found["files"] >= 2
    log = world.machine.path(AUDIT_LOG)
    copy = "/root/cut.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    world.machine.path(copy).write_text("".join(lines[:2]))
    done = world.machine.run(*command, "--journal", "/var/log/journal", "-c", "/etc/stapleguard/stapleguard.conf", copy, check=False)
    assert (done.returncode, json.loads(done.stdout)["fault"]["what"]) == (1, "truncated")
    world.machine.path(copy).unlink()


# A reboot -------------------------------------------------------------------------------------------------------------------


def test_members_of_the_group_read_the_log_and_nobody_else_does(world):
    """Installed as the package does it: also what was rotated, and what is made after that."""
    run = world.machine.run
    for name, *groups in (("looker", "-G", "stapleguard"), ("stranger",)):
        run("useradd", *groups, name)
    try:
        for _ in range(2):
            story = run("runuser", "-u", "looker", "--", "stapleguard", "audit").stdout
            assert "what happened" in story and "shop.test" in story
            refused = run("runuser", "-u", "stranger", "--", "stapleguard", "audit", check=False)
            assert refused.returncode == 3 and "adduser" in refused.stderr and "group stapleguard" in refused.stderr
            run("logrotate", "--force", "/etc/logrotate.d/stapleguard")
            run("systemctl", "reload", "stapleguard")
            wait_until(lambda: world.machine.path(AUDIT_LOG).exists(), "the new file")
    finally:
        for name in ("looker", "stranger"):
            run("userdel", name)


def test_after_a_power_cut_the_store_serves(world):
    """/run is empty then; both services start by themselves, and the responder is down."""
    world.responder.down()
    world.machine.off()
    world.machine.boot()
    assert world.machine.show("apache2.service", "ActiveState") == "active"
    wait_until(world.are_stapled, "staples from the store")
    world.wait_until_fresh()


def test_nothing_was_denied_in_all_this(world):
    assert not world.events("sandbox.violation")
    said = world.machine.journal()
    assert "Started stapleguard.service" in said
    assert not re.search(r"SIGSYS|status=31|Read-only file system", said)
