# SPDX-License-Identifier: MIT
"""What stands still on the viewer page is grey and says why: a stream that stops, a relay that is away. It all comes back."""
import os
import re
import signal

import chromium
import clients
from support import free_port, wait_for
from viewer import Page, conf


def is_grey(picture):
    r, g, b = picture.getpixel((picture.width // 2, picture.height // 4))
    return max(r, g, b) - min(r, g, b) < 12


def test_a_stream_that_stops_is_shown_as_what_it_is(start, closing, tmp_path):
    relay = start(conf(more='streams = ( { name = "cam"; stale_after_ms = 1000; } );'))
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(chromium.coloured("red"))
    page.wait_tile("cam", kind="live")
    wait_for(lambda: page.colour("cam") == "red", "its picture")

    tile = page.wait_tile("cam", kind="stale")
    assert re.fullmatch(r"Stale No picture since \d\d:\d\d:\d\d", tile["veil"])
    wait_for(lambda: is_grey(page.screens()["cam"]), "it is grey")
    publisher.send(chromium.coloured("green"))
    page.wait_tile("cam", kind="live")
    wait_for(lambda: page.colour("cam") == "green", "its next picture, in colour")
    publisher.end()
    tile = page.wait_tile("cam", kind="offline")
    assert re.fullmatch(r"Offline No picture since \d\d:\d\d:\d\d", tile["veil"])
    wait_for(lambda: is_grey(page.screens()["cam"]), "it is grey")
    again = closing(clients.Publisher(relay.address(), "cam"))
    again.send(chromium.coloured("blue"))
    page.wait_tile("cam", kind="live")


def test_a_camera_that_hangs_and_sends_on_is_frozen(start, closing, tmp_path):
    relay = start(conf().replace("limits = {", "limits = { frozen_after_ms = 1000;"))
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "cam"))

    def found():
        publisher.send(chromium.coloured("red"))
        tile = page.tiles().get("cam", {})
        return tile.get("veil", "") if tile.get("kind") == "stale" else None
    veil = wait_for(found, "it is found frozen")
    assert re.fullmatch(r"Frozen same picture since \d\d:\d\d:\d\d", veil), veil
    wait_for(lambda: is_grey(page.screens()["cam"]), "it is grey")
    publisher.send(chromium.coloured("blue"))
    wait_for(lambda: page.colour("cam") == "blue", "what is new is shown, in colour")


def test_a_stream_that_nobody_knows_any_more_leaves_the_page(start, closing, tmp_path):
    relay = start(conf().replace("limits = {", "limits = { forget_after_ms = 1000;"))
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "guest"))
    publisher.send(chromium.coloured("red"))
    page.wait_tile("guest", kind="live")

    publisher.end()
    page.wait_tile("guest", kind="offline")
    wait_for(lambda: not page.tiles() and page.is_shown("#empty"), "it has left the page", 60)


def test_a_relay_that_is_killed_is_told_and_found_again(start, closing, tmp_path):
    port = free_port()
    first = start(conf(port=port))
    page = closing(Page(first, tmp_path))
    publisher = closing(clients.Publisher(first.address(), "cam"))
    publisher.send(chromium.coloured("red"))
    page.wait_tile("cam", kind="live")
    wait_for(lambda: page.colour("cam") == "red", "its picture")

    first.kill()
    wait_for(lambda: page.is_shown("#banner"), "the page says so")
    assert re.match(r"The relay is away since \d\d:\d\d:\d\d\.", page.text("#banner"))
    tile = page.wait_tile("cam", kind="away")
    assert re.fullmatch(r"Relay away since \d\d:\d\d:\d\d", tile["veil"])
    wait_for(lambda: is_grey(page.screens()["cam"]), "it is grey")
    assert page.run("return document.title") == "Relay away – framerelayd"

    second = start(conf(port=port))
    publisher = closing(clients.Publisher(second.address(), "cam"))

    def is_back():
        publisher.send(chromium.coloured("blue"))
        return not page.is_shown("#banner") and page.colour("cam") == "blue"
    wait_for(is_back, "the picture of the new relay, and no more of the banner")
    page.wait_tile("cam", kind="live")


def test_a_relay_that_hangs_is_told_and_found_again(start, closing, tmp_path):
    """Its connections stay open, and nothing comes: first the picture is late, then the relay is away."""
    relay = start(conf('{ kind = "pattern"; stream = "cam"; fps = 10; }'))
    page = closing(Page(relay, tmp_path))
    page.wait_tile("cam", kind="live")
    wait_for(lambda: float(page.tiles()["cam"]["rate"][:-2]) > 2, "its pictures")

    os.kill(relay.pid, signal.SIGSTOP)
    try:
        late = page.wait_tile("cam", kind="late")
        assert late["veil"].startswith("Late no picture for "), late["veil"]
        page.wait_tile("cam", kind="away")
        wait_for(lambda: page.is_shown("#banner"), "the page says so")
    finally:
        os.kill(relay.pid, signal.SIGCONT)
    page.wait_tile("cam", kind="live")
    wait_for(lambda: not page.is_shown("#banner"), "the page says nothing any more")
    page.wait_all_move(1)
