# SPDX-License-Identifier: ISC
"""P3, P4, P20: `stapleguard enable` as administrators run it: Debian's apache2.service and a2enmod, our units, systemd booted.

One container serves all tests here; each leaves it without stapling and with Apache running.
"""

import contextlib

import pytest
from helpers import layouts, machine as machines, pki, responder, tls
from helpers.daemon import wait_until

UNIT = "stapleguard.service"
JOURNAL = "/var/lib/stapleguard/setup/journal"

SITE = """<VirtualHost 127.0.0.1:{port}>
ServerName shop.test
SSLEngine on
SSLCertificateFile /etc/ssl/shop.pem
SSLCertificateKeyFile /etc/ssl/shop.key
</VirtualHost>
"""

# What a power cut at a bad moment is: killed when Apache's files were written and nothing was tested yet.
KILLER = '[ "$1" = configtest ] && [ -e /etc/apache2/conf-enabled/stapleguard.conf ] && kill -9 $PPID && sleep 1\n'


class World:
    """A machine with one must-staple site, and its responder outside of it."""

    def __init__(self, machine, authorities):
        self.machine = machine
        self.responder = responder.Responder().start()
        self.port = responder.free_port()
        cert = authorities.ca.leaf("shop.test", ocsp_urls=[self.responder.url], must_staple=True)
        pki.write_fullchain(machine.path("/etc/ssl/shop.pem"), cert, mode=0o600)
        pki.write_key(machine.path("/etc/ssl/shop.key"), cert)
        self.responder.answer(cert, pki.response(cert, signer=authorities.signer))
        machine.path("/etc/apache2/ports.conf").write_text(f"Listen 127.0.0.1:{self.port}\nServerName localhost\n")
        machine.path("/etc/apache2/sites-available/shop.conf").write_text(SITE.format(port=self.port))
        machine.path("/etc/apache2/sites-enabled/000-default.conf").unlink()
        machine.path("/etc/apache2/sites-enabled/shop.conf").symlink_to("../sites-available/shop.conf")
        machine.path("/etc/stapleguard").mkdir(exist_ok=True)
        machine.path("/etc/stapleguard/stapleguard.conf").write_text("[fetch]\nallow_loopback = yes\n")

    def first_start(self):
        run = self.machine.run
        run("systemd-sysusers")
        run("systemd-tmpfiles", "--create", "stapleguard.conf")
        run("a2enmod", "--quiet", "ssl")
        run("systemctl", "daemon-reload")
        run("systemctl", "enable", "--now", "apache2")
        self.before = self.picture()

    def picture(self):
        return layouts.picture(self.machine.path("/etc/apache2"), self.machine.path("/var/lib/apache2"))

    def enable(self, code=0):
        done = self.machine.run("stapleguard", "enable", "--all", check=False, timeout_sec=300)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}{done.stderr}\n{self.machine.journal('-n', '40')}"
        return done

    def status(self):
        try:
            return tls.handshake(self.port, "shop.test").status
        except OSError:
            return "down"

    def unit(self):
        return self.machine.show(UNIT, "ActiveState", "UnitFileState")

    def check_untouched(self):
        differing = [path for path in self.before | self.picture() if self.before.get(path) != self.picture().get(path)]
        assert not differing
        assert self.machine.show("apache2.service", "ActiveState") == "active"
        assert self.status() == "none"


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
    world.responder.forget()


def test_P4_a_failure_stops_the_service_that_was_started_for_it(world):
    world.responder.down()  # and nothing is in the store yet
    done = world.enable(code=1)
    assert "shop.test has no staple" in done.stderr and "everything is as it was before" in done.stderr
    wait_until(lambda: world.unit() == {"ActiveState": "inactive", "UnitFileState": "disabled"}, "the service's end")
    world.check_untouched()


@contextlib.contextmanager
def broken_unit(world, setting):
    """A drop-in that keeps the service from coming up, until the running system is told to forget it."""
    dropin = "/run/systemd/system/stapleguard.service.d"
    world.machine.run("sh", "-c", f"mkdir -p {dropin} && printf '[Service]\\n%s\\n' '{setting}' >{dropin}/broken.conf"
                                  " && systemctl daemon-reload")
    try:
        yield
    finally:
        world.machine.run("sh", "-c", f"rm -r {dropin} && systemctl daemon-reload")


