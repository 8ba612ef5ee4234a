# SPDX-License-Identifier: ISC
"""P1, P2, P3, P4, P18, P20: `stapleguard enable` and `disable` on private Apaches, laid out plainly and as Debian does."""

import hashlib
import os
import re
import shutil
import signal
import subprocess

import pytest
from helpers import apache, dbm, layouts, pki, responder, site as sites, stapleguard, tls
from helpers.daemon import Daemon, wait_until

LAYOUTS = {"plain": layouts.Plain, "debian": layouts.Debian}


class World:
    """A site whose Apache knows nothing of stapleguard yet."""

    def __init__(self, site, layout):
        self.site = site
        self.sg = site.sg
        directory = site.place / "httpd"
        directory.mkdir()
        try:
            self.apache = site.apache = LAYOUTS[layout](directory)
        except layouts.CannotRun as reason:
            pytest.skip(str(reason))
        self.sg.use(self.apache)
        self.sg.set("apache", discover="apache", lock_dir=self.sg.run_dir / "lock")
        self.sg.write_conf()
        self.daemon = None

    def vhost(self, name, **options):
        extra = options.pop("extra", "")
        kinds = options.pop("keys", ("ecdsa",))
        pairs = []
        for kind in kinds:
            file = name if kind == "ecdsa" else f"{name}.{kind}"
            cert = self.site.leaf(file, managed=False, key=kind, **options)
            pairs.append((self.site.pem(file), self.site.key(file)))
        self.apache.add(name, *pairs, extra=extra)
        return cert

    def start(self):
        self.apache.start()
        self.before = self.picture()
        return self

    def picture(self):
        return layouts.picture(*self.apache.tree)

    def run(self, *words, code=None, wrapper=(), **options):
        done = subprocess.run([*wrapper, stapleguard.program("stapleguard"), words[0], "-c", self.sg.conf, *words[1:]],
                              capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
                              env={**os.environ, "TMPDIR": str(self.site.place)}, **options)
        assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.apache.log()[-2000:]}"
        return done

    def status(self, name="shop.test", **options):
        return self.site.handshake(name, **options).status

    def is_answering(self, name="shop.test"):
        try:
            return self.status(name) in ("none", "good")
        except OSError:
            return False

    def find_apache(self):
        """It may be another process by now."""
        if self.apache.pidfd is not None:
            os.close(self.apache.pidfd)
            self.apache.pidfd = self.apache.pid = None
        self.apache._find_process()
        return self.apache.pid

    def check_untouched(self):
        """As before the first enable: every file, and Apache answers, without a staple."""
        assert self.picture() == self.before
        assert self.find_apache() is not None
        assert self.status() == "none"
        assert not (self.sg.state_dir / "setup" / "journal").exists()

    def end(self):
        if self.daemon is not None:
            self.daemon.end()
        self.find_apache()
        dbm_directory = self.sg.dbm_path.parent
        if dbm_directory.exists():
            subprocess.run(["chattr", "-i", dbm_directory], check=False, capture_output=True)


@pytest.fixture(params=list(LAYOUTS))
def layout(request):
    return request.param


@pytest.fixture
def world(site, layout):
    made = World(site, layout)
    made.shop = made.vhost("shop.test", must_staple=True)
    yield made
    made.end()


@pytest.fixture
def empty(site):
    """Where the layout makes no difference; without a vhost yet."""
    made = World(site, "plain")
    yield made
    made.end()


@pytest.fixture
def plain(empty):
    empty.shop = empty.vhost("shop.test", must_staple=True)
    return empty


def error_of(done):
    lines = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


# There and back -------------------------------------------------------------------------------------------------------------


def test_P3_P20_enable_and_disable_are_there_and_back(world):
    world.start()
    done = world.run("enable", "--all", code=0)
    assert world.status() == "good"
    for word in ("shop.test: a good staple", "openssl s_client -connect", "backup:", "undo:    stapleguard disable --all"):
        assert word in done.stdout
    assert [line.split(".")[0] for line in done.stdout.splitlines() if re.match(r"\d+\. ", line)] == [
        str(n) for n in range(1, len(re.findall(r"^\d+\. ", done.stdout, re.MULTILINE)) + 1)]
    text = "\n".join(str(entry) for entry in world.picture().values())
    for line in ("SSLStaplingReturnResponderErrors off", "SSLStaplingFakeTryLater off", f"flock:{world.sg.run_dir}/lock"):
        assert line in text
    done = world.run("disable", "--all", code=0)
    assert "shop.test: no staple" in done.stdout
    world.check_untouched()
    assert not (world.sg.state_dir / "setup" / "enabled").exists()


