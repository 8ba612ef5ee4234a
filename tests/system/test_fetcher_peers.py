# SPDX-License-Identifier: ISC
"""The fetcher's two peers and its jail: what it does when one of them goes or breaks the protocol, and what it cannot do."""

import os
import pathlib
import socket
import subprocess
import textwrap

import pytest
from helpers import fetcher, responder, stapleguard, wire
from helpers.fetcher import leaf, only_pass


# When a peer goes or misbehaves ------------------------------------------------------------------------------------------


def test_a_writer_that_goes_ends_the_pass(place, ca, server):
    """What was under way is given up without a further word."""
    server.fail_all(responder.HANG)
    with fetcher.Fetcher(place, timeout_msec=1000) as alone:
        for _ in range(3):
            alone.add(leaf(ca, server))
        alone.begin()
        server.wait_for(3)
        alone.writer.close()
        done = alone.supervisor.receive_named("PROGRESS")
        assert (done.due, done.done, done.failed) == (3, 3, 3)
        with pytest.raises(TimeoutError):
            alone.supervisor.receive(1.2)


BAD_FROM_WRITER = {
    "one octet": b"\x00",
    "no such type": b"\xff" * 40,
    "longer than any": b"\x00" * 13000,
    "the fetcher's own": wire.pack("OFFER", cert_no=0, der=b"x"),
    "the supervisor's": wire.pack("READY"),
    "an octet too many": wire.pack("ANSWER") + b"\x00",
    "no such kind": wire.pack("ANSWER", cert_no=0, kind=7),
    "no such state": wire.pack("ANSWER", cert_no=1, kind=wire.HELD, state=99),
    "no such certificate": wire.pack("ANSWER", cert_no=200000, kind=wire.HELD),
    "held twice": wire.pack("ANSWER", cert_no=0, kind=wire.HELD),
    "an answer to no offer": wire.pack("ANSWER", cert_no=0, kind=wire.ACCEPTED),
    "half a goodbye": None,
}


@pytest.mark.parametrize("what", BAD_FROM_WRITER)
def test_a_writer_that_breaks_the_protocol_is_left(place, ca, server, what):
    data = BAD_FROM_WRITER[what]
    server.fail_all(responder.HANG)
    with fetcher.Fetcher(place) as alone:
        alone.add(leaf(ca, server))
        alone.begin()
        server.wait_for(1)
        skipped = []
        if data:
            alone.writer.send_raw(data)
        else:
            alone.writer.ours.shutdown(socket.SHUT_WR)
        done = alone.supervisor.receive_named("PROGRESS", skipped=skipped)
        assert done.failed == 1
        violations = [m for m in skipped if m.name == "EVENT"]
        assert [m.event_name for m in violations] == (["protocol.violation"] if data else [])
        while alone.writer.receive() is not None:
            pass


BAD_FROM_SUPERVISOR = {
    "one octet": b"\x00",
    "no such type": b"\xff" * 40,
    "longer than any": b"\x00" * 13000,
    "the writer's": wire.pack("ANSWER"),
    "a second configuration": wire.pack("FETCH_CONFIG"),
    "a certificate without a descriptor": wire.pack("CERT_ADD", cert_no=0, leaf_blocks=1),
    "an octet too many": wire.pack("BEGIN") + b"\x00",
}


@pytest.mark.parametrize("what", BAD_FROM_SUPERVISOR)
def test_a_supervisor_that_breaks_the_protocol_ends_the_fetcher(place, what):
    alone = fetcher.Fetcher(place)
    alone.wait_ready()
    alone.supervisor.send_raw(BAD_FROM_SUPERVISOR[what])
    skipped = []
    assert alone.supervisor.receive_named("none", skipped=skipped) is None
    assert [m.name for m in skipped] == ["LOG"] and "supervisor's channel" in skipped[0].text
    assert alone.wait() == 1


