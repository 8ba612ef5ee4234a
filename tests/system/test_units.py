# SPDX-License-Identifier: ISC
"""The units as text: what systemd says of them, that they and the code say the same, and the rotation of the audit log.

That the service works in them is proved by test_booted.
"""

import gzip
import hashlib
import json
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from helpers import stapleguard
from helpers.daemon import Daemon, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("stapleguard.service", "stapleguard-once.service")
RECOVER = "stapleguard-recover.service"

# What `systemd-analyze security` holds against us, and what of us needs it.  Anything else is a hole in the fence.
NEEDED = {
    "PrivateNetwork": "the fetcher asks responders",
    "RestrictAddressFamilies_AF_INET_INET6": "the fetcher asks responders",
    "RestrictAddressFamilies_AF_UNIX": "the channels between the processes, the control socket, systemd itself, the journal",
    "IPAddressDeny": "a responder or a name server may be anywhere",
    "UserOrDynamicUser": "reads every certificate that Apache reads, runs apache2ctl -t, starts processes under other users",
    "PrivateUsers": "three users, and Apache's group",
    "CapabilityBoundingSet_CAP_SET_UID_GID_PCAP": "the children's users and bounding sets",
    "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP": "Apache's directory is the writer's",
    "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER": "certificates and Apache's files in other users' directories",
    "CapabilityBoundingSet_CAP_KILL": "a child that hangs; Apache's restart",
    "CapabilityBoundingSet_CAP_LINUX_IMMUTABLE": "the shield",
    "CapabilityBoundingSet_CAP_SYS_CHROOT": "the jails",
    "SystemCallFilter_privileged": "the jails: setuid, chown, capset",
    "SystemCallFilter_mount": "the jails: chroot is counted there",
    "ProtectHome": "certificates may lie there; read-only",
    "RootDirectoryOrRootImage": "Apache's configuration may be anywhere",
    "DeviceAllow": "ProtectClock itself adds the clock, for reading",
}
DAEMON_ALONE = {"CapabilityBoundingSet_CAP_SYS_PTRACE": "Apache's lock, through /proc/PID/fd"}

# The sum of the above.  More is a mistake; less is welcome, and wants these numbers lowered.
HIGHEST = {"stapleguard.service": 3.0, "stapleguard-once.service": 2.7}


def built(name):
    return stapleguard.build_directory() / "systemd" / name


def values(name, key):
    """What a unit says of `key`, all lines."""
    return re.findall(rf"^{key}=(.*)$", built(name).read_text(), re.MULTILINE)


def security(name, *options):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", *options, built(name)],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_takes_away_all_that_is_not_needed(name):
    needed = NEEDED if name == "stapleguard-once.service" else NEEDED | DAEMON_ALONE
    exposed = {item["json_field"] for item in json.loads(security(name, "--json=short")) if float(item["exposure"] or 0) > 0}
    assert exposed == set(needed)
    overall = re.search(r"Overall exposure level for \S+: ([0-9.]+)", security(name))
    assert float(overall.group(1)) <= HIGHEST[name]


@pytest.mark.parametrize("name", [*SERVICES, RECOVER, "stapleguard-once.timer"])
def test_systemd_understands_every_line(name, place):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    for unit in (*SERVICES, RECOVER):  # the timer's service is looked at with it
        text = re.sub(r"(?<=^ExecStart=)\S*/sbin/stapleguardd", str(stapleguard.program("stapleguardd")), built(unit).read_text(),
                      flags=re.MULTILINE)
        text = re.sub(r"(?<==)([-+]*)/\S*/bin/stapleguard(?= )", rf"\1{stapleguard.program('stapleguard')}", text)
        (place / unit).write_text(text)
    shutil.copy(SOURCE / "systemd/stapleguard-once.timer", place)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", place / name], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 0 and str(place) not in done.stderr and "stapleguard" not in done.stderr, done.stderr


def test_the_capabilities_are_those_of_the_code():
    table = re.search(r"capabilities\[\] = \{(.*?)\};", (SOURCE / "supervisor/main.c").read_text(), re.DOTALL).group(1)
    in_code = set(re.findall(r"\bCAP_\w+", table))
    assert [set(line.split()) for line in values("stapleguard.service", "CapabilityBoundingSet")] == [in_code]
    # A single pass neither looks for Apache's lock nor restarts it.
    once = set(values("stapleguard-once.service", "CapabilityBoundingSet")[0].split())
    assert in_code - once == {"CAP_SYS_PTRACE"} and once < in_code


