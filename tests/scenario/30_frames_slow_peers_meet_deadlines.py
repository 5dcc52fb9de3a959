# SPDX-License-Identifier: MIT
"""Whoever dribbles bytes, or says nothing, is sent away on time; each deadline counts from its start.

A byte now and then must not make a deadline new. The deadlines are short here; the healthy stream
beside has the same ones, and keeps them.
"""
import re
import struct
import threading
import time

import pytest

import clients
import pictures
from support import conf, connect, read_to_end

JPEG = pictures.picture(1, size=20_000)
SHORT = "first_byte_timeout_ms = 700; frame_timeout_ms = 1000;"


def dribble(sock, data, interval):
    """Sends one byte after the other on a thread, until the other side has had enough."""
    def run():
        try:
            for byte in data:
                sock.sendall(bytes([byte]))
                time.sleep(interval)
        except OSError:
            pass
    threading.Thread(target=run, daemon=True).start()


def sent_away(relay, before, dribbled, interval, reason, least, hears=rb".*"):
    since = relay.log.mark()
    with connect(relay.address()) as sock:
        sock.sendall(before)
        began = time.monotonic()
        dribble(sock, dribbled, interval)
        heard = read_to_end(sock)
        seconds = time.monotonic() - began
    assert re.search(hears, heard, re.S), heard
    relay.log.wait(rf"\breason={reason}\b", since)
    assert relay.rejected(reason) == 1
    assert least - 0.1 < seconds < least + 10, f"after {seconds:.2f} s"


def test_who_says_nothing(start, calm):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, b"", b"", 1, "first_byte_timeout", 0.7)


@pytest.mark.parametrize("hello", [b"SUB c", b"PUB porch records=1", b"LI"])
def test_half_a_hello(start, calm, hello):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, hello, b"", 1, "first_byte_timeout", 0.7)


def test_a_hello_one_byte_at_a_time(start, calm):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, b"SUB ", b"a" * 60, 0.1, "first_byte_timeout", 0.7)


def test_a_second_length_that_does_not_end(start, calm):
    """The deadline of a length counts from its first byte, not from the picture before."""
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, clients.plain(JPEG) + b"\x10", b"", 1, "frame_timeout", 1.0, rb".+")


def test_a_picture_that_stops(start, calm):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, clients.plain(JPEG)[:5000], b"", 1, "frame_timeout", 1.0, rb".+")


def test_a_picture_one_byte_at_a_time(start, calm):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, clients.plain(JPEG)[:4], JPEG[:200], 0.05, "frame_timeout", 1.0, rb".+")


def test_a_record_that_stops(start, calm):
    relay = start(conf(limits=SHORT))
    calm(relay.address())
    sent_away(relay, b"PUB porch records=1\n" + clients.record(clients.FRAME, JPEG)[:3000], b"", 1,
              "frame_timeout", 1.0, rb"OK porch .*\n.+")


def test_below_the_least_rate(start, calm):
    """A picture may be slow at first, but not below frame_min_rate_bytes for long."""
    relay = start(conf(limits="frame_timeout_ms = 60000; frame_min_rate_after_ms = 500; frame_min_rate_bytes = 2000;"))
    calm(relay.address())
    sent_away(relay, clients.plain(JPEG)[:6], JPEG[2:5000], 0.01, "frame_timeout", 0.5, rb".+")


def test_slow_but_fast_enough(start, closing):
    relay = start(conf(limits="frame_timeout_ms = 60000; frame_min_rate_after_ms = 500; frame_min_rate_bytes = 100;"))
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1"))
    jpeg = pictures.picture(1)
    with connect(relay.address()) as sock:
        sock.sendall(struct.pack("<L", len(jpeg)) + jpeg[:-150])
        for byte in jpeg[-150:]:
            sock.sendall(bytes([byte]))
            time.sleep(0.01)
        assert viewer.wait_pictures(1) == [jpeg]


def test_a_publisher_may_be_silent_between_pictures(start, closing):
    """publisher_timeout_ms is off by default; time-lapse cameras send one picture a minute."""
    relay = start(conf(limits=SHORT))
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1", queue=64))
    publisher = closing(clients.Publisher(relay.address()))
    publisher.send(JPEG)
    time.sleep(2)  # twice every deadline there is
    publisher.send(JPEG)
    assert viewer.wait_pictures(2) == [JPEG, JPEG]


def test_a_publisher_with_a_deadline_of_its_own(start):
    relay = start(conf(limits="publisher_timeout_ms = 500;"))
    with connect(relay.address()) as sock:
        sock.sendall(clients.plain(pictures.picture(1)))
        read_to_end(sock)
    relay.wait_stat(("frames", "publisher_timeout"), 1)
