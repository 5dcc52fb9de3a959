# SPDX-License-Identifier: MIT
"""A thousand strangers send 64 random bytes each, and none leaves a trace but his count.

The seeds are fixed, so a find can be repeated. Every connection must come to its end by itself, none
may cost memory, and the healthy stream beside loses nothing.
"""
import random
import socket

import clients
from support import conf, connect, read_to_end, wait_for


def test_a_thousand_seeds(start, calm):
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0;"))
    calm(relay.address())
    before = relay.stats()
    clients.ask(relay.address(), b"warm up: the first refusal may allocate")
    descriptors = relay.descriptors()

    for seed in range(1000):
        with connect(relay.address()) as sock:
            sock.sendall(random.Random(seed).randbytes(64))
            sock.shutdown(socket.SHUT_WR)
            read_to_end(sock)

    after = wait_for(lambda: (s := relay.stats())["connections_open"] == before["connections_open"] and s,
                     "all of them gone")
    refused = {key[1]: n for key, n in after.items() if isinstance(key, tuple)}
    assert sum(refused.values()) >= 1000, refused
    assert set(refused) <= {"length_over_max", "wrong_protocol", "not_jpeg", "truncated_frame", "bad_hello"}, refused
    wait_for(lambda: relay.descriptors() <= descriptors, "descriptors given back")


def test_a_subscriber_that_sends_garbage(start, calm, closing):
    """It has no more to say after its hello; whoever goes on is sent away, and its reading too."""
    relay = start(conf())
    calm(relay.address())
    noisy = closing(clients.Subscriber(relay.address(), "calm"))
    noisy.wait_pictures(1)

    try:
        for _ in range(10_000):
            noisy.send(b"garbage " * 1000)
    except OSError:
        pass

    noisy.wait_end()
    relay.wait_stat(("frames", "garbage"), 1)
    relay.log.wait(r"reason=garbage\b")


def test_a_subscriber_with_records_that_sends_garbage(start, calm, closing):
    relay = start(conf())
    calm(relay.address())
    noisy = closing(clients.Subscriber(relay.address(), "calm", records=1))
    noisy.wait_pictures(1)

    try:
        noisy.send(b"\xff" * 1000)
    except OSError:
        pass

    assert "400" in noisy.wait_end() or "413" in noisy.wait_end()


def test_a_subscriber_that_sends_pictures(start, calm, closing):
    """A FRAME record is the publisher's to send."""
    relay = start(conf())
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1))

    viewer.send(clients.record(clients.FRAME, b"\xff\xd8\xff\xd9"))

    assert "400" in viewer.wait_end() or "403" in viewer.wait_end()
    relay.wait_stat(("frames", "bad_record"), 1)