def test_the_line_that_shows_it_does(world):
    """Copied from the output into a shell."""
    world.start()
    done = world.run("enable", "--all", code=0)
    line = re.search(r"see it:\s+(openssl .*)", done.stdout).group(1)
    assert "Cert Status: good" in subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60).stdout


def test_enable_twice_changes_nothing_the_second_time(world):
    world.start()
    world.run("enable", "--all", code=0)
    picture, pid = layouts.picture(*world.apache.tree, world.sg.state_dir / "setup"), world.find_apache()
    generations = world.apache._generations()
    done = world.run("enable", "--all", code=0)
    assert "Nothing to do" in done.stdout
    assert (layouts.picture(*world.apache.tree, world.sg.state_dir / "setup"), world.find_apache()) == (picture, pid)
    assert world.apache._generations() == generations


def test_disable_where_nothing_is_enabled_says_so(world):
    world.start()
    assert "Nothing to do" in world.run("disable", "--all", code=0).stdout
    world.check_untouched()


def test_P1_only_the_vhosts_of_the_named_domains(world):
    world.vhost("other.test")
    world.start()
    world.run("enable", "--domain", "shop.test", code=0)
    assert (world.status("shop.test"), world.status("other.test")) == ("good", "none")
    world.run("enable", "--domain", "other.test", code=0)
    assert (world.status("shop.test"), world.status("other.test")) == ("good", "good")
    world.run("disable", "--domain", "shop.test", code=0)
    assert (world.status("shop.test"), world.status("other.test")) == ("none", "good")
    world.run("disable", "--domain", "other.test", code=0)
    assert (world.status("shop.test"), world.status("other.test")) == ("none", "none")
    world.check_untouched()


def test_P1_a_domain_without_a_tls_vhost_is_named(plain):
    plain.vhost("other.test")
    plain.start()
    done = plain.run("enable", "--domain", "shop.test", "nobody.test", code=1)
    assert "nobody.test" in done.stdout and "nothing was changed" in error_of(done)
    plain.check_untouched()


def test_P1_no_tls_vhost_at_all(empty):
    world = empty
    world.vhost("plain.test", extra="SSLEngine off")
    world.apache.start()
    before = world.picture()
    done = world.run("enable", "--all", code=1)
    assert "   error: " in done.stdout and "TLS" in done.stdout
    assert world.picture() == before


def test_both_certificates_of_a_vhost_are_seen(empty):
    world = empty
    world.vhost("shop.test", keys=("rsa", "ecdsa"))
    world.start()
    done = world.run("enable", "--all", code=0)
    assert "shop.test RSA: a good staple" in done.stdout and "shop.test ECDSA: a good staple" in done.stdout
    assert {world.status(key=key) for key in ("rsa", "ecdsa")} == {"good"}


def test_a_vhost_that_nobody_can_reach_is_named_and_no_obstacle(plain):
    """Two of one name: Apache takes the first."""
    cert = plain.site.leaf("second", managed=False)
    plain.apache.add("shop.test", (plain.site.pem("second"), plain.site.key("second")))
    plain.start()
    done = plain.run("enable", "--all", code=0)
    assert f"another virtual host answers there, so nobody sees {plain.site.pem('second')}" in done.stdout
    assert plain.site.handshake("shop.test").serial == plain.shop.serial != cert.serial


def test_a_certificate_without_ocsp_is_named_and_no_obstacle(plain):
    plain.vhost("quiet.test", ocsp_urls=[])
    plain.start()
    done = plain.run("enable", "--all", code=0)
    assert "quiet.test.pem has no OCSP URL" in done.stdout
    assert "quiet.test: no staple, and its certificate can have none" in done.stdout


# Beforehand -----------------------------------------------------------------------------------------------------------------


def test_P2_a_dry_run_changes_nothing(world):
    world.start()
    before = layouts.picture(world.site.place)
    log = str(world.apache.error_log)
    done = world.run("enable", "--all", "--dry-run", code=0)
    after = layouts.picture(world.site.place)
    assert {path for path in before | after if before.get(path) != after.get(path)} <= {log}
    assert "+    SSLUseStapling on" in done.stdout and "dry run: nothing was changed" in done.stdout
    assert not world.sg.state_dir.exists() and not world.sg.run_dir.exists()


def test_P2_all_findings_at_once(plain):
    plain.sg.set("stapleguard", fetch_user="no-such-user-1", write_user="no-such-user-2")
    plain.sg.write_conf()
    plain.apache.write_conf()  # and it is not started
    before = plain.picture()
    done = plain.run("enable", "--all", code=1)
    findings = [line for line in done.stdout.splitlines() if line.startswith("   error: ")]
    assert [word for word in ("no-such-user-1", "no-such-user-2", "Apache is not running") if not any(word in f for f in findings)] == []
    assert plain.picture() == before


