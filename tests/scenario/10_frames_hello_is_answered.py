# SPDX-License-Identifier: MIT
"""One line in, one line out: PUB, SUB and LIST as the protocol has them.

Any language can do it with a socket and a line, so the lines are written by hand here. Also what a
subscriber may count on: it may come before the publisher, it gets the newest picture at once, it
outlives the publisher, and length 0 ends it.
"""
import re
import time

import pytest

import clients
import pictures
from support import conf, connect, wait_for


def test_a_publisher_and_a_subscriber(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    sent = [pictures.picture(n, "porch") for n in range(5)]

    for jpeg in sent:
        publisher.send(jpeg)

    assert re.match(r"OK porch live=[01]( \w+=\S+)*$", publisher.answer)
    assert re.match(r"OK porch live=[01]( \w+=\S+)*$", viewer.answer)
    assert viewer.wait_pictures(5) == sent


def test_live_says_whether_pictures_come(start, closing):
    relay = start(conf())
    early = closing(clients.Subscriber(relay.address(), "porch"))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(1, "porch"))
    early.wait_pictures(1)

    late = closing(clients.Subscriber(relay.address(), "porch"))

    assert early.answer.startswith("OK porch live=0")
    assert late.answer.startswith("OK porch live=1")


def test_the_newest_picture_comes_at_once(start, closing):
    relay = start(conf())
    first = closing(clients.Subscriber(relay.address(), "porch"))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(1, "porch"))
    publisher.send(pictures.picture(2, "porch"))
    first.wait_number(2)

    late = closing(clients.Subscriber(relay.address(), "porch"))

    assert late.wait_pictures(1) == [pictures.picture(2, "porch")]


def test_a_subscriber_outlives_its_publisher(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))

    for number in (1, 2, 3):
        publisher = clients.Publisher(relay.address(), "porch")
        publisher.send(pictures.picture(number, "porch"))
        publisher.end()
        viewer.wait_number(number)

    assert viewer.numbers() == [1, 2, 3]
    assert viewer.ended is None


@pytest.mark.parametrize("line", [b"SUB porch\r\n", b"SUB porch queue=2 age_ms=0 max_fps=100\n"])
def test_forms_of_the_line(start, closing, line):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "porch", size="64x48", fps=2.5, id="00112233445566778899aabbccddeeff"))
    publisher.send(pictures.picture(1, "porch"))

    with connect(relay.address()) as sock:
        sock.sendall(line)
        assert clients.read_line(sock).startswith("OK porch live=")
        length = int.from_bytes(clients.read_exactly(sock, 4), "little")
        assert clients.read_exactly(sock, length) == pictures.picture(1, "porch")


def test_a_line_may_come_byte_by_byte_and_pictures_with_it(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    jpeg = pictures.picture(1, "porch", 16, 16)

    with connect(relay.address()) as slow, connect(relay.address()) as quick:
        for byte in b"PUB other\n":
            slow.sendall(bytes([byte]))
        assert clients.read_line(slow).startswith("OK other ")
        quick.sendall(b"PUB porch\n" + clients.plain(jpeg) + clients.plain(jpeg))
        assert viewer.wait_pictures(2) == [jpeg, jpeg]


def test_list_names_every_stream(start, closing):
    relay = start(conf('streams = ( { name = "gate"; title = "the gate"; } );'))
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch"))
    viewer.wait_pictures(5)

    listed = wait_for(lambda: (found := clients.listing(relay.address())).get("porch", [""])[0] == "live" and found,
                      "porch live in the list")
    camera.stop()

    assert set(listed) == {"gate", "porch"}
    assert listed["porch"][1] == "64x48"
    assert 1 < float(listed["porch"][2]) < 200
    assert listed["gate"][0] == "offline"


def test_a_stream_goes_stale_and_comes_back(start, closing):
    relay = start(conf(limits="stale_after_ms = 300;"))
    publisher = closing(clients.Publisher(relay.address(), "porch"))

    def is_in(state):
        wait_for(lambda: clients.listing(relay.address())["porch"][0] == state, f"porch {state}")

    publisher.send(pictures.picture(1, "porch"))
    is_in("stale")
    deadline = time.monotonic() + 30
    while clients.listing(relay.address())["porch"][0] != "live":
        publisher.send(pictures.picture(2, "porch"))
        assert time.monotonic() < deadline
    publisher.end()
    is_in("offline")


def test_a_stream_that_shows_the_same_picture_is_stale(start, closing):
    """A camera that hangs may go on sending its last picture."""
    relay = start(conf(limits="frozen_after_ms = 500;"))
    publisher = closing(clients.Publisher(relay.address(), "porch"))

    def is_in_while_sending(state, number):
        def look():
            publisher.send(pictures.picture(number, "porch"))
            return clients.listing(relay.address()).get("porch", [""])[0] == state
        wait_for(look, f"porch {state}")

    is_in_while_sending("live", 1)
    is_in_while_sending("stale", 1)
    is_in_while_sending("live", 2)


def test_what_a_publisher_intends_is_shown_before_its_first_picture(start, closing):
    relay = start(conf())
    closing(clients.Publisher(relay.address(), "porch", size="1280x720", fps=12.5))
    assert clients.listing(relay.address())["porch"][1] == "1280x720"


def test_a_name_that_nobody_knows_any_more_is_forgotten(start):
    relay = start(conf(limits="forget_after_ms = 200;"))
    viewer = clients.Subscriber(relay.address(), "nobody")
    assert "nobody" in clients.listing(relay.address())
    viewer.close()
    publisher = clients.Publisher(relay.address(), "brief")
    publisher.send(pictures.picture(1, "brief"))
    publisher.end()

    wait_for(lambda: clients.listing(relay.address()) == {}, "both names forgotten")


def test_a_paced_subscriber_gets_the_newest_at_its_own_rate(start, closing):
    relay = start(conf())
    paced = closing(clients.Subscriber(relay.address(), "porch", max_fps=5))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), fps=50, stream="porch"))

    paced.wait_pictures(8)
    sent = camera.stop()
    seconds = paced.arrived[7] - paced.arrived[0]

    assert 7 / seconds < 5.5, f"8 pictures in {seconds:.2f} s"
    assert paced.numbers() == sorted(set(paced.numbers()))
    assert sent > 20
    assert relay.stat("frames_dropped_paced") > 0
