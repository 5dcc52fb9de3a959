# SPDX-License-Identifier: MIT
"""A publisher that dies in the middle of a picture: nobody sees a broken one, and its restart goes on.

The dying is imitated at each place where it matters: in a length, behind it, in a picture, one byte
before its end; by a close and by a reset (a killed program with unread data, a pulled plug that is
noticed). The subscribers stay the same all the time.
"""
import socket
import struct

import pytest

import clients
import pictures
from support import conf, connect

JPEG = pictures.picture(7, "porch", size=20_000)


def leave(sock, reset):
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("sent", [2, 4, 5, 10_000, len(JPEG) + 3])
@pytest.mark.parametrize("records", [0, 1])
def test_wherever_it_dies(start, closing, sent, reset, records):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    seen = closing(clients.Subscriber(relay.address(), "porch", queue=64, records=1))
    first = clients.Publisher(relay.address(), "porch", records=records)
    first.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)

    whole = clients.record(clients.FRAME, JPEG) if records else clients.plain(JPEG)
    with connect(relay.address()) as dying:
        dying.sendall(clients.hello("PUB", "porch", records=records))  # it takes the stream over
        assert clients.read_line(dying).startswith("OK ")
        dying.sendall(whole[:sent + (20 if records and sent > 4 else 0)])
        relay.wait_stat("takeovers", 1)
        leave(dying, reset)
    relay.wait_stat("frames_truncated", 1) if sent > 4 else None
    second = closing(clients.Publisher(relay.address(), "porch", records=records))
    second.send(pictures.picture(2, "porch"))

    assert viewer.wait_pictures(2) == [pictures.picture(1, "porch"), pictures.picture(2, "porch")]
    assert seen.wait_pictures(2) == viewer.pictures
    assert viewer.ended is None and seen.ended is None
    first.close()


def test_the_partial_picture_is_counted_with_its_bytes(start):
    relay = start(conf())
    with connect(relay.address()) as dying:
        dying.sendall(clients.plain(JPEG)[:10_004])
        relay.wait_stat("frames_begun", 1)
    relay.log.wait(r"reason=truncated_frame\b.*\bbytes=10000\b")
    assert relay.rejected("truncated_frame") == 1


def test_a_killed_program_of_ours_comes_back(start, closing):
    """`framerelayd --publish`, killed with SIGKILL in the middle of its work, and started again."""
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1, queue=64))
    host, port = relay.address()

    def publish():
        return start(args=["--publish", f"{host}:{port}/porch", "--source", "pattern", "--fps", "25"])

    first = publish()
    viewer.wait_pictures(10)
    first.kill()
    seen = len(viewer.pictures)
    publish()
    viewer.wait_pictures(seen + 10)

    for jpeg in viewer.pictures:
        assert pictures.show(jpeg) == (640, 480)
    numbers = [r.sequence for r in viewer.of(clients.FRAME)]
    assert numbers == sorted(set(numbers))