@pytest.mark.parametrize("name", SERVICES)
def test_apaches_directory_outlives_the_service(name):
    """Without it, systemd would remove the directory of Apache's file, and Apache could not even start."""
    assert values(name, "RuntimeDirectory") == ["stapleguard"]
    assert values(name, "RuntimeDirectoryPreserve") == ["yes"]


def test_no_start_of_apache_waits_for_us():
    assert not re.search(r"^(Before|RequiredBy|WantedBy|PartOf|BindsTo)=.*(apache|httpd)", built("stapleguard.service").read_text(),
                         re.MULTILINE)


def test_P4_recovery_comes_before_apache_and_keeps_it_from_nothing():
    """Ordered before, wanted by nobody but the boot, and a condition that is false in most."""
    text = built(RECOVER).read_text()
    assert "apache2.service" in values(RECOVER, "Before")[0] and "stapleguard.service" in values(RECOVER, "Before")[0]
    assert values(RECOVER, "ConditionPathExists") == ["/var/lib/stapleguard/setup/journal"]
    assert values(RECOVER, "ExecStart")[0].startswith("-") and values(RECOVER, "TimeoutStartSec")
    assert not re.search(r"^(RequiredBy|Requires|BindsTo|PartOf)=", text, re.MULTILINE)
    assert any(line.endswith("/bin/stapleguard enable --recover --quiet") for line in values("stapleguard.service", "ExecStartPre"))


# The rotation -----------------------------------------------------------------------------------------------------------


class Rotation:
    """The installed snippet, below what Debian and others set for all files, on the audit log of a test."""

    def __init__(self, sg):
        if shutil.which("logrotate") is None:
            pytest.skip("logrotate is not installed here")
        self.log = sg.audit_log
        self.conf = sg.directory / "logrotate.conf"
        self.state = sg.directory / "logrotate.state"
        snippet = (SOURCE / "systemd/stapleguard.logrotate").read_text()
        assert "/var/log/stapleguard/audit.jsonl {" in snippet
        self.conf.write_text("create\ndateext\n" + snippet.replace("/var/log/stapleguard/audit.jsonl", str(self.log)))

    def rotate(self):
        done = subprocess.run(["logrotate", "--verbose", "--force", "--state", self.state, self.conf], capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 0 and "error:" not in done.stderr, done.stderr

    def names(self):
        return sorted(path.name for path in self.log.parent.glob("audit.jsonl*"))

    def lines(self):
        """All lines that were ever written, the oldest first."""
        def number(path):
            return int((re.findall(r"\.(\d+)", path.name) or ["0"])[0])

        found = []
        for path in sorted(self.log.parent.glob("audit.jsonl*"), key=number, reverse=True):
            data = path.read_bytes()
            found += (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
        return found

    def check_chain(self):
        """common/audit/audit_record.h says how the hashes are made."""
        before = "0" * 64
        for number, line in enumerate(self.lines(), 1):
            record = json.loads(line)
            assert (record["seq"], record["prev"]) == (number, before), line
            before = hashlib.sha256(line[:line.rindex(b',"hash"')]).hexdigest()
            assert record["hash"] == before


def test_the_chain_goes_on_while_logrotate_rotates_under_the_daemon(shop):
    daemon = Daemon(shop.sg)
    try:
        daemon.start()
        wait_until(lambda: daemon.events("staple.stored"), "the first records")
        rotation = Rotation(shop.sg)
        for count in (1, 2, 3):
            before = len(rotation.lines())
            rotation.rotate()
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: shop.sg.audit() and len(rotation.lines()) > before, "a record in the new file")
            rotation.check_chain()
            assert len([name for name in rotation.names() if name != "audit.jsonl"]) == count
        assert rotation.names() == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2.gz", "audit.jsonl.3.gz"]
        assert not daemon.events("audit.gap")
    finally:
        daemon.end()


def test_the_chain_goes_on_from_a_file_that_was_rotated_between_two_passes(site):
    site.leaf("shop.test")
    site.sg.once(expect=stapleguard.FRESH)
    rotation = Rotation(site.sg)
    for _ in range(2):
        rotation.rotate()
        assert not site.sg.audit_log.exists()
        site.sg.once(expect=stapleguard.FRESH)
        rotation.check_chain()
    assert rotation.names() == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2.gz"]
