# SPDX-License-Identifier: ISC
"""`stapleguard audit`: what a service wrote, read as its administrators read it; and whatever was done to it, found."""

import grp
import gzip
import json
import os
import pty
import re
import shutil
import subprocess
import time

import pytest
from helpers import audit_examples, audit_log, pki, responder, stapleguard
from helpers.daemon import Daemon, wait_until
from helpers.stapleguard import FETCH_FAILED, FRESH

SHOWN, UNREADABLE, USAGE = 0, 1, 3
SOUND, BROKEN, INCOMPLETE = 0, 1, 2

SOURCE = audit_examples.ROOT
NOBODY = 65534
# A group that no test's process is in by itself.
LOG_GROUP = "games"


def run(*arguments, conf=None, timeout_sec=60, wrapper=(), **options):
    argv = [*wrapper, str(stapleguard.program("stapleguard")), "audit", *(["-c", str(conf)] if conf else []), *(str(a) for a in arguments)]
    options.setdefault("env", {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8"})
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_sec, check=False, **options)


def shown(*arguments, code=SHOWN, **options):
    done = run(*arguments, **options)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def verdict(*arguments, code, **options):
    return json.loads(shown("--verify", "--json", *arguments, code=code, **options))


@pytest.fixture
def log(tmp_path):
    """A hand-made log."""
    def write(chain, name="audit.jsonl"):
        path = tmp_path / name
        data = chain.text() if isinstance(chain, audit_log.Chain) else chain
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.fixture
def daemon(shop):
    made = Daemon(shop.sg)
    yield made
    made.end()


# docs/audit.md ----------------------------------------------------------------------------------------------------------


def test_the_page_has_every_event_with_an_example(log):
    text = audit_examples.PAGE.read_text()
    assert audit_examples.page(text) == text, "run: python3 tests/helpers/audit_examples.py"
    assert [row.name for row in audit_examples.EVENTS] == list(audit_examples.severities())
    reporters = re.findall(r'EVENT\(\w+, "([a-z_.]+)", ([A-Z_| ]+), SEVERITY', audit_examples.TABLE.read_text())
    for name, parties in reporters:
        for party in parties.split(" | "):
            if party != "PARTY_SUPERVISOR":
                assert party.removeprefix("PARTY_").lower() in audit_examples.KNOWN[name].processes
    # Together they are a log.
    path = log("\n".join(audit_examples.lines()) + "\n")
    assert audit_examples.faults_of_log(path) == []
    assert verdict(path, code=SOUND)["records"] == len(reporters)
    assert shown("--json", path) == path.read_text()


def test_the_page_has_every_member():
    text = audit_examples.PAGE.read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text[text.index("## A record"):text.index("## Events")], re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(named) == sorted([*audit_examples.ALWAYS, *audit_examples.SEALED, *audit_log.MEMBERS])
    scanned = (SOURCE / "cli/audit/review_scan.h").read_text()
    assert sorted(re.findall(r'MEMBER\(\w+, "(\w+)"', scanned)) == sorted(named)


# A service's own log ----------------------------------------------------------------------------------------------------


def test_a_service_through_much_of_its_life_is_told_as_a_story(shop, daemon):
    """What happens to a site in months, in one go; conftest checks each record against the page."""
    shop.leaf("plain.test", ocsp_urls=[])
    shop.leaf("gone.test")
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    daemon.wait_for_state("gone.test", "good")
    shop.responder.fail_all(responder.STATUS, 503)
    daemon.cli("refresh", "shop.test")
    wait_until(lambda: daemon.events("fetch.failed", "shop.test"), "a failure")
    shop.responder.heal()
    shop.responder.answer(shop.shop, pki.response(shop.ca.leaf("other.test"), signer=shop.authorities.signer))
    daemon.cli("refresh", "shop.test")
    wait_until(lambda: daemon.events("response.rejected", "shop.test"), "a rejection")
    shop.responder.answer(shop.shop, shop.good(shop.shop, status="revoked"))
    daemon.cli("refresh", "shop.test")
    wait_until(lambda: daemon.events("cert.withdrawn", "shop.test"), "the withdrawal")
    shop.responder.answer(shop.shop, shop.good(shop.shop))
    daemon.cli("resume", "shop.test")
    daemon.wait_for_state("shop.test", "good")
    shop.pem("gone.test").unlink()
    shop.apache.restart()
    wait_until(lambda: daemon.events("apache.restart_seen"), "the restart")
    daemon.cli("restart")
    shop.sg.conf.write_text("[apache]\nno_such_key = 1\n")
    daemon.process.send_signal(1)
    wait_until(lambda: daemon.events("service.reload_failed"), "the broken configuration")
    shop.sg.write_conf()
    os.kill(daemon.pids("fetcher")[0], 9)
    wait_until(lambda: len([r for r in daemon.events("process.start") if r["process"] == "fetcher"]) > 1, "another fetcher")
    daemon.stop()

    records = shop.sg.audit()
    conf = shop.sg.conf
    story = shown(conf=conf).splitlines()
    assert story[0].split() == ["UTC", "about", "what", "happened"]
    assert len(story) == 1 + len(records)
    for line, record in zip(story[1:], records, strict=True):
        assert line.startswith(record["time"][:19].replace("T", " "))
        assert line[28:52].rstrip() == record.get("cert", line[28:52].rstrip())
        assert len(line) > 56 and line[52:54] == "  " and line.isprintable()
    text = "\n".join(story)
    assert "warn   shop.test                 OCSP request to http://" in text
    assert "the responder answered with an HTTP status other than 200 (http-status); HTTP status 503" in text
    assert "warn   shop.test                 staple withdrawn: the certificate is revoked (revoked)" in text
    assert "ERROR  (service)                 reload failed: " in text
    assert "the fetcher ended: killed by SIGKILL" in text
    assert "plain.test                certificate added; the certificate names no OCSP responder" in text
    # Each filter, against the same question asked of the lines.
    assert shown("--json", conf=conf) == shop.sg.audit_log.read_text()
    for option, value, keep in [
        ("--cert", "shop.test", lambda r: r.get("cert") == "shop.test"),
        ("--event", "fetch", lambda r: r["event"].startswith("fetch.")),
        ("--event", "apache.restart_seen", lambda r: r["event"] == "apache.restart_seen"),
        ("--process", "writer", lambda r: r["process"] == "writer"),
        ("--severity", "error", lambda r: audit_examples.severities()[r["event"]] == "error"),
        ("--since", records[20]["time"], lambda r: r["seq"] > 20),
        ("--until", records[20]["time"], lambda r: r["seq"] <= 20),
    ]:
        found = [json.loads(line) for line in shown("--json", option, value, conf=conf).splitlines()]
        assert found == [r for r in records if keep(r)], option
    summary = json.loads(shown("--summary", "--json", conf=conf))
    shop_row = next(c for c in summary["certificates"] if c["name"] == "shop.test")
    stored = [r for r in records if r["event"] == "staple.stored" and r["cert"] == "shop.test"]
    failed = [r for r in records if r["event"] in ("fetch.failed", "response.rejected") and r.get("cert") == "shop.test"]
    assert (shop_row["fetched"], shop_row["failed"]) == (len(stored), len(failed))
    assert summary["restarts_seen"] == len([r for r in records if r["event"] == "apache.restart_seen"]) >= 2
    assert summary["restarts_asked"] == 1 and summary["records"] == len(records) and shop_row["longest_without_ms"] > 0
    people = shown("--summary", conf=conf)
    assert re.search(r"^certificate +fetched +failed +commits +longest without a fresh staple$", people, re.MULTILINE)
    assert re.search(rf"^shop\.test +{len(stored)} +{len(failed)} ", people, re.MULTILINE)
    found = verdict(conf=conf, code=SOUND)
    assert (found["records"], found["last"], found["hash"]) == (len(records), records[-1]["seq"], records[-1]["hash"])


def test_it_is_read_while_the_service_writes(shop, daemon):
    daemon.start()
    daemon.wait_for_state("shop.test", "good")
    wait_until(lambda: daemon.events("staple.stored"), "records")
    for _ in range(20):
        daemon.process.send_signal(1)
        assert verdict(conf=shop.sg.conf, code=SOUND)["records"] > 0


class Rotation:
    """logrotate with our snippet, on the log of a site; extra: more lines of it."""

    def __init__(self, sg, *extra):
        self.conf = sg.directory / "logrotate.conf"
        self.state = sg.directory / "logrotate.state"
        snippet = (SOURCE / "systemd/stapleguard.logrotate").read_text().replace("/var/log/stapleguard/audit.jsonl", str(sg.audit_log))
        for line in extra:
            snippet = re.sub(rf"^\s*no{line.split()[0]}\n", "", snippet, flags=re.MULTILINE)
        self.conf.write_text(snippet.replace("}", "".join(f"\t{line}\n" for line in extra) + "}"))
        self.conf.chmod(0o644)

    def __call__(self):
        subprocess.run(["logrotate", "--force", "--state", self.state, self.conf], check=True, capture_output=True)


def test_what_logrotate_made_is_read_in_order(site):
    """Compressed and not, over several rotations; then one is missing, and the oldest."""
    site.leaf("shop.test")
    rotate = Rotation(site.sg)
    for _ in range(5):
        site.sg.once("--force", expect=FRESH)
        rotate()
    site.sg.once("--force", expect=FRESH)
    folder = site.sg.audit_log.parent
    names = sorted(path.name for path in folder.glob("audit.jsonl*"))
    assert names == ["audit.jsonl", "audit.jsonl.1", *(f"audit.jsonl.{n}.gz" for n in range(2, 6))]
    lines = shown("--json", conf=site.sg.conf).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert verdict(conf=site.sg.conf, code=SOUND)["files"] == 6
    story = shown(conf=site.sg.conf).splitlines()
    assert len(story) == len(lines) + 1
    # In any order on the command line.
    assert verdict(*sorted(folder.glob("audit.jsonl*")), code=SOUND)["records"] == len(lines)
    third = folder / "audit.jsonl.3.gz"
    missing = [json.loads(line) for line in gzip.decompress(third.read_bytes()).splitlines()]
    moved = site.place / "moved.gz"
    third.rename(moved)
    found = verdict(conf=site.sg.conf, code=BROKEN)
    assert (found["fault"]["what"], found["fault"]["seq"], found["fault"]["line"]) == ("removed", missing[0]["seq"], 1)
    assert found["fault"]["file"].endswith("audit.jsonl.2.gz") and "rotated" in found["fault"]["detail"]
    moved.rename(third)
    (folder / "audit.jsonl.5.gz").unlink()
    found = verdict(conf=site.sg.conf, code=INCOMPLETE)
    assert found["first"] > 1 and f"begins with record {found['first']}" in found["incomplete"][0]
    assert "INCOMPLETE" in shown("--verify", conf=site.sg.conf, code=INCOMPLETE)


def test_names_with_dates_and_other_compressors_are_read(site):
    site.leaf("shop.test")
    rotate = Rotation(site.sg, "dateext", "dateformat -%Y%m%d-%s", "compresscmd /usr/bin/xz", "compressext .xz")
    for _ in range(3):
        site.sg.once("--force", expect=FRESH)
        rotate()
        time.sleep(1.1)  # its name has the second
    site.sg.once("--force", expect=FRESH)
    names = [path.name for path in site.sg.audit_log.parent.glob("audit.jsonl*")]
    assert sum(name.endswith(".xz") for name in names) == 2 and len(names) == 4
    assert verdict(conf=site.sg.conf, code=SOUND)["files"] == 4


def test_members_of_the_logs_group_may_read_and_others_are_told_which(site):
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    folder = site.sg.audit_log.parent
    gid = grp.getgrnam(LOG_GROUP).gr_gid
    site.sg.conf.chmod(0o644)
    program = shutil.copy(stapleguard.program("stapleguard"), site.place / "stapleguard")

    def as_nobody(*groups, **options):
        wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", *([f"--groups={','.join(groups)}"] if groups else ["--clear-groups"])]
        return subprocess.run([*wrapper, program, "audit", "-c", site.sg.conf, *options.get("words", [])], capture_output=True, text=True,
                              timeout=60, check=False)

    folder.chmod(0o750)
    refused = as_nobody()
    assert refused.returncode == USAGE and f"{folder} is for root alone; run me as root" in refused.stderr
    for path in (folder, site.sg.audit_log):
        os.chown(path, 0, gid)
    site.sg.audit_log.chmod(0o640)
    refused = as_nobody()
    assert refused.returncode == USAGE and f"is for root and the group {LOG_GROUP}" in refused.stderr
    folder.chmod(0o755)
    refused = as_nobody(words=["--verify"])
    assert refused.returncode == USAGE and f"audit.jsonl is for root and the group {LOG_GROUP}" in refused.stderr
    folder.chmod(0o750)
    member = as_nobody(str(gid))
    assert (member.returncode, member.stderr) == (SHOWN, "")
    assert as_nobody(str(gid), words=["--verify"]).returncode == SOUND
    # With the daemon or without, it is the file that counts.
    assert as_nobody(str(gid), words=["--summary"]).returncode == SHOWN


# What comes from outside --------------------------------------------------------------------------------------------------


HOSTILE = "\x1b]0;owned\x07\x1b[31m\u202e\u2028\x9b"


def is_harmless(text):
    return all(c == "\n" or c.isprintable() or c == "\u2026" for c in text)


def test_hostile_words_of_a_certificate_and_a_responder_reach_no_terminal(site, authorities):
    """A URL and names with escapes, quotes and forged lines in them, through the whole service."""
    forged = '","hash":"00"}\n{"seq":1,"event":"service.stop"}'
    url = f"{site.responder.url}\x1b[2J\"\\'{{x}}"
    bad = site.leaf("bad.test", ocsp_urls=[url + forged])
    site.responder.answer(bad, pki.response(bad, signer=authorities.ca.delegate(name=f"signer{HOSTILE}", ocsp_signing=False)))
    named = site.leaf("named.test")
    site.responder.answer(named, pki.response(named, signer=authorities.ca.delegate(name=f'signer{HOSTILE}"\\')))
    site.leaf("shop.test")
    site.sg.once(expect=(FETCH_FAILED, stapleguard.NO_STAPLE))
    raw = site.sg.audit_log.read_bytes()
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw) is None and "\u202e" not in raw.decode() and "\x9b" not in raw.decode()
    lines = raw.splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["seq"] for r in records] == list(range(1, len(lines) + 1))
    assert any("owned" in r.get("detail", "") for r in records)
    told = next(r for r in records if r.get("cert") == "bad.test")
    assert '?[2J"' in told["detail"] and forged.replace("\n", "?") in told["detail"]
    for arguments in ([], ["--json"], ["--summary"], ["--verify"]):
        assert is_harmless(shown(*arguments, conf=site.sg.conf)), arguments


