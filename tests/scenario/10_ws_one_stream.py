# SPDX-License-Identifier: MIT
"""A real WebSocket client watches one stream: every picture whole, states as they change, messages both ways.

The client is Python's websockets. It offers compression, as browsers do, and must not get it.
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

CONF = """
limits = { log_lines_per_second = 0; stale_after_ms = 300; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""


def url(relay, path, door="http"):
    host, port = relay.address(door=door)
    return f"ws://{host}:{port}{path}"


def sum_of(jpeg):
    return hashlib.sha256(jpeg).hexdigest()


async def come(socket):
    return await asyncio.wait_for(socket.recv(), PATIENCE)


async def next_picture(socket):
    """The next record of a picture: its sequence and the picture. Texts on the way are passed over."""
    while True:
        got = await come(socket)
        if isinstance(got, bytes):
            assert got[0] == 1 and got[2:4] == b"\0\0"
            return int.from_bytes(got[4:12], "little"), got[20:]


async def next_text(socket, key):
    """The next text that has this key. Pictures on the way are passed over."""
    while True:
        got = await come(socket)
        if isinstance(got, str) and key in json.loads(got):
            return json.loads(got)


@pytest.mark.parametrize("door", ["http", "frames"])
def test_every_picture_comes_whole_and_in_order(start, closing, door):
    relay = start(CONF)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    sent = [pictures.picture(n, size=size) for n, size in enumerate([3000, 70_000, 66_000, 500_000, 40_000], 1)]
    publisher.send(sent[0])
    relay.wait_stat("frames_published", 1)

    async def watch():
        async with websockets.connect(url(relay, "/streams/cam/ws?queue=64&age_ms=0&1699999999", door), max_size=None) as socket:
            assert socket.extensions == []
            got = [await next_picture(socket)]
            for jpeg in sent[1:]:
                publisher.send(jpeg)
                got.append(await next_picture(socket))
            await socket.close(1000, "seen enough")
            assert socket.close_code == 1000
        return got

    got = asyncio.run(watch())
    assert [sum_of(jpeg) for _, jpeg in got] == [sum_of(jpeg) for jpeg in sent]
    first = got[0][0]
    assert [sequence for sequence, _ in got] == list(range(first, first + len(sent)))
    wait_for(lambda: relay.stat("subscribers") == 0, "the viewer is gone")


def test_states_and_messages_are_texts(start, closing):
    relay = start(CONF)
    publisher = closing(clients.Publisher(relay.address(), "cam", records=1))
    other = closing(clients.Subscriber(relay.address(), records=1))
    publisher.send(pictures.picture(1))
    relay.wait_stat("subscribers", 1)

    async def watch():
        async with websockets.connect(url(relay, "/streams/cam/ws")) as socket:
            text = await next_text(socket, "state")
            assert (text["name"], text["state"]) == ("cam", "live") and "channel" not in text
            host, port = relay.address(door="http")
            with urllib.request.urlopen(f"http://{host}:{port}/streams/cam", timeout=60) as answer:
                assert abs(json.load(answer)["since"] - text["since"]) < 1
            await next_picture(socket)

            publisher.message('{"say": 0.10}')
            assert await come(socket) == '{"message":{"say": 0.10}}'
            await socket.send('{ "message" : {"back": [1, "}"]} }')
            assert await next_text(socket, "message") == {"message": {"back": [1, "}"]}}
            await socket.send("no command")
            assert (await next_text(socket, "error"))["error"]["code"] == 400
            await socket.send('{"subscribe":"other","channel":1}')
            assert "alone" in (await next_text(socket, "error"))["error"]["reason"]

            assert (await next_text(socket, "state"))["state"] == "stale"
            publisher.close()
            assert (await next_text(socket, "state"))["state"] == "offline"
            again = closing(clients.Publisher(relay.address(), "cam"))
            again.send(pictures.picture(2))
            assert (await next_text(socket, "state"))["state"] == "live"
            assert (await next_picture(socket))[1] == pictures.picture(2)

    asyncio.run(watch())
    other.wait_record(2, 2)
    assert [r.payload for r in other.of(2)] == [b'{"say": 0.10}', b'{"back": [1, "}"]}']


def test_the_relay_says_goodbye_when_it_stops(start, closing):
    relay = start(CONF)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    relay.wait_stat("frames_published", 1)

    async def watch():
        async with websockets.connect(url(relay, "/streams/cam/ws")) as socket:
            await next_picture(socket)
            relay.terminate()
            with pytest.raises(websockets.ConnectionClosed) as end:
                while True:
                    await come(socket)
            return end.value.rcvd

    end = asyncio.run(watch())
    assert (end.code, end.reason) == (1001, "the relay is stopping")
    relay.wait()