def test_P4_a_service_that_never_comes_up_is_not_waited_for(world):
    """systemd would wait for TimeoutStartSec=."""
    with broken_unit(world, "SystemCallFilter=~chroot"):
        done = world.enable(code=1)
    assert "its fetcher or its writer ends again and again; journalctl -u stapleguard.service says more" in done.stderr
    assert "everything is as it was before" in done.stderr
    wait_until(lambda: world.unit()["UnitFileState"] == "disabled" and world.unit()["ActiveState"] != "activating", "its end")
    world.machine.run("systemctl", "reset-failed", UNIT, check=False)
    world.check_untouched()


def test_P4_an_interruption_while_the_service_starts_is_heard(world):
    with broken_unit(world, "ExecStartPre=/bin/sleep 250"):
        done = world.machine.run("timeout", "--preserve-status", "--signal=TERM", "3", "stapleguard", "enable", "--all", check=False,
                                 timeout_sec=200)
        wait_until(lambda: world.unit()["ActiveState"] in ("inactive", "failed"), "the end of the start")
    assert done.returncode == 1
    assert "does not start: interrupted" in done.stderr and "everything is as it was before" in done.stderr
    world.machine.run("systemctl", "reset-failed", UNIT, check=False)
    world.check_untouched()


def test_P3_P20_one_command_there_and_one_back(world):
    done = world.enable()
    assert "systemctl enable --now stapleguard" in done.stdout
    assert world.unit() == {"ActiveState": "active", "UnitFileState": "enabled"}
    world.responder.down()
    assert world.status() == "good"
    world.machine.run("systemctl", "restart", "apache2")
    wait_until(lambda: world.status() == "good", "the staple after Apache's restart")
    assert "Nothing to do" in world.enable().stdout
    done = world.machine.run("stapleguard", "disable", "--all", timeout_sec=120)
    assert "Stopping stapleguard.service" in done.stdout
    assert world.unit() == {"ActiveState": "inactive", "UnitFileState": "disabled"}
    assert "i" not in world.machine.run("lsattr", "-d", "/run/stapleguard/apache", check=False).stdout.split(" ")[0]
    world.check_untouched()


def test_P4_the_service_puts_back_what_a_killed_enable_left(world):
    control = world.machine.path("/usr/sbin/apache2ctl")
    text = control.read_text()
    control.write_text(text.replace("#!/bin/sh\n", "#!/bin/sh\n" + KILLER, 1))
    world.enable(code=-9)
    control.write_text(text)
    assert world.picture() != world.before and world.machine.path(JOURNAL).exists()
    world.machine.run("systemctl", "restart", "stapleguard", check=False)
    wait_until(lambda: not world.machine.path(JOURNAL).exists(), "the recovery")
    wait_until(lambda: world.unit() == {"ActiveState": "inactive", "UnitFileState": "disabled"}, "the service's end")
    assert "killed half-way; everything is as it was before" in world.machine.journal("--unit", UNIT)
    wait_until(lambda: world.status() == "none", "Apache with its old configuration")
    world.check_untouched()


def test_P4_a_power_cut_in_the_middle_is_put_right_before_apache_starts(world):
    control = world.machine.path("/usr/sbin/apache2ctl")
    text = control.read_text()
    control.write_text(text.replace("#!/bin/sh\n", "#!/bin/sh\n" + KILLER, 1))
    world.enable(code=-9)
    control.write_text(text)
    assert world.picture() != world.before
    world.machine.off()
    world.machine.boot()
    wait_until(lambda: world.machine.show("apache2.service", "ActiveState") == "active", "Apache")
    recovered = world.machine.show("stapleguard-recover.service", "ExecMainExitTimestampMonotonic", "Result", "ExecMainStatus")
    assert (recovered["Result"], recovered["ExecMainStatus"]) == ("success", "0")
    started = world.machine.show("apache2.service", "ExecMainStartTimestampMonotonic")
    assert 0 < int(recovered["ExecMainExitTimestampMonotonic"]) <= int(started)
    assert not world.machine.path(JOURNAL).exists()
    world.check_untouched()
    assert world.unit()["UnitFileState"] == "disabled"


def test_a_boot_without_a_journal_waits_for_nothing(world):
    assert world.machine.run("systemctl", "is-enabled", "stapleguard-recover.service", check=False).stdout.strip() in ("static", "enabled")
    world.machine.off()
    world.machine.boot()
    assert world.machine.show("stapleguard-recover.service", "ConditionResult", "ActiveState") == {
        "ConditionResult": "no", "ActiveState": "inactive"}
    wait_until(lambda: world.status() == "none", "Apache")