def test_hostile_lines_that_somebody_wrote_reach_no_terminal(log):
    chain = audit_log.story(6)
    good = chain.lines[5]
    lines = [line.encode() for line in chain.lines[:4]]
    lines += [
        HOSTILE.encode() + b"\xff\xfe junk",
        b'{"seq":5,"time":"\x1b[2J"}',
        good.replace("shop", "sh\x1b[31mop").encode(),
        good.replace("shop", "sh\\u001b[31mop").encode(),
        b"\xff" * 100,
        b"x" * 200000,
        b"\0" * 5000,
        b"",
    ]
    path = log(b"\n".join(lines) + b"\n")
    done = run(path)
    assert done.returncode == UNREADABLE and is_harmless(done.stdout) and is_harmless(done.stderr)
    assert done.stdout.count("is no record: ") == 8 and "lines that are no records: 8" in done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) < 400
    assert shown("--json", path, code=UNREADABLE).splitlines() == chain.lines[:4]
    assert shown("--json", "--severity", "info", path, code=UNREADABLE).splitlines() == chain.lines[:4]
    assert is_harmless(shown("--summary", path, code=UNREADABLE))
    people = shown("--verify", path, code=BROKEN)
    assert is_harmless(people) and "line 5" in people
    # A name of a file is text from outside, too.
    odd = path.rename(path.with_name("a\x1b[31mb"))
    assert is_harmless(shown("--verify", odd, code=BROKEN)) and is_harmless(run(str(odd) + "x").stderr)
    json.loads(shown("--verify", "--json", odd, code=BROKEN))


