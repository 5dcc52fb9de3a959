# SPDX-License-Identifier: MIT
"""A browser's tab that never reads is cut and costs nobody; one that is slow sees new pictures.

Beside them the bystanders of the frames door must lose nothing.
"""
import clients
import pictures
from support import connect

CONF = """
limits = { log_lines_per_second = 0; subscriber_stall_ms = 2000; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; repeat_ms = 0; }
);
"""
REQUEST = b"GET /streams/porch.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_one_that_never_reads(start, closing, calm):
    relay = start(CONF)
    calm(relay.address())
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=50_000))
    camera.wait_sent(1)
    with connect(relay.address(door="http"), receive_buffer=4096) as stalled:
        stalled.sendall(REQUEST)

        relay.log.wait(r"http: .*slow_subscriber")
        camera.stop()
    assert relay.rejected("slow_subscriber", "http") == 1
    assert relay.stat("frames_dropped_newest") > 0


def test_one_that_is_slow_sees_new_pictures(start, closing, calm):
    """After many pictures it has not read, the next ones it gets are the newest, whole."""
    relay = start(CONF)
    calm(relay.address())
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(0, "porch", size=200_000))
    relay.wait_stat("frames_published", 1)
    with connect(relay.address(door="http"), receive_buffer=4096) as slow:
        slow.sendall(REQUEST)
        relay.wait_stat("subscribers", 4)
        for number in range(1, 31):
            publisher.send(pictures.picture(number, "porch", size=200_000))
        relay.wait_stat("frames_dropped_newest", 20)

        stream = slow.makefile("rb")
        number, seen = -1, []
        while number < 30:
            while not stream.readline().startswith(b"Content-Length: "):
                pass
            while stream.readline() != b"\r\n":
                pass
            jpeg = stream.read(200_000)
            pictures.check(jpeg)
            number = pictures.number_of(jpeg)
            seen.append(number)
        assert seen == sorted(set(seen)) and len(seen) < 12
