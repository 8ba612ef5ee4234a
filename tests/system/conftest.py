# SPDX-License-Identifier: ISC
"""Fixtures of the system tests: each test gets a directory, a CA, a responder and a stapleguard of its own.

The tests run as root, against the executables in the build directory that STAPLEGUARD_BUILD names.
"""

import os
import pathlib
import pwd
import shutil
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from helpers import audit_examples  # noqa: E402
from helpers import responder  # noqa: E402
from helpers import site as sites  # noqa: E402
from helpers import stapleguard  # noqa: E402


def pytest_configure(config):
    # Some tests want them, to see them refused.
    config.addinivalue_line("filterwarnings", "ignore:SHA1 signatures are deprecated")
    config.addinivalue_line("markers", "scale: makes thousands of certificates")
    config.addinivalue_line("markers", "package: builds the Debian package in a clean Debian, or needs it")
    if "STAPLEGUARD_BUILD" not in os.environ:
        raise pytest.UsageError("set STAPLEGUARD_BUILD to a meson build directory (scripts/test does)")
    missing = [name for name in ("stapleguardd", "fetcher", "writer") if not stapleguard.program(name).exists()]
    if missing:
        raise pytest.UsageError(f"not built in {stapleguard.build_directory()}: {', '.join(missing)}")


def pytest_collection_modifyitems(items):
    # Last: what they need is built meanwhile.
    items.sort(key=lambda item: item.get_closest_marker("package") is not None)
    if os.geteuid() != 0:
        reason = pytest.mark.skip(reason="needs root: Apache, privilege separation and the jail do")
        for item in items:
            item.add_marker(reason)


@pytest.fixture(scope="session", autouse=True)
def nobody_has_our_uids():
    """The children run under numeric uids; that must not be somebody's."""
    for uid in (stapleguard.FETCH_UID, stapleguard.WRITE_UID):
        with pytest.raises(KeyError):
            pwd.getpwuid(uid)


@pytest.fixture(autouse=True)
def no_leftovers():
    """No test may leave a process of ours behind."""
    before = set(stapleguard.our_processes())
    yield
    end = time.monotonic() + 10
    left = set(stapleguard.our_processes()) - before
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left = set(stapleguard.our_processes()) - before
    for pid, _ in left:
        stapleguard.kill(pid)
    assert not left, f"left behind: {sorted(left)}"


@pytest.fixture(scope="session")
def authorities():
    return sites.Authorities()


@pytest.fixture
def place():
    """An empty directory that www-data and the children can pass through."""
    directory = sites.make_place()
    yield directory
    faults = [fault for log in directory.glob("log/audit.jsonl*") if log.suffix != ".gz" for fault in audit_examples.faults_of_log(log)]
    shutil.rmtree(directory)
    assert faults == [], "records that are not as docs/audit.md says"


@pytest.fixture
def site(place, authorities):
    """CA, responder, stapleguard; Apache once the test asks for it."""
    made = sites.Site(place, authorities)
    yield made
    made.end()


@pytest.fixture
def shop(site):
    """A site with one must-staple certificate, `shop.test`, that a running Apache serves."""
    site.shop = site.leaf("shop.test", must_staple=True)
    site.start_apache("shop.test")
    return site


@pytest.fixture
def ca(authorities):
    return authorities.ca


@pytest.fixture
def server():
    """A responder on loopback, for tests without a whole site."""
    with responder.Responder() as started:
        yield started
