# SPDX-License-Identifier: MIT
"""A page of somebody's own with an `<img>` of a camera: Chromium shows it greyed soon after the camera has died, and in
colour soon after it is back. What it shows is measured in what it paints, for it paints a part only when the next begins.
"""
import time

import chromium
import clients
import mjpeg
from support import wait_for

STALE = 1  # seconds
WITHIN = STALE + 2.5  # and what making it, the repeat and the screenshots take


def is_grey(image):
    """Above the band with the text, where the camera showed red."""
    red, green, blue = image.getpixel((30, 30))
    return max(red, green, blue) - min(red, green, blue) < 12


def test_red_then_grey_then_green(start, closing, tmp_path):
    relay = start(mjpeg.conf(limits=f"stale_after_ms = {STALE * 1000};"), release=True)
    publisher = clients.Publisher(relay.address(), "cam")
    host, port = relay.address(door="http")
    site = closing(chromium.Site({"/": f'<body style="margin: 0"><img src="http://{host}:{port}/video_feed"></body>'}))
    browser = closing(chromium.Chromium(tmp_path, (400, 300)))
    publisher.send(chromium.coloured("green"))
    relay.wait_stat("frames_published", 1)
    browser.open(site.origin + "/")
    for _ in range(30):  # so many that the pause while the browser started is forgotten
        publisher.send(chromium.coloured("red"))
        time.sleep(0.05)
    last = time.monotonic()
    wait_for(lambda: chromium.colour_at(browser.picture(), 30, 30) == "red", "the camera's picture")
    publisher.close()
    wait_for(lambda: is_grey(browser.picture()), "it is greyed")
    took = time.monotonic() - last
    print(f"greyed {took:.1f} s after the last picture")
    assert took < WITHIN
    browser.picture().save(tmp_path / "greyed.png")

    again = closing(clients.Publisher(relay.address(), "cam"))
    again.send(chromium.coloured("green"))
    sent = time.monotonic()
    wait_for(lambda: chromium.colour_at(browser.picture(), 30, 30) == "green", "it is back")
    assert time.monotonic() - sent < WITHIN
