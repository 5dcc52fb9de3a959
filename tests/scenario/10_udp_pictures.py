# SPDX-License-Identifier: MIT
"""Programs that send pictures by UDP find the relay in place of their server, unchanged: whole datagrams, pieces behind
a header of either size, one picture for each answer. What they send arrives byte for byte."""
import time

import pytest

import clients
import pictures
import udp
from support import conf, wait_for

DOORS = """
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "udp"; listen = "127.0.0.1:0"; {udp} }}
);
limits = {{ log_lines_per_second = 0; {limits} }};
"""


def relay_with(start, udp_options="", limits="", **options):
    return start(DOORS.format(udp=udp_options, limits=limits), **options)


def deliver(client, viewer, jpegs):
    """Shows them one after the other, each when the last one has come through."""
    for count, jpeg in enumerate(jpegs, len(viewer.pictures) + 1):
        client.show(jpeg)
        viewer.wait_pictures(count)
    assert viewer.pictures[-len(jpegs):] == jpegs


@pytest.mark.parametrize("form", [{"whole": True}, {"header": "<q"}, {"header": "<i"}])
def test_each_form_arrives(start, closing, form):
    relay = relay_with(start)
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", queue=64))
    client = closing(udp.Client(relay.address(door="udp"), **form))
    deliver(client, viewer, [pictures.picture(n) for n in range(5)])
    # A multiple of 1,024: an empty datagram follows, and the next picture is right.
    if not form.get("whole"):
        sizes = [4096, 5120, 5121, 4096, 8191]
        deliver(client, viewer, [pictures.picture(n, size=size) for n, size in enumerate(sizes)])
    assert relay.log.find(r"udp: listening .*receive_buffer=\d+ asked=4194304")


def test_a_thousand_pictures_one_for_each_answer(start, closing):
    """Each is answered and each is shown: who waits for answers is not overtaken by itself. Two of three are a multiple
    of 1,024 bytes, with an empty datagram behind them."""
    relay = relay_with(start)
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", queue=64, age_ms=0, keep=False))
    client = closing(udp.Client(relay.address(door="udp")))
    jpegs = [pictures.picture(n, width=160, height=120, size=12_288 + 512 * (n % 3)) for n in range(1000)]
    began = time.monotonic()
    for jpeg in jpegs:
        client.show(jpeg)
    seconds = time.monotonic() - began
    viewer.wait_pictures(1000)
    assert viewer.numbers() == list(range(1000))
    assert 1000 / seconds > 30, f"{1000 / seconds:.0f} pictures a second"
    assert relay.stat("udp_answers") == 1000


def test_large_pictures_back_to_back_at_more_than_thirty_a_second(start, closing):
    """The posts' server managed ten a second, and of pictures of this size none: a default receive buffer overflows."""
    relay = relay_with(start, release=True)
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", queue=64, age_ms=0, keep=False))
    client = closing(udp.Client(relay.address(door="udp")))
    jpegs = [pictures.picture(n, width=640, height=480, size=320_000) for n in range(100)]
    began = time.monotonic()
    for jpeg in jpegs:
        client.show(jpeg)
    seconds = time.monotonic() - began
    viewer.wait_pictures(100)
    assert viewer.numbers() == list(range(100))
    assert 100 / seconds > 30, f"{100 / seconds:.0f} pictures a second"


def test_two_senders_at_once_do_not_mix(start, closing):
    relay = relay_with(start, 'stream = "udp-%p";')
    cameras = {}
    for name in ("one", "two", "three"):
        client = closing(udp.Client(relay.address(door="udp")))
        stream = f"udp-{client.sock.getsockname()[1]}"
        viewer = closing(clients.Subscriber(relay.address(), stream, queue=64, age_ms=0))
        cameras[name] = client, viewer
    for n in range(30):
        pieces = {name: list(udp.datagrams(pictures.picture(n, name, size=20_000 + n))) for name in cameras}
        for i in range(max(map(len, pieces.values()))):
            for name, (client, _) in cameras.items():
                if i < len(pieces[name]):
                    client.sock.sendto(pieces[name][i], client.address)
        for client, _ in cameras.values():
            client.answer()
    for name, (_, viewer) in cameras.items():
        viewer.wait_pictures(30)
        assert [pictures.check(p) for p in viewer.pictures] == [(name, n) for n in range(30)]


def test_streams_are_named_by_their_rows_and_the_first_keeps_its_name(start, closing):
    relay = start(DOORS.format(udp="", limits="stale_after_ms = 1000;") +
                  'streams = ( { name = "porch"; from = [ "127.0.0.2" ]; } );')
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64))
    first = closing(udp.Client(relay.address(door="udp"), source="127.0.0.2"))
    second = closing(udp.Client(relay.address(door="udp"), source="127.0.0.2"))
    first.show(pictures.picture(1, "first"))
    second.show(pictures.picture(1, "second"))  # told to go on, as for any picture that is dropped
    first.show(pictures.picture(2, "first"))
    viewer.wait_pictures(2)
    assert [pictures.check(p) for p in viewer.pictures] == [("first", 1), ("first", 2)]
    assert relay.rejected("stream_busy", "udp") == 1
    relay.log.wait(r"udp: publisher gone .*stream=porch")  # silent for stale_after_ms
    second.show(pictures.picture(2, "second"))
    viewer.wait_pictures(3)
    assert pictures.check(viewer.pictures[-1]) == ("second", 2)


def test_it_goes_on_after_what_stuck_the_posts_programs(start, closing):
    """A lost piece and a lost header: after half a second of silence the sender hears the answer it waits for."""
    relay = relay_with(start)
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", queue=64))
    client = closing(udp.Client(relay.address(door="udp")))
    jpeg = pictures.picture(7, size=19_000)
    parts = list(udp.datagrams(jpeg))
    for missing in (6, 0, len(parts) - 1):
        for i, part in enumerate(parts):
            if i != missing:
                client.sock.sendto(part, client.address)
        client.answer()
    deliver(client, viewer, [pictures.picture(n, size=19_000) for n in range(3)])
    assert relay.stat("udp_frames_incomplete") == 2
    assert relay.stat("udp_datagrams_lost") >= 2
    # A sender that starts anew in the middle of a picture loses that one alone.
    for part in parts[:9]:
        client.sock.sendto(part, client.address)
    deliver(client, viewer, [pictures.picture(9, size=19_000)])


def test_stopping_and_reloading_leave_nothing_behind(start, closing):
    relay = relay_with(start)
    client = closing(udp.Client(relay.address(door="udp")))
    client.show(pictures.picture(1))
    for part in list(udp.datagrams(pictures.picture(2, size=9000)))[:4]:
        client.sock.sendto(part, client.address)
    wait_for(lambda: relay.stat("udp_datagrams") >= 5, "they have come")
    since = relay.log.mark()
    relay.write_config(conf())
    relay.reload()
    relay.log.wait(r"udp: publisher gone", since)
