# SPDX-License-Identifier: ISC
"""The habits of the source that a machine can check: licence, form, the three lines of a module, lengths."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = ("cli", "common", "fetcher", "sandbox", "supervisor", "writer")
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
# Whose output .clang-format was made for: another version breaks lines elsewhere.
CLANG_FORMAT = "clang-format version 14."


def tracked(*patterns):
    """Files that git knows and that are there, without the samples of the tests.  A tree without git has none to skip."""
    listing = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", *patterns],
                             cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    paths = [ROOT / line for line in listing.splitlines() if not line.startswith(("tests/data/", "tests/fuzz/corpus/"))]
    return [path for path in paths if path.exists()]


def name_of(path):
    return str(path.relative_to(ROOT))


def test_every_source_names_its_licence():
    sources = tracked("*.c", "*.h", "*.py", "*meson.build", "meson_options.txt", "scripts/*", "completions/*", ".ci/run")
    assert len(sources) > 500
    assert [name_of(path) for path in sources if "SPDX-License-Identifier: ISC" not in "\n".join(path.read_text().splitlines()[:2])] == []


def test_the_source_is_formatted():
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if program is None or CLANG_FORMAT not in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip(f"there is no {CLANG_FORMAT}")
    done = subprocess.run([program, "--dry-run", "-Werror", *map(str, tracked("*.c", "*.h"))], cwd=ROOT, capture_output=True, text=True,
                          timeout=300, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error: code should be clang-formatted", done.stderr, re.MULTILINE)))
    assert (done.returncode, wrong) == (0, []), "run clang-format -i on them"


def test_the_three_lines_of_a_module_stand_once():
    wrong = []
    for path in tracked(*(f"{folder}/*.[ch]" for folder in PRODUCT)):
        owns = re.findall(r"^ \* Owns: (?:.|\n)*?^ \* Runs in: (?:.|\n)*?^ \* Never: ", path.read_text(), re.MULTILINE)
        expected = 0 if path.suffix == ".c" and path.with_suffix(".h").exists() else 1
        if len(owns) != expected:
            wrong.append(f"{name_of(path)}: {len(owns)}")
    assert wrong == []


def test_files_and_functions_are_short():
    long = []
    for path in tracked("*.c", "*.h"):
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES_MAX:
            long.append(f"{name_of(path)}: {len(lines)} lines")
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                if number - start > FUNCTION_LINES_MAX:
                    long.append(f"{name_of(path)}:{start}: {number - start} lines")
                start = None
    assert long == []
