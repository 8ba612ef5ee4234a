# SPDX-License-Identifier: ISC
"""Ten thousand certificates in one pass."""

import os
import time

import pytest
from helpers import dbm
from helpers.stapleguard import FRESH

COUNT = 10000


@pytest.mark.scale
def test_ten_thousand_certificates_in_one_pass(site, capsys):
    certs = site.leaves(COUNT)
    spot = certs[COUNT // 2]
    site.make_apache()
    site.apache.add("spot.test", (site.pem(f"site{COUNT // 2}.test"), site.key("many")))
    site.apache.start()
    began = time.monotonic()
    site.sg.once(expect=FRESH, timeout_sec=900)
    first = time.monotonic() - began
    assert site.responder.count() == COUNT
    # An honest pass is no flood: each certificate's staple is recorded.
    events = [record["event"] for record in site.sg.audit()]
    assert events.count("staple.stored") == COUNT and not {"audit.throttled", "audit.gap"} & set(events)
    records = dbm.dump(site.sg.dbm_path)
    assert len(records) == COUNT + 1
    assert records[0][0] == dbm.GUARD_KEY
    assert os.stat(site.sg.dbm_path).st_blocks * 512 < 10 * 1024 * COUNT
    assert {key for key, _ in records[1:]} == {cert.sha1 for cert in certs}

    site.responder.forget()
    began = time.monotonic()
    site.sg.once(expect=FRESH, timeout_sec=900)
    second = time.monotonic() - began
    assert site.responder.count() == 0

    site.responder.down()
    assert site.handshake("spot.test").staple == site.responder.answers[spot.serial]
    with capsys.disabled():
        print(f"\nmeasured: {COUNT} certificates: first pass {first:.1f} s ({COUNT / first:.0f}/s), nothing due {second:.1f} s")