@pytest.mark.parametrize("is_once", [0, 1])
def test_what_is_begun_is_not_begun_again(place, ca, is_once):
    alone = fetcher.Fetcher(place)
    alone.wait_ready()
    alone.add(ca.leaf("x.test", ocsp_urls=["http://127.0.0.1:1/"]), held=False)
    for _ in range(2):
        alone.supervisor.send("BEGIN", is_once=is_once)
    assert alone.supervisor.receive_named("none") is None
    assert alone.wait() == 1


def test_a_certificate_out_of_turn_ends_the_fetcher(place, ca):
    alone = fetcher.Fetcher(place)
    alone.wait_ready()
    alone.add(ca.leaf("y.test"), held=False)
    alone.certs.clear()  # the same number once more
    alone.add(ca.leaf("x.test"), held=False)
    assert alone.supervisor.receive_named("none") is None
    assert alone.wait() == 1


@pytest.mark.parametrize("config", [
    {"timeout_msec": 0}, {"concurrency": 0}, {"concurrency": 1025}, {"per_responder": 0}, {"max_body": 0}, {"uid": 0},
    {"root_dir": "/nonexistent"}, {"proxy": "https://127.0.0.1:3128"}, {"proxy": "nonsense"},
])
def test_a_configuration_that_cannot_be_ends_with_a_line_in_the_log(place, config):
    alone = fetcher.Fetcher(place, **config)
    skipped = []
    assert alone.supervisor.receive_named("READY", skipped=skipped) is None
    assert [m.name for m in skipped] == ["LOG"]
    assert alone.wait() == 1


def test_started_by_hand_it_says_so(place):
    done = subprocess.run(
        [stapleguard.program("fetcher")], capture_output=True, check=False, cwd=place, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1 and b"stapleguardd" in done.stderr


# The jail ------------------------------------------------------------------------------------------------------------


def test_it_is_locked_in(place, ca, server):
    server.fail_all(responder.HANG)
    with fetcher.Fetcher(place, timeout_msec=1000) as alone:
        alone.add(leaf(ca, server))
        alone.begin()
        server.wait_for(1)
        status = alone.status()
        uid = str(stapleguard.FETCH_UID)
        assert status["Uid"].split() == [uid] * 4 and status["Gid"].split() == [uid] * 4
        assert status["Groups"].strip() == ""
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"], status["Threads"]) == ("1", "2", "1")
        assert os.readlink(f"/proc/{alone.pid}/root") == str(place / "empty")
        kinds = [os.readlink(f"/proc/{alone.pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{alone.pid}/fd")]
        assert set(kinds) <= {"/dev/null", "socket", "anon_inode", "pipe"}
        assert limits_of(alone.pid) == {"Max open files": 2 * 8 + 64, "Max file size": 0, "Max processes": 0}
        alone.follow()


def limits_of(pid):
    names = ("Max open files", "Max file size", "Max processes")
    lines = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {name: int(line[len(name):].split()[1]) for line in lines for name in names if line.startswith(name)}


def test_a_wrong_clock_asks_nobody(place, ca, server):
    """The clock is set back for this process alone, by a library that is loaded before libc."""
    source, library = place / "clock.c", place / "clock.so"
    source.write_text(textwrap.dedent("""
        #include <time.h>
        time_t time(time_t *out) { if (out) *out = 1000000000; return 1000000000; }
    """))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    with fetcher.Fetcher(place, wrapper=["/usr/bin/env", f"LD_PRELOAD={library}"]) as alone:
        alone.add(leaf(ca, server))
        result = alone.run(forced=True)
    assert [e.event_name for e in result.events] == ["clock.wrong"]
    assert result.events[0].cert_no == wire.CERT_NO_NONE
    assert result.counts() == {"due": 0, "not_due": 0, "failed": 0, "refused": 0}
    assert server.count() == 0


def test_verbose_traces_each_message(place, ca, server):
    flags = wire.VERBOSE | wire.ALLOW_LOOPBACK
    result = only_pass(place, leaf(ca, server), flags=flags)
    assert any("fetcher <- writer: ANSWER" in line.text for line in result.logs)
    assert any("fetcher <- supervisor: BEGIN" in line.text for line in result.logs)
    assert only_pass(place, leaf(ca, server)).logs == []