def test_P2_P20_a_module_that_nobody_loads_is_loaded_by_our_own_file(empty):
    world = empty
    world.apache.modules = tuple(name for name in world.apache.modules if name != "socache_dbm")
    world.vhost("shop.test")
    world.start()
    done = world.run("enable", "--all", code=0)
    assert re.search(r"LoadModule socache_dbm_module \"/\S+/mod_socache_dbm.so\"", done.stdout)
    assert world.status() == "good"
    assert "Nothing to do" in world.run("enable", "--all", code=0).stdout
    world.run("disable", "--all", code=0)
    world.check_untouched()


def test_P2_mod_md_in_charge(empty):
    world = empty
    world.apache.modules += ("md",)
    world.apache.extra = "MDStapling on\nMDStapleOthers on"
    world.vhost("shop.test")
    world.start()
    done = world.run("enable", "--all", code=1)
    assert re.search(r"   error: \S+apache.conf:\d+: mod_md staples by itself", done.stdout)
    assert world.picture() == world.before


def test_P2_another_cache_is_replaced_and_comes_back(empty):
    world = empty
    world.apache.extra = f"SSLUseStapling on\nSSLStaplingCache shmcb:{world.apache.directory}/old(128000)"
    world.vhost("shop.test")
    world.site.responder.forget()
    world.apache.start()
    before = world.picture()
    done = world.run("enable", "--all", code=0)
    assert "another SSLStaplingCache" in done.stdout and "stopped and started" in done.stdout
    world.site.responder.down()
    assert world.status() == "good"
    assert dbm.entries(world.sg.dbm_path)
    assert list((world.sg.run_dir / "lock").glob("ssl-stapling.*")), "the mutex is the file that we asked for"
    world.run("disable", "--all", code=0)
    assert world.picture() == before


def test_P2_a_broken_configuration_is_left_alone(plain):
    plain.start()
    with plain.apache.conf.open("a") as conf:
        conf.write("ThisIsNoDirective on\n")
    before = plain.picture()
    done = plain.run("enable", "--all", code=1)
    assert "ThisIsNoDirective" in done.stdout
    assert plain.picture() == before and plain.is_answering()


def test_P2_a_responder_that_cannot_be_reached_is_named_beforehand(plain):
    plain.start()
    plain.site.responder.down()
    done = plain.run("enable", "--all", "--dry-run", code=0)
    assert f"the responder {plain.site.responder.url} cannot be reached" in done.stdout


def test_P2_where_apachectl_refuses_options_the_program_is_asked(plain):
    """As Red Hat's does."""
    plain.start()
    program = plain.apache.directory / "httpd"
    shutil.copy(plain.apache.control, program)
    head, _, rest = plain.apache.control.read_text().partition("\n")
    plain.apache.control.write_text(f"{head}\n[ $# -eq 1 ] || {{ echo 'no longer supported' >&2; exit 1; }}\n{rest}")
    assert "no longer supported" in plain.run("enable", "--all", code=1).stdout
    plain.sg.set("apache", program=program)
    plain.sg.write_conf()
    plain.run("enable", "--all", code=0)
    assert plain.status() == "good"
    plain.run("disable", "--all", code=0)
    plain.check_untouched()


# mod_info is gone for what runs in it.
HIDE_INFO = ("unshare", "-m", "sh", "-c", 'd=$0; lower=$(mktemp -d); mount -t tmpfs none "$lower" && mkdir "$lower/up" "$lower/work" && '
             'mount -t overlay none -o "lowerdir=$d,upperdir=$lower/up,workdir=$lower/work" "$d" && rm "$d/mod_info.so" && '
             'umount -l "$lower" && rmdir "$lower" && exec "$@"', str(apache.MODULES))


def test_P2_without_mod_info_enable_says_what_to_write_and_disable_works(plain):
    plain.start()
    done = plain.run("enable", "--all", wrapper=HIDE_INFO, code=1)
    for line in (f'SSLStaplingCache "dbm:{plain.sg.dbm_path}"', "SSLStaplingReturnResponderErrors off", "SSLStaplingFakeTryLater off",
                 f'Mutex "flock:{plain.sg.run_dir}/lock" ssl-stapling', "SSLUseStapling on", "mod_info"):
        assert line in done.stdout
    assert plain.picture() == plain.before
    plain.run("enable", "--all", code=0)
    assert plain.status() == "good"
    plain.run("disable", "--all", wrapper=HIDE_INFO, code=0)
    plain.check_untouched()


WITHOUT_NAMESPACES = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")


def test_P3_where_apache_cannot_be_shown_the_files_beforehand_they_are_checked_once_written(world):
    world.start()
    done = world.run("enable", "--all", wrapper=WITHOUT_NAMESPACES, code=0)
    assert "cannot be shown to Apache beforehand (Operation not permitted)" in done.stdout
    assert world.status() == "good"
    world.run("disable", "--all", wrapper=WITHOUT_NAMESPACES, code=0)
    world.check_untouched()


