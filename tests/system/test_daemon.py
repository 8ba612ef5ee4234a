# SPDX-License-Identifier: ISC
"""The service: fresh by itself, looked at, reloaded, stopped, and its processes killed."""

import contextlib
import datetime
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from helpers import dbm, stapleguard
from helpers.daemon import Daemon, wait_until
from helpers.responder import free_port


@pytest.fixture
def daemon(shop):
    made = Daemon(shop.sg)
    yield made
    made.end()


def test_it_tells_systemd_and_serves_the_staple(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.responder.down()
    assert shop.handshake("shop.test").status == "good"
    wait_until(lambda: any("1 with a staple" in note for note in daemon.read_notes()), "a STATUS line")
    code, seconds = daemon.stop()
    assert code == 0
    assert seconds < 5  # DESIGN.md "Modes"
    assert daemon.events("service.stop")


def test_ps_shows_who_is_who(shop, daemon):
    daemon.start()
    # The writer's fork that reads Apache's file bears its parent's title for a moment.
    wait_until(lambda: [len(daemon.pids(name)) for name in ("fetcher", "writer", "keeper")] == [1, 1, 1], "one of each")
    with open(f"/proc/{daemon.pids('writer')[0]}/status", encoding="ascii") as status:
        assert "CapPrm:\t0000000000000000" in status.read()
    keeper = subprocess.run(["grep", "CapPrm", f"/proc/{daemon.pids('keeper')[0]}/status"], capture_output=True, text=True, check=True)
    assert int(keeper.stdout.split()[1], 16) == 1 << 5 | 1 << 9  # CAP_KILL, CAP_LINUX_IMMUTABLE


def test_the_watchdog_is_fed(shop, daemon):
    daemon.start(environment={"WATCHDOG_USEC": "400000"})
    wait_until(lambda: daemon.read_notes().count("WATCHDOG=1") >= 3, "three signs of life")


def test_a_second_one_is_refused(shop, daemon):
    daemon.start()
    second = subprocess.run([stapleguard.program("stapleguardd"), "-c", shop.sg.conf], capture_output=True, text=True, check=False)
    assert second.returncode == stapleguard.ALREADY_RUNNING


def test_a_new_certificate_comes_with_a_reload_and_an_old_one_goes(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.leaf("new.test")
    del shop.sg.certs["shop.test"]
    shop.sg.write_conf()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for_note("RELOADING=1")
    wait_until(lambda: [c["name"] for c in daemon.status()["certificates"]] == ["new.test"], "the new list")
    daemon.wait_for_state("new.test", "good")
    wait_until(lambda: daemon.events("service.reload") and daemon.events("cert.dropped", "shop.test"), "the events")
    # Apache may use the old one until it restarts.
    shop.responder.down()
    assert shop.handshake("shop.test").status == "good"


def test_a_broken_configuration_keeps_the_old_one_running(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.sg.conf.write_text("[apache]\nno_such_key = 1\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.events("service.reload_failed"), "the event")
    assert "no_such_key" in daemon.events("service.reload_failed")[0]["detail"]
    shop.sg.write_conf()
    assert daemon.cert("shop.test")["state"] == "good"
    assert "no_such_key" in daemon.status()["service"]["reload_error"]


def test_a_reload_that_changes_a_childs_settings_starts_that_child_anew(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    writer, fetcher = daemon.pids("writer"), daemon.pids("fetcher")
    shop.sg.set("fetch", timeout="5s")
    shop.sg.write_conf()
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.pids("fetcher") not in ([], fetcher), "another fetcher")
    assert daemon.pids("writer") == writer
    daemon.cli("refresh", "--all", code=0)
    wait_until(lambda: daemon.status()["processes"]["fetcher"]["starts"] == 2, "the count")


def test_P17_a_changed_file_is_noticed_without_a_hook(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    before = daemon.cert("shop.test")["serial"]
    shop.leaf("shop.test", managed=False)
    daemon.process.send_signal(signal.SIGHUP)  # or a minute later, by itself
    wait_until(lambda: daemon.cert("shop.test")["serial"] != before, "the new certificate")
    daemon.wait_for_state("shop.test", "good")
    wait_until(lambda: daemon.events("cert.changed", "shop.test"), "the event")


def test_P5_a_file_that_is_gone_is_withdrawn(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.pem("shop.test").unlink()
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.events("cert.withdrawn"), "the withdrawal")
    shop.responder.down()
    wait_until(lambda: shop.handshake("shop.test").status == "none", "the entry to leave the file")
    assert daemon.cert("shop.test")["last_error"]["reason"] == "file-missing"


def test_a_file_that_is_half_written_keeps_what_was_there(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    good = shop.pem("shop.test").read_text()
    shop.pem("shop.test").write_text(good[:200])
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.events("service.reload"), "the reload")
    wait_until(lambda: "the previous certificate stays managed" in daemon.log(), "the warning")
    assert daemon.cert("shop.test")["state"] == "good"


@pytest.mark.parametrize("status", ["revoked", "unknown"])
def test_P6_withdrawn_and_resumed(shop, daemon, status):
    shop.sg.set("fetch", unknown_grace="0s")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.responder.answer(shop.shop, shop.good(shop.shop, status=status, this_update=time.time() - 60))
    daemon.cli("refresh", "shop.test", code=0)
    daemon.wait_for_state("shop.test", status)
    assert daemon.cli("refresh", "shop.test").returncode == 1  # told what to do instead
    shop.responder.down()
    assert shop.handshake("shop.test").status == "none"
    shop.responder.up()
    shop.responder.answer(shop.shop, shop.good(shop.shop, this_update=time.time() - 30))
    daemon.cli("resume", "shop.test", code=0)
    daemon.wait_for_state("shop.test", "good")
    wait_until(lambda: daemon.events("cert.resumed", "shop.test"), "the event")
    wait_until(lambda: shop.handshake("shop.test").status == "good", "the staple")


def test_P7_trouble_is_said_once_and_so_is_its_end(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.responder.down()
    for _ in range(3):
        failed = len(daemon.events("fetch.failed"))
        daemon.cli("refresh", "shop.test", code=0)
        wait_until(lambda: len(daemon.events("fetch.failed")) > failed, "a failure")
    assert daemon.log().count("shop.test: OCSP request to") == 1
    cert = daemon.cert("shop.test")
    assert cert["state"] == "good" and cert["failures"] >= 3 and cert["last_error"]["reason"] == "connect-failed"
    assert cert["next_refresh"] is not None
    shop.responder.up()
    shop.responder.answer(shop.shop, shop.good(shop.shop, this_update=time.time() - 60))
    daemon.cli("refresh", "shop.test", code=0)
    wait_until(lambda: "shop.test: fresh staple stored" in daemon.log(), "the good news")
    assert daemon.cert("shop.test")["failures"] == 0


def test_an_entry_that_apache_made_worse_is_put_right(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    dbm.put(shop.sg.dbm_path, shop.shop.sha1, dbm.Record(time.time() + 300, 0, b"\x30\x03\x0a\x01\x03"))  # tryLater
    wait_until(lambda: daemon.events("dbm.repaired"), "the repair")
    shop.responder.down()
    assert shop.handshake("shop.test").status == "good"


def test_garbage_in_the_file_is_put_right(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    with open(shop.sg.dbm_path, "r+b") as file:
        file.write(os.urandom(8192))
    shop.responder.down()
    wait_until(lambda: shop.handshake("shop.test").status == "good", "the staple")


# kill -9 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["fetcher", "writer", "keeper"])
def test_a_killed_process_is_started_anew_and_the_others_go_on(shop, daemon, victim):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    other = "fetcher" if victim != "fetcher" else "writer"
    before, others = daemon.pids(victim), daemon.pids(other)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: daemon.pids(victim) not in ([], before), f"another {victim}")
    assert daemon.pids(other) == others
    wait_until(lambda: daemon.events("process.exit"), "the event")
    asked = shop.responder.count()
    daemon.cli("refresh", "shop.test", code=0)
    wait_until(lambda: shop.responder.count() > asked, "that it still asks")
    wait_until(lambda: daemon.cert("shop.test")["failures"] == 0 and daemon.cert("shop.test")["state"] == "good", "its answer")
    shop.responder.down()
    shop.apache.graceful()
    assert shop.handshake("shop.test").status == "good"


def test_kill_everything_in_any_order_and_the_staple_is_served(shop, daemon):
    """P18, and the closing sentence of the service: no hand is laid on it."""
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.responder.down()
    for victims in (["writer", "fetcher"], ["keeper", "writer"], ["fetcher", "keeper"], ["supervisor"], ["apache", "writer"]):
        for victim in victims:
            if victim == "supervisor":
                daemon.kill()
                daemon.start()  # systemd's Restart=
            elif victim == "apache":
                shop.apache.kill()
                shop.apache.start()
            else:
                for pid in daemon.pids(victim):
                    with contextlib.suppress(ProcessLookupError):  # it ended with the one before
                        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: all(daemon.pids(name) for name in ("fetcher", "writer", "keeper")), "all processes")
        shop.apache.graceful()
        wait_until(lambda: shop.handshake("shop.test").status == "good", f"the staple after {victims}: {daemon.log()[-1500:]}")


def test_a_crash_loop_waits_longer_and_longer(shop, daemon):
    daemon.start()
    starts = daemon.status()["processes"]["fetcher"]["starts"]
    for _ in range(3):
        wait_until(lambda: daemon.pids("fetcher"), "a fetcher")
        os.kill(daemon.pids("fetcher")[0], signal.SIGKILL)
        wait_until(lambda: not daemon.pids("fetcher") or daemon.status()["processes"]["fetcher"]["starts"] > starts, "its end")
        starts = daemon.status()["processes"]["fetcher"]["starts"]
    wait_until(lambda: daemon.status()["processes"]["fetcher"]["next_start"] or daemon.pids("fetcher"), "its next start")
    wait_until(lambda: daemon.pids("fetcher"), "it")


# Looking and asking -----------------------------------------------------------------------------------------------------


def test_who_may_look_and_who_may_act(shop, daemon):
    daemon.start()
    sock = shop.sg.run_dir / "control.sock"
    assert sock.stat().st_mode & 0o7777 in (0o600, 0o660)
    os.chown(sock, 0, stapleguard.FETCH_UID)
    sock.chmod(0o660)
    look = "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);s.sendall(sys.argv[2].encode()+b'\\n');d=b''\n" \
           "while True:\n c=s.recv(65536)\n if not c: break\n d+=c\nprint(d.decode())"

    def ask(words):
        return subprocess.run(
            ["/usr/bin/python3", "-c", look, str(sock), words], capture_output=True, text=True, check=False,
            user=65533, group=stapleguard.FETCH_UID, extra_groups=[],
        ).stdout

    assert '"certificates"' in ask("status")
    assert "# EOF" in ask("metrics")
    for words in ("restart", "reload", "refresh --all", "resume shop.test", "deploy 0 /tmp"):
        assert "only root may do that" in ask(words), words
        assert "end 3" in ask(words)


def test_bad_requests_are_refused_and_harm_nobody(shop, daemon):
    daemon.start()
    for request in (b"\n", b"nonsense\n", b"status  \n", b"refresh\n", b"deploy x /tmp\n", b"resume %zz\n", b"resume %00\n",
                    b"restart now\n", b"a" * 70000, b"\0\n", b"status\nstatus\n", b"resume " + b"%1b%5b2J" + b"\n"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(shop.sg.run_dir / "control.sock"))
        client.settimeout(10)
        try:
            client.sendall(request)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        assert b"end 0" not in answer, request
        client.close()
    crowd = []
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        try:
            client.connect(str(shop.sg.run_dir / "control.sock"))
        except (BlockingIOError, socket.timeout):
            break
        crowd.append(client)
    for client in crowd:
        client.close()
    wait_until(lambda: daemon.cli("status").returncode == 0, "an answer after the crowd has gone")


def test_status_reads_well(shop, daemon):
    shop.leaf("plain.test", ocsp_urls=[])
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    output = daemon.cli("status", code=0).stdout
    assert "runs as process" in output and "shop.test" in output and "no-ocsp" in output and "(must-staple)" in output
    daemon.stop()
    down = daemon.cli("status", code=2).stdout
    assert "IS NOT RUNNING" in down and "shop.test" in down


def test_status_knows_an_apache_that_came_up_this_moment(shop, daemon):
    daemon.start()
    for _ in range(10):  # it looks often by itself when one has just ended
        shop.apache.stop()
        wait_until(lambda: daemon.status()["apache"]["pid"] == 0, "it to miss Apache")
        shop.apache.start()
        assert daemon.status()["apache"]["pid"] == shop.apache.pid
    assert "DOES NOT RUN" not in daemon.cli("status").stdout


def test_check_grades_what_it_finds(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    fine = daemon.cli("check", code=0).stdout
    assert fine.startswith("STAPLEGUARD OK - 1 certificate, 1 with a fresh staple | certificates=1;;;0 good=1;;;0 missing=0")
    target = f"127.0.0.1:{shop.apache.port}"
    assert "serves a good staple" in daemon.cli("check", "--connect", target, "--servername", "shop.test", code=0).stdout
    shop.responder.answer(shop.shop, shop.good(shop.shop, status="revoked", this_update=time.time() - 60))
    daemon.cli("refresh", "shop.test", code=0)
    daemon.wait_for_state("shop.test", "revoked")
    assert "shop.test (must-staple) has no staple (revoked" in daemon.cli("check", code=2).stdout
    shop.responder.down()
    assert "serves no staple (must-staple)" in daemon.cli("check", "--connect", target, "--servername", "shop.test", code=2).stdout
    daemon.stop()
    assert daemon.cli("check", code=2).stdout.startswith("STAPLEGUARD CRITICAL")


def test_check_compares_what_is_served_with_what_is_held(shop, daemon):
    """Another server with the same certificate, which knows nothing of our cache."""
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    port = free_port()
    other = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", shop.pem("shop.test"), "-cert_chain", shop.pem("shop.test"),
         "-key", shop.key("shop.test"), "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: "serves no staple" in daemon.cli("check", "--connect", f"127.0.0.1:{port}").stdout, "its handshake")
        answer = daemon.cli("check", "--connect", f"127.0.0.1:{port}", code=2).stdout
        assert "does SSLStaplingCache of" in answer
    finally:
        other.kill()
        other.wait()


def test_check_says_that_the_daemon_is_down(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    daemon.stop()
    assert "stapleguardd is not running" in daemon.cli("check", code=1).stdout


def test_status_and_check_work_after_a_pass_without_a_daemon(shop, daemon):
    shop.sg.once(expect=stapleguard.FRESH)
    assert "runs from a timer" in daemon.cli("status", code=0).stdout
    daemon.cli("check", code=0)
    assert "not running" in daemon.cli("refresh", "--all", code=3).stderr


def test_metrics_are_openmetrics(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    text = daemon.cli("metrics", code=0).stdout
    check_openmetrics(text)
    assert 'stapleguard_certificates{state="good"} 1' in text
    daemon.stop()
    check_openmetrics(daemon.cli("metrics", code=2).stdout)


def test_metrics_file_for_the_textfile_collector(shop, daemon):
    path = shop.sg.directory / "stapleguard.prom"
    shop.sg.set("stapleguard", metrics_file=path)
    daemon.start()
    wait_until(lambda: path.exists() and 'state="good"} 1' in path.read_text(), "the file")
    check_openmetrics(path.read_text())


def check_openmetrics(text):
    """The OpenMetrics 1.0 ABNF, as far as our kinds of samples go."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    family = kind = None
    seen = set()
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in seen and kind in ("gauge", "counter", "info")
            seen.add(family)
            continue
        if line.startswith("# UNIT "):
            assert line.split(" ")[2] == family and family.endswith("_" + line.split(" ")[3])
            continue
        if line.startswith("# HELP "):
            assert line.split(" ")[2] == family
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (NaN|-?[0-9.]+)', line)
        assert sample, line
        suffix = {"gauge": "", "counter": "_total", "info": "_info"}[kind]
        assert sample.group(1) == family + suffix, line


def test_an_old_staple_is_served_on_when_there_is_no_newer_one(shop, daemon):
    """A staple that is in its safety margin, with a responder that is down, is served on (staple.extended)."""
    shop.responder.answer(shop.shop, shop.good(shop.shop, next_update=time.time() + 3 * 3600))
    shop.sg.set("fetch", safety_margin="30m", min_ttl="1m")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    shop.responder.down()
    daemon.stop()
    shop.sg.set("fetch", safety_margin="150m")
    daemon.start()
    wait_until(lambda: daemon.events("staple.extended", "shop.test"), "the event")
    assert shop.handshake("shop.test").status == "good"
    until = datetime.datetime.fromisoformat(daemon.cert("shop.test")["staple"]["served_until"].replace("Z", "+00:00"))
    assert until.timestamp() > time.time() + 2 * 3600
