# SPDX-License-Identifier: MIT
"""The viewer page: a grid of all streams that fills the window, each with its figures; and what it says while there is none."""
import re
import shlex
import subprocess

import pytest

import chromium
import clients
import pictures
from support import wait_for
from viewer import Page, conf, milliseconds, patterns

TITLES = {
    "porch": "현관",
    "script": "<script>document.title = 'broken'</script>",
    "image": "<img src=x onerror=\"document.title = 'broken'\">",
    "quotes": "\"'&amp;${1+1}\\u003cb>",
}


def test_an_empty_page_says_how_to_publish_and_the_stream_appears(start, closing, tmp_path):
    """What it says is run as it stands, but for the picture's name."""
    relay = start(conf())
    page = closing(Page(relay, tmp_path))
    file = tmp_path / "picture.jpg"
    file.write_bytes(pictures.picture(1, width=320, height=240))
    wait_for(lambda: page.is_shown("#empty pre"), "the lines for an empty page")

    lines = page.run("return [...document.querySelectorAll('#empty pre')].map((e) => e.textContent)")
    address = "{}:{}".format(*relay.address())
    assert f"framerelayd --publish {address}/porch --source pattern" in lines
    assert any(line.startswith("ffmpeg ") and f"{page.url}streams/porch" in line for line in lines)
    assert any(line.startswith("import ") and f'"{page.url}streams/porch"' in line for line in lines)
    curl = next(line for line in lines if line.startswith("curl "))
    subprocess.run([*shlex.split(curl), "-sS", "-o", "/dev/null"], cwd=tmp_path, check=True, timeout=60)

    tile = page.wait_tile("porch")
    assert tile["title"] == "porch"
    wait_for(lambda: page.tiles()["porch"]["pixels"] == "320×240", "its figures")
    assert not page.is_shown("#empty")


def test_the_python_lines_of_the_empty_page_publish(start, closing, tmp_path):
    relay = start(conf())
    page = closing(Page(relay, tmp_path))
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(pictures.picture(number))
    wait_for(lambda: page.is_shown("#empty pre"), "the lines for an empty page")

    lines = page.run("return [...document.querySelectorAll('#empty pre')].map((e) => e.textContent)")
    python = next(line for line in lines if line.startswith("import "))
    subprocess.run(["/usr/bin/python3", "-c", python], cwd=tmp_path, check=True, timeout=60)

    relay.wait_stat("frames_published", 2)


