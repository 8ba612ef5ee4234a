# SPDX-License-Identifier: ISC
"""What `meson install` puts in place works from there, with its users, its directories and its timer."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from helpers import manual
from helpers.stapleguard import FRESH

PREFIX = pathlib.Path("usr/local")


@pytest.fixture
def installed(place):
    """The prefix below a directory of its own."""
    root = place / "installed"
    subprocess.run(
        ["meson", "install", "-C", os.environ["STAPLEGUARD_BUILD"], "--no-rebuild", "--quiet"],
        env={**os.environ, "DESTDIR": str(root)}, check=True, capture_output=True, timeout=120)
    return root / PREFIX


def test_the_installed_daemon_finds_the_installed_children(installed, site, monkeypatch):
    site.leaf("shop.test")
    monkeypatch.setattr(site.sg, "command", lambda *options: [
        str(installed / "sbin/stapleguardd"), "--once", "-c", str(site.sg.conf), *options])
    process = site.sg.start()
    exes = {name: os.readlink(f"/proc/{pid}/exe") for name, pid in site.sg.children(process).items()}
    assert exes == {name: str(installed / "libexec/stapleguard" / name) for name in ("fetcher", "writer")}
    code, output = site.sg.finish(process)
    assert code == FRESH, output


def systemd(tool, installed, folder, passwd, *options):
    """Run tool on our file as if `installed` were a whole system with these users; returns that system's root."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed here")
    root = installed.parent.parent
    root.joinpath("etc").mkdir(exist_ok=True)
    root.joinpath("etc/passwd").write_text("root:x:0:0::/:/bin/sh\n" + passwd)
    root.joinpath("etc/group").write_text("root:x:0:\nwww-data:x:33:\nstapleguard:x:64903:\n")
    done = subprocess.run([tool, f"--root={root}", *options, str(installed / f"lib/{folder}/stapleguard.conf")],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and "not a valid" not in done.stderr, done.stderr
    return root


def test_the_users_are_made(installed):
    root = systemd("systemd-sysusers", installed, "sysusers.d", "")
    users = [line.split(":")[0] for line in root.joinpath("etc/passwd").read_text().splitlines()]
    assert {"stapleguard-fetch", "stapleguard-write"} <= set(users)


def test_the_directories_are_made_for_apache_the_writer_and_those_who_may_look(installed):
    root = systemd("systemd-tmpfiles", installed, "tmpfiles.d", "stapleguard-write:x:64902:64902::/:/bin/false\n", "--create")
    folder = os.stat(root / "run/stapleguard/apache")
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o7777) == (64902, 33, 0o750)
    folder = os.stat(root / "var/log/stapleguard")
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o7777) == (0, 64903, 0o2750)


def test_the_unit_and_the_timer_are_understood_by_systemd(installed):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    units = installed / "lib/systemd/system"
    service = units / "stapleguard-once.service"
    assert f"ExecStart=/{PREFIX}/sbin/stapleguardd --once\n" in service.read_text()
    # The real executable stands below a directory of the test's, not where the unit says.
    service.write_text(service.read_text().replace(f"ExecStart=/{PREFIX}", f"ExecStart={installed}"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(service), str(units / "stapleguard-once.timer")],
                          capture_output=True, text=True, check=False, timeout=60)
    assert "stapleguard" not in done.stderr, done.stderr


def test_the_rotation_is_where_logrotate_looks(installed):
    assert "/var/log/stapleguard/audit.jsonl {" in installed.parent.parent.joinpath("etc/logrotate.d/stapleguard").read_text()


def test_the_configuration_is_there_once_and_stays_the_administrators(installed):
    conf = installed.parent.parent / "etc/stapleguard/stapleguard.conf"
    assert all(line.startswith("#") or not line for line in conf.read_text().splitlines())
    conf.write_text("[fetch]\ntimeout = 3s\n")
    subprocess.run(["meson", "install", "-C", os.environ["STAPLEGUARD_BUILD"], "--no-rebuild", "--quiet"],
                   env={**os.environ, "DESTDIR": str(installed.parent.parent)}, check=True, capture_output=True, timeout=120)
    assert conf.read_text() == "[fetch]\ntimeout = 3s\n"


def test_the_manual_and_the_documents_are_installed_and_their_links_hold(installed):
    assert {path.name for path in (installed / "share/man").rglob("*.[1-8]")} == set(manual.PAGES)
    documents = installed / "share/doc/stapleguard"
    for page in documents.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", page.read_text()):
            assert (page.parent / target).exists() or target == "CONTRIBUTING.md", f"{page}: {target}"


def test_a_place_where_the_helpers_would_not_be_found_is_refused(place):
    done = subprocess.run(["meson", "setup", str(place / "build"), str(manual.FOLDER.parent), "-Dlibexecdir=/opt/libexec"],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0 and "libexecdir must be relative to the prefix" in done.stdout
