# SPDX-License-Identifier: MIT
"""A tab that does not get on: it skips to the newest picture, and nobody else loses one. Thirty streams in one tab for a
while: all of them move, and the tab's memory stays what it was."""
import os
import signal
import time

import pytest

import chromium
import clients
from support import wait_for
from viewer import Page, conf, milliseconds, patterns

LONG = os.environ.get("SCENARIO_LONG") == "yes"


def test_a_stopped_tab_costs_nobody_and_shows_the_newest_afterwards(start, closing, calm, tmp_path):
    relay = start(conf(more='streams = ( { name = "cam"; stale_after_ms = 60000; } );'))
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(chromium.coloured("red"))
    wait_for(lambda: page.colour("cam") == "red", "the first picture")
    calm(relay.address())
    renderers = page.processes("renderer")
    assert renderers

    for pid in renderers:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(150):
            publisher.send(chromium.coloured("white", 1280, 960))
            time.sleep(0.02)
        publisher.send(chromium.coloured("blue"))
        relay.wait_stat("frames_published", 152)
        assert relay.rss_bytes() < 800 << 20
    finally:
        for pid in renderers:
            os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    page.wait_tile("cam")
    wait_for(lambda: page.colour("cam") == "blue", "the newest picture")
    print(f"the newest picture is there {time.monotonic() - began:.2f} s after the tab goes on")


def test_a_busy_page_goes_on_painting(start, closing, tmp_path):
    """Scripts of the page hold its thread for two seconds; pictures do not pass through it."""
    relay = start(conf(patterns(1)), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(1)

    def rate():
        return float(page.tiles()["cam1"]["rate"][:-2])
    wait_for(lambda: rate() >= 5, "a steady rate")
    before = rate()
    page.run_async("const end = Date.now() + 2500; while (Date.now() < end) ; await new Promise((go) => setTimeout(go, 200));")
    during = rate()  # over the last three seconds
    print(f"{before} pictures/s before, {during} while the page was busy")
    assert during >= before * 0.6
    assert page.tiles()["cam1"]["kind"] == "live"


@pytest.mark.parametrize("seconds", [60 if LONG else 15])
def test_thirty_streams_in_one_tab(start, closing, tmp_path, seconds):
    relay = start(conf(patterns(30, sizes=("320x240", "640x480", "480x270"))), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(30, 60)
    page.wait_all_move(30)
    wait_for(lambda: all(float(t["rate"][:-2]) >= 3 for t in page.tiles().values()), "each has a rate")

    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append(page.memory_bytes())
        time.sleep(seconds / 10)
    tiles = page.tiles().values()
    rates = [float(t["rate"][:-2]) for t in tiles]
    ages = [milliseconds(t["age"]) for t in tiles]
    print(f"{seconds} s: {sum(rates):.0f} pictures/s, age at most {max(ages):.0f} ms, renderers "
          + ", ".join(f"{s >> 20}" for s in samples) + " MiB")
    assert all(t["kind"] == "live" for t in tiles)
    assert min(rates) >= 3, rates
    assert max(ages) < 2000, ages
    early, late = min(samples[:4]), min(samples[-3:])
    assert late < early * 1.15 + (24 << 20), f"the tab grows: {[s >> 20 for s in samples]} MiB"
    page.wait_all_move(30)
