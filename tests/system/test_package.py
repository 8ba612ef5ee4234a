# SPDX-License-Identifier: ISC
"""The Debian package: it builds in a clean Debian, has no fault that lintian knows, and contains what the build has."""

import pathlib
import re
import shutil
import subprocess

import pytest
from helpers import machine as machines
from helpers import package, stapleguard

pytestmark = pytest.mark.package

SOURCE = package.SOURCE


@pytest.fixture(scope="module", params=package.RELEASES)
def release(request):
    """A release in which the package could be built; it is built now."""
    try:
        package.built(request.param)
    except machines.CannotRun as reason:
        pytest.skip(str(reason))
    return request.param


def contents(release):
    """{path: mode and owner} of the package."""
    done = subprocess.run(["dpkg-deb", "--contents", package.deb(release)], capture_output=True, text=True, check=True, timeout=60)
    words = [line.split(None, 5) for line in done.stdout.splitlines()]
    return {word[5].split(" -> ")[0].lstrip("."): f"{word[0]} {word[1]}" for word in words}


def test_it_builds_from_the_source_package_alone_and_passes_the_unit_tests(release):
    log = (package.built(release) / "build.log").read_text()
    assert re.search(r"^Ok: +[1-9]\d", log, re.MULTILINE) and not re.search(r"^(Fail|Timeout): +[1-9]", log, re.MULTILINE)
    # It asked nobody: there was no network.
    assert "Could not resolve" not in log


def test_lintian_finds_no_fault(release):
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed here")
    changes = next(package.built(release).glob("*.changes"))
    # Random machine code has been read as a word.
    done = subprocess.run(["lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on", "error,warning,info,pedantic",
                           "--suppress-tags", "spelling-error-in-binary", changes],
                          capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_it_contains_all_that_meson_installs(release, place):
    subprocess.run(["meson", "install", "-C", stapleguard.build_directory(), "--no-rebuild", "--quiet"],
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DESTDIR": str(place)}, check=True, capture_output=True, timeout=120)
    installed = {"/" + str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}
    assert len(installed) > 20
    packaged = {re.sub(r"^(/usr)?/lib/systemd", "/usr/lib/systemd", path) for path in contents(release)}
    packaged = {path.removesuffix(".gz") for path in packaged}
    # debian/copyright takes its place.
    wanted = {path.replace("/usr/local/", "/usr/") for path in installed} - {"/usr/share/doc/stapleguard/LICENSE"}
    assert sorted(wanted - packaged) == []


def test_everything_is_roots_and_nothing_has_a_special_right(release):
    for path, mode in contents(release).items():
        assert mode.endswith("root/root") and not re.search("[st]", mode[:10]) and mode[8] != "w" or mode.startswith("l"), f"{path}: {mode}"


def test_what_the_administrator_edits_is_a_conffile(release, place):
    subprocess.run(["dpkg-deb", "--control", package.deb(release), place / "control"], check=True, timeout=60)
    conffiles = (place / "control/conffiles").read_text().split()
    assert sorted(conffiles) == sorted(path for path in contents(release) if path.startswith("/etc/") and not path.endswith("/"))
    assert sorted(conffiles) == ["/etc/logrotate.d/stapleguard", "/etc/stapleguard/stapleguard.conf"]


def test_it_installs_and_purges_in_a_bare_system(release):
    """Without systemd running, without Apache: as an image is built."""
    done = package.run_in(release, package.built(release), INSTALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("--\n")[1:] == [
        f"stapleguardd {meson_version()}\nstapleguard {meson_version()}\n",
        "stapleguard-fetch\nstapleguard-write\nstapleguard\n",
        "/run/stapleguard/apache stapleguard-write:www-data 750\n",
        "",
    ], done.stdout + done.stderr


INSTALL = """
set -e
dpkg -i --force-depends /exchange/stapleguard_*.deb >/dev/null
echo --; stapleguardd --version; stapleguard --version
echo --; getent passwd stapleguard-fetch stapleguard-write | cut -d: -f1; getent group stapleguard | cut -d: -f1
echo --; stat -c '%n %U:%G %a' /run/stapleguard/apache
dpkg --purge stapleguard >/dev/null 2>&1
echo --; find / -xdev -path /proc -prune -o -path /exchange -prune -o -name '*stapleguard*' -print
"""


def meson_version():
    return re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text()).group(1)
