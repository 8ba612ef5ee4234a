# SPDX-License-Identifier: ISC
"""On a kernel that lacks a layer of the sandbox: which one is said, and nothing is fetched unless the administrator says so."""

import pytest
from helpers import stapleguard
from helpers.daemon import Daemon
from helpers.stapleguard import CONFIGURATION, FRESH

LAYERS = {"landlock": "Landlock (Linux 5.13", "seccomp": "seccomp filters"}


@pytest.fixture(params=LAYERS)
def layer(request, monkeypatch):
    """The kernel of this test lacks it."""
    program = stapleguard.program
    helper = stapleguard.build_directory() / "tests" / "helpers" / "old_kernel"
    monkeypatch.setattr(
        stapleguard.Stapleguard, "command",
        lambda self, *options: [str(helper), request.param, str(program("stapleguardd")), "--once", "-c", str(self.conf), *options],
    )
    return request.param


def test_it_is_named_and_nothing_is_fetched(site, layer):
    site.leaf("shop.test")
    result = site.sg.once(expect=CONFIGURATION)
    assert LAYERS[layer] in result.output
    assert "require_sandbox = no" in result.output
    assert site.responder.count() == 0
    assert not site.sg.dbm_path.exists()


def test_with_the_administrators_word_it_goes_on_and_says_what_is_missing(site, layer):
    cert = site.leaf("shop.test")
    site.sg.set("stapleguard", require_sandbox="no")
    result = site.sg.once(expect=FRESH)
    assert LAYERS[layer] in result.output
    assert site.sg.staple(cert)


def test_a_service_ends_at_once_with_the_same_words(site, layer):
    site.leaf("shop.test")
    helper = stapleguard.build_directory() / "tests" / "helpers" / "old_kernel"
    daemon = Daemon(site.sg, wrapper=[helper, layer])
    daemon.start(is_ready=False)
    assert daemon.process.wait(timeout=30) == CONFIGURATION
    assert LAYERS[layer] in daemon.log()
    daemon.close()


def test_on_this_kernel_nothing_is_needed(site):
    """No configuration, and no word about layers that stop nothing."""
    site.leaf("shop.test")
    assert "require_sandbox" not in site.sg.once(expect=FRESH).output
