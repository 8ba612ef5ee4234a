# SPDX-License-Identifier: ISC
"""Count the test cases in the result files of meson and pytest.

usage: count.py meson BUILD/meson-logs/testlog.json
       count.py junit FILE.xml

Prints `PASSED FAILED SKIPPED`, then a line for each failed (`failed NAME`) and skipped (`skipped NAME: REASON`) case.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

TAP_LINE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*([^#]*?)\s*(?:#\s*(skip)\S*\s*(.*))?$", re.IGNORECASE)
TAP_PLAN = re.compile(r"^1\.\.(\d+)")
SILENT = "the test reports that it cannot run here"


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def report(self):
        print(self.passed, len(self.failed), len(self.skipped))
        for name in self.failed:
            print(f"failed {name}")
        for name, reason in self.skipped:
            print(f"skipped {name}: {reason}")


def count_tap(name, output, result, count):
    """Count the cases of a cmocka program, which prints TAP.  A program that dies prints fewer lines than its plan: a failure."""
    planned = seen = failed_here = 0
    for line in output.splitlines():
        plan = TAP_PLAN.match(line)
        if plan:
            planned += int(plan.group(1))
            continue
        match = TAP_LINE.match(line)
        if not match:
            continue
        seen += 1
        is_bad, case, is_skipped, reason = match.groups()
        if is_skipped:  # cmocka writes the name after SKIP, and has no reason
            count.skipped.append((f"{name}: {case or reason}", reason if case and reason else SILENT))
        elif is_bad:
            failed_here += 1
            count.failed.append(f"{name}: {case}")
        else:
            count.passed += 1
    if result == "SKIP" and seen == 0:
        count.skipped.append((name, SILENT))
    elif failed_here == 0 and (result not in ("OK", "SKIP") or seen == 0 or seen < planned):
        count.failed.append(f"{name} ({result}, {seen} of {planned} cases reported)")


def count_meson(path):
    count = Count()
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            test = json.loads(line)
            count_tap(test["name"], test.get("stdout", ""), test["result"], count)
    return count


def count_junit(path):
    count = Count()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if bad:
            count.failed.append(name)
        elif skipped is not None:
            count.skipped.append((name, skipped.get("message")))
        else:
            count.passed += 1
    return count


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("meson", "junit"):
        sys.exit(__doc__)
    (count_meson if sys.argv[1] == "meson" else count_junit)(sys.argv[2]).report()


main()
