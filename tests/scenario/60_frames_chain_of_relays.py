# SPDX-License-Identifier: MIT
"""Relays in a chain: pushed or pulled, a picture keeps its number and its time, and demand travels back.

Relay A has the publisher. It pushes to relay B with a hello (frames-push), or B pulls from it
(frames-pull). The camera at the far end runs only while somebody at the near end watches.
"""
import pytest

import clients
import pictures
from support import conf, free_port, wait_for

CAPTURED = 1_700_000_000_000_000


def pushed(start):
    b = start(conf())
    a = start(conf(f'sinks = ( {{ kind = "frames-push"; stream = "porch"; address = "127.0.0.1:{b.address()[1]}"; hello = true; }} );',
                   limits="queue_frames = 64; demand_linger_ms = 100;"))
    return a, b


def pulled(start):
    a = start(conf(limits="queue_frames = 64; demand_linger_ms = 100;"))
    b = start(conf(f'sources = ( {{ kind = "frames-pull"; stream = "porch"; address = "127.0.0.1:{a.address()[1]}"; }} );',
                   limits="demand_linger_ms = 100;"))
    return a, b


@pytest.fixture(params=[pushed, pulled], ids=["pushed", "pulled"])
def chain(request, start):
    return request.param(start)


def test_pictures_numbers_and_times_pass_unchanged(chain, closing):
    a, b = chain
    near = closing(clients.Subscriber(a.address(), "porch", records=1, queue=64, age_ms=0))
    far = closing(clients.Subscriber(b.address(), "porch", records=1, queue=64, age_ms=0))
    publisher = closing(clients.Publisher(a.address(), "porch", records=1))
    a.wait_stat("subscribers", 2)

    for n in range(1, 11):
        publisher.send(pictures.picture(n, "porch"), CAPTURED + n)
        near.wait_pictures(n)
        far.wait_pictures(n)

    assert far.pictures == near.pictures == [pictures.picture(n, "porch") for n in range(1, 11)]
    assert [r.sequence for r in far.of(clients.FRAME)] == [r.sequence for r in near.of(clients.FRAME)]
    assert [r.time_us for r in far.of(clients.FRAME)] == [CAPTURED + n for n in range(1, 11)]


def test_demand_travels_to_the_camera(chain, closing):
    a, b = chain
    publisher = closing(clients.Publisher(a.address(), "porch", records=1))
    publisher.wait_demand(0)

    viewer = clients.Subscriber(b.address(), "porch")
    publisher.wait_demand(1)
    publisher.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)
    viewer.close()
    publisher.wait_demand(0)
    again = closing(clients.Subscriber(b.address(), "porch"))
    publisher.wait_demand(1)
    publisher.send(pictures.picture(2, "porch"))
    again.wait_number(2)


def test_messages_pass(chain, closing):
    a, b = chain
    far = closing(clients.Subscriber(b.address(), "porch", records=1))
    publisher = closing(clients.Publisher(a.address(), "porch", records=1))
    publisher.wait_demand(1)
    publisher.send(pictures.picture(1, "porch"))
    far.wait_pictures(1)

    publisher.message('{"motion": true}')

    assert far.wait_record(clients.MESSAGE)[0].payload == b'{"motion": true}'


def test_the_near_relay_is_killed_and_comes_back(start, closing):
    """The chain heals by itself: B finds A again on the same port."""
    port = free_port()
    a = start(conf().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    b = start(conf(f'sources = ( {{ kind = "frames-pull"; stream = "porch"; address = "127.0.0.1:{port}"; }} );'))
    viewer = closing(clients.Subscriber(b.address(), "porch", records=1, queue=64))
    a.wait_stat("subscribers", 1)
    first = closing(clients.Publisher(a.address(), "porch"))
    first.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)

    a.kill()
    a = start(conf().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    a.wait_stat("subscribers", 1)
    second = closing(clients.Publisher(a.address(), "porch"))
    second.send(pictures.picture(2, "porch"))

    viewer.wait_number(2)
    sequences = [r.sequence for r in viewer.of(clients.FRAME)]
    assert sequences == sorted(set(sequences))


def test_three_in_a_row(start, closing):
    a = start(conf())
    b = start(conf(f'sources = ( {{ kind = "frames-pull"; stream = "porch"; address = "127.0.0.1:{a.address()[1]}"; }} );'))
    c = start(conf(f'sources = ( {{ kind = "frames-pull"; stream = "porch"; address = "127.0.0.1:{b.address()[1]}"; }} );'))
    viewer = closing(clients.Subscriber(c.address(), "porch", records=1, queue=64))
    near = closing(clients.Subscriber(a.address(), "porch", records=1, queue=64))
    a.wait_stat("subscribers", 2)
    camera = closing(clients.Camera(clients.Publisher(a.address(), "porch"), fps=10, stream="porch"))
    viewer.wait_pictures(10)
    camera.stop()
    near.wait_number(viewer.numbers()[-1])

    number_at_a = {r.sequence: pictures.number_of(r.payload) for r in near.of(clients.FRAME)}
    assert all(number_at_a[r.sequence] == pictures.number_of(r.payload) for r in viewer.of(clients.FRAME))
    wait_for(lambda: c.stat("frames_published") >= 10, "counted")
