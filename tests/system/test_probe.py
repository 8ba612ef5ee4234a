# SPDX-License-Identifier: ISC
"""What each process tries in vain: from inside the real jail, attempt by attempt, layer by layer.

Each attempt is made five ways: by root without a jail (it must succeed there, or be told that its arguments are wrong: else it
would prove nothing), in the whole jail, without seccomp, and without seccomp and Landlock.  A line that is taken out of the
sandbox changes one of these.

For each rule on an argument there is an attempt that differs in that argument (ARGUMENTS).  It is refused in the whole jail, and no
longer where only that rule is left out: so it is that rule which refuses it.
"""

import ctypes
import pathlib
import re
import shutil
import subprocess

import pytest
from helpers import probe, site, stapleguard
from helpers.probe import KILLED, OK, WITHOUT_LANDLOCK, WITHOUT_SECCOMP

TARGETS = ["fetcher", "writer", "reader", "keeper"]
SOURCES = pathlib.Path(__file__).resolve().parents[1] / "probe"

# What root without a jail is told where it is not "ok": the arguments are wrong on purpose, or this kernel lacks the thing.
FREE = {
    "open-proc": {OK, "EACCES", "EPERM"},  # another's process, in a container
    "open_by_handle_at": {"ESTALE", "EINVAL", "EOPNOTSUPP"}, "fanotify_init": {"EINVAL"}, "socket-alg": {OK, "EAFNOSUPPORT"},
    "socket-vsock": {OK, "EAFNOSUPPORT"}, "pidfd_send_signal": {"EBADF"}, "pidfd_getfd": {"EBADF"}, "clone-thread": {"EINVAL"},
    "clone3": {"EINVAL"}, "execveat": {"EBADF"}, "setns": {"EINVAL"}, "mount": {"ENODEV"}, "umount": {"EINVAL", "EAGAIN"},
    "pivot_root": {"EBUSY", "EINVAL"}, "fsopen": {"ENODEV"}, "bpf": {"E2BIG", "EINVAL", "EFAULT"}, "module": {"EBADF", "ENOSYS"},
    "kexec": {"EINVAL", "ENOSYS", "EADDRNOTAVAIL"}, "reboot": {"EINVAL"}, "swapon": {"ENOENT"}, "clock_settime": {"EFAULT"},
    "adjtimex": {"EINVAL"}, "sethostname": {"EINVAL"}, "acct": {"ENOENT", "ENOSYS"}, "call-x32": {OK, "ENOSYS"},
    "raise-limit": {OK, "EPERM"},  # without CAP_SYS_RESOURCE root may not either
    "kcmp": {OK, "ENOSYS"}, "perf_event_open": {OK, "ENOENT", "EOPNOTSUPP"}, "userfaultfd": {OK, "ENOSYS"},
    "io_uring": {OK, "ENOSYS", "EPERM"}, "symlink-here": {OK}, "setxattr-upwards": {OK, "EOPNOTSUPP"},
    "listxattr-upwards": {OK, "EOPNOTSUPP"}, "call-32-bit": {OK, "EFAULT"},
}

# The same of tests/probe/attempts_arguments.c.
FREE |= {
    "socket-seqpacket": {"ESOCKTNOSUPPORT"}, "socket-seqpacket6": {"ESOCKTNOSUPPORT"},
    "socket-mptcp": {OK, "EPROTONOSUPPORT", "ENOPROTOOPT"}, "socket-mptcp6": {OK, "EPROTONOSUPPORT", "ENOPROTOOPT"},
    "socket-sctp": {OK, "EPROTONOSUPPORT"}, "socket-smc": {OK, "EPROTONOSUPPORT"}, "socket-udplite": {OK, "EPROTONOSUPPORT"},
    "socket-udplite6": {OK, "EPROTONOSUPPORT"}, "pipe2-direct": {"EFAULT"}, "seccomp-sizes": {"EFAULT"}, "clone-user": {"EINVAL"},
}
FREE |= dict.fromkeys((
    "openat-descriptor", "stat-descriptor", "mkdirat-descriptor", "renameat-from", "renameat-to", "renameat2-from", "renameat2-to",
    "linkat-from", "unlinkat-descriptor"), {"ENOTDIR"})
