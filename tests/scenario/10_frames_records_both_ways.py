# SPDX-License-Identifier: MIT
"""With records=1 a connection carries more than pictures: numbers, times, messages, demand, pings, ends.

Publisher and subscriber are written from the table of record types and from nothing else. A client
without records sees the same stream in plain framing.
"""
import struct
import time

import pytest

import clients
import pictures
from clients import DEMAND, END, FRAME, MESSAGE, PING, PONG, record
from support import conf


@pytest.fixture
def pair(start, closing):
    """A relay with a publisher and a subscriber of `porch`, both with records."""
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1, queue=64, age_ms=0))
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    return relay, publisher, viewer


def test_pictures_carry_a_number_and_the_capture_time(pair):
    relay, publisher, viewer = pair
    captured = 1_700_000_000_000_000
    before = time.time_ns() // 1000

    for n in range(5):
        publisher.send(pictures.picture(n, "porch"), captured + n * 40_000)
    got = viewer.wait_record(FRAME, 5)

    assert [r.payload for r in got] == [pictures.picture(n, "porch") for n in range(5)]
    assert [r.time_us for r in got] == [captured + n * 40_000 for n in range(5)]
    assert [r.flags & 1 for r in got] == [0] * 5
    assert [r.sequence - got[0].sequence for r in got] == [0, 1, 2, 3, 4]
    assert abs(got[0].sequence - before) < 60_000_000  # the first number is the Unix time in us


def test_a_picture_without_a_time_gets_the_relays(pair):
    relay, publisher, viewer = pair

    publisher.send(pictures.picture(1, "porch"))
    got, = viewer.wait_record(FRAME)

    assert got.flags & 1 == 1
    assert abs(got.time_us / 1e6 - time.time()) < 60


def test_numbers_go_on_over_publishers(pair, closing):
    relay, publisher, viewer = pair
    publisher.send(pictures.picture(1, "porch"))
    publisher.send(pictures.picture(2, "porch"))
    viewer.wait_record(FRAME, 2)
    publisher.end()

    second = closing(clients.Publisher(relay.address(), "porch"))  # a plain one, for once
    second.send(pictures.picture(3, "porch"))
    got = viewer.wait_record(FRAME, 3)

    assert [r.sequence - got[0].sequence for r in got] == [0, 1, 2]


def test_a_gap_is_what_this_subscriber_did_not_get(start, closing):
    relay = start(conf())
    paced = closing(clients.Subscriber(relay.address(), "porch", records=1, max_fps=10))
    every = closing(clients.Subscriber(relay.address(), "porch", records=1, queue=64, age_ms=0))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    camera = closing(clients.Camera(publisher, fps=60, stream="porch"))
    paced.wait_pictures(6)
    last = camera.stop()
    every.wait_number(last)

    number_of = {r.sequence: pictures.number_of(r.payload) for r in every.of(FRAME)}

    assert sorted(number_of.values()) == list(range(1, last + 1))
    assert [number_of[r.sequence] for r in paced.of(FRAME)] == paced.numbers()


def test_plain_and_records_see_the_same(pair, closing):
    relay, publisher, viewer = pair
    plain = closing(clients.Subscriber(relay.address(), "porch", queue=64))

    for n in range(5):
        publisher.send(pictures.picture(n, "porch"))

    assert plain.wait_pictures(5) == viewer.wait_pictures(5)


def test_messages_reach_every_subscriber_with_records(pair, closing):
    relay, publisher, viewer = pair
    plain = closing(clients.Subscriber(relay.address(), "porch"))
    other = closing(clients.Subscriber(relay.address(), "porch", records=1))
    relay.wait_stat("subscribers", 3)

    publisher.message('{"motion": true, "where": "현관"}')
    publisher.send(pictures.picture(1, "porch"))

    for one in (viewer, other):
        assert one.wait_record(MESSAGE)[0].payload.decode() == '{"motion": true, "where": "현관"}'
    assert plain.wait_pictures(1) == [pictures.picture(1, "porch")]


def test_a_subscriber_may_send_messages_too(pair, closing):
    """Whoever may publish the stream may send: here everybody in a private network."""
    relay, publisher, viewer = pair
    other = closing(clients.Subscriber(relay.address(), "porch", records=1))
    relay.wait_stat("subscribers", 2)

    other.send(record(MESSAGE, b'{"hello": 1}'))

    assert viewer.wait_record(MESSAGE)[0].payload == b'{"hello": 1}'


def test_a_ping_is_answered_with_both_clocks(pair):
    relay, publisher, viewer = pair
    payload = struct.pack("<Q", 123456789) + b"twenty more bytes..."

    publisher.send_bytes(record(PING, payload))
    viewer.send(record(PING, payload[:8]))

    for client, sent in ((publisher, payload), (viewer, payload[:8])):
        pong, = client.wait_record(PONG)
        assert pong.payload[:-8] == sent
        assert struct.unpack("<Q", pong.payload[-8:])[0] > 0


def test_the_relay_pings_from_time_to_time(start, closing):
    relay = start(conf(limits="ping_interval_ms = 100;"))
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1))

    for client in (publisher, viewer):
        first, second = client.wait_record(PING, 2)[:2]
        assert 8 <= len(first.payload) <= 64
        assert struct.unpack("<Q", second.payload[:8]) > struct.unpack("<Q", first.payload[:8])


def test_types_that_are_not_known_are_skipped(pair):
    relay, publisher, viewer = pair

    publisher.send_bytes(record(200, b"x" * 1000) + record(FRAME, pictures.picture(1, "porch")))
    viewer.send(record(99, b""))

    assert viewer.wait_pictures(1) == [pictures.picture(1, "porch")]
    assert viewer.ended is None


def test_end_ends_it_cleanly(pair, closing):
    relay, publisher, viewer = pair
    publisher.send(pictures.picture(1, "porch"))
    publisher.send_bytes(record(END, b"enough"))
    publisher.wait_end()

    second = closing(clients.Publisher(relay.address(), "porch", takeover="no"))

    assert second.answer.startswith("OK porch ")
    assert viewer.wait_pictures(1)
    assert not relay.log.find("rejected reason")


def test_the_end_of_the_relay_is_said_in_a_record(pair):
    relay, publisher, viewer = pair
    publisher.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)

    relay.terminate()

    assert viewer.wait_end().split()[0] in ("END", "ERROR")
    assert publisher.wait_end().split()[0] in ("END", "ERROR")


def test_demand_is_said_on_accept_and_on_every_change(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    publisher.wait_record(DEMAND)
    assert publisher.demands() == [(0, 0)]

    slow = closing(clients.Subscriber(relay.address(), "porch", max_fps=2.5))
    publisher.wait(lambda: (1, 2500) in publisher.demands(), "demand of one, 2.5 a second")
    quick = clients.Subscriber(relay.address(), "porch")
    publisher.wait(lambda: publisher.demands()[-1][1] == 0 and publisher.demands()[-1][0] > 0, "demand without a limit")
    quick.close()
    publisher.wait(lambda: publisher.demands()[-1] == (1, 2500), "demand of one again")
    slow.close()
    publisher.wait_demand(0)
    assert publisher.demands()[-1][0] == 0
