# SPDX-License-Identifier: ISC
"""SECURITY.md is true to the code: its appendix is the policies, and the tests that it names exist."""

import pathlib
import re
import subprocess

from helpers import stapleguard

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()


def named_tests():
    """("test_x" or "unit/test_x", function or None, attempt or None) for each `…` in the text that names one."""
    file = None
    for quoted in re.findall(r"`((?:unit/)?test_\w+(?:::\w+)?(?:\[[\w-]+\])?|::\w+|\[[\w-]+\])`", TEXT):
        match = re.fullmatch(r"((?:unit/)?test_\w+)?(?:::(\w+))?(?:\[([\w-]+)\])?", quoted)
        file = match[1] or file
        yield file, match[2], match[3]


def source_of(file):
    if file.startswith("unit/"):
        return ROOT / "tests" / f"{file}.c"
    return ROOT / "tests" / "system" / f"{file}.py"


def test_every_test_it_names_exists():
    attempts = "".join(path.read_text() for path in (ROOT / "tests" / "probe").glob("attempts_*.c"))
    named = list(named_tests())
    assert len(named) > 100
    for file, function, attempt in named:
        assert source_of(file).exists(), file
        if function:
            assert re.search(rf"\b{function}\(", source_of(file).read_text()), f"{file}::{function}"
        if attempt:
            assert file == "test_probe" and f'{{"{attempt}",' in attempts, attempt


def test_its_appendix_is_what_the_policies_say():
    done = subprocess.run(
        [stapleguard.build_directory() / "tests" / "helpers" / "list_policies"], capture_output=True, text=True, check=True,
    )
    assert TEXT.partition("list_policies -->\n")[2] == done.stdout, "make the appendix anew: see the comment above it"
