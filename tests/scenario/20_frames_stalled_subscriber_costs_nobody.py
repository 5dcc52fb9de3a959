# SPDX-License-Identifier: MIT
"""A viewer that never reads costs nobody anything, and goes when its time is over.

One publisher at 30 pictures a second, 50 healthy viewers that want every picture, and one that says
its hello and reads no more: its window fills, and the relay can write no byte. The healthy ones must
get every picture; the stalled one is cut after subscriber_stall_ms, with a reset, since what the
kernel still holds for it is worthless; memory does not grow with it. Run without sanitizers, because
the age of the pictures is measured: 20 ms at most on an idle machine, as the bench shows; asserted is
half of what waiting for the stalled one would cost, which no other load of the machine comes near.
"""
import time

import clients
import crowd
import pictures
from support import conf, connect

STALL_MS = 2000


def test_fifty_healthy_ones_beside_one_that_never_reads(start):
    relay = start(conf(limits=f"subscriber_stall_ms = {STALL_MS};"), release=True)
    address = relay.address()
    healthy = crowd.Crowd(address, "porch", 50, queue=64)
    with connect(address, receive_buffer=4096) as stalled:
        stalled.sendall(b"SUB porch\n")
        relay.wait_stat("subscribers", 51)
        before = relay.rss_bytes()
        camera = clients.Camera(clients.Publisher(address, "porch"), fps=30, stream="porch", size=50_000)

        camera.wait_sent(60)
        during = relay.rss_bytes()
        relay.log.wait(r"frames: .*slow_subscriber")
        camera.wait_sent(120)
        last = camera.stop()
        healthy.wait_number(last)
        camera.close()

    ages = healthy.ages(camera.sent_at)
    healthy.close()
    print(f"50 healthy viewers, {last} pictures: age p50 {ages.p50 * 1000:.1f} ms, p99 {ages.p99 * 1000:.1f} ms; "
          f"memory grew by {(during - before) / 1e6:.1f} MB")
    for numbers in healthy.numbers():
        assert numbers == list(range(1, last + 1))
    assert relay.rejected("slow_subscriber") == 1
    assert ages.p99 < STALL_MS / 1000 / 2
    assert during - before < 8e6  # the pictures under way; the kernel would have held 4 MB for the stalled one


def test_it_is_cut_after_its_deadline(start, closing, calm):
    relay = start(conf(limits=f"subscriber_stall_ms = {STALL_MS};"))
    calm(relay.address())
    with connect(relay.address(), receive_buffer=4096) as stalled:
        stalled.sendall(b"SUB porch\n")
        camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=50_000))
        camera.wait_sent(1)
        began = time.monotonic()

        relay.log.wait(r"frames: .*slow_subscriber")
        seconds = time.monotonic() - began

        assert seconds > STALL_MS / 1000 - 0.5
        camera.stop()
    assert relay.stat("frames_dropped_closed") > 0


def test_one_that_reads_a_little_is_kept(start, closing):
    """Each byte it takes counts: slow is not stalled."""
    relay = start(conf(limits="subscriber_stall_ms = 1000;"))
    slow = closing(clients.Subscriber(relay.address(), "porch", receive_buffer=4096, bytes_per_second=20_000))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=50_000))

    slow.wait_pictures(2)  # five seconds, at its rate

    camera.stop()
    assert slow.ended is None
    assert relay.rejected("slow_subscriber") == 0


def test_many_that_never_read_do_not_slow_the_publisher(start, closing):
    """The publisher is a real one: it blocks in send() when the relay does not read."""
    relay = start(conf(limits="subscriber_stall_ms = 60000; max_pre_auth_per_address = 0;"), release=True)
    healthy = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0, keep=False))
    stalled = [connect(relay.address(), receive_buffer=4096) for _ in range(200)]
    for one in stalled:
        one.sendall(b"SUB porch\n")
    relay.wait_stat("subscribers", 201)
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    before = relay.rss_bytes()

    longest = 0
    for number in range(1, 61):
        jpeg = pictures.picture(number, "porch", size=100_000)
        began = time.monotonic()
        publisher.send(jpeg)
        longest = max(longest, time.monotonic() - began)
        healthy.wait_number(number)

    print(f"200 stalled viewers: longest send {longest * 1000:.1f} ms, "
          f"memory grew by {(relay.rss_bytes() - before) / 1e6:.1f} MB")
    assert healthy.numbers() == list(range(1, 61))
    assert longest < 1
    assert relay.rss_bytes() - before < 64e6
    for one in stalled:
        one.close()
