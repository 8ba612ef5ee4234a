# SPDX-License-Identifier: ISC
"""Phrases that must not come back: a reader stumbles over each, because nobody whose language is English would write it so."""

import bisect
import re

import pytest
from helpers import documents

ROOT = documents.ROOT
PAGES = sorted(str(path.relative_to(ROOT)) for pattern in (
    "README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "docs/*.example", "docs/*.yml", "man/*.[1-8]",
) for path in ROOT.glob(pattern))

# (phrase, what to write instead).  A blank also stands for the end of a line.
PHRASES = (
    (r"(look|looks|looked|looking) after", "manage, monitor"),
    (r"puts? right", "repair, correct"),
    (r"puts? back as", "restore"),
    (r"(ask|asks|asked|fetched|started|written|made|built) anew", "ask again, fetch again, rebuild"),
    (r"(has|have) to say", "reports, shows"),
    (r"(is|are) past (its|their) end", "has expired"),
    (r"(told|tells|tell) of", "reported, announced"),
    (r"needs? to be told", "needs no configuration"),
    (r"(tell|tells|told) its certificates", "list its certificates"),
    (r"finds? its (own |new )?configuration (right|broken)", "accepts, rejects"),
    (r"who does not", "if you do not"),
    (r"whoever", "anyone who, a user who"),
    (r"who takes the", "an attacker who takes the"),
    (r"what (is|are) not", "name it"),
    (r"what cannot", "name it"),
    (r"what it is", "name it"),
    (r"whatever (fails|happens)", "if any step fails"),
    (r"came of (it|them)", "the result"),
    (r"a handful of lines", "say what it is"),
    (r"puts? up with", "continue without"),
    (r"and (its|their) kin", "and similar tools"),
    (r"(see|sees) to it", "ensure"),
    (r"it has not more than", "does not exceed"),
    (r"(wants?|wanted) somebody", "needs attention"),
    (r"lets? this machine out", "allow outgoing connections"),
    (r"(can|cannot|could|to) be had", "is available, can be obtained"),
    (r"broken-in", "compromised"),
    (r"nobody asks", "the fetcher stops asking"),
    (r"as (it|they) always had", "leave it out"),
    (r"by chance", "at random"),
)
PATTERNS = [(re.compile(rf"\b{phrase}\b".replace(" ", r"\s+"), re.IGNORECASE), instead) for phrase, instead in PHRASES]
# As the subject of a sentence; a question may begin with it, and so may a heading.
SUBJECT = re.compile(r"(?:\A|\n\n|[.:;|]\s+|^(?:- |\d+\. |[#;] ))(Who|Whose|Whom|What|Whatever)\s[^.?!]*[.!]", re.MULTILINE)
HEADING = re.compile(r"^(?:#+ |\.S[hs] ).*$", re.MULTILINE)
# What the program wrote itself: one record of the audit log.
RECORD = re.compile(r"^\{\"seq\":.*$", re.MULTILINE)


def blanked(pattern, text):
    """The text with what matches replaced by as many blanks, so that places stay."""
    return pattern.sub(lambda found: " " * len(found[0]), text)


def faults_of(text):
    """[(line, words, what to write instead)] of a page."""
    text = blanked(RECORD, text)
    found = [(match.start(), match[0], instead) for pattern, instead in PATTERNS for match in pattern.finditer(text)]
    found += [(match.start(1), match[1], "a named subject") for match in SUBJECT.finditer(blanked(HEADING, text))]
    starts = [match.end() for match in re.finditer("\n", text)]
    return [(bisect.bisect_right(starts, at) + 1, " ".join(words.split()), instead) for at, words, instead in sorted(found)]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_written_in_the_trades_own_words(page):
    faults = [f"{page}:{line}: \"{words}\": {instead}" for line, words, instead in faults_of((ROOT / page).read_text())]
    assert faults == [], "\n" + "\n".join(faults)


def test_every_page_is_read():
    assert {"README.md", "SECURITY.md", "docs/audit.md", "docs/stapleguard.conf.example", "man/stapleguard.1"} <= set(PAGES)


@pytest.mark.parametrize("text, wanted", [
    ("It is looked after.\n", [(1, "looked after")]),
    ("One.\nTwo is looked\nafter here.\n", [(2, "looked after")]),
    ("Stop.  Who asks is answered.\n", [(1, "Who")]),
    ("# Who may do what\n\nWho may do it?  You may.\n", []),
    ("- What fails is repaired.\n", [(1, "What")]),
    ('{"seq":1,"detail":"looked after again"}\nfine\nWhoever.\n', [(3, "Whoever")]),
])
def test_a_phrase_is_found_where_it_stands(text, wanted):
    assert [(line, words) for line, words, _ in faults_of(text)] == wanted
