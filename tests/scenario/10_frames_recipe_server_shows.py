# SPDX-License-Identifier: MIT
"""The picamera recipe's server shows the relay's pictures, unchanged.

Its loop reads a length, reads so many bytes, opens and verifies them with PIL, and ends at length 0.
It is met in both ways it can meet a relay: as the target of a frames-push sink (it listens, takes one
connection ever and ends), and with its loop at the end of a connection to a listener that is fixed to
`role = "subscribe"`. The pictures come from the recipe's client.
"""
import hashlib

import pytest

import clients
import pictures
import recipe
from support import conf

STREAM = "porch"
NAMED = 'streams = ( { name = "porch"; from = [ "127.0.0.1" ]; } );'
SIZES = [(640, 480), (1280, 720), (3840, 2160)]


def expected(jpegs, width, height):
    return [(f"{width}x{height}", hashlib.sha256(j).hexdigest()) for j in jpegs]


def two_doors(more=""):
    """One listener for the camera, and one that sends the stream to whoever connects."""
    return f"""
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "frames"; listen = "127.0.0.1:0"; role = "subscribe"; stream = "{STREAM}"; }}
);
limits = {{ queue_frames = 64; queue_age_ms = 0; }};
{NAMED}
{more}
"""


def push_to(port):
    return conf(NAMED + f"""
sinks = ( {{ kind = "frames-push"; stream = "{STREAM}"; address = "127.0.0.1:{port}"; hello = false;
            queue_frames = 64; queue_age_ms = 0; }} );
""")


@pytest.mark.parametrize("width, height", SIZES)
def test_connected_to_a_listener_of_subscriptions(start, width, height):
    relay = start(two_doors())
    viewer = recipe.subscription(relay.address(1))
    relay.wait_stat("subscribers", 1)
    sent = [pictures.picture(n, STREAM, width, height) for n in range(3)]

    recipe.client(relay.address(0), sent)
    viewer.wait_seen(3)
    relay.terminate()

    viewer.wait_done()  # length 0, as the recipe's server needs it
    assert viewer.seen == expected(sent, width, height)


@pytest.mark.parametrize("width, height", SIZES)
def test_as_the_target_of_a_sink(start, closing, width, height):
    server = closing(recipe.Server())
    relay = start(push_to(server.port))
    relay.wait_stat("subscribers", 1)
    sent = [pictures.picture(n, STREAM, width, height) for n in range(3)]

    recipe.client(relay.address(), sent)
    server.wait_seen(3)
    relay.terminate()

    server.wait_done()
    assert server.seen == expected(sent, width, height)


def test_it_may_end_and_be_started_again(start, closing):
    """It takes one session; refused connections in between are normal, and no error."""
    first = closing(recipe.Server())
    relay = start(push_to(first.port))
    camera = closing(clients.Camera(clients.Publisher(relay.address()), fps=20, stream=STREAM))
    first.wait_seen(2)
    first.stop()

    second = closing(recipe.Server(first.port))
    second.wait_seen(2)
    camera.stop()
    relay.terminate()

    second.wait_done()
    assert {size for size, _ in second.seen} == {"64x48"}


def test_many_viewers_of_one_listener(start):
    relay = start(two_doors())
    viewers = [recipe.subscription(relay.address(1)) for _ in range(5)]
    relay.wait_stat("subscribers", 5)
    sent = [pictures.picture(n, STREAM) for n in range(20)]

    recipe.client(relay.address(0), sent)
    for viewer in viewers:
        viewer.wait_seen(20)
    relay.terminate()

    for viewer in viewers:
        viewer.wait_done()
        assert viewer.seen == expected(sent, 64, 48)
