# SPDX-License-Identifier: MIT
"""Viewers leave in every way and at every moment, and publishers change what they send: nobody else notices.

Leaving by a reset in the middle of a picture is what most leaks of such programs came from; here it
happens at hundreds of different bytes. At the end nothing may be left of any of them.
"""
import socket
import struct
import threading

import clients
import pictures
from support import conf, connect, wait_for


def test_resets_at_every_byte_of_a_picture(start, calm):
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0;"))
    calm(relay.address(), subscribers=1, size=5000)
    before = relay.descriptors()
    size = 4 + 5000

    for offset in range(0, size, 17):
        sock = connect(relay.address())
        sock.sendall(b"SUB calm queue=4\n")
        clients.read_line(sock)
        clients.read_exactly(sock, offset)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    wait_for(lambda: relay.stat("subscribers") == 1, "all of them gone")
    wait_for(lambda: relay.descriptors() <= before, "descriptors given back")


def test_one_that_only_sends_its_end_is_noticed_at_once(start):
    """A viewer of a stream without pictures has nothing to be written to; its leaving must be read."""
    relay = start(conf())
    with connect(relay.address()) as sock:
        sock.sendall(b"SUB nothing\n")
        clients.read_line(sock)
        relay.wait_stat("subscribers", 1)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(10) in (b"", bytes(4))
    wait_for(lambda: relay.stat("subscribers") == 0, "it is gone")


def test_a_crowd_that_comes_at_once_and_leaves_at_once(start, calm):
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0; max_pre_auth_per_address = 0; "
                              "max_connections_per_address = 0;"))
    calm(relay.address())
    failed = []

    def visit():
        try:
            viewer = clients.Subscriber(relay.address(), "calm")
            viewer.wait_pictures(1)
            viewer.close()
        except (AssertionError, OSError, EOFError) as error:
            failed.append(error)
    crowd = [threading.Thread(target=visit) for _ in range(300)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert not failed, failed[:3]
    wait_for(lambda: relay.stat("subscribers") == 3, "only the bystanders stay")


def test_pictures_of_any_size_follow_each_other(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    sizes = [(640, 480), (3840, 2160), (1, 1), (1280, 720), (16, 16)]

    for n, (width, height) in enumerate(sizes):
        publisher.send(pictures.picture(n, "porch", width, height))
        viewer.wait_pictures(n + 1)

    assert [pictures.show(p) for p in viewer.pictures] == sizes
    assert clients.listing(relay.address())["porch"][1] == "16x16"


def test_twenty_streams_do_not_mix(start, closing):
    relay = start(conf())
    names = [f"cam{n}" for n in range(20)]
    viewers = {name: closing(clients.Subscriber(relay.address(), name, queue=64, age_ms=0)) for name in names}
    cameras = [closing(clients.Camera(clients.Publisher(relay.address(), name), fps=15, stream=name)) for name in names]
    for viewer in viewers.values():
        viewer.wait_pictures(15)
    for camera in cameras:
        camera.stop()

    for name, viewer in viewers.items():
        assert {pictures.check(p)[0] for p in viewer.pictures} == {name}
        numbers = viewer.numbers()
        assert numbers == list(range(1, len(numbers) + 1))


def test_thousands_of_sessions_leave_nothing(start):
    """Months are events, not hours: what one session leaves behind would show after thousands."""
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0; forget_after_ms = 100;"), release=True)
    address = relay.address()
    jpeg = pictures.picture(1, "porch", size=20_000)

    def sessions(count):
        for n in range(count):
            with connect(address) as viewer, connect(address) as publisher, connect(address) as stranger:
                viewer.sendall(b"SUB cam%d records=%d\n" % (n % 50, n % 2))
                publisher.sendall(b"PUB cam%d\n" % (n % 50) + clients.plain(jpeg))
                clients.read_line(viewer)
                clients.read_exactly(viewer, 20_000)
                stranger.sendall(b"SUB nonsense=\n")

    sessions(1500)  # what it keeps for the next, it has after these
    before = relay.rss_bytes(), relay.descriptors()
    sessions(3000)
    wait_for(lambda: relay.descriptors() <= before[1], "descriptors given back")
    grown = relay.rss_bytes() - before[0]
    print(f"9000 sessions: memory grew by {grown / 1024:.0f} KiB")
    assert grown < 2 << 20
