# SPDX-License-Identifier: MIT
"""What people do on the viewer page: enlarge, pause, save, copy, all of it with the mouse and with the keyboard alone."""
import io
import re

from PIL import Image
from selenium.webdriver.common.keys import Keys

import chromium
import clients
from support import wait_for
from viewer import Page, conf, patterns


def scene(start, closing, tmp_path, count=4):
    relay = start(conf(patterns(count)).replace("limits = {", "limits = { demand_linger_ms = 500;"), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(count)
    return relay, page


def test_a_click_enlarges_and_only_what_is_seen_is_sent(start, closing, tmp_path):
    relay, page = scene(start, closing, tmp_path)

    page.click('[data-name="cam2"] .screen')
    page.wait_tile("cam2", large=True, kind="live")
    wait_for(lambda: [n for n, t in page.tiles().items() if t["shown"]] == ["cam2"], "the others are away")
    wait_for(lambda: clients.listing(relay.address())["cam1"][0] == "asleep", "nobody watches the others: their camera sleeps", 40)
    assert clients.listing(relay.address())["cam2"][0] == "live"
    assert page.is_shown(".details")

    page.click('[data-name="cam2"] .screen')
    page.wait_live(4)
    assert not any(t["large"] for t in page.tiles().values())


def test_a_paused_stream_stands_still_and_says_so(start, closing, tmp_path):
    relay, page = scene(start, closing, tmp_path, 2)

    page.click('[data-name="cam1"] .tools button[aria-label="Pause"]')
    tile = page.wait_tile("cam1", kind="paused")
    assert re.fullmatch(r"Paused at \d\d:\d\d:\d\d", tile["veil"])
    still = page.screens()["cam1"].tobytes()
    page.wait_all_move(1)
    page.run("document.activeElement.blur()")
    wait_for(lambda: page.screens()["cam1"].tobytes() == page.screens()["cam1"].tobytes(), "it stands still")
    assert len(still) > 0

    page.click('[data-name="cam1"] .tools button[aria-label="Go on"]')
    page.wait_tile("cam1", kind="live")
    page.click("#pause-all")
    page.wait_tile("cam1", kind="paused")
    page.wait_tile("cam2", kind="paused")
    page.click("#pause-all")
    page.wait_live(2)


def test_the_keyboard_alone_does_everything(start, closing, tmp_path):
    _, page = scene(start, closing, tmp_path)

    page.key(Keys.ARROW_RIGHT)
    page.wait_tile("cam1", focused=True)
    page.key(Keys.ARROW_RIGHT)
    page.wait_tile("cam2", focused=True)
    outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus is seen"
    page.key(Keys.ARROW_DOWN)
    page.wait_tile("cam4", focused=True)
    page.key(Keys.HOME)
    page.wait_tile("cam1", focused=True)
    page.key(Keys.ENTER)
    page.wait_tile("cam1", large=True)
    page.key(Keys.ARROW_LEFT)
    page.wait_tile("cam4", large=True)
    page.key(Keys.ARROW_RIGHT)
    page.wait_tile("cam1", large=True, kind="live")
    page.key(" ")
    page.wait_tile("cam1", kind="paused")
    page.key(" ")
    page.wait_tile("cam1", kind="live")
    page.key(Keys.ESCAPE)
    page.wait_tile("cam1", large=False, focused=True)
    page.key("?")
    wait_for(lambda: page.is_shown("#help"), "the help")
    page.key(Keys.ESCAPE)
    wait_for(lambda: not page.is_shown("#help"), "the help is closed")
    page.key("c")
    wait_for(lambda: page.is_shown("#copy"), "the lines to copy")
    page.key(Keys.ESCAPE)
    wait_for(lambda: not page.is_shown("#copy"), "the lines are away")
    page.key("f")
    wait_for(lambda: page.run("return document.fullscreenElement !== null"), "full screen")
    page.wait_tile("cam1", large=True)
    page.key("f")
    wait_for(lambda: page.run("return document.fullscreenElement === null"), "no full screen any more")
    page.key(" ")
    page.wait_tile("cam1", kind="paused")
    assert page.log() == []


def test_the_picture_that_is_saved_is_the_one_that_was_published(start, closing, tmp_path):
    relay = start(conf())
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    jpeg = chromium.coloured("green", 640, 360)
    publisher.send(jpeg)
    page.wait_tile("cam", kind="live")

    page.key(Keys.ARROW_RIGHT)
    page.key("s")
    saved = wait_for(lambda: list(page.downloads.glob("*.jpg")), "a file")
    assert re.fullmatch(r"cam-\d{4}-\d\d-\d\d-\d{6}\.\d{3}\.jpg", saved[0].name)
    wait_for(lambda: saved[0].read_bytes() == jpeg, "byte for byte what was published")
    assert Image.open(io.BytesIO(saved[0].read_bytes())).size == (640, 360)


def test_the_lines_to_copy_are_right_and_are_copied(start, closing, tmp_path):
    relay, page = scene(start, closing, tmp_path, 1)
    mjpeg = f"{page.url}streams/cam1.mjpg"
    page.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])

    page.click('[data-name="cam1"] .head button')
    wait_for(lambda: page.is_shown("#copy"), "the lines to copy")
    lines = page.run("return [...document.querySelectorAll('#copy .copy-row')].map((row) => "
                     "[row.querySelector('h3').textContent, row.querySelector('pre').textContent])")
    assert lines == [
        ["MJPEG", mjpeg],
        ["Snapshot", f"{page.url}streams/cam1.jpg"],
        ["OpenCV", f'capture = cv2.VideoCapture("{mjpeg}")'],
        ["ffmpeg", f"ffmpeg -use_wallclock_as_timestamps 1 -i {mjpeg} -c copy cam1.mkv"],
        ["Home Assistant", "# Settings > Devices & services > Add integration > MJPEG IP Camera\n"
                           f"MJPEG URL: {mjpeg}\nStill image URL: {page.url}streams/cam1.jpg"],
    ]
    page.click("#copy button.copy")
    wait_for(lambda: page.text("#copy button.copy") == "Copied", "it is copied")
    assert page.run_async("return navigator.clipboard.readText()")["value"] == mjpeg


def test_a_tab_behind_another_watches_nothing(start, closing, tmp_path):
    relay, page = scene(start, closing, tmp_path, 2)
    first = page.driver.current_window_handle

    page.driver.switch_to.new_window("tab")
    wait_for(lambda: {row[0] for row in clients.listing(relay.address()).values()} == {"asleep"}, "all cameras sleep")
    page.driver.close()
    page.driver.switch_to.window(first)
    page.wait_live(2)
    page.wait_all_move(2)


def test_who_may_see_that_there_is_a_stream_but_not_watch_it_is_told_why(start, closing, tmp_path):
    relay = start(conf(patterns(2), 'access = ( { from = [ "private" ]; observe = true; subscribe = [ "cam1" ]; } );'))
    page = closing(Page(relay, tmp_path))

    page.wait_tile("cam1", kind="live")
    refused = page.wait_tile("cam2", kind="refused")
    assert refused["veil"].startswith("Refused ") and "127.0.0.1" in refused["veil"], refused["veil"]
