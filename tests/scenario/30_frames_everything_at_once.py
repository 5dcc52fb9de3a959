# SPDX-License-Identifier: MIT
"""Publishers, viewers, mischief and reloads at random, all at once; whatever anybody gets is whole and in order.

The draws come from seeds, so a find can be repeated as far as threads allow. Each actor does one thing
after the other for some seconds; beside them the bystanders must lose nothing, and at the end the
accounts must balance and nothing be left.
"""
import contextlib
import random
import socket
import struct
import threading
import time

import pytest

import clients
import pictures
from support import conf, connect, wait_for

SECONDS = 6
STREAMS = ["red", "green", "blue"]
LIMITS = """accept_rate = 0; accept_rate_per_address = 0; subscriber_stall_ms = 500; first_byte_timeout_ms = 500;
frame_timeout_ms = 500; memory_budget_bytes = "24 MiB"; takeover_ping_ms = 100;"""


def publish(draw, address):
    """A publisher of some pictures, which leaves in one of many ways."""
    stream, records = draw.choice(STREAMS), draw.choice([0, 1])
    publisher = clients.Publisher(address, stream, records=records, source=f"127.0.0.{draw.randint(2, 5)}",
                                  **draw.choice([{}, {"takeover": "no"}, {"id": "abcdef0123456789"}]))
    with contextlib.closing(publisher):
        if not publisher.answer.startswith("OK"):
            return
        for _ in range(draw.randint(0, 30)):
            number = time.monotonic_ns() // 1000 % 10**10
            publisher.send(pictures.picture(number, stream, size=draw.choice([2500, 20_000, 150_000])))
            time.sleep(draw.choice([0, 0, 0.005, 0.03]))
        leave = draw.randint(0, 3)
        if leave == 0:
            publisher.end()
        elif leave == 1:
            publisher.send_bytes(clients.plain(pictures.picture(1, stream, size=9000))[:draw.randint(1, 9000)])
        elif leave == 2:
            publisher.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def watch(draw, address):
    """A viewer, quick or slow, that proves what it gets: whole, of its stream, and only forwards."""
    stream, records = draw.choice(STREAMS), draw.choice([0, 1])
    viewer = clients.Subscriber(address, stream, records=records, keep=False,
                                bytes_per_second=draw.choice([None, None, 100_000]),
                                **draw.choice([{}, {"queue": 64, "age_ms": 0}, {"max_fps": 10}]))
    with contextlib.closing(viewer):
        time.sleep(draw.uniform(0, 0.7))
    assert all(name == stream for name, _ in viewer.pictures)
    sequences = [r.sequence for r in viewer.of(clients.FRAME)]
    assert not records or sequences == sorted(set(sequences))
    assert viewer.ended is None or "Assertion" not in viewer.ended, viewer.ended


def do_mischief(draw, address):
    with connect(address, receive_buffer=draw.choice([None, 2048])) as sock:
        sock.sendall(draw.choice([
            b"SUB red queue=64 age_ms=0\n", b"PUB green records=1\n", b"LIST\n", b"GET / HTTP/1.1\r\n\r\n",
            b"SUB x y z\n", draw.randbytes(64), b"\xff\xd8\xff" + draw.randbytes(200), b"--x\r\n\r\n" + draw.randbytes(200), b""]))
        time.sleep(draw.uniform(0, 0.3))


def act(what, draw, address, until, failed):
    while time.monotonic() < until:
        try:
            what(draw, address)
        except (OSError, EOFError):
            pass  # sent away: that is the relay's right
        except AssertionError as error:
            failed.append(error)
            return


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once(start, calm, seed):
    relay = start(conf(limits=LIMITS))
    address = relay.address()
    calm(address, subscribers=2)
    before = relay.descriptors()
    failed, actors, until = [], [publish] * 4 + [watch] * 4 + [do_mischief] * 2, time.monotonic() + SECONDS
    threads = [threading.Thread(target=act, args=(what, random.Random(seed * 100 + n), address, until, failed))
               for n, what in enumerate(actors)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        relay.reload()
        time.sleep(0.2)
    for thread in threads:
        thread.join()

    assert not failed, failed
    wait_for(lambda: relay.descriptors() <= before, "descriptors given back")
    wait_for(lambda: relay.stat("subscribers") == 2 and relay.stat("publishers") == 1, "all but the bystanders gone")
    counted = relay.stats()
    print({k: v for k, v in counted.items() if v})
    assert counted["frames_published"] > 100 and counted["takeovers"] > 0
