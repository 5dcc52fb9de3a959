# SPDX-License-Identifier: MIT
"""Another host's page shows our streams, as people build their own; its script sees the pixels only where it may.

The page comes from 127.0.0.2, the relay is at 127.0.0.1: for the browser two hosts that have nothing to do with each other.
"""
import pytest

import chromium
import clients
from support import wait_for

PAGE = """<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head><body style="margin: 0">
<img id="picture" src="{url}" style="display: block; width: 320px; height: 240px"></body></html>"""

READ_CANVAS = """
const image = new Image();
if (args[1])
	image.crossOrigin = 'anonymous';
image.src = args[0];
await image.decode();
const canvas = document.createElement('canvas');
canvas.width = image.naturalWidth;
canvas.height = image.naturalHeight;
const context = canvas.getContext('2d');
context.drawImage(image, 0, 0);
return Array.from(context.getImageData(9, 9, 1, 1).data);
"""
READ_FETCH = "return (await (await fetch(args[0])).arrayBuffer()).byteLength"


def scene(start, closing, tmp_path, door="", **browser):
    """A relay with one live stream of red pictures, and a browser."""
    relay = start(f"""
limits = {{ log_lines_per_second = 0; }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "http"; listen = "127.0.0.1:0"; {door} }}
);
""")
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(chromium.coloured("red"))
    relay.wait_stat("frames_published", 1)
    host, port = relay.address(door="http")
    return relay, publisher, f"http://{host}:{port}", closing(chromium.Chromium(tmp_path, **browser))


@pytest.mark.parametrize("path", ["/video_feed", "/source.mjpg"])
def test_a_stream_moves_in_another_hosts_page(start, closing, tmp_path, path):
    _, publisher, relay_url, browser = scene(start, closing, tmp_path)
    site = closing(chromium.Site({"/": PAGE.format(url=relay_url + path)}))

    browser.open(site.origin + "/")
    for colour in ("red", "green", "blue"):
        publisher.send(chromium.coloured(colour))
        wait_for(lambda: chromium.colour_at(browser.picture(), 160, 120) == colour, f"{colour} is shown")


@pytest.mark.parametrize("origins,may_read", [(None, True), ("[ ]", False), ('[ "{origin}" ]', True),
                                              ('[ "http://127.0.0.3" ]', False)],
                         ids=["default", "none", "listed", "another listed"])
def test_pixels_are_read_only_by_pages_that_may(start, closing, tmp_path, origins, may_read):
    site = closing(chromium.Site({"/": PAGE.format(url="data:,")}))
    door = "" if origins is None else f"allow_origins = {origins.format(origin=site.origin)};"
    _, _, relay_url, browser = scene(start, closing, tmp_path, door)
    picture = relay_url + "/streams/cam.jpg"

    browser.open(site.origin + "/")
    shared = browser.run_async(READ_CANVAS, picture, True)
    fetched = browser.run_async(READ_FETCH, picture)
    plain = browser.run_async(READ_CANVAS, picture + "?plain", False)

    assert plain.get("error", "").startswith("SecurityError"), f"shown, but its pixels are nobody's: {plain}"
    if may_read:
        assert shared["value"][0] > 180 and shared["value"][1] < 80, shared
        assert fetched["value"] > 500, fetched
    else:
        assert "error" in shared and "value" not in shared, shared
        assert "TypeError" in fetched["error"], fetched


@pytest.mark.parametrize("host", ["cameras.example.com", "93.184.216.34"])
def test_a_page_of_the_world_reads_nothing(start, closing, tmp_path, host):
    """The browser believes that the page comes from a public name, or from a public address."""
    site = closing(chromium.Site({"/": PAGE.format(url="data:,")}))
    _, _, relay_url, browser = scene(start, closing, tmp_path,
                                     arguments=[f"--host-resolver-rules=MAP {host} 127.0.0.2"])

    browser.open(site.origin.replace("127.0.0.2", host) + "/")
    shared = browser.run_async(READ_CANVAS, relay_url + "/streams/cam.jpg", True)
    fetched = browser.run_async(READ_FETCH, relay_url + "/streams/cam.jpg")
    listed = browser.run_async(READ_FETCH, relay_url + "/streams")

    assert browser.run("return location.hostname") == host
    assert "value" not in shared and "error" in shared, shared
    for one in (fetched, listed):
        assert "TypeError" in one["error"], one
