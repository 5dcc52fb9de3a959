# SPDX-License-Identifier: MIT
"""A camera that sends a picture every five seconds: Chromium shows each at once, though it paints a picture of an MJPEG
stream only when the next one's header comes. What it shows is measured in what it paints."""
import time

import chromium
import clients
from support import wait_for

PERIOD = 5
WITHIN = 1.5  # seconds


def test_each_picture_is_shown_before_the_next_one_comes(start, closing, tmp_path):
    relay = start("""
limits = { log_lines_per_second = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
streams = ( { name = "cam"; stale_after_ms = 20000; } );
""", release=True)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    host, port = relay.address(door="http")
    site = closing(chromium.Site({"/": f'<body style="margin: 0"><img src="http://{host}:{port}/video_feed"></body>'}))
    browser = closing(chromium.Chromium(tmp_path, (400, 300)))
    publisher.send(chromium.coloured("white"))
    relay.wait_stat("frames_published", 1)
    browser.open(site.origin + "/")
    wait_for(lambda: chromium.colour_at(browser.picture(), 160, 120) == "white", "the first picture")

    took = []
    due = time.monotonic()
    for colour in ("red", "green", "blue"):
        publisher.send(chromium.coloured(colour))
        sent = time.monotonic()
        wait_for(lambda: chromium.colour_at(browser.picture(), 160, 120) == colour, f"{colour} is shown", PERIOD)
        took.append(time.monotonic() - sent)
        due += PERIOD
        if colour != "blue":
            time.sleep(max(0, due - time.monotonic()))

    print("shown after " + ", ".join(f"{t:.2f} s" for t in took))
    assert max(took) <= WITHIN, took