def test_P4_what_only_the_written_files_show_is_undone(empty):
    """A macro makes a host that was not named, too, and nobody could know beforehand."""
    world = empty
    world.apache.modules += ("macro",)
    world.vhost("shop.test")
    world.vhost("other.test")
    world.apache.write_conf()
    text = world.apache.conf.read_text()
    hosts = re.findall(r"<VirtualHost .*?</VirtualHost>\n", text, flags=re.DOTALL)
    macro = re.sub("shop.test", "$name", hosts[0])
    world.apache.conf.write_text(text.replace(hosts[0], f"<Macro Site $name>\n{macro}</Macro>\nUse Site shop.test\nUse Site other.test\n")
                                 .replace(hosts[1], ""))
    world.start()
    done = world.run("enable", "--domain", "shop.test", wrapper=WITHOUT_NAMESPACES, code=1)
    check_refused(world, done, "makes other.test, too")
    done = world.run("enable", "--domain", "shop.test", code=1)
    assert "makes other.test, too" in done.stdout and "nothing was changed" in error_of(done)
    world.check_untouched()


@pytest.mark.parametrize("words", [
    ["enable"], ["disable"], ["enable", "--all", "--domain", "a.test"], ["enable", "--domain", "http://a.test/"], ["enable", "--all", "x"],
    ["enable", "--recover", "--dry-run"], ["enable", "--all", "--quiet"], ["disable", "--recover"], ["enable", "--domain"],
])
def test_wrong_usage(plain, words):
    done = plain.run(*words, code=3)
    assert "usage: stapleguard" in done.stderr


# Failures: everything is as before, and the first cause is named -------------------------------------------------------------


def let_control(world, command, then):
    """From now on `control command` runs the shell lines first."""
    text = world.apache.control.read_text()
    head, _, rest = text.partition("\n")
    world.apache.control.write_text(f'{head}\nif [ "$1" = {command} ]; then\n{then}\nfi\n{rest}')


def check_refused(world, done, *causes):
    message = error_of(done)
    assert "everything is as it was before" in message
    for cause in causes:
        assert cause in message, message
    world.check_untouched()


# Written by us, and read by Apache.
OURS = {"plain": "conf.d/stapleguard.conf", "debian": "apache2/conf-enabled/stapleguard.conf"}


def test_P4_apache_does_not_like_the_new_configuration(world, layout):
    world.start()
    let_control(world, "configtest", f"[ -e {world.apache.directory}/{OURS[layout]} ] && echo 'AH00526: no, not that' >&2 && exit 1")
    check_refused(world, world.run("enable", "--all", code=1), "AH00526: no, not that")


def test_P4_P18_the_restart_fails(world, layout):
    world.start()
    let_control(world, "graceful", f"[ -e {world.apache.directory}/{OURS[layout]} ] && echo 'httpd: no restart today' >&2 && exit 1")
    check_refused(world, world.run("enable", "--all", code=1), "no restart today")


def test_P4_apache_ends_instead_of_restarting(world, layout):
    world.start()
    let_control(world, "graceful",
                f"[ -e {world.apache.directory}/{OURS[layout]} ] && kill -9 -$(cat {world.apache.pid_file}) && exit 0")
    check_refused(world, world.run("enable", "--all", code=1), "Apache ended instead of restarting")


def test_P4_the_responder_is_down(world):
    world.start()
    world.site.responder.down()
    check_refused(world, world.run("enable", "--all", code=1), "shop.test has no staple", "--allow-missing")


def test_P4_the_responder_lies(world):
    world.start()
    world.site.responder.answer(world.shop, pki.response(world.shop, signer=world.site.authorities.stranger))
    check_refused(world, world.run("enable", "--all", code=1), "shop.test has no staple", "signer")


def test_P4_the_certificate_is_revoked(plain):
    plain.start()
    plain.site.responder.answer(plain.shop, plain.site.good(plain.shop, status="revoked"))
    check_refused(plain, plain.run("enable", "--all", code=1), "shop.test has no staple: revoked")


def test_a_missing_staple_may_be_allowed(plain):
    other = plain.vhost("other.test")
    plain.start()
    plain.site.responder.fail(other, responder.STATUS)
    assert "other.test has no staple" in error_of(plain.run("enable", "--all", code=1))
    plain.check_untouched()
    done = plain.run("enable", "--all", "--allow-missing", code=0)
    assert "warning: other.test has no staple" in done.stdout
    assert plain.status("shop.test") == "good"


