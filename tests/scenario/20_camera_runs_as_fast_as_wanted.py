# SPDX-License-Identifier: MIT
"""A camera gives as many pictures as the viewer wants who wants most, and none to nobody; but with --always, and to a
program that knows only the plain framing and so cannot say what it wants.
"""
import pytest

import clients
import fake_camera
import pictures
import recipe
from support import conf, wait_for

LINGER = "doors = ( ); limits = { demand_linger_ms = 300; log_lines_per_second = 0; };"
STOPPED = r"camera: source stopped"


@pytest.fixture
def publish(start):
    def begin(where, *args):
        return start(LINGER, args=["--publish", where, "--warmup", "0", "--size", "320x240", *args], release=True,
                     env=fake_camera.environment())
    return begin


def runs_at(publisher, least, most):
    """The camera's pictures are encoded at this rate, soon, and then not faster."""
    wait_for(lambda: least <= fake_camera.rate(publisher, "frames_encoded", 1) <= most, f"{least} to {most} pictures a second")
    rate = fake_camera.rate(publisher, "frames_encoded")
    print(f"{rate:.1f} pictures a second")
    assert rate <= most


def test_the_highest_rate_wanted_is_respected(start, publish, closing):
    relay = start(conf(), release=True)
    publisher = publish("%s:%d/porch" % relay.address())
    slow = closing(clients.Subscriber(relay.address(), "porch", max_fps=5, records=1))
    slow.wait_pictures(1)
    runs_at(publisher, 3.5, 6)

    quick = clients.Subscriber(relay.address(), "porch", max_fps=20, records=1)
    runs_at(publisher, 14, 22)
    seconds = (slow.of(clients.FRAME)[-1].time_us - slow.of(clients.FRAME)[0].time_us) / 1e6
    assert len(slow.pictures) < 6 * seconds + 2, "the slow one gets no more than it wants"
    all_of_it = clients.Subscriber(relay.address(), "porch")
    runs_at(publisher, 23, 34)

    quick.close()
    all_of_it.close()
    runs_at(publisher, 3.5, 6)
    assert len(publisher.log.find(r"camera runs")) == 1, "it has not been opened anew for any of this"

    slow.close()
    publisher.log.wait(STOPPED)


def test_always_is_always(start, publish, closing):
    relay = start(conf(), release=True)
    publisher = publish("%s:%d/porch" % relay.address(), "--always")
    relay.wait_stat("frames_published", 10)
    viewer = clients.Subscriber(relay.address(), "porch", max_fps=5)
    viewer.wait_pictures(2)
    viewer.close()

    runs_at(publisher, 23, 34)
    published = relay.stat("frames_published")
    relay.wait_stat("frames_published", published + 20)
    assert not publisher.log.find(STOPPED)


def test_a_server_that_cannot_say_what_it_wants(publish, closing):
    server = closing(recipe.Server())
    publisher = publish(f"127.0.0.1:{server.port}/porch", "--plain")
    server.wait_seen(20)
    assert {size for size, _ in server.seen} == {"320x240"}
    runs_at(publisher, 23, 34)


def test_nobody_watches(start, publish, closing):
    relay = start(conf(), release=True)
    publisher = publish("%s:%d/porch" % relay.address())
    for _ in range(2):
        since = publisher.log.mark()
        viewer = clients.Subscriber(relay.address(), "porch")
        assert pictures.show(viewer.wait_pictures(3)[0]) == (320, 240)
        viewer.close()
        publisher.log.wait(STOPPED, since)
        taken = wait_for(lambda: stands_still(publisher), "it has stopped")
        assert fake_camera.rate(publisher, "camera_pictures", 1) == 0, taken


def stands_still(publisher):
    """What was under way when it was stopped may still be counted."""
    return fake_camera.rate(publisher, "camera_pictures", 0.2) == 0
