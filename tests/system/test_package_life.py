# SPDX-License-Identifier: ISC
"""The package's life in a Debian that booted: installed, tried, upgraded, removed, purged, and Apache serving through all of it.

One container; the tests are the chapters of one story, in this order.
"""

import re
import shutil
import subprocess

import pytest
from helpers import machine as machines
from helpers import manual, package
from helpers.daemon import wait_until

pytestmark = pytest.mark.package

UNIT = "stapleguard.service"
KEPT_FOR_APACHE = "/etc/tmpfiles.d/stapleguard-removed.conf"
CERTIFICATES = "/etc/ssl/stapleguard-test"  # where debian/tests/staple makes them
CONTROL = '#!/bin/sh\nexec /usr/sbin/apache2ctl "$@"\n'
# One that kills the enable that calls it, when Apache's files are changed and Apache is not restarted yet.
KILLER = CONTROL.replace("exec", '[ "$1" = configtest ] && [ -e /etc/apache2/conf-enabled/stapleguard.conf ] && kill -9 $PPID && sleep 1\n'
                                 "exec")
IS_STAPLED = "openssl s_client -connect 127.0.0.1:443 -servername stapled.test -status </dev/null 2>/dev/null | grep -q 'Cert Status: good'"


class World:
    def __init__(self, machine, deb):
        self.machine = machine
        shutil.copy(deb, machine.path("/root/stapleguard.deb"))
        machine.path("/etc/hosts").write_text("127.0.0.1 localhost\n")  # debootstrap alone makes none
        repack(deb, machine.path("/root/newer.deb"), machine.root.parent)
        shutil.copy(package.SOURCE / "debian/tests/staple", machine.path("/root"))
        self.before = self.files()

    def run(self, *words, **options):
        return self.machine.run(*words, **options)

    def apt(self, *words):
        """Without a network: all that it depends on is there."""
        return self.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", *words, timeout_sec=120)

    def is_stapled(self):
        return self.run("sh", "-c", IS_STAPLED, check=False).returncode == 0

    def is_shielded(self):
        return self.machine.is_immutable("/run/stapleguard/apache")

    def state(self, unit=UNIT):
        return self.machine.show(unit, "ActiveState")

    def files(self):
        """All that has our name, but for what the tests put there, and a2enconf's own notes."""
        found = set()
        for place in ("etc", "usr", "var", "lib"):
            found |= {str(path.relative_to(self.machine.root)) for path in (self.machine.root / place).rglob("*stapleguard*")}
        return {path for path in found if "stapleguard-test" not in path and not path.startswith("var/lib/apache2/")}

    def apaches_files(self):
        return self.run("sh", "-c", "find /etc/apache2 -type f -o -type l | sort | xargs md5sum").stdout

    def seqs(self):
        log = self.machine.path("/var/log/stapleguard/audit.jsonl")
        return [int(number) for number in re.findall(r'^{"seq":(\d+)', log.read_text(), re.MULTILINE)]


def repack(deb, target, folder):
    """The same package with a higher version, for an upgrade."""
    place = folder / "repacked"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(["dpkg-deb", "--raw-extract", deb, place], check=True, timeout=60)
    control = place / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"\nVersion: {package.version()}\n", f"\nVersion: {package.version()}+1\n"))
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", place, target], check=True, capture_output=True, timeout=60)
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def world():
    with machines.one(has_own_network=True) as machine:
        made = World(machine, package.deb(package.RELEASES[0]))
        machine.boot()
        yield made


def test_installing_it_starts_nothing_and_changes_nothing_of_apaches(world):
    apache = world.apaches_files()
    world.run("systemctl", "start", "apache2")
    before = world.machine.show("apache2.service", "MainPID")
    world.apt("install", "/root/stapleguard.deb")
    assert world.state() == "inactive" and world.state("stapleguard-once.timer") == "inactive"
    assert world.run("systemctl", "is-enabled", "stapleguard", "stapleguard-once.timer", check=False).stdout.split() == ["disabled"] * 2
    assert world.apaches_files() == apache
    assert world.machine.show("apache2.service", "MainPID") == before
    assert world.run("stat", "-c", "%U:%G %a", "/run/stapleguard/apache").stdout == "stapleguard-write:www-data 750\n"
    assert world.run("stapleguardd", "-n").returncode == 0


def test_the_packages_own_test_passes(world):
    """debian/tests/staple, as autopkgtest runs it."""
    said = world.run("sh", "/root/staple", timeout_sec=120).stdout
    assert "Apache was restarted without a responder, and the staple is served" in said
    assert not re.search("warning|error", world.run("journalctl", "--unit", UNIT, "--priority=warning", "--output=cat").stdout)


def test_bash_completes_what_the_program_itself_says(world):
    script = """. /usr/share/bash-completion/completions/stapleguard
    COMP_WORDS=($1); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); [[ $1 != *' ' ]] || { COMP_WORDS+=(''); COMP_CWORD=$((COMP_CWORD + 1)); }
    _$2 "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf '%s\\n' "${COMPREPLY[@]}\""""

    def completed(line):
        return set(world.run("bash", "-c", script, "bash", line, line.split()[0]).stdout.split())

    assert "status" in manual.commands() and completed("stapleguard ") == {*manual.commands(), "--help", "--version"}
    assert completed("stapleguard st") == {"status"}
    assert completed("stapleguard status --j") == {"--json"}
    assert completed("stapleguard verify --s") == {"--safety-margin"}
    assert completed("stapleguard refresh ") == {"/etc/ssl/stapleguard-test/fullchain.pem"}
    assert {"--once", "--force", "--config", "--help", "--version"} <= completed("stapleguardd -")