def test_P3_P4_a_vhost_that_shows_no_staple(plain):
    """Configuration, restart and cache are fine; only the handshake tells."""
    plain.start()
    other = plain.apache.directory / "conf.d" / "zz.conf"
    let_control(plain, "graceful", f"echo SSLUseStapling off >{other}")
    let_control(plain, "stop", f"rm -f {other}")
    check_refused(plain, plain.run("enable", "--all", code=1), "shop.test", "serves no staple")


def test_P4_a_file_that_apache_cannot_use_is_seen(plain):
    """Apache would ask the responder in every handshake; from outside all looks well."""
    plain.start()
    let_control(plain, "graceful", f"chmod 700 {plain.sg.dbm_path.parent}")
    check_refused(plain, plain.run("enable", "--all", code=1), "cannot read and write")


def test_P4_a_file_that_is_not_berkeley_db_rolls_back(plain):
    plain.start()
    shutil.copy(plain.apache.control, f"{plain.apache.control}.real")
    let_control(plain, "graceful", f"{plain.apache.control}.real graceful; sleep 1; printf 'no Berkeley DB' >{plain.sg.dbm_path}; exit 0")
    check_refused(plain, plain.run("enable", "--all", code=1), "DBM type is not Berkeley DB", "a text file")


def test_P4_interrupted_it_goes_back(world):
    world.start()
    world.site.responder.fail_all(responder.HANG)
    process = subprocess.Popen([stapleguard.program("stapleguard"), "enable", "--all", "-c", world.sg.conf], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.site.responder.wait_for(2)  # the first one asks only whether it can be reached
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 1, out + error
    assert "interrupted" in error and "everything is as it was before" in error
    world.check_untouched()


def test_P4_what_cannot_be_put_back_does_not_hide_the_first_cause(plain):
    """Going back fails as well: both are said, the first cause first, and what to do; later it is done."""
    plain.start()
    stop = plain.apache.directory / "broken"
    let_control(plain, "graceful", f"touch {stop}; echo 'the first cause' >&2; exit 1")
    let_control(plain, "configtest", f"[ -e {stop} ] && echo 'the second trouble' >&2 && exit 1")
    message = error_of(plain.run("enable", "--all", code=2))
    assert message.index("the first cause") < message.index("the second trouble")
    assert "stapleguard enable --recover" in message
    assert plain.picture() == plain.before
    plain.apache.control.write_text(plain.apache.control.read_text().replace("touch ", ": ").replace("exit 1", ":"))
    stop.unlink()
    plain.run("enable", "--recover", code=0)
    plain.check_untouched()


# Beside the service ---------------------------------------------------------------------------------------------------------


def test_P3_P18_with_the_service_running_no_handshake_is_without_a_staple(plain):
    """Fetched before the restart, shielded during it; and a second enable for another site does not cost the first one its staple."""
    plain.vhost("other.test")
    plain.start()
    plain.daemon = Daemon(plain.sg).start()
    done = plain.run("enable", "--domain", "shop.test", code=0)
    assert "stapleguardd --once" not in done.stdout
    plain.site.responder.down()
    assert plain.status() == "good"
    plain.site.responder.up()
    plain.run("enable", "--domain", "other.test", code=0)
    plain.site.responder.down()
    assert (plain.status("shop.test"), plain.status("other.test")) == ("good", "good")
    done = plain.run("disable", "--all", code=0)
    assert "stapleguardd still runs" in done.stdout
    plain.check_untouched()
    assert plain.daemon.is_running()


def test_P4_the_service_stays_as_it_was_when_enable_fails(plain):
    plain.start()
    plain.site.responder.answer(plain.shop, plain.site.good(plain.shop, status="revoked"))
    plain.daemon = Daemon(plain.sg).start()
    plain.run("enable", "--all", code=1)
    assert plain.daemon.is_running()
    plain.check_untouched()


def test_P20_disable_lifts_a_shield_that_a_killed_service_left(plain):
    plain.start()
    plain.run("enable", "--all", code=0)
    if subprocess.run(["chattr", "+i", plain.sg.dbm_path.parent], check=False, capture_output=True).returncode != 0:
        pytest.skip("this file system has no immutable flag")
    plain.run("disable", "--all", code=0)
    flags = subprocess.run(["lsattr", "-d", plain.sg.dbm_path.parent], check=True, capture_output=True, text=True).stdout
    assert "i" not in flags.split()[0]
    plain.check_untouched()


def test_P20_a_module_that_something_else_uses_by_now_stays(site, layout):
    if layout != "debian":
        pytest.skip("modules are loaded by hand there")
    world = World(site, layout)
    try:
        world.vhost("shop.test")
        world.start()
        world.run("enable", "--all", code=0)
        assert world.apache.is_enabled("socache_dbm")
        conf = world.apache.root / "conf-enabled" / "mine.conf"
        conf.write_text(f"SSLSessionCache dbm:{world.apache.directory}/sessions\n")
        ssl = world.apache.root / "mods-available" / "ssl.conf"
        ssl.write_text(re.sub(r"^\s*SSLSessionCache\s.*$", "", ssl.read_text(), flags=re.MULTILINE))
        done = world.run("disable", "--all", code=0)
        assert "mod_socache_dbm stays loaded: something else uses it" in done.stdout
        assert world.apache.is_enabled("socache_dbm") and world.find_apache() is not None
        assert not (world.apache.root / "conf-enabled" / "stapleguard.conf").exists()
    finally:
        world.end()


def test_P20_disable_after_the_administrator_edited_around_our_lines(plain):
    plain.vhost("other.test")
    plain.start()
    plain.run("enable", "--domain", "shop.test", code=0)
    text = plain.apache.conf.read_text()
    plain.apache.conf.write_text("# first\n" + text.replace("ServerName shop.test", "ServerName shop.test\nServerAlias www.shop.test") + "# last\n")
    plain.run("disable", "--domain", "www.shop.test", code=0)
    before = plain.before[str(plain.apache.conf)][4].decode()
    assert plain.apache.conf.read_text() == (
        "# first\n" + before.replace("ServerName shop.test", "ServerName shop.test\nServerAlias www.shop.test") + "# last\n")


def test_disable_when_apache_does_not_run(plain):
    plain.start()
    plain.run("enable", "--all", code=0)
    plain.find_apache()
    plain.apache.stop()
    done = plain.run("disable", "--all", code=0)
    assert "Apache does not run" in done.stdout
    assert plain.picture() == plain.before and plain.find_apache() is None
    plain.apache.start()
    assert plain.status() == "none"


# Killed ---------------------------------------------------------------------------------------------------------------------

# By which the command's own process changes the world, or waits for others who do.  Killed before the first, second, third …
# of each, it has done everything up to there.
CALLS = ("rename", "renameat2", "unlink", "mkdir", "symlink", "openat", "fchmod", "fchown", "fsync", "flock", "clone", "wait4", "connect",
         "inotify_add_watch")
ONLY_LAST = {"openat": 6, "wait4": 4}  # most of these read: the state is the same as before the call that follows
# A step takes two restarts of Apache; what differs in Debian's layout are links, and a2enmod.
CALLS_DEBIAN = ("rename", "symlink", "clone")


def strace(call, what):
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}"]


