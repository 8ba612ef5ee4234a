# SPDX-License-Identifier: ISC
"""What each process tries in vain: from inside the real jail, attempt by attempt, layer by layer.

Each attempt is made five ways: by root without a jail (it must succeed there, or be told that its arguments are wrong: else it
would prove nothing), in the whole jail, without seccomp, and without seccomp and Landlock.  A line that is taken out of the
sandbox changes one of these.
"""

import ctypes
import pathlib
import re
import shutil

import pytest
from helpers import probe, site
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

# In the whole jail everything ends the process, but for what a process needs for its work; of that:
ALLOWED = {
    "fetcher": {"socket-inet": OK, "socket-inet6": OK, "connect-tcp": OK, "read-stray-descriptor": "EBADF"},
    "writer": {
        "read-stray-descriptor": "EBADF",
        "create-here": OK, "fork": OK,  # its two directories; the reader
        "open-absolute": "ENOENT", "open-proc": "ENOENT",  # its root is the store's
        "open-upwards": "EACCES", "open-upwards-to-write": "EACCES", "open-root": "EACCES", "create-upwards": "EACCES",
        "mkdir-upwards": "EACCES", "rename-upwards": "EACCES", "unlink-upwards": "EACCES",
        "raise-limit": "EPERM",
    },
    "reader": {},
    "keeper": {
        "rename-upwards": "EACCES", "unlink-upwards": "EACCES", "link-upwards": "EXDEV",
        "capability-admin": "EPERM", "capability-override": "EPERM",
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
    "writer": {"create-here", "fork"},
    "reader": set(),
    # Its root lies in the directory that it works on, and Apache outside of its sandbox.
    "keeper": {"create-here", "open-root", "kill", "tgkill", "sigqueue"},
}

# With neither seccomp nor Landlock it succeeds: so Landlock is what refuses it.  By the version of Landlock that it takes.
LANDLOCK = {
    1: {"writer": {"open-upwards", "open-upwards-to-write", "create-upwards", "mkdir-upwards", "unlink-upwards", "symlink-here", "fifo-here"},
        "keeper": {"open-upwards", "open-upwards-to-write", "create-upwards", "mkdir-upwards", "unlink-upwards", "symlink-here", "fifo-here"},
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
        "call-32-bit", "call-x32",
    },
    # Capabilities that it gave up.
    "EPERM": {"device-here", "fanotify_init", "socket-raw", "socket-packet", "sched_setscheduler", "setpriority", "capability-admin",
              "raise-limit", "syslog"},
    "ENOSYS": {"clone3"},
}


def attempts():
    """All that the tables of tests/probe hold."""
    rows = re.compile(r'^    \{"([^"]+)", \w+\},$', re.MULTILINE)
    return [name for source in sorted(SOURCES.glob("attempts_*.c")) for name in rows.findall(source.read_text())]


def landlock_version():
    return ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION)


@pytest.fixture(scope="module")
def outcomes():
    """outcomes(target, without): {attempt: outcome}, made once."""
    place = site.make_place()
    probes = probe.Probes(place)
    known = {}

    def get(target, without=0):
        if (target, without) not in known:
            known[target, without] = probes.outcomes(target, attempts(), without)
        return known[target, without]

    yield get
    probes.end()
    shutil.rmtree(place)


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


@pytest.mark.parametrize("attempt", [name for name in attempts() if name not in SECCOMP_ALONE])
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


def test_the_supervisor_is_refused_what_nobody_needs(outcomes):
    found = outcomes("supervisor")
    expected = {name: killed(outcomes, name) if word == KILLED else word for word, names in SUPERVISOR.items() for name in names}
    assert {name: found[name] for name in expected} == expected


def test_no_other_attempt_ends_the_supervisor(outcomes):
    found = outcomes("supervisor")
    assert {name for name, outcome in found.items() if outcome == KILLED} | {"call-32-bit"} == SUPERVISOR[KILLED]
