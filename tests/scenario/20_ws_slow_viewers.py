# SPDX-License-Identifier: MIT
"""A WebSocket that is slow sees new pictures of all its channels in turn; one that never reads is cut and costs nobody.

Beside them the bystanders of the frames door must lose nothing.
"""
import socket as sockets
import struct

import pytest

import clients
import pictures
from support import wait_for
from websocket_bytes import PING, PONG, Socket, frame

CONF = """
limits = { log_lines_per_second = 0; %s };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""


def test_a_slow_socket_sees_new_pictures_of_every_channel_in_turn(start, closing, calm):
    """Two streams send much and one sends little; none waits for another's second picture."""
    relay = start(CONF % "queue_age_ms = 0; subscriber_stall_ms = 0;")
    calm(relay.address())
    names = ["loud", "louder", "quiet"]
    publishers = [closing(clients.Publisher(relay.address(), name)) for name in names]
    slow = closing(Socket(relay.address(door="http"), receive_buffer=4096))
    for name, publisher in zip(names, publishers):
        publisher.send(pictures.picture(0, name, size=3_000_000))
    relay.wait_stat("streams", 4)
    for channel, name in enumerate(names):
        slow.say(subscribe=name, channel=channel)
    relay.wait_stat("subscribers", 6)
    for number in range(1, 31):
        for name, publisher in zip(names[:2], publishers):
            publisher.send(pictures.picture(number, name, size=200_000))
    publishers[2].send(pictures.picture(1, "quiet", size=2_000))
    relay.wait_stat("frames_dropped_newest", 30)

    seen = []
    while len(seen) < 3 or {number for _, number in seen[-3:]} != {30, 1}:
        channel, _, jpeg = slow.picture()
        name, number = pictures.check(jpeg)
        assert name == names[channel]
        seen.append((channel, number))
    assert len(seen) < 12
    for channel in range(3):
        mine = [number for who, number in seen if who == channel]
        assert mine == sorted(set(mine))
    for first, second in zip(seen, seen[1:]):
        assert first[0] != second[0], seen


def test_one_that_never_reads_is_cut(start, closing, calm):
    relay = start(CONF % "subscriber_stall_ms = 1000;")
    calm(relay.address())
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=50_000))
    camera.wait_sent(1)
    stalled = closing(Socket(relay.address(door="http"), "/streams/porch/ws", receive_buffer=4096))

    relay.log.wait(r"http: .*slow_subscriber")
    camera.stop()
    assert relay.rejected("slow_subscriber", "http") == 1
    assert relay.stat("frames_dropped_newest") > 0
    with pytest.raises((ConnectionError, EOFError)):  # no CLOSE: it would stand behind what is not read
        while stalled.sock.recv(65536):
            pass
        raise EOFError


def test_pings_to_a_busy_socket_are_answered_once_and_between_frames(start, closing):
    """Whatever came meanwhile, one PONG with the newest payload waits, and no frame stands inside another."""
    relay = start(CONF % "subscriber_stall_ms = 0;")
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1, size=8_000_000))
    relay.wait_stat("frames_published", 1)
    busy = closing(Socket(relay.address(door="http"), "/streams/cam/ws", receive_buffer=4096))
    for n in range(15):
        busy.send(frame(PING, b"%d" % n))
    busy.send(frame(1, b"no command"))  # its answer shows that the pings were read
    relay.log.wait(r"reason=ws_command")
    assert busy.picture()[2] == pictures.picture(1, size=8_000_000)
    assert "error" in busy.text()
    assert busy.read() == (PONG, b"14")
    busy.send(frame(PING, b"now"))
    assert busy.read() == (PONG, b"now")


def test_a_reset_right_behind_the_handshake_is_survived(start, closing, calm):
    relay = start(CONF % "accept_rate = 0; accept_rate_per_address = 0;")
    calm(relay.address())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1, size=500_000))
    before = relay.stat("connections_open")
    for n in range(60):
        one = Socket(relay.address(door="http"), "/ws" if n % 2 else "/streams/cam/ws")
        if n % 3 == 0:
            one.say(subscribe="cam", channel=1)
        one.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
    wait_for(lambda: relay.stat("connections_open") == before, "all are closed")
