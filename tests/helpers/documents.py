# SPDX-License-Identifier: ISC
"""README.md and docs/ as a list of blocks: what is to be run, what is a file, and what is neither, with the reason.

A block is fenced, and its language says what it is:
    ```sh                      commands, run by root, line by line as they stand
    ```sh in=build             the same, in a Debian with what building needs, from the source's directory
    ```sh in=acme              the same, where certbot finds an ACME CA
    ```apache file=/PATH       what the reader puts into a file (also ini, sh)
    ```text                    something to look at (also json)
A line before it, `<!-- not run: REASON -->`, says why commands are not run where the others are.
"""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

COMMANDS, BUILD, ACME, FILE, TEXT, NOT_RUN = "commands", "build", "acme", "file", "text", "not run"


@dataclasses.dataclass(frozen=True)
class Block:
    document: str
    line: int
    kind: str
    text: str
    path: str = ""
    reason: str = ""

    def __str__(self):
        return f"{self.document}:{self.line}"


def names():
    """Every document from which a reader might copy a block."""
    pages = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
    return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *pages]


def indented(name):
    """Lines that Markdown shows as code because they are indented: nobody could tell what they are."""
    lines = (ROOT / name).read_text().splitlines()
    found, is_fenced = [], False
    for number, line in enumerate(lines, 1):
        if re.match(r" {0,3}```", line):
            is_fenced = not is_fenced
        elif not is_fenced and line.startswith("    ") and lines[number - 2] == "" and not re.match(r"\s*([-*]|\d+\.) ", line):
            found.append(f"{name}:{number}")
    return found


def blocks(name):
    lines = (ROOT / name).read_text().splitlines()
    found, reason, number = [], "", 0
    while number < len(lines):
        opening = re.match(r"```(\w*)(?: (file|in)=(\S+))?$", lines[number])
        marked = re.match(r"<!-- not run: (.*) -->$", lines[number])
        number += 1
        if opening is None:
            reason = marked[1] if marked else reason if lines[number - 1] == "" else ""
            continue
        begin = number
        while lines[number] != "```":
            number += 1
        kind = FILE if opening[2] == "file" else {"build": BUILD, "acme": ACME, None: None}[opening[3]]
        kind = kind or {"sh": NOT_RUN if reason else COMMANDS, "text": TEXT, "json": TEXT}[opening[1]]
        text = "\n".join(lines[begin:number]) + "\n"
        found.append(Block(name, begin + 1, kind, text, opening[3] or "", reason))
        reason = ""
        number += 1
    return found
