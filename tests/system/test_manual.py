# SPDX-License-Identifier: ISC
"""The manual pages say what the code's own tables say, no less and no more; and they are sound mdoc."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from helpers import manual, stapleguard

SOURCE = manual.FOLDER.parent
AUDIT = "stapleguard-audit.5"
CONF = "stapleguard.conf.5"
SECTIONS = ("stapleguard", "apache", "fetch", "certificate")


@pytest.fixture(scope="module")
def tables():
    return manual.tables()


# As text ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", manual.PAGES)
def test_mandoc_finds_no_fault(page):
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed here")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "all", page], cwd=manual.FOLDER, capture_output=True, text=True, check=False,
                          timeout=60)
    # Whether a page that is referred to is installed here says nothing of ours.
    faults = [line for line in (done.stdout + done.stderr).splitlines() if not re.search("referenced manual not found|mandoc.db", line)]
    assert faults == []


@pytest.mark.parametrize("page", manual.PAGES)
def test_man_formats_it_without_a_warning(page):
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man and groff are not installed here")
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], cwd=manual.FOLDER, capture_output=True,
                          text=True, check=False, timeout=60, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stderr) == (0, "")


def test_each_page_is_installed():
    assert sorted(path.name for path in manual.FOLDER.glob("*.[1-8]")) == sorted(manual.PAGES)
    assert set(re.findall(r"'([\w.-]+\.\d)'", (manual.FOLDER / "meson.build").read_text())) == set(manual.PAGES)


# Commands and options -----------------------------------------------------------------------------------------------------


def test_every_command_has_its_section():
    commands = manual.commands()
    missing = [manual.skeleton(name, commands[name], manual.help_of("stapleguard", name))
               for name in commands if name not in manual.titles("stapleguard.1")]
    assert missing == [], "stapleguard.1 wants:\n" + "\n".join(missing)
    assert manual.titles("stapleguard.1") == list(commands)


def one_command(name):
    return manual.section("stapleguard.1", name, "Ss"), manual.help_of("stapleguard", name)


@pytest.mark.parametrize("name", manual.titles("stapleguard.1"))
def test_a_commands_options_are_those_of_its_help(name):
    page, told = one_command(name)
    synopsis = manual.options(page.partition(".Pp\n")[0])
    described = [manual.options(f".{head}") for head, _ in manual.items(page) if "Fl " in head]
    # -c, --config is described at the top of the page, for all.
    common = {"-c", "--config"} & manual.help_options(told)
    assert set().union(*described) | common == manual.help_options(told)
    assert synopsis <= manual.help_options(told) and all(names & synopsis for names in [*described, *([common] if common else [])])


@pytest.mark.parametrize("name", manual.titles("stapleguard.1"))
def test_a_commands_exit_codes_are_those_of_its_help(name):
    page, told = one_command(name)
    assert manual.page_exit_codes(page) == manual.help_exit_codes(told) != {}


@pytest.mark.parametrize("name", manual.titles("stapleguard.1"))
def test_a_commands_purpose_is_that_of_its_help(name):
    page, _ = one_command(name)
    assert manual.commands()[name].rstrip(".?") in manual.plain(page)


def test_the_daemons_options_and_exit_codes_are_those_of_its_help():
    told = manual.help_of("stapleguardd")
    described = manual.section("stapleguardd.8", "DESCRIPTION")
    heads = "\n".join(f".{head}" for head, _ in manual.items(described))
    assert manual.options(heads) - manual.COMMON == manual.help_options(told)
    assert manual.options(manual.section("stapleguardd.8", "SYNOPSIS")) | {"--config"} == manual.help_options(told)
    assert manual.page_exit_codes(manual.section("stapleguardd.8", "EXIT STATUS")) == manual.help_exit_codes(told)


# Keys, events, reasons ----------------------------------------------------------------------------------------------------


def key_head(name, default, allowed):
    if default == "MUST BE THERE":
        return f"Ic {name} No = Pq {allowed}; required"
    return f"Ic {name} No = {f'Cm {default} ' if default else ''}Pq {allowed}"


@pytest.mark.parametrize("section", SECTIONS)
def test_keys_stand_with_their_defaults_and_bounds(tables, section):
    wanted = [key_head(name, default, allowed) for where, name, default, allowed, _ in tables["key"] if where == section]
    assert [head for head, _ in manual.items(manual.section(CONF, f"Section {section}", "Ss"))] == wanted


def test_no_section_of_the_configuration_is_missing(tables):
    assert {row[0] for row in tables["key"]} == set(SECTIONS)


def test_what_a_certificate_may_have_of_its_own_is_named(tables):
    text = manual.section(CONF, "Section certificate", "Ss").partition("may also appear here")[2]
    assert re.findall(r"^\.Ic (\w+)", text, re.MULTILINE) == [row[1] for row in tables["key"] if row[4] == "per certificate"]


def test_the_example_has_every_key_with_its_default(tables):
    text = (SOURCE / "docs/stapleguard.conf.example").read_text()
    found = re.findall(r"^;?(\w+) =(.*)$", text.partition("[certificate")[0], re.MULTILINE)
    assert [(name, value.strip()) for name, value in found] == [(row[1], row[2]) for row in tables["key"] if row[0] != "certificate"]


def test_events_stand_with_who_reports_them_and_how_serious_they_are(tables):
    heads = [head for head, _ in manual.items(manual.section(AUDIT, "EVENTS"))]
    assert heads == [f"Ic {name} Pq {parties}; {severity}" for name, parties, severity in tables["event"]]


def test_reasons_stand_with_their_sentences(tables):
    items = manual.items(manual.section(AUDIT, "REASONS"))
    assert [(head.removeprefix("Ic "), body) for head, body in items] == [tuple(row) for row in tables["reason"]]


def test_members_stand_in_their_order(tables):
    heads = [head for head, _ in manual.items(manual.section(AUDIT, "Members", "Ss"))]
    assert heads == [f"Ic {row[0]}" for row in tables["member"]]


def test_every_event_member_and_key_says_something():
    for page, title in ((AUDIT, "EVENTS"), (AUDIT, "Members"), *((CONF, f"Section {name}") for name in SECTIONS)):
        for head, body in manual.items(manual.section(page, title, "Sh" if title.isupper() else "Ss")):
            assert len(body) > 10, head


# Files and environment ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What `meson install` puts there, by its path without the prefix."""
    place = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", stapleguard.build_directory(), "--no-rebuild", "--quiet"],
                   env={**os.environ, "DESTDIR": str(place)}, check=True, capture_output=True, timeout=120)
    return {"/" + str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def named_files():
    found = set()
    for page in manual.PAGES:
        for head, _ in manual.items(manual.section(page, "FILES")):
            found |= {word for word in head.removeprefix("Pa ").split() if word != ","}
    return found


def test_the_files_are_all_that_is_installed_or_set_by_default(tables, installed):
    """Every unit, everything in /etc, and every path that a key has by default; and nothing else."""
    defaults = {row[2] for row in tables["key"] if row[2].startswith("/")}
    etc = {path for path in installed if path.startswith("/etc/")}
    units = {pathlib.Path(path).name for path in installed if "/systemd/system/" in path}
    assert named_files() - {"stapleguard.conf.example"} == defaults | etc | units


def test_the_environment_is_what_the_code_looks_at():
    code = set()
    for path in SOURCE.glob("*/**/*.c"):
        if path.relative_to(SOURCE).parts[0] in ("cli", "common", "fetcher", "sandbox", "supervisor", "writer"):
            code |= set(re.findall(r'\bgetenv\("(\w+)"\)', path.read_text()))
    page = {name for file in manual.PAGES for name in re.findall(r"\.(?:It )?Ev (\w+)", manual.section(file, "ENVIRONMENT"))}
    assert page == code