def count_calls(world, *words):
    """{call: how often it is made} in a run that nobody disturbs."""
    log = world.site.place / "calls"
    calls = CALLS if isinstance(world.apache, layouts.Plain) else CALLS_DEBIAN
    world.run(*words, code=0, wrapper=["strace", "-qq", "-c", "-o", log, "-e", f"trace={','.join(calls)}"])
    found = {}
    for line in log.read_text().splitlines():
        fields = line.split()
        if fields and fields[-1] in CALLS:
            found[fields[-1]] = int(fields[3])
    return found


def every_step(counts):
    for call, count in counts.items():
        for step in range(max(1, count - ONLY_LAST.get(call, count) + 1), count + 1):
            yield call, step


def check_recovered(world, picture, what):
    done = world.run("enable", "--recover", "--quiet")
    assert done.returncode == 0, f"{what}: {done.stdout}{done.stderr}"
    differing = [path for path in picture | world.picture() if picture.get(path) != world.picture().get(path)]
    assert not differing, f"{what}: {differing}\n{done.stderr}"
    assert world.find_apache() is not None and world.is_answering(), what
    assert not (world.sg.state_dir / "setup" / "journal").exists(), what


def test_P4_enable_killed_at_each_step_is_undone(world):
    world.start()
    words = ("enable", "--domain", "shop.test")
    counts = count_calls(world, *words)
    world.run("disable", "--all", code=0)
    world.check_untouched()
    steps = 0
    for call, step in every_step(counts):
        done = world.run(*words, wrapper=strace(call, f"signal=KILL:when={step}"))
        assert done.returncode in (-signal.SIGKILL, 0), f"{call} {step}: {done.returncode}\n{done.stdout}{done.stderr}"
        steps += 1
        if not (world.sg.state_dir / "setup" / "journal").exists() and world.picture() != world.before:
            assert world.status() == "good"  # killed when all was done; or fewer calls than the first time: some directories are there
            world.run("disable", "--all", code=0)
        check_recovered(world, world.before, f"killed before {call} {step}")
    assert steps > 15 and world.status() == "none"
    world.run(*words, code=0)
    assert world.status() == "good"


