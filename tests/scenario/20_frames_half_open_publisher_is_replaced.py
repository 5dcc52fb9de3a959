# SPDX-License-Identifier: MIT
"""A Pi that reboots gets its stream back although its old connection is half open.

The power is cut, so no FIN and no RST comes: to the relay the old connection looks fine. That is
imitated by a connection that stays open and silent, in the middle of a picture. The Pi that comes
back is the same one by its address, or by the id that it sends; with neither, an old connection that
speaks records is pinged, and replaced because it does not answer.
"""
import clients
import pictures
from support import conf, connect

ID = "id=0123456789abcdef0123456789abcdef"


def half_open(address, hello, source=None):
    """A publisher of one whole picture and a half, and then silence."""
    sock = connect(address, source=source)
    sock.sendall(hello)
    if hello:
        assert clients.read_line(sock).startswith("OK ")
    return sock


def comes_back(relay, closing, old_hello, new, old_source=None, takeovers=1):
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    with half_open(relay.address(), old_hello, old_source) as old:
        frame = clients.record(clients.FRAME, pictures.picture(1, "porch")) if b"records=1" in old_hello \
            else clients.plain(pictures.picture(1, "porch"))
        old.sendall(frame + frame[:len(frame) // 2])
        viewer.wait_pictures(1)

        publisher = closing(new())
        publisher.send(pictures.picture(2, "porch"))
        publisher.send(pictures.picture(3, "porch"))

        viewer.wait_number(3)
        assert viewer.numbers() == [1, 2, 3]
        assert relay.stat("takeovers") == takeovers


def test_the_same_address_without_any_name(start, closing):
    relay = start(conf('streams = ( { name = "porch"; from = [ "127.0.0.1" ]; } );'))
    comes_back(relay, closing, b"", lambda: clients.Publisher(relay.address()))


def test_the_same_address_with_a_hello(start, closing):
    relay = start(conf())
    comes_back(relay, closing, b"PUB porch\n", lambda: clients.Publisher(relay.address(), "porch"))


def test_the_same_id_from_another_address(start, closing):
    relay = start(conf())
    comes_back(relay, closing, f"PUB porch {ID}\n".encode(),
               lambda: clients.Publisher(relay.address(), "porch", source="127.0.0.2", id=ID[3:]))


def test_another_address_when_the_old_one_does_not_answer_a_ping(start, closing):
    relay = start(conf(limits="takeover_ping_ms = 300;"))
    comes_back(relay, closing, b"PUB porch records=1\n",
               lambda: clients.Publisher(relay.address(), "porch", source="127.0.0.2"))
