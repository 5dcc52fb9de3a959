# SPDX-License-Identifier: MIT
"""Whoever comes over a limit is told which, and whose: 429 is his own, 503 the relay's.

Each limit is set low, met exactly, and gone over by one. The healthy stream beside comes from another
address and was there before.
"""
import pytest

import clients
import pictures
from support import conf, connect, read_to_end, wait_for


def opened(stack, relay, count, hello=b"", source=None):
    for _ in range(count):
        sock = stack(connect(relay.address(), source=source))
        if hello:
            sock.sendall(hello)
            assert clients.read_line(sock).startswith("OK ")


def refused(relay, source=None, hello=b"SUB porch\n"):
    return clients.ask(relay.address(), hello, source)


def test_connections_from_one_address(start, closing, calm):
    relay = start(conf(limits="max_connections_per_address = 6;"))
    calm(relay.address())
    opened(closing, relay, 6, b"SUB porch\n")

    assert b"429" in refused(relay)
    assert relay.rejected("conn_limit_addr") == 1
    assert closing(clients.Subscriber(relay.address(), "porch", source="127.0.0.2")).answer.startswith("OK ")


def test_connections_in_all(start, closing, calm):
    relay = start(conf(limits="max_connections = 10;"))
    calm(relay.address(), subscribers=2)  # three of the ten
    opened(closing, relay, 7, b"SUB porch\n")

    assert b"503" in refused(relay)
    assert relay.rejected("conn_limit") == 1


def test_connections_that_have_not_said_what_they_want(start, closing, calm):
    """Where such places run out the oldest may go; but never more than so many are held."""
    relay = start(conf(limits="max_pre_auth_per_address = 5;"))
    calm(relay.address())
    opened(closing, relay, 12)

    wait_for(lambda: sum(relay.rejected(r) for r in ("conn_limit", "conn_limit_addr")) >= 7, "seven refused or evicted")
    assert relay.stat("connections_open") <= 4 + 5


def test_new_connections_a_second(start, closing, calm):
    relay = start(conf(limits="accept_rate_per_address = 5;"))
    calm(relay.address())

    heard = [refused(relay, hello=b"LIST\n") for _ in range(30)]

    told = [h for h in heard if not h.startswith(b"OK")]
    assert told and all(b"429" in h for h in told), told[:3]
    assert relay.rejected("accept_rate") == len(told)


def test_publishers(start, closing, calm):
    relay = start(conf(limits="max_publishers = 3;"))
    calm(relay.address())
    opened(closing, relay, 1, b"PUB a\n")
    opened(closing, relay, 1, b"PUB b\n")

    assert refused(relay, hello=b"PUB c\n").startswith(b"ERR 503 ")
    assert relay.rejected("publisher_limit") == 1


def test_subscribers_of_a_stream(start, closing, calm):
    relay = start(conf(limits="max_subscribers_per_stream = 4;"))
    calm(relay.address())
    opened(closing, relay, 4, b"SUB porch\n")

    assert refused(relay).startswith(b"ERR 503 ")
    assert closing(clients.Subscriber(relay.address(), "garden")).answer.startswith("OK ")
    assert relay.rejected("subscriber_limit") == 1


def test_streams(start, closing, calm):
    relay = start(conf(limits="max_streams = 3;"))
    calm(relay.address())
    opened(closing, relay, 1, b"SUB a\n")
    opened(closing, relay, 1, b"SUB b\n")

    assert refused(relay, hello=b"SUB c\n").startswith(b"ERR 503 ")
    assert relay.rejected("stream_limit") == 1


def test_a_name_that_only_subscribers_know_makes_room_for_a_publisher(start, closing):
    relay = start(conf(limits="max_streams = 2;"))
    opened(closing, relay, 1, b"SUB a\n")
    opened(closing, relay, 1, b"SUB b\n")
    assert closing(clients.Publisher(relay.address(), "c")).answer.startswith("OK c ")


@pytest.mark.parametrize("hello, right", [(b"PUB porch\n", "publish"), (b"SUB porch\n", "subscribe")])
def test_who_may_not_is_told_as_whom_he_is_seen(start, closing, calm, hello, right):
    relay = start(conf('access = ( { from = [ "127.0.0.9" ]; publish = [ "*" ]; subscribe = [ "*" ]; } );'))
    calm(relay.address())

    heard = refused(relay, hello=hello)

    assert heard.startswith(b"ERR 40")
    assert b"127.0.0.1" in heard
    assert relay.rejected("access_denied") == 1


def test_a_plain_publisher_that_may_not(start, calm):
    relay = start(conf('access = ( { from = [ "127.0.0.9" ]; publish = [ "*" ]; subscribe = [ "*" ]; } );'))
    calm(relay.address())

    heard = refused(relay, hello=clients.plain(pictures.picture(1)))

    assert b"127.0.0.1" in heard
    assert relay.rejected("access_denied") == 1


