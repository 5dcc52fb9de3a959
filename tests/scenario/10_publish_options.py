# SPDX-License-Identifier: MIT
"""`--publish` with the test picture: its options do what the table says, and the end is clean.

The receiving side is the recipe's server where no hello is wanted, and the relay otherwise.
"""
import time

import pytest

import clients
import pictures
import recipe
from support import conf


def test_plain_to_a_program_that_knows_only_the_recipe(start, closing):
    server = closing(recipe.Server())
    publisher = start(args=["--publish", f"127.0.0.1:{server.port}", "--plain", "--source", "pattern", "--size", "320x240",
                            "--duration", "2"])
    server.wait_seen(10)

    server.wait_done()  # length 0 after the duration
    assert publisher.wait() == 0
    assert {size for size, _ in server.seen} == {"320x240"}
    assert len(set(server.seen)) == len(server.seen)  # the picture moves


def test_size_rate_and_quality(start, closing):
    relay = start(conf())
    where = "%s:%d/porch" % relay.address()
    start(args=["--publish", where, "--source", "pattern", "--size", "800x600", "--fps", "10", "--quality", "30"])
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, records=1))
    viewer.wait_pictures(11)

    assert pictures.show(viewer.pictures[5]) == (800, 600)
    seconds = viewer.arrived[10] - viewer.arrived[1]
    assert 0.6 < seconds < 6, f"9 pictures in {seconds:.2f} s"
    assert all(r.time_us > 0 and r.flags & 1 == 0 for r in viewer.of(clients.FRAME))
    assert clients.listing(relay.address())["porch"][1] == "800x600"


def test_a_duration(start):
    relay = start(conf())
    began = time.monotonic()
    publisher = start(args=["--publish", "%s:%d/porch" % relay.address(), "--source", "pattern", "--always", "--duration", "2"])
    assert publisher.wait() == 0
    assert time.monotonic() - began >= 1.9
    assert relay.stat("frames_published") > 10
    assert relay.stat("frames_truncated") == 0


@pytest.mark.parametrize("rotate, size", [("90", (240, 320)), ("180", (320, 240))])
def test_turned_pictures_are_refused_or_turned(start, closing, rotate, size):
    """A source that cannot turn its pictures says so at once, rather than send them as they are."""
    relay = start(conf())
    publisher = start(args=["--publish", "%s:%d/porch" % relay.address(), "--source", "pattern", "--size", "320x240",
                            "--rotate", rotate, "--always"])
    publisher.announce("rotate")
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    try:
        publisher.process.wait(2)
    except Exception:
        assert pictures.show(viewer.wait_pictures(1)[0]) == size
    else:
        publisher.expected_status = 2
        publisher.log.wait("rotate")


def test_a_replaced_publisher_waits_and_asks_politely(start, closing):
    """It comes back after ten seconds, with takeover=no: two publishers of one name do not fight."""
    relay = start(conf(door='takeover = "replace";'))
    ours = start(args=["--publish", "%s:%d/porch" % relay.address(), "--source", "pattern", "--always"])
    relay.wait_stat("publishers", 1)

    other = closing(clients.Publisher(relay.address(), "porch", source="127.0.0.2"))
    camera = closing(clients.Camera(other, fps=10, stream="porch"))
    ours.log.wait(r"409|replaced")
    relay.log.wait(r"publisher closed .*replaced")
    since = relay.log.mark()
    time.sleep(3)

    assert other.ended is None
    assert not relay.log.find(r"takeover|replaced", since)
    camera.stop()