# On a terminal and in a pipe ------------------------------------------------------------------------------------------------


def on_terminal(*words, **environment):
    outer, inner = pty.openpty()
    argv = [stapleguard.program("stapleguard"), "audit", *words]
    with subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner,
                          env={"PATH": "/usr/bin", "TZ": "UTC", "TERM": "xterm", **environment}) as process:
        os.close(inner)
        output = b""
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not part:
                break
            output += part
        process.wait(timeout=60)
    os.close(outer)
    return output.decode()


def test_colour_is_for_terminals_alone(log):
    path = log(audit_log.story(12))
    coloured = on_terminal(path)
    assert "\x1b[33mwarn \x1b[0m" in coloured
    assert "\x1b" not in on_terminal(path, NO_COLOR="1")
    assert "\x1b" not in on_terminal(path, TERM="dumb")
    assert "\x1b" not in on_terminal(path, "--json")
    plain = shown(path)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured).replace("\r\n", "\n") == plain


def test_times_are_those_of_the_local_zone(log):
    path = log(audit_log.Chain(1795455253).add(step=0).add(step=3600))
    environment = {"PATH": "/usr/bin", "TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
    text = shown(path, env=environment)
    assert text.startswith("CET ") and "2026-11-23 18:34:13" in text and "2026-11-23 19:34:13" in text
    assert len(shown("--json", "--since", "2026-11-23 18:34:14", path, env=environment).splitlines()) == 1
    assert len(shown("--json", "--since", "2026-11-23T18:34:14Z", path, env=environment).splitlines()) == 0
    assert "no record is like that" in shown("--since", "2030-01-01", path)


def test_columns_are_aligned_whatever_the_name(log):
    """Of a name that is too long the end is shown, which says more of a path."""
    names = ["a", "/etc/letsencrypt/live/www.example.net/fullchain.pem", "d\u00fcrer.test", "\u00fc" * 24, "\u00fc" * 25, "x" * 24, "x" * 25]
    chain = audit_log.Chain()
    for name in names:
        chain.add("cert.dropped", "supervisor", cert=name)
    rows = shown(log(chain)).splitlines()[1:]
    assert [row.index("  certificate removed") for row in rows] == [52] * len(names)
    abouts = [row[28:52].rstrip() for row in rows]
    assert abouts == ["a", "\u2026ample.net/fullchain.pem", "d\u00fcrer.test", "\u00fc" * 24,
                      "\u2026" + "\u00fc" * 23, "x" * 24, "\u2026" + "x" * 23]


def test_a_reader_that_stops_early_ends_it_without_a_word(log):
    path = log(audit_log.story(20000))
    for words in ("", "--json"):
        done = subprocess.run(["bash", "-c", f"{stapleguard.program('stapleguard')} audit {words} {path} | head -n 1; echo ${{PIPESTATUS[0]}}"],
                              capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == "" and done.stdout.splitlines()[1] == "141"
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([stapleguard.program("stapleguard"), "audit", path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == USAGE and "standard output" in done.stderr


# Is it whole? -----------------------------------------------------------------------------------------------------------------


def test_each_verdict_has_its_code_and_its_words(log):
    chain = audit_log.story(30)
    lines = chain.lines
    text = shown("--verify", log(chain), code=SOUND)
    assert text.startswith("SOUND ") and f"end      {chain.anchor()}\n" in text and "without an anchor" in text
    changed = lines[12].replace("shop", "shup", 1) if "shop" in lines[12] else lines[12].replace("Apache", "apache").replace("renamed", "renomed")
    cases = [
        ("altered", 13, 13, [*lines[:12], changed, *lines[13:]]),
        ("removed", 13, 13, [*lines[:12], *lines[13:]]),
        ("inserted", 5, 13, [*lines[:12], lines[4], *lines[12:]]),
        ("inserted", 13, 13, [*lines[:12], "junk", *lines[12:]]),
        ("reordered", 14, 13, [*lines[:12], lines[13], lines[12], *lines[14:]]),
    ]
    for what, seq, line, damaged in cases:
        path = log("\n".join(damaged) + "\n")
        fault = verdict(path, code=BROKEN)["fault"]
        assert (fault["what"], fault["seq"], fault["line"], fault["file"]) == (what, seq, line, str(path))
        text = shown("--verify", path, code=BROKEN)
        assert text.startswith(f"BROKEN   at record {seq}, {path} line {line}: {what}\n") and fault["detail"] in text
    path = log("\n".join(lines[:25]) + "\n")
    assert verdict(path, code=SOUND)["records"] == 25
    fault = verdict("--anchor", chain.anchor(), path, code=BROKEN)["fault"]
    assert (fault["what"], fault["seq"], fault["line"]) == ("truncated", 26, 0)
    assert shown("--verify", "--anchor", chain.anchor(), path, code=BROKEN).startswith("BROKEN   at the end, where record 26 should be: truncated")
    other = audit_log.story(25, start=1795455254)
    fault = verdict("--anchor", chain.anchor(), "--anchor", f"20:{audit_log.hash_of(lines[19])}", log(other), code=BROKEN)["fault"]
    assert (fault["what"], fault["seq"]) == ("rewritten", 20)
    text = shown("--verify", log("\n".join(lines[9:]) + "\n"), code=INCOMPLETE)
    assert "begins with record 10" in text and "records  21, 10 to 30" in text
    assert "there is no record" in shown("--verify", log(""), code=INCOMPLETE)
    torn = log("\n".join(lines[:25]) + "\n" + lines[25][:77])
    text = shown("--verify", torn, code=SOUND)
    assert "line 26 is not finished" in text


def test_bytes_of_a_services_own_log_altered_are_found(site):
    """A sample; the unit tests alter each."""
    site.leaf("shop.test")
    site.sg.once(expect=FRESH)
    data = site.sg.audit_log.read_bytes()
    copy = site.place / "copy.jsonl"
    for at in range(0, len(data), 61):
        copy.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        fault = verdict(copy, code=BROKEN)["fault"]
        assert (fault["what"], fault["seq"]) == ("altered", data[:at].count(b"\n") + 1), at


def test_a_file_that_cannot_be_read_to_its_end_is_named(log):
    path = log(gzip.compress(audit_log.story(3000).text().encode())[:-3000], "cut.gz")
    done = run("--verify", path)
    assert done.returncode == INCOMPLETE and f"{path}: truncated gzip input" in done.stderr
    assert "files that could not be read to their end: 1" in done.stdout
    assert run(path).returncode == UNREADABLE


# Seals ----------------------------------------------------------------------------------------------------------------------------


def test_a_key_finds_what_the_chain_cannot(log, tmp_path):
    key = audit_log.Key(1795455000, 60)
    chain = audit_log.story(40, key=key)
    path = log(chain)
    paper = tmp_path / "key"
    paper.write_text(f"\n{key.text()}\nThis is the verification key.\n")
    for words in (["--key", key.text()], ["--key", paper], ["--key-file", paper]):
        assert verdict(*words, path, code=SOUND)["sealed"] == 40
    assert verdict("--key-file", "-", path, code=SOUND, input=key.text())["sealed"] == 40
    assert "seals are right on 40 records, from 1 to 40" in shown("--verify", "--key", key.text(), path, code=SOUND)
    # Root writes the tail anew, with a chain that fits: without a key nothing shows.
    forged = audit_log.Chain(1795455253, 19, audit_log.hash_of(chain.lines[18]), audit_log.Key(1795455000, 60, b"x" * 32))
    forged.now = chain.now
    while forged.seq < 40:
        forged.add("service.reload", "supervisor")
    path = log("\n".join([*chain.lines[:19], *forged.lines]) + "\n")
    verdict(path, code=SOUND)
    fault = verdict("--key", paper, path, code=BROKEN)["fault"]
    assert (fault["what"], fault["seq"]) == ("rewritten", 20)
    unsealed = audit_log.Chain(chain.now, 19, audit_log.hash_of(chain.lines[18])).add("service.reload", "supervisor")
    fault = verdict("--key", paper, log("\n".join([*chain.lines[:19], *unsealed.lines]) + "\n"), code=BROKEN)["fault"]
    assert (fault["what"], fault["seq"]) == ("unsealed", 20)
    found = verdict("--key", paper, log(audit_log.story(40)), code=INCOMPLETE)
    assert "no record has a seal" in found["incomplete"][0]
    # Nobody sees the key in the list of processes.
    path = log(audit_log.story(60000))
    with subprocess.Popen([stapleguard.program("stapleguard"), "audit", "--verify", "--key", key.text(), path], stdout=subprocess.DEVNULL) as process:
        seen = ""
        while process.poll() is None:
            seen = (open(f"/proc/{process.pid}/cmdline", encoding="ascii").read() or seen) if process.poll() is None else seen
        assert "--verify" in seen and key.text()[-40:] not in seen


def test_a_service_that_seals_is_proved_with_the_key_that_setup_printed(site):
    site.leaf("shop.test")
    site.sg.once("--force", expect=FRESH)
    site.sg.set("stapleguard", audit_seal="yes")
    site.sg.write_conf()
    printed = shown("--setup-seal", conf=site.sg.conf)
    assert "there is a key already" in run("--setup-seal", conf=site.sg.conf).stderr
    assert run("--setup-seal", conf=site.sg.conf).returncode == 1
    site.sg.once("--force", expect=FRESH)
    first = shown("--verify", "--key-file", "-", conf=site.sg.conf, code=SOUND, input=printed)
    assert re.search(r"seals are right on \d+ records", first) and "between the making of the key and the first seal" in first
    newer = shown("--setup-seal", "--replace", conf=site.sg.conf)
    assert newer.split()[0] != printed.split()[0]
    site.sg.once("--force", expect=FRESH)
    both = site.place / "keys"
    both.write_text(newer + printed)
    sealed = [r for r in site.sg.audit() if "seal" in r]
    assert verdict("--key-file", both, conf=site.sg.conf, code=SOUND)["sealed"] == len(sealed)
    lines = site.sg.audit_log.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if '"seal"' in line) + 3
    lines[at] = re.sub(r'"seal":"[0-9a-f]{2}', lambda m: '"seal":"' + ("00" if m[0][-2:] != "00" else "11"), lines[at])
    forged = site.place / "forged.jsonl"
    forged.write_text("\n".join(lines) + "\n")
    fault = verdict("--key-file", both, forged, code=BROKEN)["fault"]
    assert (fault["what"], fault["seq"]) == ("rewritten", at + 1)


# The journal --------------------------------------------------------------------------------------------------------------------


REMOTE = "/lib/systemd/systemd-journal-remote"


@pytest.fixture
def journal(tmp_path):
    """Writes entries as a log host would; each is (uid, {field: value})."""
    if not os.path.exists(REMOTE):
        pytest.skip("systemd-journal-remote is not installed here")
    if "libsystemd" not in subprocess.run(["ldd", stapleguard.program("stapleguard")], capture_output=True, text=True, check=True).stdout:
        pytest.skip("built without libsystemd")
    folder = tmp_path / "journal"
    folder.mkdir()

    def write(path, anchors, uid=0, machine="0" * 31 + "1", name="remote", identifier="stapleguard"):
        text = ""
        for number, anchor in enumerate(anchors):
            seq, digest = anchor.split(":")
            text += (f"__REALTIME_TIMESTAMP={1795455253000000 + number}\n__MONOTONIC_TIMESTAMP={1000 + number}\n_BOOT_ID={'0' * 31}2\n"
                     f"_MACHINE_ID={machine}\n_UID={uid}\nSYSLOG_IDENTIFIER={identifier}\nMESSAGE=an anchor\n"
                     f"STAPLEGUARD_EVENT=audit.anchor\nSTAPLEGUARD_SEQ={seq}\nSTAPLEGUARD_HASH={digest}\nSTAPLEGUARD_AUDIT_LOG={path}\n\n")
        subprocess.run([REMOTE, "-o", folder / f"{name}.journal", "-"], input=text.encode(), check=True, capture_output=True, timeout=60)
        return folder

    return write


def test_anchors_of_a_journal_are_compared(log, journal):
    chain = audit_log.story(40)
    anchors = [f"{seq}:{audit_log.hash_of(chain.lines[seq - 1])}" for seq in (1, 20, 40)]
    path = log(chain)
    folder = journal("/var/log/stapleguard/audit.jsonl", anchors)
    assert verdict("--journal", folder, path, code=SOUND)["anchors_met"] == 3
    assert "anchors that agree: 3, the last one with record 40" in shown("--verify", "--journal", folder, path, code=SOUND)
    short = log("\n".join(chain.lines[:30]) + "\n", "short")
    assert verdict("--journal", folder, short, code=BROKEN)["fault"]["what"] == "truncated"
    other = log(audit_log.story(40, start=1795455254), "other")
    assert verdict("--journal", folder, other, code=BROKEN)["fault"]["what"] == "rewritten"
    # Those of another log are not for this one.
    conf = path.parent / "conf"
    conf.write_text(f"[stapleguard]\naudit_log = {path}\n")
    found = verdict("--journal", folder, conf=conf, code=SOUND)
    assert found["anchors_met"] == 0 and any("has no anchor of this log" in note for note in found["notes"])
    journal(path, anchors, name="second")
    assert verdict("--journal", folder, conf=conf, code=SOUND)["anchors_met"] == 3
    done = run("--verify", "--journal", folder, path)
    assert done.returncode == USAGE and "more than one log" in done.stderr and "-c" in done.stderr


def test_what_others_wrote_to_the_journal_is_no_anchor(log, journal):
    chain = audit_log.story(40)
    path = log(chain)
    folder = journal("/log", [f"20:{'0' * 64}"], uid=1000)
    journal("/log", [f"21:{'0' * 64}"], identifier="stapleguardx", name="second")
    journal("/log", ["x:y", f"0:{'0' * 64}", f"22:{'0' * 63}", f"23:{'G' * 64}"], name="third")
    found = verdict("--journal", folder, path, code=SOUND)
    assert found["anchors_met"] == 0 and any("has no anchor" in note for note in found["notes"])
    journal("/log", [f"20:{audit_log.hash_of(chain.lines[19])}"], name="fourth")
    assert verdict("--journal", folder, path, code=SOUND)["anchors_met"] == 1
    journal("/log", [f"20:{audit_log.hash_of(chain.lines[19])}"], machine="0" * 31 + "9", name="fifth")
    done = run("--verify", "--journal", folder, path)
    assert done.returncode == USAGE and "more than one machine" in done.stderr


# Usage --------------------------------------------------------------------------------------------------------------------------------


def test_bad_input_is_named_and_told_what_to_do(log, tmp_path):
    path = log(audit_log.story(12))
    missing = tmp_path / "missing"
    empty = log("no key", "empty")
    cases = [
        (["--since", "2 mays ago"], ["--since", "2 mays ago", "yesterday"]),
        (["--until", "2026-02-30"], ["--until", "2026-02-30"]),
        (["--since", "today", "--until", "yesterday"], ["--since is not before --until"]),
        (["--event", "fetch.faild"], ["fetch.faild", "did you mean fetch.failed?", "apache.found"]),
        (["--process", "keeper"], ["keeper", "supervisor, fetcher, writer"]),
        (["--severity", "fatal"], ["fatal", "info, warning, error"]),
        (["--cert", "shop5.test", path], ["shop5.test", 'did you mean "shop', "shop"]),
        (["--cert", "qqqqqqqqqqqqqqqq", path], ["the log names these", "shop0.test", "shop2.test"]),
        (["--summary", "--cert", "shop5.test", path], ['did you mean "shop']),
        (["--cert", "", path], ["not empty"]),
        (["--frobnicate"], ["frobnicate", "usage:"]),
        (["--since"], ["since", "usage:"]),
        (["--verify", "--summary"], ["one of --summary, --verify and --setup-seal"]),
        (["--verify", "--since", "today"], ["--since does not go with --verify"]),
        (["--summary", "--event", "fetch"], ["--event does not go with --summary"]),
        (["--key", "sg1-1-1-" + "0" * 64], ["--key does not go with", "--verify"]),
        (["--anchor", "1:" + "0" * 64], ["--anchor does not go with", "--verify"]),
        (["--replace"], ["--replace does not go with", "--setup-seal"]),
        (["--setup-seal", path], ["takes no FILE"]),
        (["--verify", "--key", "sg1-x", path], ["--key", "sg1-START-INTERVAL"]),
        (["--verify", "--key-file", missing, path], [str(missing), "No such file"]),
        (["--verify", "--key-file", empty, path], [str(empty), "there is no key in it"]),
        (["--verify", "--anchor", "7", path], ["--anchor 7", "SEQ:HASH"]),
        (["--verify", "--anchor", "0:" + "0" * 64, path], ["SEQ:HASH"]),
        (["--verify", "--journal", missing, path], [str(missing), "No such file"]),
        ([missing], [str(missing), "No such file"]),
        ([tmp_path], [str(tmp_path), "Is a directory"]),
        (["-c", missing], [str(missing), "-c FILE"]),
    ]
    for arguments, words in cases:
        done = run(*arguments)
        assert done.returncode == USAGE, arguments
        assert [word for word in words if word not in done.stderr] == [], done.stderr
    conf = tmp_path / "conf"
    conf.write_text(f"[stapleguard]\naudit_log = {tmp_path}/none/audit.jsonl\n")
    assert "none/audit.jsonl: No such file" in run(conf=conf).stderr
    conf.write_text(f"[stapleguard]\naudit_log = {tmp_path}/none.jsonl\n")
    done = run(conf=conf)
    assert done.returncode == USAGE and "there is no audit log yet" in done.stderr


def test_help_has_every_option():
    done = run("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: stapleguard audit ")
    source = (SOURCE / "cli/audit/audit_request.c").read_text()
    for name in re.findall(r'^    \{"([a-z-]+)", ', source, re.MULTILINE):
        assert f"--{name}" in done.stdout or name == "help", name


@pytest.mark.scale
def test_a_million_records_take_constant_memory(tmp_path):
    """No more for ten times as much; how long it takes is for tests/bench/audit.py."""
    peaks = {}
    for count in (100_000, 1_000_000):
        path = tmp_path / f"{count}.jsonl"
        maker = subprocess.run(["python3", "-c", "import sys; sys.path.insert(0, sys.argv[1]); from helpers import audit_log; "
                                "open(sys.argv[2], 'w').write(audit_log.story(int(sys.argv[3]), certs=50).text())",
                                str(SOURCE / "tests"), str(path), str(count)], check=True, timeout=300)
        assert maker.returncode == 0
        for words in ("", "--json", "--summary", "--verify"):
            script = f"{stapleguard.program('stapleguard')} audit {words} {path} >/dev/null"
            done = subprocess.run(["/bin/sh", "-c", f"exec python3 -c 'import os, resource, subprocess, sys; "
                                   f"subprocess.run(sys.argv[1], shell=True, check=True); "
                                   f"print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' '{script}'"],
                                  capture_output=True, text=True, check=True, timeout=300)
            peaks[count, words] = int(done.stdout)
        path.unlink()
    for words in ("", "--json", "--summary", "--verify"):
        assert peaks[1_000_000, words] < peaks[100_000, words] + 4096, peaks
