# SPDX-License-Identifier: MIT
"""A camera that dies, freezes or was never there: MJPEG viewers see it, and nobody else gets a made-up picture.

The viewer keeps each part with its time: dashboards give up after ten seconds without one, so over the whole of a
camera's life, death and return no pause may be that long.
"""
import io
import time
import urllib.error
import urllib.request

import clients
import pictures
from mjpeg import Viewer, conf, read_text
from PIL import Image

SIZE = {"width": 480, "height": 320}
LONGEST = 6.5  # seconds without a part: five, and what a loaded machine adds


def test_from_the_first_viewer_over_its_death_to_its_return(start, closing):
    relay = start(conf(limits="stale_after_ms = 400; snapshot_timeout_ms = 300;",
                       more='streams = ( { name = "cam"; title = "Porch"; } );'), env={"TZ": "Asia/Tokyo"})
    viewer = closing(Viewer(relay.address(door="http")))
    raw = closing(clients.Subscriber(relay.address(), "cam", records=1))

    first = viewer.wait_part(lambda p: True, "a part although there is no camera")
    assert first.is_greyed and read_text(first.jpeg) == "waiting for the first picture"

    camera = clients.Camera(clients.Publisher(relay.address(), "cam"), fps=20, **SIZE)
    camera.wait_sent(10)
    viewer.wait_part(lambda p: not p.is_greyed, "a picture")
    camera.stop()
    sent = camera.sent
    since = time.time()
    camera.close()
    dead = viewer.wait_part(lambda p: p.is_greyed and p.sequence != 0, "the last picture greyed")
    minutes = [time.strftime("no picture since %H:%M", time.gmtime(since + 9 * 3600 - back)) for back in (0, 60)]
    assert read_text(dead.jpeg) in minutes
    last = [p for p in viewer.parts if not p.is_greyed][-1]
    assert (dead.header["X-Sequence"], dead.header["X-Timestamp"]) == (last.header["X-Sequence"], last.header["X-Timestamp"])
    assert pictures.show(dead.jpeg) == (480, 320)
    assert dead.arrived - last.arrived < 2

    # After the second repeat of the greyed one the camera comes back.
    viewer.wait(lambda: len([p for p in viewer.parts if p.is_greyed and p.sequence != 0]) >= 3, "it is repeated")
    try:
        urllib.request.urlopen("http://%s:%d/streams/cam.jpg" % relay.address(door="http"), timeout=60)
        raise AssertionError("a snapshot of a camera that is dead")
    except urllib.error.HTTPError as answer:
        assert answer.code == 503
    again = closing(clients.Publisher(relay.address(), "cam"))
    published = time.monotonic()
    again.send(pictures.picture(999, **SIZE))
    back = viewer.wait_part(lambda p: not p.is_greyed and p.sequence > last.sequence, "the first picture after it")
    assert back.jpeg == pictures.picture(999, **SIZE)
    assert back.arrived - published < 1

    gaps = [b.arrived - a.arrived for a, b in zip(viewer.parts, viewer.parts[1:])]
    print(f"{len(viewer.parts)} parts, the longest pause was {max(gaps):.2f} s")
    assert max(gaps) < LONGEST
    raw.wait_pictures(1)
    assert all(pictures.check(r.payload) for r in raw.of(clients.FRAME)), "placeholders are for MJPEG alone"
    assert relay.stat("placeholders_made") == 2
    assert sent >= 10


def test_ten_viewers_see_one_and_the_same(start, closing):
    relay = start(conf(limits="stale_after_ms = 300;"))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1, **SIZE))
    relay.wait_stat("frames_published", 1)
    viewers = [closing(Viewer(relay.address(door="http"))) for _ in range(10)]
    greyed = [v.wait_part(lambda p: p.is_greyed, "a greyed one") for v in viewers]
    assert len({p.jpeg for p in greyed}) == 1
    assert relay.stat("placeholders_made") == 1


def test_a_camera_that_connects_and_says_nothing(start, closing):
    """It has a minute for its first picture, and is live so long; no dashboard waits that long for a part."""
    relay = start(conf(limits="stale_after_ms = 60000; first_byte_timeout_ms = 0;"))
    closing(clients.Publisher(relay.address(), "cam"))
    relay.wait_stat("publishers", 1)
    viewer = closing(Viewer(relay.address(door="http")))
    first = viewer.wait_part(lambda p: p.is_greyed, "a part")
    assert read_text(first.jpeg) == "waiting for the first picture"
    print(f"after {first.arrived - viewer.began:.1f} s")
    assert 4 < first.arrived - viewer.began < LONGEST
    assert clients.listing(relay.address())["cam"][0] == "live"


