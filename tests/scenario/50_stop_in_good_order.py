# SPDX-License-Identifier: MIT
"""SIGTERM ends the relay in good order, and in time, also with peers that never read.

Plain subscribers and plain targets get the length 0 that ends their format, others an END or an
error; the exit status is 0. Time is measured without sanitizers: two seconds at most.
"""
import signal
import socket
import struct
import time

import pytest

import clients
import pictures
import recipe
from support import conf, connect, read_to_end, wait_for


def stops(relay, within=2.0):
    began = time.monotonic()
    relay.terminate()
    status = relay.wait()
    seconds = time.monotonic() - began
    print(f"stopped in {seconds:.2f} s")
    assert status == 0
    assert seconds < within + 1
    return seconds


def test_with_peers_that_never_read(start, closing):
    relay = start(conf(), release=True)
    silent = [closing(connect(relay.address(), receive_buffer=4096)) for _ in range(50)]
    for n, sock in enumerate(silent):
        sock.sendall(b"SUB porch\n" if n % 2 else b"SUB porch records=1 queue=64\n")
    relay.wait_stat("subscribers", 50)
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=100_000))
    camera.wait_sent(30)

    stops(relay)


def test_each_is_told_in_its_own_way(start, closing):
    server = closing(recipe.Server())
    relay = start(conf(f'sinks = ( {{ kind = "frames-push"; stream = "porch"; address = "127.0.0.1:{server.port}"; hello = false; }} );'))
    plain = closing(clients.Subscriber(relay.address(), "porch"))
    records = closing(clients.Subscriber(relay.address(), "porch", records=1))
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    silent = closing(connect(relay.address()))
    publisher.send(pictures.picture(1, "porch"))
    server.wait_seen(1)
    plain.wait_pictures(1)

    relay.terminate()

    assert plain.wait_end() == "length 0"
    server.wait_done()
    assert records.wait_end().split()[0] in ("END", "ERROR")
    assert publisher.wait_end().split()[0] in ("END", "ERROR")
    assert relay.wait() == 0
    read_to_end(silent)  # whoever has said nothing is closed like the others


def test_pictures_under_way_arrive_whole(start, closing):
    """A slow reader gets the rest of its picture, if that takes no longer than drain_ms."""
    relay = start(conf(), release=True)
    slow = closing(clients.Subscriber(relay.address(), "porch", receive_buffer=4096, bytes_per_second=400_000))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(1, "porch", size=200_000))
    relay.wait_stat("frames_offered", 1)

    relay.terminate()

    assert slow.wait_end() == "length 0"
    assert slow.numbers() == [1]
    assert relay.wait() == 0


def test_a_picture_on_its_way_to_a_slow_target_arrives_whole(start, closing, tmp_path):
    """Who only pushes waits for its own last words, as a relay with doors does."""
    listener = closing(socket.create_server(("127.0.0.1", 0)))
    jpeg = pictures.picture(1, "porch", size=7_000_000)
    (tmp_path / "one.jpg").write_bytes(jpeg)
    pusher = start(f"""doors = ( );
        sources = ( {{ kind = "files"; stream = "porch"; path = "{tmp_path}/*.jpg"; fps = 0.1; }} );
        sinks = ( {{ kind = "frames-push"; stream = "porch"; address = "127.0.0.1:{listener.getsockname()[1]}"; hello = false; }} );""",
                   release=True)
    target = closing(listener.accept()[0])
    got = target.recv(1000)  # it is under way, and most of it cannot be

    pusher.terminate()
    began = time.monotonic()
    while time.monotonic() - began < 20 and (more := target.recv(65_536)):
        got += more
        time.sleep(0.005)  # some 10 MB/s: well within drain_ms

    assert got == struct.pack("<L", len(jpeg)) + jpeg + bytes(4)
    assert pusher.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_under_load(start, closing, number):
    relay = start(conf())
    viewers = [closing(clients.Subscriber(relay.address(), f"cam{n % 4}", queue=64)) for n in range(12)]
    cameras = [closing(clients.Camera(clients.Publisher(relay.address(), f"cam{n}"), fps=40, stream=f"cam{n}")) for n in range(4)]
    for viewer in viewers:
        viewer.wait_pictures(5)

    relay.signal(number)

    assert relay.wait() == 0
    for viewer in viewers:
        viewer.wait_end()
        viewer.numbers()  # each one whole
    for camera in cameras:
        camera.stop()


def test_asked_twice(start, closing):
    relay = start(conf())
    sock = closing(connect(relay.address(), receive_buffer=4096))
    sock.sendall(b"SUB porch\n")
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=200_000))
    camera.wait_sent(10)

    relay.terminate()
    relay.terminate()

    assert relay.wait() == 0


def test_at_once_after_the_start(start):
    for _ in range(5):
        relay = start(conf('sources = ( { kind = "pattern"; stream = "test"; size = "160x120"; on_demand = false; } );'))
        relay.address()
        relay.terminate()
        assert relay.wait() == 0


def test_during_a_reload(start):
    relay = start(conf())
    relay.address()
    for _ in range(20):
        relay.reload()
    relay.terminate()
    assert relay.wait() == 0


def test_nobody_new_is_let_in(start, closing):
    """While it drains, whoever comes is refused or told."""
    relay = start(conf(limits="drain_ms = 1500;"))
    address = relay.address()
    sock = closing(connect(address, receive_buffer=4096))
    sock.sendall(b"SUB porch\n")
    camera = closing(clients.Camera(clients.Publisher(address, "porch"), stream="porch", size=500_000))
    relay.wait_stat("frames_published", 5)

    relay.terminate()

    def refused():
        try:
            heard = clients.ask(address, b"SUB porch\n")
        except OSError:
            return True
        return b"OK" not in heard
    wait_for(refused, "a newcomer is refused")
    assert relay.wait() == 0
    camera.stop()


def test_while_it_dials_somebody_who_does_not_answer(start, closing):
    """A listener whose backlog is full lets connects hang; stopping does not wait for them."""
    deaf = closing(socket.socket())
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    for _ in range(3):
        filler = closing(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(deaf.getsockname())
    port = deaf.getsockname()[1]
    rows = f"""sources = ( {{ kind = "frames-pull"; stream = "a"; address = "127.0.0.1:{port}"; on_demand = false; }} );
sinks = ( {{ kind = "frames-push"; stream = "b"; address = "127.0.0.1:{port}"; }} );"""
    relay = start(conf(rows), release=True)
    publisher = start(args=["--publish", f"127.0.0.1:{port}/c", "--source", "pattern", "--always"], release=True)
    relay.address()
    publisher.log.wait("source started")

    for program in (relay, publisher):
        stops(program)


def test_our_own_ends_stop_cleanly_too(start):
    """Ctrl-C on --publish and --subscribe is a clean end."""
    relay = start(conf())
    where = "%s:%d/porch" % relay.address()
    publisher = start(args=["--publish", where, "--source", "pattern", "--always"])
    viewer = start(args=["--subscribe", where])
    relay.wait_stat("frames_published", 5)
    relay.wait_stat("frames_sent", 3)

    for program in (viewer, publisher):
        program.signal(signal.SIGINT)
        assert program.wait() == 0
    assert relay.stat("frames_truncated") == 0