def test_who_may_not_observe_gets_no_list(start):
    relay = start(conf('access = ( { from = [ "127.0.0.1" ]; subscribe = [ "*" ]; } );'))
    assert clients.ask(relay.address(), b"LIST\n").startswith(b"ERR 40")
    assert relay.rejected("access_denied") == 1


def test_who_may_only_watch_sends_no_messages(start, closing):
    """The right to send follows the right to publish."""
    relay = start(conf('access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; subscribe = [ "*" ]; },\n'
                       '           { from = [ "127.0.0.2" ]; subscribe = [ "*" ]; } );'))
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1))
    stranger = closing(clients.Subscriber(relay.address(), "porch", records=1, source="127.0.0.2"))
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    relay.wait_stat("subscribers", 2)

    stranger.send(clients.record(clients.MESSAGE, b'{"forged": 1}'))
    relay.wait_stat(("frames", "access_denied"), 1)
    publisher.message('{"true": 1}')

    assert viewer.wait_record(clients.MESSAGE)[0].payload == b'{"true": 1}'


def test_a_refused_subscription_without_a_hello_ends_as_every_one_does(start, closing):
    """The recipe's server loop must find its length 0 also where it was not let in."""
    relay = start(conf(door='role = "subscribe"; stream = "porch";', limits="max_subscribers_per_stream = 1;"))
    closing(clients.Subscriber(relay.address(), silent=True))
    relay.wait_stat("subscribers", 1)
    assert clients.ask(relay.address(), b"") == bytes(4)


def test_the_row_of_access_names_its_streams(start, closing):
    relay = start(conf('access = ( { from = [ "127.0.0.1" ]; publish = [ "porch" ]; subscribe = [ "porch", "gate" ]; } );'))
    assert closing(clients.Publisher(relay.address(), "porch")).answer.startswith("OK ")
    assert closing(clients.Publisher(relay.address(), "gate")).answer.startswith("ERR 40")
    assert closing(clients.Subscriber(relay.address(), "gate")).answer.startswith("OK ")
    assert closing(clients.Subscriber(relay.address(), "lab")).answer.startswith("ERR 40")
    assert refused(relay, source="127.0.0.2").startswith(b"ERR 40")


def test_a_picture_that_does_not_fit_into_the_budget(start, closing, calm):
    """It is skipped and counted; its publisher is kept, and the others have room for theirs."""
    relay = start(conf(limits='memory_budget_bytes = "1 MiB";'))
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    publisher = closing(clients.Publisher(relay.address(), "porch"))

    publisher.send(pictures.picture(1, "porch", size=2_000_000))
    publisher.send(pictures.picture(2, "porch"))

    assert viewer.wait_pictures(1) == [pictures.picture(2, "porch")]
    assert relay.rejected("memory_budget") == 1


def test_stalled_queues_give_way_to_new_pictures(start, closing, calm):
    """Viewers that do not read may not pin the budget: their queues shrink to the newest picture."""
    relay = start(conf(limits='memory_budget_bytes = "2 MiB"; subscriber_stall_ms = 60000;'))
    calm(relay.address())
    for stream in ("porch", "gate"):
        for _ in range(2):
            closing(connect(relay.address(), receive_buffer=4096)).sendall(b"SUB %s queue=64 age_ms=0\n" % stream.encode())
    relay.wait_stat("subscribers", 3 + 4)
    publishers = {stream: closing(clients.Publisher(relay.address(), stream)) for stream in ("porch", "gate")}
    healthy = closing(clients.Subscriber(relay.address(), "gate", queue=64))

    for number in range(1, 31):
        for stream, publisher in publishers.items():
            publisher.send(pictures.picture(number, stream, size=60_000))
        healthy.wait_number(number)

    assert healthy.numbers() == list(range(1, 31))
    assert relay.stat("frames_dropped_memory") > 0
    assert relay.rejected("memory_budget") == 0


def test_the_rate_of_one_publisher(start, closing, calm):
    """With publisher_frame_rate set, what comes faster is dropped and counted."""
    relay = start(conf(limits="publisher_frame_rate = 60;"))
    calm(relay.address())
    publisher = closing(clients.Publisher(relay.address(), "porch"))

    for number in range(1000):
        publisher.send(pictures.picture(number, "porch", 16, 16))
    wait_for(lambda: relay.stats()["frames_begun"] >= 1000, "all of them read")

    assert relay.rejected("rate_limit") > 500
    assert publisher.ended is None


def test_a_refused_peer_need_not_read(start, closing, calm):
    """The last words wait linger_close_ms for whoever does not take them, and no longer."""
    relay = start(conf(limits="linger_close_ms = 200;"))
    calm(relay.address())
    before = relay.stat("connections_open")
    for _ in range(20):
        closing(connect(relay.address())).sendall(b"SUB nonsense=1 nonsense=1\n")

    wait_for(lambda: relay.stat("connections_open") == before, "all of them closed")
    with connect(relay.address()) as sock:
        sock.sendall(b"SUB x y\n")
        assert read_to_end(sock).startswith(b"ERR 400")