def test_P4_P20_disable_killed_at_each_step_is_undone(world):
    world.start()
    world.run("enable", "--all", code=0)
    enabled = world.picture()
    words = ("disable", "--all")
    counts = count_calls(world, *words)
    world.run("enable", "--all", code=0)
    assert world.picture() == enabled
    for call, step in every_step(counts):
        done = world.run(*words, wrapper=strace(call, f"signal=KILL:when={step}"))
        assert done.returncode in (-signal.SIGKILL, 0), f"{call} {step}: {done.returncode}\n{done.stdout}{done.stderr}"
        if world.picture() == world.before and not (world.sg.state_dir / "setup" / "journal").exists():
            world.check_untouched()  # killed when all was done
            world.run("enable", "--all", code=0)
        check_recovered(world, enabled, f"killed before {call} {step}")


def test_P2_a_killed_trial_of_the_dbm_type_leaves_no_process(plain):
    """Apache's own program, running for a moment with a configuration of ours, must end with us."""
    plain.start()
    done = plain.run("enable", "--all", "--dry-run", wrapper=strace("pidfd_open", "signal=KILL:when=3"))
    assert done.returncode == -signal.SIGKILL
    assert list(plain.site.place.glob("stapleguard-trial-*")), "it was killed in the middle of the trial"

    def is_over():
        output = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
        return f"{plain.site.place}/stapleguard-trial-" not in output

    wait_until(is_over, "the trial's end")


def killed_when_written(world):
    """A run that was killed when Apache's files were changed and Apache was not restarted yet."""
    world.apache.control.write_text(world.apache.control.read_text().replace("#!/bin/sh\n", "#!/bin/sh\n" + KILLER.format(
        ours=world.apache.directory / OURS["plain" if world.apache.conf.is_file() else "debian"]), 1))
    done = world.run("enable", "--all")
    assert done.returncode == -signal.SIGKILL
    world.apache.control.write_text(world.apache.control.read_text().replace(KILLER.format(
        ours=world.apache.directory / OURS["plain" if world.apache.conf.is_file() else "debian"]), ""))
    assert world.picture() != world.before


KILLER = '[ "$1" = configtest ] && [ -e {ours} ] && kill -9 $PPID && sleep 1\n'


def test_P4_recovery_killed_at_each_step_is_made_the_next_time(plain):
    plain.start()
    killed_when_written(plain)
    counts = count_calls(plain, "enable", "--recover")
    plain.check_untouched()
    for call, step in every_step(counts):
        killed_when_written(plain)
        plain.run("enable", "--recover", wrapper=strace(call, f"signal=KILL:when={step}"))
        check_recovered(plain, plain.before, f"recovery killed before {call} {step}")


def test_P4_the_next_enable_recovers_first(world):
    world.start()
    killed_when_written(world)
    done = world.run("enable", "--all", code=0)
    assert "killed half-way; everything is as it was before" in done.stderr
    assert world.status() == "good"
    world.run("disable", "--all", code=0)
    world.check_untouched()


def test_P4_an_edit_made_after_the_crash_is_kept(plain):
    plain.start()
    killed_when_written(plain)
    ours = plain.apache.directory / OURS["plain"]
    edited = ours.read_text() + "# mine\n"
    ours.write_text(edited)
    message = error_of(plain.run("enable", "--recover", code=2))
    assert str(ours) in message and "changed by somebody else" in message and "setup/backup-" in message
    assert ours.read_text() == edited
    assert "Nothing to recover" in plain.run("enable", "--recover", code=0).stdout


def test_P4_an_edit_of_a_changed_file_keeps_its_backup(plain):
    plain.start()
    before = plain.apache.conf.read_text()
    plain.run("enable", "--domain", "shop.test", wrapper=strace("inotify_add_watch", "signal=KILL:when=2"))
    assert plain.apache.conf.read_text() != before
    plain.apache.conf.write_text(plain.apache.conf.read_text() + "# mine\n")
    message = error_of(plain.run("enable", "--recover", code=2))
    backup = re.search(r"as it was before: (\S+?)[;\s]", message + " ").group(1)
    with open(backup, encoding="utf-8") as saved:
        assert saved.read() == before
    assert plain.apache.conf.read_text().endswith("# mine\n")


def test_P4_a_damaged_journal_is_named_and_nothing_is_guessed(plain):
    plain.start()
    killed_when_written(plain)
    journal = plain.sg.state_dir / "setup" / "journal"
    journal.write_bytes(journal.read_bytes()[:-10])
    half = plain.picture()
    message = error_of(plain.run("enable", "--recover", code=2))
    assert str(journal) in message and "damaged" in message
    assert plain.picture() == half


