# SPDX-License-Identifier: ISC
"""What each executable is made of: the libraries it may link, the hardening, and the layers of the source."""

import json
import os
import pathlib
import pathlib
import re
import shlex
import subprocess

import pytest
from helpers import stapleguard

PROGRAMS = ["stapleguardd", "fetcher", "writer", "stapleguard"]

FORBIDDEN = {
    "stapleguardd": ["libcrypto", "libssl", "libcurl", "libdb", "libcares", "libxml2"],
    "fetcher": ["libdb", "libxml2"],
    "writer": ["libcurl", "libssl", "libcares", "libxml2"],
    "stapleguard": ["libcurl", "libdb"],
}

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_forbidden_library_is_linked(program):
    listing = output_of("ldd", stapleguard.program(program))
    assert "libc.so" in listing
    found = [name for name in FORBIDDEN[program] if re.search(rf"^\s*{name}[-.\d]*\.so", listing, re.MULTILINE)]
    assert found == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_executable_is_position_independent(program):
    assert re.search(r"Type:\s+DYN", output_of("readelf", "-hW", stapleguard.program(program)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_relocations_are_read_only_and_bound_at_start(program):
    headers = output_of("readelf", "-lW", stapleguard.program(program))
    dynamic = output_of("readelf", "-dW", stapleguard.program(program))
    assert "GNU_RELRO" in headers
    assert re.search(r"FLAGS.*(BIND_NOW|NOW)", dynamic)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_stack_is_not_executable(program):
    headers = output_of("readelf", "-lW", stapleguard.program(program))
    stack = re.search(r"GNU_STACK.*", headers).group(0)
    assert " RW " in stack and "E" not in stack.split("0x")[-2].split()[-1]


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_segment_is_writable_and_executable(program):
    headers = output_of("readelf", "-lW", stapleguard.program(program))
    assert not re.search(r"LOAD.*\bRWE\b", headers)


@pytest.mark.parametrize("program", PROGRAMS)
def test_functions_are_stack_protected_and_fortified(program):
    symbols = output_of("readelf", "--dyn-syms", "-W", stapleguard.program(program))
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", ""))


def compile_commands():
    """{source: (directory, words)} of everything the build compiles, without input and output."""
    found = {}
    for entry in json.loads((stapleguard.build_directory() / "compile_commands.json").read_text(encoding="utf-8")):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if source.is_relative_to(ROOT):
            words = iter(shlex.split(entry["command"]))
            kept = [word for word in words if word not in ("-o", "-c", "-MF", "-MQ") or next(words) is None]
            found.setdefault(str(source.relative_to(ROOT)), (entry["directory"], kept))
    return found


COMMANDS = compile_commands()
PRODUCT = ("common", "sandbox", "fetcher", "writer", "supervisor", "cli")
FOLDERS = sorted({os.path.dirname(source) for source in COMMANDS if source.split("/")[0] in PRODUCT})


def headers_of(folder):
    return sorted(path.name for path in (ROOT / folder).glob("*.h"))


def include_name(folder, header):
    """As an include names it: from the program's folder on."""
    return "/".join([*folder.split("/")[1:], header]) if folder != "sandbox" else f"sandbox/{header}"


def visible(folder, place):
    """The folders whose headers a source of this one can include, by the flags that the build gives it."""
    source = next(source for source in sorted(COMMANDS) if os.path.dirname(source) == folder)
    directory, command = COMMANDS[source]
    probe = place / "probe.c"
    others = [other for other in FOLDERS if other != folder and headers_of(other)]
    probe.write_text("".join(
        f'#if __has_include("{include_name(other, headers_of(other)[0])}")\nvisible {other}\n#endif\n' for other in others))
    done = subprocess.run([*command, "-E", "-P", str(probe)], cwd=directory, capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"^visible (\S+)$", done.stdout, re.MULTILINE))


def includes():
    """{file: files of ours that it includes}, by path from the root."""
    found = {}
    paths = [path for top in PRODUCT for path in (ROOT / top).glob("**/*.[ch]")]
    for path in paths:
        top = path.relative_to(ROOT).parts[0]
        named = re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
        places = [next((place for place in (path.parent / name, ROOT / top / name, ROOT / "common" / name, ROOT / name) if place.exists()), name)
                  for name in named]
        found[str(path.relative_to(ROOT))] = {os.path.relpath(place, ROOT) for place in places}
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_include_that_points_the_wrong_way_does_not_compile(place, folder):
    """A folder sees what it uses, itself or through the headers it includes, and not one folder more."""
    named = includes()
    used, look_at = set(), {target for source, targets in named.items() if os.path.dirname(source) == folder for target in targets}
    while look_at:
        target = look_at.pop()
        used.add(os.path.dirname(target))
        look_at |= named[target] - {target}
        named[target] = set()
    seen = visible(folder, place)
    assert used - {folder} - seen - {"common"} == set(), "used, but not visible: the test above cannot be right"
    if folder in ("cli", "supervisor", "fetcher", "writer"):  # main.c and what stands beside it may use all of their program
        assert {other.split("/")[0] for other in seen} <= {folder, "common", "sandbox"}
    else:
        basics = {"common/text", "common/words", "common/system", "common/proto"}
        assert seen - used - basics == set(), "permitted by meson.build, but not used"


def test_the_supervisor_sees_nothing_that_parses_what_strangers_wrote(place):
    for folder in (folder for folder in FOLDERS if folder.split("/")[0] == "supervisor"):
        assert visible(folder, place) & {"common/cert", "common/ocsp", "common/dbm"} == set(), folder


def circles(edges):
    """The groups of nodes that reach each other."""
    reach = {}
    for start in edges:
        seen, stack = set(), [start]
        while stack:
            for target in edges.get(stack.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        reach[start] = seen
    return sorted({tuple(sorted(other for other in reach[node] if node in reach.get(other, ()))) for node in edges if node in reach[node]})


def test_the_search_for_circles_finds_one():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [("b", "c")]


def test_no_file_and_no_folder_depends_on_itself_by_way_of_others():
    files, folders = {}, {}
    for source, targets in includes().items():
        files.setdefault(os.path.splitext(source)[0], set()).update(os.path.splitext(target)[0] for target in targets)
        folders.setdefault(os.path.dirname(source), set()).update(os.path.dirname(target) for target in targets)
    for module, targets in files.items():
        targets.discard(module)
    for folder, targets in folders.items():
        targets.discard(folder)
    assert circles(files) == []
    assert circles(folders) == []


def test_a_base_name_is_unique():
    names = {}
    for path in (path for top in PRODUCT for path in (ROOT / top).glob("**/*.c")):
        names.setdefault(path.name, []).append(str(path.relative_to(ROOT)))
    del names["main.c"]
    assert [places for places in names.values() if len(places) > 1] == []


def test_no_include_climbs():
    climbs = [f"{path}: {line}" for top in (*PRODUCT, "tests") for path in (ROOT / top).glob("**/*.[ch]")
              for line in path.read_text(encoding="utf-8").splitlines() if re.match(r'\s*#\s*include\s+"[^"]*\.\./', line)]
    assert climbs == []
