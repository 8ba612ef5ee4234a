"""What the processes are while a pass runs: who they are, what they may do, what they hold, what they know."""

import os
import pathlib
import pwd
import re
import subprocess

import pytest
from helpers import pki, responder, stapleguard
from helpers.stapleguard import APACHE_USER, FETCH_UID, NO_STAPLE, WRITE_UID

CHILDREN = ["fetcher", "writer"]


class Running:
    """A pass that hangs in the middle: the fetcher waits for a responder that never answers."""

    def __init__(self, site, keys):
        self.site = site
        self.keys = keys
        self.process = site.sg.start(groups=[4, 24])
        self.pids = site.sg.children(self.process)
        self.pids["supervisor"] = self.process.pid
        site.responder.wait_for(1)

    def status(self, name):
        text = pathlib.Path(f"/proc/{self.pids[name]}/status").read_text()
        return {key: value.split() for key, _, value in (line.partition(":") for line in text.splitlines())}

    def descriptors(self, name):
        folder = pathlib.Path(f"/proc/{self.pids[name]}/fd")
        return {int(entry.name): os.readlink(entry) for entry in folder.iterdir()}

    def memory(self, name):
        """All that can be read of a process's memory, mapping by mapping."""
        pid = self.pids[name]
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                area, rights = line.split()[:2]
                if "r" not in rights or "[v" in line:
                    continue
                start, end = (int(edge, 16) for edge in area.split("-"))
                try:
                    memory.seek(start)
                    yield memory.read(end - start)
                except OSError:
                    continue

    def knows(self, name, secret):
        return any(secret in piece for piece in self.memory(name))


@pytest.fixture
def running(site):
    """Combined PEM files: the private key stands in the file that is configured."""
    rsa = site.leaf("rsa.test", key="rsa")
    ecdsa = site.leaf("ecdsa.test")
    for name, cert in (("rsa.test", rsa), ("ecdsa.test", ecdsa)):
        pki.write_pem(site.pem(name), cert.key_pem, cert, cert.issuer, mode=0o600)
    site.sg.set("fetch", timeout="120s")
    site.responder.fail_all(responder.HANG)
    made = Running(site, [rsa.key, ecdsa.key])
    yield made
    site.responder.down()
    code, output = site.sg.finish(made.process)
    assert code == NO_STAPLE, output


# PARITY P20: not everything runs as root
def test_each_child_has_its_own_user_and_no_other_group(running):
    apache_gid = pwd.getpwnam(APACHE_USER).pw_gid
    assert running.status("fetcher")["Uid"] == [str(FETCH_UID)] * 4
    assert running.status("fetcher")["Gid"] == [str(FETCH_UID)] * 4
    assert running.status("writer")["Uid"] == [str(WRITE_UID)] * 4
    assert running.status("writer")["Gid"] == [str(apache_gid)] * 4
    for name in CHILDREN:
        assert running.status(name)["Groups"] == []


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_can_gain_no_privilege_and_is_filtered(running, name):
    status = running.status(name)
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_has_no_capability(running, name):
    status = running.status(name)
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        assert int(status[kind][0], 16) == 0, kind


def test_the_supervisor_keeps_ten_capabilities(running):
    """CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP, LINUX_IMMUTABLE, SYS_CHROOT (linux/capability.h);
    SYS_PTRACE without effect until it looks for Apache's lock."""
    at_work = sum(1 << number for number in (0, 1, 2, 5, 6, 7, 8, 9, 18))
    kept = at_work | 1 << 19
    status = running.status("supervisor")
    assert int(status["CapEff"][0], 16) & ~at_work == 0
    assert int(status["CapPrm"][0], 16) & ~kept == 0
    assert int(status["CapBnd"][0], 16) & ~kept == 0


def test_the_supervisor_is_filtered(running):
    assert running.status("supervisor")["Seccomp"] == ["2"]


def test_the_fetchers_root_is_an_empty_directory_that_it_cannot_write(running):
    root = f"/proc/{running.pids['fetcher']}/root"
    assert os.path.samefile(root, running.site.sg.run_dir / "empty")
    assert os.listdir(root) == []
    details = os.stat(root)
    assert details.st_uid == 0 and details.st_mode & 0o222 & ~0o200 == 0


def test_the_writers_root_is_not_the_systems(running):
    root = f"/proc/{running.pids['writer']}/root"
    assert not os.path.samefile(root, "/")
    assert not os.path.exists(f"{root}/etc")


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_holds_only_the_descriptors_it_needs(running, name):
    site = running.site
    held = running.descriptors(name)
    for number in (0, 1, 2):
        assert held[number] == "/dev/null"
    for number in (3, 4):
        assert held[number].startswith("socket:")
    own = {
        "fetcher": [r"socket:", r"anon_inode:\[(eventpoll|eventfd|timerfd|signalfd)\]", r"pipe:"],
        "writer": [rf"{re.escape(str(site.sg.state_dir))}/", rf"{re.escape(str(site.sg.dbm_path.parent))}(/|$)",
                   rf"{re.escape(str(site.sg.state_dir))}$",
                   r"anon_inode:\[(eventpoll|eventfd|timerfd|signalfd|inotify)\]"],
    }[name]
    surplus = {
        number: target for number, target in held.items()
        if number > 4 and not any(re.match(pattern, target) for pattern in own)
    }
    assert surplus == {}


def test_the_writer_has_no_network(running):
    """Its only sockets are the two channels."""
    sockets = [n for n, target in running.descriptors("writer").items() if target.startswith("socket:")]
    assert sorted(sockets) == [3, 4]


def test_no_child_keeps_a_certificates_memfd_or_file(running):
    for name in CHILDREN:
        targets = running.descriptors(name).values()
        assert [t for t in targets if "memfd" in t or str(running.site.certs_dir) in t] == []


@pytest.mark.parametrize("name", CHILDREN)
def test_a_childs_environment_is_empty(running, name):
    assert pathlib.Path(f"/proc/{running.pids[name]}/environ").read_bytes().strip(b"\0") == b""


def test_the_search_of_memory_finds_what_is_there(running):
    """That the test below can fail: each child knows what it must know."""
    assert running.knows("fetcher", f"127.0.0.1:{running.site.responder.port}".encode())
    assert running.knows("writer", b"ocsp_cache.db")


@pytest.mark.parametrize("name", CHILDREN)
def test_no_child_has_a_private_key_in_its_memory(running, name):
    for key in running.keys:
        for secret in pki.secret_numbers(key):
            assert not running.knows(name, secret)
            assert not running.knows(name, secret[::-1])
        lines = pki.key_pem(key).splitlines()[1:-1]
        assert not any(running.knows(name, line) for line in lines)


def test_a_child_started_by_hand_says_so_and_ends(place):
    for name in CHILDREN:
        done = subprocess.run(
            [stapleguard.program(name)], cwd=place, capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
