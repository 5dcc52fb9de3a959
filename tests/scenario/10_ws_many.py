# SPDX-License-Identifier: MIT
"""Many streams on one WebSocket: channels come and go, acks hold a channel back and no other, states and messages
name their channel, and what cannot be done is told without ending the socket.

One test is watched by a real client's library; the others read frame by frame, so that the order is seen.
"""
import asyncio
import hashlib
import json
import urllib.request

import pytest
import websockets

import clients
import pictures
from support import PATIENCE, wait_for
from websocket_bytes import BINARY, CLOSE, PING, PONG, TEXT, Socket, frame

CONF = """
limits = { log_lines_per_second = 0; ws_subscriptions = 40; stale_after_ms = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""


@pytest.fixture
def relay(start):
    return start(CONF)


@pytest.fixture
def camera(relay, closing):
    """camera(name): a publisher whose first picture is there."""
    def begin(name="cam", number=1):
        publisher = closing(clients.Publisher(relay.address(), name, records=1))
        published = relay.stat("frames_published")
        publisher.send(pictures.picture(number, name))
        relay.wait_stat("frames_published", published + 1)
        return publisher
    return begin


@pytest.fixture
def socket(relay, closing):
    return closing(Socket(relay.address(door="http")))


def test_a_real_client_watches_thirty_streams(relay, closing):
    names = [f"cam-{n}" for n in range(30)]
    publishers = {name: closing(clients.Publisher(relay.address(), name)) for name in names}
    sent = {}

    def publish(number):
        for name, publisher in publishers.items():
            jpeg = pictures.picture(number, name, size=2000 + 997 * number)
            sent.setdefault(name, []).append(hashlib.sha256(jpeg).hexdigest())
            publisher.send(jpeg)

    async def watch():
        host, port = relay.address(door="http")
        got = {name: [] for name in names}
        async with websockets.connect(f"ws://{host}:{port}/ws", max_size=None) as socket:
            for channel, name in enumerate(names):
                await socket.send(json.dumps({"subscribe": name, "channel": 1000 + channel, "queue": 64, "age_ms": 0}))
            relay.wait_stat("subscribers", 30)
            for number in range(2, 6):
                publish(number)
            while any(len(come) < 5 for come in got.values()):
                message = await asyncio.wait_for(socket.recv(), PATIENCE)
                if isinstance(message, bytes):
                    channel = int.from_bytes(message[2:4], "little") - 1000
                    got[names[channel]].append(hashlib.sha256(message[20:]).hexdigest())
        return got

    publish(1)
    relay.wait_stat("frames_published", 30)
    assert asyncio.run(watch()) == sent
    wait_for(lambda: relay.stat("subscribers") == 0, "the viewer is gone")


def test_a_channel_comes_and_goes(relay, camera, socket):
    porch, door = camera("porch"), camera("door")
    socket.say(subscribe="porch", channel=7)
    assert {**socket.text(), "since": 0} == {"channel": 7, "name": "porch", "state": "live", "since": 0}
    assert socket.picture()[0::2] == (7, pictures.picture(1, "porch"))
    socket.say(subscribe="door", channel=65535)
    assert socket.text()["channel"] == 65535
    assert socket.picture()[0::2] == (65535, pictures.picture(1, "door"))

    host, port = relay.address(door="http")
    with urllib.request.urlopen(f"http://{host}:{port}/subscribers", timeout=60) as answer:
        assert sorted((s["door"], s["kind"], s["stream"]) for s in json.load(answer)) == [
            ("http", "ws", "door"), ("http", "ws", "porch")]

    socket.say(unsubscribe=7)
    wait_for(lambda: relay.stat("subscribers") == 1, "the channel is over")
    porch.send(pictures.picture(2, "porch"))
    door.send(pictures.picture(2, "door"))
    assert socket.picture()[0::2] == (65535, pictures.picture(2, "door"))
    socket.say(subscribe="porch", channel=7)
    assert socket.picture()[0::2] == (7, pictures.picture(2, "porch"))
    porch.wait_demand(1)


def test_the_next_picture_waits_for_the_ack_of_the_last(camera, socket):
    """The viewer gets the newest there is at the moment of its ack, and the other channel does not wait."""
    slow, fast = camera("slow"), camera("fast")
    socket.say(subscribe="slow", channel=1, ack=True)
    socket.say(subscribe="fast", channel=2)
    got = {channel: sequence for channel, sequence, _ in (socket.picture(), socket.picture())}
    for number in range(2, 8):
        slow.send(pictures.picture(number, "slow"))
        fast.send(pictures.picture(number, "fast"))
        assert socket.picture()[0::2] == (2, pictures.picture(number, "fast"))
    socket.say(ack=1, sequence=got[1] + 1)  # not the one that was sent
    socket.say(ack=2, sequence=5)
    socket.say(ack=9, sequence=5)
    slow.send(pictures.picture(8, "slow"))
    fast.send(pictures.picture(8, "fast"))
    assert socket.picture()[0::2] == (2, pictures.picture(8, "fast"))
    socket.say(ack=1, sequence=got[1])
    assert socket.picture() == (1, got[1] + 7, pictures.picture(8, "slow"))


def test_what_cannot_be_done_is_told_and_the_rest_goes_on(relay, camera, socket):
    cam = camera()
    socket.say(subscribe="cam", channel=3)
    socket.picture()
    for command, code, channel in (
            ({"subscribe": "nobody", "channel": 4}, 404, 4),
            ({"subscribe": "cam", "channel": 3}, 409, 3),
            ({"subscribe": "cam", "channel": 5, "queue": 0}, 400, 5),
            ({"subscribe": "cam", "channel": 5, "colour": "red"}, 400, 5),
            ({"subscribe": "cam", "channel": 65536}, 400, None),
            ({"subscribe": "cam"}, 400, None),
            ({"message": 1}, 400, None),
            ({"message": 1, "channel": 9}, 400, 9),
            ({}, 400, None)):
        socket.say(**command)
        told = socket.text("error")
        assert (told["error"]["code"], told.get("channel")) == (code, channel), told
    for text in (b"[1]", b"\1" * 300, b'{"subscribe":"cam","channel":1,"%s":1}' % (b"\\u0001" * 300)):
        socket.send(frame(TEXT, text))
        assert socket.text("error")["error"]["code"] == 400
    socket.say(unsubscribe=99)  # of no channel: nothing to do
    cam.send(pictures.picture(2))
    assert socket.picture()[2] == pictures.picture(2)
    assert relay.rejected("ws_command", "http") == 11
    assert relay.rejected("no_such_stream", "http") == 1

    for channel in range(10, 49):
        socket.say(subscribe="cam", channel=channel)
    socket.say(subscribe="cam", channel=49)
    assert socket.text("error")["channel"] == 49
    assert relay.rejected("ws_subscription_limit", "http") == 1


def test_messages_go_both_ways_and_states_follow(camera, closing, relay, socket):
    cam, other = camera("cam"), camera("other")
    reader = closing(clients.Subscriber(relay.address(), "other", records=1))
    reader.wait_pictures(1)
    socket.say(subscribe="cam", channel=1)
    socket.say(subscribe="other", channel=2)
    assert {socket.text("state")["channel"], socket.text("state")["channel"]} == {1, 2}

    cam.message('{"from":"cam"}')
    assert socket.text("message") == {"channel": 1, "message": {"from": "cam"}}
    socket.send(frame(TEXT, b'{"channel":2,"message":[1.50, "\xc3\xa4"]}'))
    assert socket.read_only(TEXT) == b'{"channel":2,"message":[1.50, "\xc3\xa4"]}'
    socket.send(frame(TEXT, b'{"stream":"other","message":2}'))
    assert socket.text("message") == {"channel": 2, "message": 2}
    reader.wait_record(2, 2)
    assert [r.payload for r in reader.of(2)] == ['[1.50, "ä"]'.encode(), b"2"]

    other.close()
    assert {**socket.text("state"), "since": 0} == {"channel": 2, "name": "other", "state": "offline", "since": 0}
    camera("other", 2)
    assert socket.text("state")["state"] == "live"


def test_a_clock_is_asked_by_a_record_and_pings_are_answered(relay, socket):
    ping = bytes([4, 0, 0, 0]) + bytes(16) + (1234567).to_bytes(8, "little")
    socket.send(frame(BINARY, ping))
    pong = socket.read_only(BINARY)
    assert (pong[0], pong[20:28], len(pong)) == (5, ping[20:], 36)
    for skipped in (b"", b"\1" * 40, ping[:27], bytes([5]) + ping[1:]):
        socket.send(frame(BINARY, skipped))
    socket.send(frame(PING, b"are you there?"))
    assert socket.read() == (PONG, b"are you there?")
    socket.send(frame(CLOSE, b"\x0f\xa0bye"))
    assert socket.read_end() == (4000, "")
    relay.log.wait(r"http: socket closed .*the peer closed")


def test_the_relay_asks_a_silent_socket_and_ends_a_dead_one(start, closing):
    relay = start(CONF.replace("ws_subscriptions = 40", "ping_interval_ms = 100"))
    good, dead = closing(Socket(relay.address(door="http"))), closing(Socket(relay.address(door="http")))
    for _ in range(6):
        assert good.read() == (PING, b"")
        good.send(frame(PONG))
    assert dead.read_end()[0] == 1008
    assert relay.rejected("ws_silent", "http") == 1
    assert good.read() == (PING, b"")


def test_a_right_that_is_withdrawn_ends_the_subscription_and_not_the_socket(start, closing):
    rows = """
    access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; subscribe = [ %s ]; message = [ ]; } );
    """
    relay = start(CONF + rows % '"cam", "other"')
    for name in ("cam", "other"):
        publisher = closing(clients.Publisher(relay.address(), name))
        publisher.send(pictures.picture(1, name))
    relay.wait_stat("frames_published", 2)
    many = closing(Socket(relay.address(door="http")))
    one = closing(Socket(relay.address(door="http"), "/streams/cam/ws"))
    many.say(subscribe="cam", channel=1)
    many.say(subscribe="other", channel=2)
    for socket in (many, many, one):
        socket.picture()
    many.say(message=1, channel=1)
    assert many.text("error")["error"]["code"] == 403

    relay.write_config(CONF + rows % '"other"')
    relay.reload()
    told = many.text("error")
    assert (told["channel"], told["error"]["code"]) == (1, 403)
    assert one.read_end()[0] == 1008
    publisher.send(pictures.picture(2, "other"))
    assert many.picture()[0::2] == (2, pictures.picture(2, "other"))
    many.say(subscribe="cam", channel=3)
    assert many.text("error")["error"]["code"] == 403