def test_a_camera_that_freezes_without_closing_is_found(start, closing):
    relay = start(conf(limits="frozen_after_ms = 700;"))
    camera = closing(clients.Publisher(relay.address(), "cam"))
    number = 1
    camera.send(pictures.picture(number, **SIZE))
    relay.wait_stat("frames_published", 1)
    viewer = closing(Viewer(relay.address(door="http")))

    def send_until(is_it, change):
        nonlocal number
        deadline = time.monotonic() + 30
        while not any(map(is_it, viewer.parts)):
            assert time.monotonic() < deadline
            number += change
            camera.send(pictures.picture(number, **SIZE))
            time.sleep(0.05)

    send_until(lambda p: p.is_greyed, 0)
    greyed = viewer.wait_part(lambda p: p.is_greyed, "it is found")
    assert read_text(greyed.jpeg).startswith("no new picture since ")
    state = clients.listing(relay.address())["cam"][0]
    assert state == "stale"
    shown = len(viewer.parts)
    for _ in range(10):
        camera.send(pictures.picture(number, **SIZE))
    relay.wait_stat("frames_dropped_frozen", 1)
    assert all(p.is_greyed for p in viewer.parts[shown:]), "a frozen picture that looks live"

    # It moves again.
    number += 1
    camera.send(pictures.picture(number, **SIZE))
    viewer.wait_part(lambda p: p.jpeg == pictures.picture(number, **SIZE), "it moves")
    assert clients.listing(relay.address())["cam"][0] == "live"


def test_a_picture_that_no_decoder_takes_is_replaced_by_a_plain_one(start, closing):
    relay = start(conf(limits="stale_after_ms = 300;"))
    broken = bytearray(pictures.picture(1, width=320, height=240))
    table = broken.index(b"\xff\xc4")
    broken[table + 5:table + 21] = b"\xff" * 16  # more codes than a Huffman table can have
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(bytes(broken))
    relay.wait_stat("frames_published", 1)
    viewer = closing(Viewer(relay.address(door="http")))
    greyed = viewer.wait_part(lambda p: p.is_greyed, "a greyed one")
    assert pictures.show(greyed.jpeg) == (320, 240)
    assert Image.open(io.BytesIO(greyed.jpeg)).getpixel((5, 5)) in range(110, 115)
    assert read_text(greyed.jpeg).startswith("no picture since ")


def test_a_relay_behind_takes_no_placeholder_for_a_picture(start, closing):
    """It pulls MJPEG from the first one as it would from any camera, and shows for itself that there is no picture."""
    first = start(conf(limits="stale_after_ms = 400;"))
    camera = clients.Camera(clients.Publisher(first.address(), "cam"), fps=20, **SIZE)
    camera.wait_sent(5)
    second = start(conf(limits="stale_after_ms = 400;", more="""
sources = ( { kind = "http-pull"; stream = "cam"; url = "http://%s:%d/streams/cam.mjpg"; on_demand = false; } );
""" % first.address(door="http")))
    viewer = closing(Viewer(second.address(door="http")))
    raw = closing(clients.Subscriber(second.address(), "cam", records=1))
    raw.wait_pictures(5)
    camera.close()
    greyed = viewer.wait_part(lambda p: p.is_greyed and p.sequence != 0, "the second relay's own")
    first.wait_stat("placeholders_sent", 2)
    assert read_text(greyed.jpeg).startswith("no picture since ")
    assert clients.listing(second.address())["cam"][0] in ("stale", "offline")
    assert all(pictures.check(jpeg) for jpeg in raw.pictures)


def test_without_placeholders_nothing_is_sent(start, closing):
    relay = start(conf(limits="stale_after_ms = 200;", door="placeholder = false; repeat_ms = 50;"))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    relay.wait_stat("frames_published", 1)
    viewer = closing(Viewer(relay.address(door="http")))
    viewer.wait_part(lambda p: True, "the picture")
    publisher.close()
    time.sleep(1)
    assert not any(p.is_greyed for p in viewer.parts)
    assert relay.stat("placeholders_made") == 0