@pytest.mark.parametrize("count", [1, 4, 30])
def test_the_grid_fills_the_window_and_all_of_it_moves(start, closing, tmp_path, count):
    relay = start(conf(patterns(count)), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(count)
    page.wait_all_move(count)

    tiles = page.tiles().values()
    width, height = page.run("return [innerWidth, innerHeight]")
    covered = sum((t["box"][2] - t["box"][0]) * (t["box"][3] - t["box"][1]) for t in tiles)
    assert all(t["box"][0] >= 0 and t["box"][2] <= width and t["box"][3] <= height for t in tiles), "nothing is cut"
    assert covered >= 0.7 * width * height, f"the tiles cover {covered / width / height:.0%} of the window"
    assert page.log() == []
    asked = page.requests()
    assert asked and all(url.startswith(page.url) for url in asked), asked
    assert len(relay.log.find(r"socket opened .*kind=ws")) == 1, "one WebSocket for all"


def test_a_tile_tells_the_figures_of_its_stream(start, closing, tmp_path):
    relay = start(conf('{ kind = "pattern"; stream = "cam"; size = "640x480"; fps = 12; }'), release=True)
    page = closing(Page(relay, tmp_path))
    other = closing(clients.Subscriber(relay.address(), "cam", records=1))

    def told():
        tile = page.tiles().get("cam", {})
        return tile if tile.get("kind") == "live" and tile["viewers"] == "2 viewers" and 9 <= float(tile["rate"][:-2]) <= 15 else None
    tile = wait_for(told, "rate and viewers")
    assert tile["pixels"] == "640×480"
    assert float(tile["bytes"].split()[0]) > 1
    assert 0 <= milliseconds(tile["age"]) < 1000
    assert re.fullmatch(r"\d+ dropped", tile["dropped"])
    assert tile["label"] == "cam: live"
    assert other.ended is None
    assert page.run("return document.title") == "1/1 live – framerelayd"


def test_titles_are_text_whatever_they_hold(start, closing, tmp_path):
    rows = ",\n".join(f'{{ name = "{name}"; title = "{title}"; }}' for name, title in
                      ((n, t.replace("\\", "\\\\").replace('"', '\\"')) for n, t in TITLES.items()))
    relay = start(conf(more=f"streams = ( {rows} );"))
    page = closing(Page(relay, tmp_path))

    wait_for(lambda: len(page.tiles()) == len(TITLES), "the tiles")
    assert {name: tile["title"] for name, tile in page.tiles().items()} == TITLES
    assert page.run("return document.querySelectorAll('.tile script, .tile img, .tile b').length") == 0
    page.click('[data-name="image"] .screen')
    page.wait_tile("image", large=True)
    assert "broken" not in page.run("return document.title")
    assert page.log() == []


def test_streams_stand_in_the_order_of_their_numbers(start, closing, tmp_path):
    """One that has none, and comes later, stands behind them."""
    numbers = {"yard": 2, "porch": 3, "gate": 1}
    relay = start(conf(more="streams = ( " + ", ".join(
        f'{{ name = "{name}"; number = {number}; }}' for name, number in numbers.items()) + " );"))
    page = closing(Page(relay, tmp_path))
    wait_for(lambda: list(page.tiles()) == ["gate", "yard", "porch"], "their order")

    closing(clients.Publisher(relay.address(), "attic")).send(pictures.picture(1))
    wait_for(lambda: list(page.tiles()) == ["gate", "yard", "porch", "attic"], "the one that came last")


def test_the_newest_message_stands_under_its_tile(start, closing, tmp_path):
    relay = start(conf())
    page = closing(Page(relay, tmp_path))
    publisher = closing(clients.Publisher(relay.address(), "cam", records=1))
    publisher.send(chromium.coloured("red"))
    page.wait_tile("cam", kind="live")

    for text in ('{"label":"cat"}', '{"label":"<b>dog</b>","score":0.5}'):
        publisher.message(text)
        page.wait_tile("cam", message=text)
    assert page.tiles()["cam"]["message"] == '{"label":"<b>dog</b>","score":0.5}'


def test_it_is_dark_where_the_browser_is(start, closing, tmp_path):
    relay = start(conf())

    light = closing(Page(relay, tmp_path)).picture().getpixel((640, 780))
    (tmp_path / "dark").mkdir()
    dark = closing(Page(relay, tmp_path / "dark", dark=True)).picture().getpixel((640, 780))
    assert min(light) > 200 and max(dark) < 60, (light, dark)


def test_a_phone_scrolls_and_is_touched(start, closing, tmp_path):
    relay = start(conf(patterns(12)), release=True)
    page = closing(Page(relay, tmp_path, size=(390, 844), phone=True))
    wait_for(lambda: len(page.tiles()) == 12, "the tiles")
    page.wait_tile("cam1", kind="live")
    assert page.tiles()["cam12"]["box"][1] > 900, "it is below the window"
    assert clients.listing(relay.address())["cam12"][0] == "asleep", "what is not on the screen is not sent"

    assert all(t["box"][2] <= 390 and t["box"][2] - t["box"][0] > 150 for t in page.tiles().values())
    x, y = (page.tiles()["cam1"]["screen"][0] + 40, page.tiles()["cam1"]["screen"][1] + 40)
    page.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    page.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    large = page.wait_tile("cam1", large=True)
    assert large["box"][2] <= 390
    assert page.run("const b = document.querySelector('.large .tools button').getBoundingClientRect(); return b.height") >= 40
