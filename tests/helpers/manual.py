# SPDX-License-Identifier: ISC
"""The manual pages, and what the programs say of themselves, in a form that can be compared."""

import pathlib
import re
import subprocess

from . import stapleguard

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "man"
PAGES = ("stapleguard.1", "stapleguard.conf.5", "stapleguard-audit.5", "stapleguardd.8")

# Words of mdoc that stand between words of the text.
MACROS = {"Ql", "Ic", "Cm", "Fl", "Ar", "Pa", "Nm", "Ns", "Pq", "No", "Ev", "Op", "Sx", "Xr", "Dv", "Pf"}
# --help itself, on every page.
COMMON = {"--help", "--version"}


def tables():
    """{kind: rows} of what the code knows: key, event, reason, member."""
    done = subprocess.run([stapleguard.build_directory() / "tests/helpers/list_tables"], capture_output=True, text=True, check=True,
                          timeout=60)
    rows = {}
    for line in done.stdout.splitlines():
        kind, *columns = line.split("\t")
        rows.setdefault(kind, []).append(columns)
    return rows


def source(page):
    return (FOLDER / page).read_text()


def section(page, title, macro="Sh"):
    """The lines below a header, to the next of its kind or above."""
    text = source(page)
    end = "[hs]" if macro == "Ss" else "h"
    found = re.search(rf"^\.{macro} {re.escape(title)}$\n(.*?)(?=^\.S{end} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def titles(page, macro="Ss"):
    return re.findall(rf"^\.{macro} (.*)$", source(page), re.MULTILINE)


def items(text):
    """[(head, body)] of the lists in a piece of a page; a body is the text without the macros."""
    found = re.findall(r"^\.It (.*)\n((?:(?!\.It |\.El).*\n)*)", text, re.MULTILINE)
    return [(head, plain(body)) for head, body in found]


def plain(text):
    words = []
    for line in text.splitlines():
        parts = line.split()
        if line.startswith("."):
            parts = [part for part in [parts[0][1:], *parts[1:]] if part not in MACROS]
        words += parts
    joined = " ".join(words).replace("\\(dq", '"').replace("\\&", "").replace("\\e", "\\")
    return re.sub(r" ([,.;:])", r"\1", joined)


def options(text):
    """Every option that a piece of a page names: {"-c", "--config"}."""
    found = set()
    for line in text.splitlines():
        if line.startswith("."):
            for flag in re.findall(r"\bFl (\S+)", line):
                found |= {"-" + letter for letter in flag} if not flag.startswith("-") and len(flag) > 1 else {"-" + flag}
    return found


# What a program says -----------------------------------------------------------------------------------------------------


def help_of(program, *command):
    done = subprocess.run([stapleguard.program(program), *command, "--help"], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def commands():
    """{name: what it does} as `stapleguard --help` lists them."""
    rows = re.findall(r"^  ([a-z]+) +(.*)$", help_of("stapleguard"), re.MULTILINE)
    return {name: summary for name, summary in rows if name != "stapleguard"}


def help_options(text):
    return set(re.findall(r"(?<![\w-])(--?[a-z][a-z0-9-]*)", text)) - COMMON


def help_exit_codes(text):
    """{(option that they go with or "", code): what it means}"""
    found = {}
    for option, listed in re.findall(r"^Exit codes(?: of (--[a-z-]+))?:\n((?: .*\n)*)", text, re.MULTILINE):
        for code, words in re.findall(r"^  (\d)  (.*(?:\n    .*)*)", listed, re.MULTILINE):
            found[option, code] = " ".join(words.split())
    return found


def page_exit_codes(text):
    """The same of a page: lists of numbers, each below a line that names the option that it goes with, if any."""
    found = {}
    for option, listed in re.findall(r"^(?:\.Fl (-[a-z-]+) :|.*)\n\.Bl .*\n((?:(?!\.El).*\n)*)", text, re.MULTILINE):
        for head, body in items(listed):
            if head.isdigit():
                found[f"-{option}" if option else "", head] = body
    return found


def skeleton(name, summary, text):
    """What a new command's part of stapleguard.1 may begin with."""
    lines = [f".Ss {name}", ".Nm", f".Cm {name}", ".Pp", f"{summary}.", ".Bl -tag -width Ds"]
    lines += [f".It Fl {option[1:]}\n..." for option in sorted(help_options(text) - {"-c", "--config"})]
    lines.append(".El")
    codes = help_exit_codes(text)
    for option in sorted({option for option, _ in codes}):
        lines += [".Pp", f"Exit status with\n.Fl {option[1:]} :" if option else "Exit status:", ".Bl -tag -width Ds -compact"]
        lines += [f".It {code}\n{words}" for (of, code), words in codes.items() if of == option] + [".El"]
    return "\n".join(lines)
