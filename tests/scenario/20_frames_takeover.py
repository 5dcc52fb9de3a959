# SPDX-License-Identifier: MIT
"""Two publishers want one stream: the listener's policy decides, and nobody sees half of either picture.

`same` lets in whoever is the same publisher, by id or address, and asks an incumbent with records
whether it is still there; `replace` lets in everybody; `refuse` nobody. Other peers are imitated by
other addresses of the loopback network.
"""

import pytest

import clients
import pictures
from support import conf, wait_for

A, B = "a" * 32, "b" * 32


def publisher(relay, closing, **options):
    return closing(clients.Publisher(relay.address(), "porch", **options))


@pytest.mark.parametrize("first, second", [
    (dict(), dict(source="127.0.0.2")),                             # another address
    (dict(id=A), dict(source="127.0.0.2")),                         # one has an id, the other has none
    (dict(records=1), dict(source="127.0.0.2")),                    # the incumbent answers the ping
])
def test_same_refuses_a_stranger(start, closing, first, second):
    relay = start(conf(limits="takeover_ping_ms = 5000;"))
    old = publisher(relay, closing, **first)
    old.send(pictures.picture(1, "porch"))

    new = publisher(relay, closing, **second)

    assert new.answer.startswith("ERR 409 ")
    assert old.ended is None
    assert relay.rejected("stream_busy") == 1


def test_same_lets_the_same_id_in(start, closing):
    relay = start(conf())
    old = publisher(relay, closing, id=A, records=1)

    new = publisher(relay, closing, id=A, source="127.0.0.2")

    assert new.answer.startswith("OK porch ")
    assert "409 replaced by 127.0.0.2" in old.wait_end()
    assert relay.rejected("replaced") == 1


def test_a_plain_publisher_hears_who_replaced_it(start, closing):
    relay = start(conf('streams = ( { name = "porch"; from = [ "127.0.0.1" ]; } );'))
    old = closing(clients.Publisher(relay.address()))
    old.send(pictures.picture(1, "porch"))
    relay.wait_stat("frames_published", 1)

    closing(clients.Publisher(relay.address(), "porch"))

    old.wait_end()
    assert b"replaced by 127.0.0.1" in old.said


def test_takeover_no_would_rather_be_refused(start, closing):
    relay = start(conf())
    old = publisher(relay, closing, id=A)

    new = publisher(relay, closing, id=A, takeover="no")

    assert new.answer.startswith("ERR 409 ")
    assert old.ended is None


def test_takeover_no_is_welcome_where_nobody_is(start, closing):
    relay = start(conf())
    assert publisher(relay, closing, takeover="no").answer.startswith("OK porch ")


def test_replace_lets_everybody_in(start, closing):
    relay = start(conf(door='takeover = "replace";'))
    old = publisher(relay, closing, id=A)

    new = publisher(relay, closing, id=B, source="127.0.0.2")

    assert new.answer.startswith("OK porch ")
    old.wait_end()


def test_refuse_lets_nobody_in(start, closing):
    relay = start(conf(door='takeover = "refuse";'))
    old = publisher(relay, closing, id=A)

    new = publisher(relay, closing, id=A)

    assert new.answer.startswith("ERR 409 ")
    assert old.ended is None


def test_refuse_lets_in_when_the_old_one_has_gone(start, closing):
    relay = start(conf(door='takeover = "refuse";'))
    old = publisher(relay, closing)
    old.end()
    wait_for(lambda: relay.stat("publishers") == 0, "the old one has gone")
    assert publisher(relay, closing).answer.startswith("OK porch ")


def test_a_thousand_alternations_without_a_mixed_picture(start, closing):
    """Two publishers with one id take the stream from each other, each time in the middle of a picture."""
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0;"))
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0, records=1, keep=False))
    incumbent = None

    for turn in range(1, 1001):
        newcomer = clients.Publisher(relay.address(), "porch", id=A, source=f"127.0.0.{2 + turn % 2}")
        assert newcomer.answer.startswith("OK "), newcomer.answer
        newcomer.send(pictures.picture(turn, "porch", 16, 16))
        if incumbent:
            incumbent.close()
        half = clients.plain(pictures.picture(999_999, "porch", 16, 16, size=3000))[:2000]
        viewer.wait_number(turn)  # else the next one might take over before this was read
        newcomer.send_bytes(half)
        incumbent = newcomer
    incumbent.close()

    assert viewer.numbers() == list(range(1, 1001))
    sequences = [r.sequence for r in viewer.of(clients.FRAME)]
    assert sequences == list(range(sequences[0], sequences[0] + 1000))
    assert relay.stat("takeovers") >= 900


def test_the_replaced_one_is_told_in_its_own_framing(start, closing):
    relay = start(conf(door='takeover = "replace";'))
    with_records = publisher(relay, closing, records=1)
    publisher(relay, closing, source="127.0.0.2")

    with_records.wait_end()
    last = with_records.records[-1]

    assert last.kind == clients.ERROR
    assert last.payload.startswith(b"409 replaced by 127.0.0.2")
