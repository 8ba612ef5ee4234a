# SPDX-License-Identifier: ISC
"""The results: one row a figure, with what it is compared to, the ratio, and the aim.

Owns: how rows are shown, on a terminal and in docs/benchmarks.md.
Never: measures.
"""

import dataclasses

SECTIONS = {
    "pass": "A pass",
    "commit": "A commit",
    "handshakes": "Apache's handshakes",
    "restarts": "Restarts",
    "idle": "Idle, and start-up",
    "politeness": "Politeness",
}


@dataclasses.dataclass
class Row:
    """One figure.  value, against: text with its unit.  is_met: None where there is no aim."""

    section: str
    what: str
    value: str
    against: str = ""
    ratio: float = None
    aim: str = ""
    is_met: bool = None

    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:,.2f}×" if self.ratio < 100 else f"{self.ratio:,.0f}×"
        verdict = {None: "", True: "met", False: "NOT MET"}[self.is_met]
        return [self.what, self.value, self.against, ratio, self.aim, verdict]


HEADER = ["quantity", "measured", "reference", "ratio", "aim", ""]


def as_text(rows):
    """For a terminal: columns as wide as they need."""
    everything = [HEADER] + [row.cells() for row in rows]
    widths = [max(len(cells[i]) for cells in everything) for i in range(len(HEADER))]
    lines, section = [], None
    lines.append("  ".join(text.ljust(width) for text, width in zip(HEADER, widths)).rstrip())
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", SECTIONS[section]]
        lines.append("  ".join(text.ljust(width) for text, width in zip(row.cells(), widths)).rstrip())
    return "\n".join(lines)


def as_markdown(rows):
    """The table of one section."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = [text.replace("|", "/") for text in row.cells()]
        if row.is_met is False:
            cells[-1] = "**not met**"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def counted(count, one, many=None):
    """"1 entry", "1,000 entries"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value):
    """Three digits that count, with separators."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def usec(value):
    """A time given in microseconds, in the unit that reads best."""
    if value >= 1e6:
        return f"{number(value / 1e6)} s"
    if value >= 1e3:
        return f"{number(value / 1e3)} ms"
    return f"{number(value)} µs"


def size(value):
    """Octets."""
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= factor:
            return f"{number(value / factor)} {unit}"
    return f"{number(value)} B"
