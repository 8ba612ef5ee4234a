"""What each executable is made of: the libraries it may link, the hardening, and the layers of the source."""

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest
from helpers import stapleguard

PROGRAMS = ["stapleguardd", "fetcher", "writer", "stapleguard"]

FORBIDDEN = {
    "stapleguardd": ["libcrypto", "libssl", "libcurl", "libdb", "libcares", "libaugeas", "libxml2"],
    "fetcher": ["libdb", "libaugeas", "libxml2"],
    "writer": ["libcurl", "libssl", "libcares", "libaugeas", "libxml2"],
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


def compile_command(source_suffix):
    """How the build compiles a file: its directory and arguments, without input and output."""
    with open(stapleguard.build_directory() / "compile_commands.json", encoding="utf-8") as commands:
        entry = next(c for c in json.load(commands) if c["file"].endswith(source_suffix))
    words = shlex.split(entry["command"])
    kept = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-c", "-MF", "-MQ"):
            skip = True
        else:
            kept.append(word)
    return entry["directory"], kept


def compiles(layer_source, header, place):
    """Does a file with the flags of layer_source compile when it includes header?"""
    directory, command = compile_command(layer_source)
    probe = place / "probe.c"
    probe.write_text(f'#include "{header}"\nint probe_is_not_empty;\n')
    done = subprocess.run(
        [*command, "-fsyntax-only", str(probe)], cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 or "No such file" in done.stderr, done.stderr
    return done.returncode == 0


def a_header_of(folder):
    """Some header of a folder whose name no other folder has."""
    names = {}
    for path in ROOT.glob("**/*.h"):
        if not path.relative_to(ROOT).parts[0].startswith("build"):
            names.setdefault(path.name, []).append(path)
    own = sorted(p.name for p in (ROOT / folder).glob("*.h") if len(names[p.name]) == 1)
    assert own, f"{folder} has no header of its own"
    return own[0]


# layer (by a source of it), folder whose headers it must not see
WRONG_WAYS = [
    ("common/msg.c", "sandbox"), ("common/msg.c", "fetcher"), ("common/msg.c", "writer"), ("common/msg.c", "supervisor"),
    ("sandbox/jail.c", "fetcher"), ("sandbox/jail.c", "writer"), ("sandbox/jail.c", "supervisor"),
    ("fetcher/main.c", "writer"), ("fetcher/main.c", "supervisor"),
    ("writer/main.c", "fetcher"), ("writer/main.c", "supervisor"),
    ("supervisor/main.c", "fetcher"), ("supervisor/main.c", "writer"), ("supervisor/main.c", "common/ocsp"),
    ("supervisor/main.c", "cli/httpd"), ("fetcher/main.c", "cli/httpd"), ("writer/main.c", "cli/httpd"),
    ("cli/httpd/httpd_tree.c", "cli"), ("cli/httpd/httpd_tree.c", "common/conf"), ("cli/httpd/httpd_tree.c", "common/ocsp"),
    ("cli/main.c", "fetcher"), ("cli/main.c", "writer"), ("cli/main.c", "supervisor"),
]


@pytest.mark.parametrize("source, folder", WRONG_WAYS, ids=[f"{s.split('/')[0]}-{f}" for s, f in WRONG_WAYS])
def test_an_include_that_points_the_wrong_way_does_not_compile(place, source, folder):
    assert not compiles(source, a_header_of(folder), place)


@pytest.mark.parametrize("source", ["sandbox/jail.c", "fetcher/main.c", "writer/main.c", "supervisor/main.c", "cli/main.c"])
def test_an_include_that_points_down_does_compile(place, source):
    """That the test above can fail."""
    assert compiles(source, "msg.h", place)


def test_no_include_leaves_its_folder_by_a_path():
    wrong = []
    for path in ROOT.glob("*/**/*.[ch]"):
        top = path.relative_to(ROOT).parts[0]
        if top.startswith(("build", ".")):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r'\s*#\s*include\s+"[^"]*/', line):
                wrong.append(f"{os.path.relpath(path, ROOT)}: {line}")
    assert wrong == []