FREE |= dict.fromkeys(("renameat2-exchange", "linkat-to", "linkat-through", "unlinkat-directory"), {"ENOENT"})
FREE |= dict.fromkeys((
    "setsockopt-socket", "setsockopt-ip", "setsockopt-ulp", "getsockopt-ip", "getsockopt-peer", "fchown-owner", "fchmod-setuid",
    "fchmod-setgid", "fcntl-setown", "read-another", "lseek-another", "write-another", "writev-another", "mmap-file",
    "pidfd_send_signal-flags"), {"EBADF"})
FREE |= dict.fromkeys(("tgkill-abort", "tgkill-term"), {"ESRCH"})

# In the whole jail everything ends the process, but for what a process needs for its work; of that:
ALLOWED = {
    "fetcher": {"socket-inet": OK, "socket-inet6": OK, "connect-tcp": OK, "read-stray-descriptor": "EBADF",
                "read-another": "EBADF", "write-another": "EBADF", "writev-another": "EBADF", "mmap-file": "EBADF"},
    "writer": {
        "read-stray-descriptor": "EBADF",
        "create-here": OK, "read-here": OK, "fork": OK,  # its two directories; the reader
        "list-here": "EACCES", "mkdir-here": "EACCES",  # Apache's directory is for files that it knows by name
        "open-absolute": "ENOENT", "open-proc": "ENOENT",  # its root is the store's
        "open-upwards": "EACCES", "open-upwards-to-write": "EACCES", "open-root": "EACCES", "create-upwards": "EACCES",
        "mkdir-upwards": "EACCES", "rename-upwards": "EACCES", "unlink-upwards": "EACCES",
        "raise-limit": "EPERM", "sigaction-alarm": OK,
        "unlinkat-directory": "ENOENT", "read-another": "EBADF", "lseek-another": "EBADF", "write-another": "EBADF", "mmap-file": "EBADF",
    },
    "reader": {},
    "keeper": {
        "rename-upwards": "EACCES", "unlink-upwards": "EACCES", "link-upwards": "EXDEV",
        "capability-admin": "EPERM", "capability-override": "EPERM",
        "stat-upwards": OK, "stat-empty-upwards": OK, "stat-descriptor": "ENOTDIR", "read-another": "EBADF", "mmap-file": "EBADF",
    },
}

REFUSALS = {"EBADF", "EACCES", "EPERM", "EXDEV", "EMFILE", "EAGAIN", "EFBIG", "ENOENT", "ENOMEM"}

# What nothing but seccomp is sure to refuse: it needs no privilege and touches no file.  (The rest is refused twice.)
SECCOMP_ALONE = {
    "listxattr-upwards", "setxattr-upwards", "statfs-root", "name_to_handle_at", "inotify_init", "socket-inet", "socket-inet6",
    "socket-unix", "socket-netlink", "socket-alg", "socket-vsock", "socketpair", "listen-tcp", "accept-tcp", "kill-everybody",
    "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "sched_setscheduler", "setpriority", "clone-thread", "clone3", "execveat",
    "memfd_create", "keepcaps", "dumpable", "setns", "io_uring", "keyctl", "add_key", "module", "kexec", "clock_settime",
    "personality", "vmsplice", "shmget", "msgget", "ioctl-tiocsti", "mmap-exec", "mprotect-exec", "call-32-bit", "call-x32",
}
# What a process may do by design, and so without seccomp too.
MAY = {
    "fetcher": {"connect-tcp"},
    "writer": {"create-here", "read-here", "fork"},
    "reader": set(),
    "keeper": {"kill", "tgkill", "sigqueue"},  # Apache is outside of its sandbox
}

# With neither seccomp nor Landlock it succeeds: so Landlock is what refuses it.  By the version of Landlock that it takes.
LANDLOCK = {
    1: {"writer": {"list-here", "mkdir-here", "open-upwards", "open-upwards-to-write", "create-upwards", "mkdir-upwards", "unlink-upwards", "symlink-here", "fifo-here"},
        "keeper": {"create-here", "read-here", "list-here", "mkdir-here", "open-upwards", "open-upwards-to-write", "create-upwards", "mkdir-upwards", "unlink-upwards", "symlink-here", "fifo-here"},
        "fetcher": {"open-root"}},
    3: {"writer": {"truncate-upwards"}, "keeper": {"truncate-upwards"}},
    4: {"fetcher": {"bind-tcp"}, "writer": {"bind-tcp", "connect-tcp"}, "keeper": {"bind-tcp", "connect-tcp"}},
    6: {"fetcher": {"kill", "tgkill", "sigqueue", "connect-abstract"}, "writer": {"kill", "tgkill", "sigqueue", "connect-abstract"},
        "keeper": {"connect-abstract"}},
}