def test_an_upgrade_keeps_staples_state_and_configuration(world):
    conf = world.machine.path("/etc/stapleguard/stapleguard.conf").read_text()
    pid = world.machine.show(UNIT, "MainPID")
    last = world.seqs()[-1]
    world.apt("install", "/root/newer.deb")
    assert world.run("dpkg-query", "-W", "-f", "${Version}", "stapleguard").stdout == f"{package.version()}+1"
    assert world.state() == "active" and world.machine.show(UNIT, "MainPID") != pid
    assert world.run("systemctl", "is-enabled", "stapleguard").stdout == "enabled\n"
    assert world.machine.path("/etc/stapleguard/stapleguard.conf").read_text() == conf and "allow_loopback = yes" in conf
    assert world.is_stapled()
    # No responder runs: what the new one serves is from the store of the old one.
    wait_until(lambda: world.run("stapleguard", "check", check=False).returncode == 0, "stapleguard check")
    world.run("systemctl", "restart", "apache2")
    wait_until(world.is_stapled, "the staple after Apache's restart")
    seqs = world.seqs()
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) and seqs[-1] > last


def test_removed_it_leaves_apache_its_staples_and_able_to_restart(world):
    if world.machine.can_be_immutable("/run"):
        wait_until(world.is_shielded, "the shield")
    world.apt("remove", "stapleguard")
    assert world.state() == "inactive"
    assert not world.is_shielded()
    assert world.is_stapled()
    assert KEPT_FOR_APACHE.lstrip("/") in world.files()
    world.run("systemctl", "restart", "apache2")
    assert world.state("apache2.service") == "active"
    world.run("systemctl", "reload", "apache2")
    assert world.state("apache2.service") == "active"


def test_after_a_reboot_without_it_apache_starts(world):
    world.run("systemctl", "enable", "apache2")
    world.machine.off()
    world.machine.boot()
    assert world.state("apache2.service") == "active"


def test_installed_again_it_goes_on_from_its_store(world):
    world.apt("install", "/root/stapleguard.deb")
    assert KEPT_FOR_APACHE.lstrip("/") not in world.files()
    assert world.run("stat", "-c", "%U:%G %a", "/run/stapleguard/apache").stdout == "stapleguard-write:www-data 750\n"
    world.run("systemctl", "enable", "--now", "stapleguard")
    wait_until(world.is_stapled, "the staple from the store")


def test_purged_it_leaves_nothing_but_what_apache_still_needs(world):
    if world.machine.can_be_immutable("/run"):  # left by somebody who killed all of it, and systemd's own cleaning up
        world.run("systemctl", "stop", "stapleguard")
        world.run("chattr", "+i", "/run/stapleguard/apache")
    world.apt("purge", "stapleguard")
    assert not world.is_shielded()
    assert world.is_stapled()
    assert world.files() - world.before == {"etc/apache2/conf-available/stapleguard.conf", "etc/apache2/conf-enabled/stapleguard.conf",
                                            KEPT_FOR_APACHE.lstrip("/")}
    world.run("systemctl", "restart", "apache2")
    assert world.state("apache2.service") == "active"


def test_purged_when_apache_does_not_need_it_it_leaves_nothing(world):
    world.apt("install", "/root/stapleguard.deb")
    world.run("systemctl", "enable", "--now", "stapleguard")
    wait_until(lambda: world.run("stapleguard", "status", check=False).returncode in (0, 1), "the service")
    # The record of what `enable` did was purged; what it put into Apache's configuration bears its mark.
    world.run("stapleguard", "disable", "--all", timeout_sec=120)
    assert not world.is_stapled() and world.state("apache2.service") == "active"
    world.apt("purge", "stapleguard")
    assert world.files() - world.before == set()
    assert world.run("sh", "-c", "ls -d /run/stapleguard /var/lib/stapleguard /var/log/stapleguard", check=False).stdout == ""
    world.run("systemctl", "restart", "apache2")
    assert world.state("apache2.service") == "active"
    # Their numbers may own files in a backup; Debian keeps such users, too.
    assert world.run("getent", "passwd", "stapleguard-fetch", "stapleguard-write").stdout.count("nologin") == 2
    assert world.run("systemctl", "--failed", "--quiet").stdout == ""


def test_removed_after_a_killed_enable_it_leaves_apache_as_it_was(world):
    world.apt("install", "/root/stapleguard.deb")
    world.run("systemd-run", "--unit=stapleguard-test-responder", f"--working-directory={CERTIFICATES}", "openssl", "ocsp", "-index",
              "index.txt", "-port", "18888", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "7", "-ignore_err")
    control = world.machine.path("/usr/local/sbin/stapleguard-test-control")
    control.write_text(KILLER)
    control.chmod(0o755)
    conf = world.machine.path("/etc/stapleguard/stapleguard.conf")
    conf.write_text(conf.read_text() + "[fetch]\nallow_loopback = yes\n[apache]\ncontrol = /usr/local/sbin/stapleguard-test-control\n")
    before = world.apaches_files()
    assert world.run("stapleguard", "enable", "--all", check=False, timeout_sec=120).returncode != 0
    assert world.machine.path("/var/lib/stapleguard/setup/journal").exists() and world.apaches_files() != before
    control.write_text(CONTROL)
    world.apt("remove", "stapleguard")
    assert world.apaches_files() == before
    assert KEPT_FOR_APACHE.lstrip("/") not in world.files()
    assert world.state() == "inactive" and world.state("apache2.service") == "active"
    assert not world.is_stapled()
    world.apt("purge", "stapleguard")
    assert world.files() - world.before == set()
