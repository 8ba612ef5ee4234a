# SPDX-License-Identifier: ISC
"""What the processes are while a pass runs: who they are, what they may do, what they hold, what they know."""

import os
import pathlib
import pwd
import re
import stat
import subprocess

import pytest
from helpers import pki, responder, stapleguard
from helpers.daemon import Daemon, wait_until
from helpers.stapleguard import APACHE_USER, FETCH_UID, NO_STAPLE, WRITE_UID

CHILDREN = ["fetcher", "writer"]


class Processes:
    """What the kernel tells of the processes in `pids` (name: pid)."""

    def __init__(self, site, keys, pids):
        self.site = site
        self.keys = keys
        self.pids = pids

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

    def files(self, name):
        """What can be read through its descriptors: files and memfds."""
        for entry in pathlib.Path(f"/proc/{self.pids[name]}/fd").iterdir():
            if stat.S_ISREG(entry.stat().st_mode):
                yield entry.read_bytes()

    def knows(self, name, secret):
        return any(secret in piece for piece in (*self.memory(name), *self.files(name)))


def combined_files(site):
    """Combined PEM files: the private key stands in the file that is configured.  Gives the keys."""
    certs = {"rsa.test": site.leaf("rsa.test", key="rsa"), "ecdsa.test": site.leaf("ecdsa.test")}
    for name, cert in certs.items():
        pki.write_pem(site.pem(name), cert.key_pem, cert, cert.issuer, mode=0o600)
    return [cert.key for cert in certs.values()]


@pytest.fixture
def running(site):
    """A pass that hangs in the middle: the fetcher waits for a responder that never answers."""
    keys = combined_files(site)
    site.sg.set("fetch", timeout="120s")
    site.responder.fail_all(responder.HANG)
    process = site.sg.start(groups=[4, 24])
    made = Processes(site, keys, {**site.sg.children(process), "supervisor": process.pid})
    site.responder.wait_for(1)
    yield made
    site.responder.down()
    code, output = site.sg.finish(process)
    assert code == NO_STAPLE, output


@pytest.fixture
def service(site):
    """The daemon once its staples are in the file."""
    keys = combined_files(site)
    daemon = Daemon(site.sg).start()
    wait_until(lambda: len(site.sg.entries()) == len(keys), "both staples")
    yield Processes(site, keys, {name: daemon.pids(name)[0] for name in ("fetcher", "writer", "keeper")})
    daemon.stop()


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


def limits(pid):
    """{name: (soft, hard)} as /proc says."""
    rows = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {row[:26].strip(): tuple(row[26:68].split()) for row in rows}


def test_each_child_has_limits(service):
    concurrency = 64
    for name, files, processes, file_size in (
        ("fetcher", 2 * concurrency + 64, 0, "0"), ("writer", 64, 24, "unlimited"), ("keeper", 16, 0, "0"),
    ):
        found = limits(service.pids[name])
        assert found["Max open files"] == (str(files),) * 2, name
        assert found["Max processes"] == (str(processes),) * 2, name
        assert found["Max file size"] == (file_size,) * 2, name
        assert found["Max core file size"] == found["Max locked memory"] == ("0", "0"), name
        assert found["Max address space"][1].isdigit(), name


def test_no_child_can_be_looked_into_by_its_own_user(service):
    """Not dumpable: what the kernel shows of it belongs to root (proc(5))."""
    for name, pid in service.pids.items():
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0, name
        assert service.status(name)["Uid"][0] != "0"


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
    assert held[3].startswith("socket:")
    own = {
        "fetcher": [r"anon_inode:\[(eventpoll|eventfd|timerfd|signalfd)\]", r"pipe:"],
        "writer": [rf"{re.escape(str(site.sg.state_dir))}/", rf"{re.escape(str(site.sg.dbm_path.parent))}(/|$)",
                   rf"{re.escape(str(site.sg.state_dir))}$",
                   r"anon_inode:\[(eventpoll|eventfd|timerfd|signalfd|inotify)\]"],
    }[name]
    surplus = {
        number: target for number, target in held.items()
        if number > 3 and not any(re.match(pattern, target) for pattern in [r"socket:", *own])
    }
    assert surplus == {}


def test_the_writer_has_no_network(running):
    """Its only sockets are the two channels: to the supervisor, and to the fetcher, which PEER brought."""
    sockets = [n for n, target in running.descriptors("writer").items() if target.startswith("socket:")]
    assert len(sockets) == 2 and 3 in sockets


def test_no_child_keeps_a_certificates_memfd_or_file(running):
    for name in CHILDREN:
        targets = running.descriptors(name).values()
        assert [t for t in targets if "memfd" in t or str(running.site.certs_dir) in t] == []


@pytest.mark.parametrize("name", CHILDREN)
def test_a_childs_environment_is_empty(running, name):
    assert pathlib.Path(f"/proc/{running.pids[name]}/environ").read_bytes().strip(b"\0") == b""


def test_the_search_finds_what_is_there(running, site):
    """That the tests below can fail: each child knows what it must know, by memory and by descriptor."""
    assert running.knows("fetcher", f"127.0.0.1:{running.site.responder.port}".encode())
    assert running.knows("writer", b"ocsp_cache.db")
    with open(site.pem("rsa.test"), "rb") as held:
        ours = Processes(site, [], {"us": os.getpid()})
        assert any(b"PRIVATE KEY" in octets for octets in ours.files("us")), held.name


def knows_a_key(processes, name):
    lines = [line for key in processes.keys for line in pki.key_pem(key).splitlines()[1:-1]]
    secrets = [secret for key in processes.keys for secret in pki.secret_numbers(key)]
    return [s for s in (*secrets, *(secret[::-1] for secret in secrets), *lines) if processes.knows(name, s)]


@pytest.mark.parametrize("name", CHILDREN)
def test_no_child_of_a_pass_has_a_private_key_in_its_memory_or_descriptors(running, name):
    assert knows_a_key(running, name) == []


def test_no_child_of_the_service_has_a_private_key_in_its_memory_or_descriptors(service):
    for name in service.pids:
        assert knows_a_key(service, name) == [], name


def test_a_child_started_by_hand_says_so_and_ends(place):
    for name in CHILDREN:
        done = subprocess.run(
            [stapleguard.program(name)], cwd=place, capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
