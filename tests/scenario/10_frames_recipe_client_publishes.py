# SPDX-License-Identifier: MIT
"""The picamera recipe's client sends its pictures to the relay as it would to the PC.

People run copies of that program on every Pi, so the relay must take each of its habits: the silence
of the warm-up, the small picture that its buffered file sends one interval late, the length 0 at the
end, and the next run half a minute later. The client is the recipe's, written fresh; the subscriber
says a hello and wants every picture. What comes out must be what went in, by SHA-256.
"""
import hashlib
import struct
import time

import pytest

import clients
import pictures
import recipe
from support import conf, connect

STREAM = "cam-127-0-0-1"  # nobody has named it: plain_stream is cam-%h


def sums(jpegs):
    return [hashlib.sha256(j).hexdigest() for j in jpegs]


@pytest.mark.parametrize("width, height", [(640, 480), (1280, 720), (3840, 2160)])
def test_every_picture_arrives_byte_for_byte(start, closing, width, height):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM, width, height) for n in range(4)]

    recipe.client(relay.address(), sent)

    assert sums(viewer.wait_pictures(4)) == sums(sent)
    assert pictures.show(viewer.pictures[0]) == (width, height)


def test_small_pictures_may_come_one_interval_late(start, closing):
    """A length waits for its body longer than frame_timeout_ms, and that is no fault."""
    relay = start(conf(limits="frame_timeout_ms = 200;"))
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM) for n in range(4)]
    assert max(map(len, sent)) < 8192

    def captures():
        for jpeg in sent:
            yield jpeg
            time.sleep(0.5)  # the camera's interval

    recipe.client(relay.address(), captures())

    assert sums(viewer.wait_pictures(4)) == sums(sent)


def test_the_warm_up_is_no_fault(start, closing):
    """Two seconds of silence before the first byte are within first_byte_timeout_ms."""
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM))
    jpeg = pictures.picture(1, STREAM)

    with connect(relay.address()) as sock:
        time.sleep(2)
        sock.sendall(clients.plain(jpeg) + struct.pack("<L", 0))

    assert viewer.wait_pictures(1) == [jpeg]


def test_one_byte_at_a_time(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM, 16, 16) for n in range(3)]

    with connect(relay.address()) as sock:
        for byte in b"".join(map(clients.plain, sent)) + struct.pack("<L", 0):
            sock.sendall(bytes([byte]))

    assert viewer.wait_pictures(3) == sent


def test_all_in_one_write(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM) for n in range(30)]

    with connect(relay.address()) as sock:
        sock.sendall(b"".join(map(clients.plain, sent)) + struct.pack("<L", 0))

    assert viewer.wait_pictures(30) == sent


@pytest.mark.parametrize("size", [1000, 8192, 65535, 65536, 65537, 8 << 20])
def test_sizes_at_the_edges_of_buffers(start, closing, size):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM))
    jpeg = pictures.picture(1, STREAM, 16, 16, size=size)

    recipe.client(relay.address(), [jpeg])

    assert viewer.wait_pictures(1) == [jpeg]


def test_a_second_session_on_the_same_port(start, closing):
    """The recipe's server would have ended; the relay goes on, and its viewer stays."""
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))

    for session in range(3):
        recipe.client(relay.address(), [pictures.picture(session * 10 + n, STREAM) for n in range(2)])
        viewer.wait_pictures(session * 2 + 2)

    assert viewer.numbers() == [0, 1, 10, 11, 20, 21]
    assert viewer.ended is None


def test_nothing_is_sent_back_to_it(start):
    """The recipe's client never reads, so there must be nothing that it would have had to read."""
    relay = start(conf())

    said = clients.ask(relay.address(), clients.plain(pictures.picture(1)) + struct.pack("<L", 0))

    assert said == b""
    assert not relay.log.find("rejected reason")