def test_P4_on_another_boot_apache_is_not_ours_to_start(plain):
    """systemd starts it, after us; its configuration must be whole by then."""
    plain.start()
    killed_when_written(plain)
    plain.apache.stop()
    journal = plain.sg.state_dir / "setup" / "journal"
    text = re.sub(rb"^boot .*$", b"boot another", journal.read_bytes(), flags=re.MULTILINE)
    text = text[:text.rindex(b"end ")]
    journal.write_bytes(text + b"end " + hashlib.sha256(text).hexdigest().encode() + b"\n")
    plain.run("enable", "--recover", code=0)
    assert plain.picture() == plain.before
    assert plain.find_apache() is None
    plain.apache.start()
    assert plain.status() == "none"


def test_two_at_once_do_not_meet(plain):
    plain.start()
    plain.site.responder.fail_all(responder.HANG)
    first = subprocess.Popen([stapleguard.program("stapleguard"), "enable", "--all", "-c", plain.sg.conf], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    plain.site.responder.wait_for(2)  # the first one asks only whether it can be reached
    assert "under way" in error_of(plain.run("enable", "--all", code=1))
    assert "under way" in error_of(plain.run("enable", "--recover", code=1))
    assert plain.run("enable", "--recover", "--quiet", code=0).stderr == ""
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 1
    plain.check_untouched()


# Calls that fail ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error, call", [("ENOSPC", "write"), ("EIO", "fsync"), ("ENOSPC", "rename"), ("EIO", "openat"), ("EACCES", "unlink"),
                                         ("EAGAIN", "clone"), ("EPERM", "fchown")])
def test_P4_a_call_that_fails_once_is_undone(plain, error, call):
    plain.start()
    counts = count_failing(plain, call)
    for step in range(max(1, counts - 30), counts + 1):  # those before look at Apache, and change nothing
        done = plain.run("enable", "--domain", "shop.test", wrapper=strace(call, f"error={error}:when={step}"))
        what = f"{call} {step} fails with {error}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode in (0, 1, 2, 3, 127), what
        if done.returncode == 0:
            assert plain.status() == "good", what
            plain.run("disable", "--all", code=0)
        elif done.returncode == 1:
            assert plain.picture() == plain.before, what
        check_recovered(plain, plain.before, what)


def count_failing(world, call):
    log = world.site.place / "calls"
    world.run("enable", "--domain", "shop.test", code=0, wrapper=["strace", "-qq", "-c", "-o", log, "-e", f"trace={call}"])
    world.run("disable", "--all", code=0)
    return int(next(line.split()[3] for line in log.read_text().splitlines() if line.split() and line.split()[-1] == call))


def test_P4_a_disk_that_stays_full_is_undone_when_there_is_room_again(plain):
    plain.start()
    for step in range(1, count_failing(plain, "fsync") + 1):
        done = plain.run("enable", "--domain", "shop.test", wrapper=strace("fsync", f"error=ENOSPC:when={step}+"))
        assert done.returncode in (0, 1, 2), f"{step}: {done.returncode}\n{done.stdout}{done.stderr}"
        if done.returncode == 0:  # the journal is gone, and only that is not safe on disk yet
            assert plain.status() == "good"
            plain.run("disable", "--all", code=0)
        elif done.returncode == 1:
            assert plain.picture() == plain.before, step
        assert plain.find_apache() is not None, step
        check_recovered(plain, plain.before, f"from fsync {step} on")


def test_P4_the_journal_is_on_disk_before_the_first_change(plain):
    """What a power cut leaves is what was synced: first the journal, its name, then Apache's tree."""
    plain.start()
    log = plain.site.place / "calls"
    plain.run("enable", "--domain", "shop.test", code=0,
              wrapper=["strace", "-qq", "-y", "-o", log, "-e", "trace=fsync,rename,openat"])
    lines = log.read_text().splitlines()
    setup = f"{plain.sg.state_dir}/setup"
    renamed = next(n for n, line in enumerate(lines) if line.startswith("rename(") and f'"{setup}/journal"' in line)
    synced = [n for n, line in enumerate(lines) if line.startswith("fsync(")]
    # What Apache is shown beforehand is written to overlays, under the files' own names.
    first = next(n for n, line in enumerate(lines)
                 if "O_CREAT" in line and f'"{plain.apache.directory}' in line and "/.stapleguard-new" in line)
    assert any(f"<{setup}/.stapleguard-new>" in lines[n] for n in synced if n < renamed)
    assert any(f"<{setup}>" in lines[n] for n in synced if renamed < n < first)
    for path in (plain.apache.conf, plain.apache.directory / OURS["plain"]):
        placed = next((n for n, line in enumerate(lines) if line.startswith("rename(") and f', "{path}"' in line), None)
        if placed is not None:
            assert any(f"<{path.parent}/.stapleguard-new>" in lines[n] for n in synced if n < placed)
            assert any(f"<{path.parent}>" in lines[n] for n in synced if n > placed)
