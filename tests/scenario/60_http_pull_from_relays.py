# SPDX-License-Identifier: MIT
"""The relay as the web server that a relay pulls from: another one, a chain of them, and itself.

Pictures, their times and demand go through; what a relay shows while there is nothing to see is no picture; and a relay that is
pointed at its own door goes round in circles at a walk.
"""
import time

import clients
import pictures
from support import conf, free_port, wait_for


def both_doors(more="", port=0, limits=""):
    text = conf(more, limits="demand_linger_ms = 300; stale_after_ms = 700; " + limits)
    return text.replace("\n);", f'\n  , {{ kind = "http"; listen = "127.0.0.1:{port}"; repeat_ms = 50; }}\n);', 1)


def pull(relay_port, path="/streams/yard.mjpg", stream="yard", more=""):
    return f'sources = ( {{ kind = "http-pull"; stream = "{stream}"; url = "http://127.0.0.1:{relay_port}{path}"; {more} }} );'


def test_a_chain_of_relays_passes_pictures_times_and_demand(start, closing):
    first = start(both_doors())
    second = start(both_doors(pull(first.address(door="http")[1])))
    third = start(both_doors(pull(second.address(door="http")[1], "/streams/yard.mjpg?queue=64&age_ms=0")))
    camera = closing(clients.Publisher(first.address(), "yard", records=1))
    camera.wait_demand(0)

    viewer = closing(clients.Subscriber(third.address(), "yard", records=1, queue=64, age_ms=0))
    camera.wait_demand(1)
    sent = []
    for number in range(5):
        camera.send(pictures.picture(number, "yard"), time_us=int(time.time() * 1e6) - 2_000_000)
        viewer.wait_pictures(number + 1)
        sent.append(pictures.picture(number, "yard"))
    assert viewer.pictures == sent
    for record in viewer.of(clients.FRAME):
        assert 1.5 < time.time() - record.time_us / 1e6 < 30, "the camera's own time"

    viewer.close()
    camera.wait_demand(0)
    wait_for(lambda: third.stat("frames_same") + second.stat("frames_same") > 0, "repeats are left out")


def test_a_stream_that_stops_there_stops_here(start, closing):
    """The greyed picture that viewers of the other relay see does not come as a picture."""
    far = start(both_doors())
    near = start(both_doors(pull(far.address(door="http")[1])))
    camera = closing(clients.Publisher(far.address(), "yard", records=1))
    viewer = closing(clients.Subscriber(near.address(), "yard"))
    camera.wait_demand(1)
    camera.send(pictures.picture(0, "yard"))
    viewer.wait_pictures(1)
    camera.close()

    wait_for(lambda: clients.listing(near.address())["yard"][0] in ("stale", "offline"), "it stops")
    again = closing(clients.Publisher(far.address(), "yard", records=1))
    again.wait_demand(1)
    again.send(pictures.picture(1, "yard"))
    viewer.wait_pictures(2)

    assert viewer.pictures == [pictures.picture(0, "yard"), pictures.picture(1, "yard")]


def test_snapshots_of_another_relay_are_asked_with_their_etag(start, closing):
    far = start(both_doors())
    near = start(both_doors(pull(far.address(door="http")[1], "/streams/yard.jpg", more="fps = 20;")))
    camera = closing(clients.Camera(closing(clients.Publisher(far.address(), "yard", records=1)), fps=5, stream="yard"))
    camera.wait_sent(1)

    viewer = closing(clients.Subscriber(near.address(), "yard", queue=64, age_ms=0))
    viewer.wait_pictures(4)

    numbers = viewer.numbers()
    assert numbers == sorted(set(numbers))
    assert near.stat("frames_same") > 0, "304"


def test_from_itself_it_goes_round_at_a_walk(start, closing):
    port = free_port()
    relay = start(both_doors(pull(port), port, "first_byte_timeout_ms = 400; "), release=True)
    viewer = closing(clients.Subscriber(relay.address(), "yard"))
    relay.log.wait("http-pull: connected")
    relay.log.wait("^warning http-pull: no pictures")
    wait_for(lambda: relay.stat("reconnects") >= 2, "it has gone round")

    cpu, began = relay.cpu_seconds(), time.monotonic()
    wait_for(lambda: relay.stat("reconnects") >= 4, "and again")

    stats = relay.stats()
    assert stats["subscribers"] <= 2, "the viewer and itself"
    assert stats["connections_open"] <= 4
    assert stats.get("frames_published", 0) == 0
    assert relay.cpu_seconds() - cpu < 0.2 * (time.monotonic() - began) + 0.2
    assert viewer.pictures == []
    assert relay.rss_bytes() < 40 << 20


def test_one_of_its_own_streams_under_another_name(start, closing):
    """No circle: `copy` is what the relay itself shows of `yard`."""
    port = free_port()
    relay = start(both_doors(pull(port, stream="copy"), port))
    camera = closing(clients.Publisher(relay.address(), "yard", records=1))
    viewer = closing(clients.Subscriber(relay.address(), "copy"))
    camera.wait_demand(1)
    for number in range(3):
        camera.send(pictures.picture(number, "yard"))
        viewer.wait_pictures(number + 1)

    assert viewer.numbers() == [0, 1, 2]