# The supervisor works as root and starts apachectl, which needs most things: its filter names what nobody needs.
SUPERVISOR = {
    KILLED: {
        "pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "unshare-user", "unshare-mount", "setns", "mount",
        "umount", "pivot_root", "fsopen", "bpf", "perf_event_open", "userfaultfd", "io_uring", "keyctl", "add_key", "module", "kexec",
        "reboot", "swapon", "clock_settime", "adjtimex", "sethostname", "acct", "personality", "vmsplice", "open_by_handle_at",
        "call-32-bit", "call-x32", "clone-user",
    },
    # Capabilities that it gave up.
    "EPERM": {"device-here", "fanotify_init", "socket-raw", "socket-packet", "sched_setscheduler", "setpriority", "capability-admin",
              "raise-limit", "syslog"},
    "ENOSYS": {"clone3"},
}


# Each rule on an argument, by its call and the argument's number: the attempts that differ there.  Where a call has several rows,
# one of the attempts differs from each row in that argument alone.
ARGUMENTS = {
    "socket": {
        0: ["socket-unix", "socket-unix-datagram", "socket-packet-udp"],
        1: ["socket-seqpacket", "socket-seqpacket6", "socket-raw-udp", "socket-raw6-udp"],
        2: ["socket-mptcp", "socket-mptcp6", "socket-sctp", "socket-smc", "socket-udplite", "socket-udplite6"],
    },
    "setsockopt": {1: ["setsockopt-socket", "setsockopt-ip"], 2: ["setsockopt-ulp"]},
    "getsockopt": {1: ["getsockopt-ip"], 2: ["getsockopt-peer"]},
    "fcntl": {1: ["fcntl-setown"]},
    "ioctl": {1: ["ioctl-tiocsti"]},
    "mmap": {2: ["mmap-exec"], 3: ["mmap-file"]},
    "mprotect": {2: ["mprotect-exec"]},
    "rt_sigaction": {0: ["sigaction-alarm"]},
    "tgkill": {0: ["tgkill-abort"], 2: ["tgkill-term"]},
    "openat": {0: ["openat-descriptor"], 2: ["open-path"], 3: ["create-setuid", "create-setgid"]},
    "newfstatat": {0: ["stat-empty-upwards"], 3: ["stat-descriptor"]},
    "mkdir": {1: ["mkdir-setgid", "mkdir-sticky"]},
    "mkdirat": {0: ["mkdirat-descriptor"], 2: ["mkdirat-setgid"]},
    "renameat": {0: ["renameat-from"], 2: ["renameat-to"]},
    "renameat2": {0: ["renameat2-from"], 2: ["renameat2-to"], 4: ["renameat2-exchange"]},
    "linkat": {0: ["linkat-from"], 2: ["linkat-to"], 4: ["linkat-through"]},
    "unlinkat": {0: ["unlinkat-descriptor"], 2: ["unlinkat-directory"]},
    "fchmod": {1: ["fchmod-setuid", "fchmod-setgid"]},
    "fchown": {1: ["fchown-owner"]},
    "pipe2": {1: ["pipe2-direct"]},
    "clone": {0: ["clone-thread", "clone-user"]},
    "prlimit64": {0: ["prlimit-other"]},
    "prctl": {0: ["keepcaps", "dumpable"]},
    "seccomp": {0: ["seccomp-sizes"]},
    "personality": {0: ["personality"]},
    "writev": {0: ["writev-another"]},
    "read": {0: ["read-another"]},
    "pread64": {0: ["read-stray-descriptor"]},
    "lseek": {0: ["lseek-another"]},
    "write": {0: ["write-another"]},
    "pidfd_send_signal": {1: ["pidfd_send_signal"], 3: ["pidfd_send_signal-flags"]},
}


def attempts(sources="attempts_*.c"):
    """All that the tables of tests/probe hold."""
    rows = re.compile(r'^    \{"([^"]+)", \w+\},$', re.MULTILINE)
    return [name for source in sorted(SOURCES.glob(sources)) for name in rows.findall(source.read_text())]


def argument_rules():
    """(policy, number, call, argument) for each rule on an argument of sandbox/policy_*.c, numbered from 1 within its policy."""
    found = []
    listing = subprocess.run(
        [stapleguard.build_directory() / "tests" / "helpers" / "list_policies"], capture_output=True, text=True, check=True,
    ).stdout
    for part in listing.split("\n### ")[1:]:
        policy = part.partition(":")[0]
        rows = re.findall(r"^\| `(\w+)` \| (argument .*?) \| [^|]*$", part, re.MULTILINE)
        pairs = [(call, int(number)) for call, where in rows for number in re.findall(r"argument (\d) ", where)]
        found += [(policy, number, call, argument) for number, (call, argument) in enumerate(pairs, 1)]
    return found


def landlock_version():
    return ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION)


@pytest.fixture(scope="module", name="probes")
def fixture_probes():
    place = site.make_place()
    probes = probe.Probes(place)
    yield probes
    probes.end()
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def outcomes(probes):
    """outcomes(target, without): {attempt: outcome}, made once."""
    known = {}

    def get(target, without=0):
        if (target, without) not in known:
            known[target, without] = probes.outcomes(target, attempts(), without)
        return known[target, without]

    return get


def killed(outcomes, attempt):
    """How the filter's refusal looks: a kernel without 32-bit calls faults on one before any filter sees it."""
    return "EFAULT" if attempt == "call-32-bit" and outcomes("nobody")[attempt] == "EFAULT" else KILLED


@pytest.mark.parametrize("attempt", attempts())
def test_without_a_jail_root_may(outcomes, attempt):
    assert outcomes("nobody")[attempt] in FREE.get(attempt, {OK})


@pytest.mark.parametrize("attempt", attempts())
@pytest.mark.parametrize("target", TARGETS)
def test_in_the_jail_it_is_refused(outcomes, target, attempt):
    assert outcomes(target)[attempt] == ALLOWED[target].get(attempt, killed(outcomes, attempt))


# What differs in an argument only is refused by the filter only, or was wrong anyway.
@pytest.mark.parametrize("attempt", [n for n in attempts() if n not in SECCOMP_ALONE and n not in attempts("attempts_arguments.c")])
@pytest.mark.parametrize("target", TARGETS)
def test_without_seccomp_the_layers_below_refuse_it(outcomes, target, attempt):
    outcome = outcomes(target, WITHOUT_SECCOMP)[attempt]
    if attempt in MAY[target]:
        assert outcome == OK
    else:
        assert outcome in REFUSALS


@pytest.mark.parametrize("version", LANDLOCK)
@pytest.mark.parametrize("target", ["fetcher", "writer", "keeper"])
def test_landlock_is_what_refuses_it(outcomes, target, version):
    if landlock_version() < version:
        pytest.skip(f"this kernel has version {landlock_version()} of Landlock, not {version}")
    names = LANDLOCK[version].get(target, set())
    with_it, without_it = outcomes(target, WITHOUT_SECCOMP), outcomes(target, WITHOUT_SECCOMP | WITHOUT_LANDLOCK)
    assert {name: with_it[name] for name in names if with_it[name] not in {"EACCES", "EPERM"}} == {}
    assert {name: without_it[name] for name in names if without_it[name] != OK} == {}


@pytest.mark.parametrize("policy, number, call, argument", argument_rules())
def test_a_rule_on_an_argument_is_what_refuses_it(probes, policy, number, call, argument):
    without_it = probes.outcomes(policy, ARGUMENTS[call][argument], loosened=number)
    assert set(without_it.values()) != {KILLED}


def test_the_supervisor_is_refused_what_nobody_needs(outcomes):
    found = outcomes("supervisor")
    expected = {name: killed(outcomes, name) if word == KILLED else word for word, names in SUPERVISOR.items() for name in names}
    assert {name: found[name] for name in expected} == expected


def test_no_other_attempt_ends_the_supervisor(outcomes):
    found = outcomes("supervisor")
    assert {name for name, outcome in found.items() if outcome == KILLED} | {"call-32-bit"} == SUPERVISOR[KILLED]
