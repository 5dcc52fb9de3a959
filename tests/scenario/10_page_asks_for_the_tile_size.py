# SPDX-License-Identifier: MIT
"""The viewer page asks for pictures as large as it shows them: tiles of one size share one computation, what is enlarged
or saved is as it was published, and where no smaller picture is to be had it takes the one there is."""
import io
import json
import re
import time
import urllib.request

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.keys import Keys

import chromium
import clients
import pictures
from support import wait_for
from viewer import Page, conf, patterns

HD = "1280×720"


def streams(relay):
    host, port = relay.address(door="http")
    with urllib.request.urlopen(f"http://{host}:{port}/streams", timeout=30) as answer:
        return {stream["name"]: stream for stream in json.load(answer)}


def asked(relay, name="cam1"):
    """The widths in which somebody has a stream's pictures made."""
    return sorted(rendition["width"] for rendition in streams(relay)[name]["renditions"])


def bytes_by_http(relay):
    """Bytes of pictures that have gone to viewers; what renditions are made from is not among them."""
    host, port = relay.address(door="http")
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=30) as answer:
        series = re.findall(r'^\w*stream_bytes_sent\w*\{[^}]*door="http"[^}]*\} (\S+)$', answer.read().decode(), re.M)
    return sum(map(float, series))


def subscriptions(relay):
    """The pages' subscriptions so far, the numbers of those that are there."""
    host, port = relay.address(door="http")
    with urllib.request.urlopen(f"http://{host}:{port}/subscribers", timeout=30) as answer:
        return [one["id"] for one in json.load(answer) if one["kind"] == "ws"]


def resize(page, width, height):
    page.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=False, deviceScaleFactor=1)


def wait_pixels(page, text, *names, patience=40):
    def told():
        tiles = page.tiles()
        return all(name in tiles and tiles[name]["pixels"] == text for name in names)
    wait_for(told, f"{text} in {names}", patience)


def hd_patterns(count, fps=5):
    return patterns(count, fps, sizes=("1280x720",))


def test_tiles_are_sent_as_large_as_they_are_shown(start, closing, tmp_path):
    relay = start(conf(hd_patterns(4)), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(4)
    wait_pixels(page, f"640×360 of {HD}", "cam1", "cam2", "cam3", "cam4")
    assert asked(relay) == [640]
    page.wait_all_move(4)

    # Enlarged it is as published, and meanwhile the picture that is there stays.
    kinds = set()
    page.click('[data-name="cam2"] .screen')

    def is_whole():
        kinds.add(page.tiles()["cam2"]["kind"])
        assert max(page.screens()["cam2"].resize((1, 1)).getpixel((0, 0))) > 40, "a picture is there all the time"
        return page.tiles()["cam2"]["pixels"] == HD
    wait_for(is_whole, "the whole picture")
    assert kinds == {"live"}
    assert asked(relay, "cam2") == []
    rows = page.text(".details dl")
    assert f"Pixels here{HD}" in rows and f"Pixels published{HD}" in rows, rows
    page.click('[data-name="cam2"] .screen')
    page.wait_live(4)
    wait_pixels(page, f"640×360 of {HD}", "cam1", "cam2", "cam3", "cam4")

    # While an edge of the window is dragged nothing is asked for anew, and a little smaller is as good as before.
    before = max(subscriptions(relay))
    for width in range(1270, 590, -20):
        resize(page, width, 800)
        time.sleep(0.02)
    wait_pixels(page, f"320×180 of {HD}", "cam1", "cam2", "cam3", "cam4")
    after = max(subscriptions(relay))
    assert after - before <= 4 * 4, f"{after - before} subscriptions while a window was dragged"
    resize(page, 640, 800)
    page.wait_all_move(4)
    assert max(subscriptions(relay)) == after
    assert page.log() == []


def test_pages_of_one_size_share_and_a_small_picture_is_sent_as_it_is(start, closing, tmp_path):
    small = '{ kind = "pattern"; stream = "small"; size = "320x240"; fps = 5; }'
    relay = start(conf(f"{hd_patterns(1)}, {small}"), release=True)
    pages = []
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        pages.append(closing(Page(relay, tmp_path / f"{number}")))
    for page in pages:
        page.wait_live(2)
        wait_pixels(page, f"640×360 of {HD}", "cam1")
        assert page.tiles()["small"]["pixels"] == "320×240"
    found = streams(relay)
    assert [r["subscribers"] for r in found["cam1"]["renditions"]] == [2]
    assert found["small"]["renditions"] == [] and found["small"]["subscribers"] == 2

    pages[0].open(pages[0].url + "?full")
    wait_pixels(pages[0], HD, "cam1")


@pytest.mark.parametrize("limits,sized", [("max_renditions = 2;", 2), ("verify_pixels = 500000;", 0)], ids=["too_many", "too_large"])
def test_where_none_smaller_is_to_be_had_the_page_takes_what_there_is(start, closing, tmp_path, limits, sized):
    relay = start(conf(hd_patterns(4)).replace("limits = {", f"limits = {{ {limits}"), release=True)
    page = closing(Page(relay, tmp_path))
    page.wait_live(4)
    told = lambda: sorted(tile["pixels"] for tile in page.tiles().values())  # noqa: E731
    wait_for(lambda: told() == [HD] * (4 - sized) + [f"640×360 of {HD}"] * sized, "what each has")
    page.wait_all_move(4)
    rejected = relay.rejected("rendition_limit", "http") + relay.rejected("too_many_pixels", "http")
    assert 4 - sized <= rejected <= 2 * (4 - sized), "it is not asked again and again"
    assert all(tile["kind"] == "live" for tile in page.tiles().values())


def test_what_is_saved_is_as_published_however_small_it_is_shown(start, closing, tmp_path):
    relay = start(conf(more='streams = ( { name = "cam"; stale_after_ms = 60000; } );'))
    page = closing(Page(relay, tmp_path, size=(560, 700)))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    first, second = pictures.picture(1, width=1280, height=720), pictures.picture(2, width=1280, height=720)
    publisher.send(first)
    wait_pixels(page, HD, "cam")  # before it the size was not known
    wait_for(lambda: asked(relay, "cam") == [640], "from now on a smaller one")
    publisher.send(second)
    wait_pixels(page, f"640×360 of {HD}", "cam")

    def save(wanted):
        for old in page.downloads.glob("*"):
            old.unlink()
        page.key("s")
        wait_for(lambda: [f.read_bytes() for f in page.downloads.glob("*.jpg")] == [wanted], "the file")
    page.key(Keys.ARROW_RIGHT)
    save(second)

    # What is paused may be enlarged and saved later: it is fetched at once.
    page.key(" ")
    page.wait_tile("cam", kind="paused", pixels=HD)
    publisher.send(first)
    relay.wait_stat("frames_published", 3)
    save(second)
    page.key(" ")
    page.wait_tile("cam", kind="live", pixels=f"640×360 of {HD}")

    # Who looks at what a camera saw last sees all of it.
    publisher.end()
    relay.write_config(relay.config_file.read_text().replace("60000", "1000"))
    relay.reload()
    page.wait_tile("cam", kind="offline")
    resize(page, 1280, 800)
    page.wait_tile("cam", kind="offline", pixels=HD)
    save(first)


def test_a_phone_that_is_turned_asks_for_more(start, closing, tmp_path):
    relay = start(conf('{ kind = "pattern"; stream = "cam"; size = "1920x1080"; fps = 5; }'), release=True)
    page = closing(Page(relay, tmp_path, size=(390, 844), phone=True))
    wait_pixels(page, "960×540 of 1920×1080", "cam")
    page.cdp("Emulation.setDeviceMetricsOverride", width=844, height=390, mobile=True, deviceScaleFactor=2)
    wait_for(lambda: asked(relay, "cam") in ([640], [1280]), "the other size")
    page.wait_live(1)


def camera_like(folder, count=4):
    """Pictures of 1280x720 with the detail that a camera's have."""
    noise = Image.effect_noise((640, 360), 24).resize((1280, 720), Image.BICUBIC)
    for number in range(count):
        image = Image.merge("RGB", (noise, noise.transpose(Image.FLIP_LEFT_RIGHT), noise))
        ImageDraw.Draw(image).ellipse([200 * number, 200, 200 * number + 300, 500], fill=(220, 60, 40))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=80)
        (folder / f"{number}.jpg").write_bytes(file.getvalue())
    return sum(path.stat().st_size for path in folder.glob("*.jpg")) / count


def test_thirty_cameras_cost_a_part_of_their_bytes(start, closing, tmp_path):
    (tmp_path / "pictures").mkdir()
    size = camera_like(tmp_path / "pictures")
    relay = start(conf(",".join(f'{{ kind = "files"; stream = "cam{n}"; path = "{tmp_path}/pictures/*.jpg"; fps = 4; }}'
                                for n in range(1, 31))), release=True)
    page = closing(Page(relay, tmp_path))

    def measure(seconds=5):
        page.wait_live(30, 60)
        wait_for(lambda: all(float(tile["rate"][:-2]) >= 0.3 for tile in page.tiles().values()), "each has a rate", 60)
        before, cpu, began = bytes_by_http(relay), relay.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return (bytes_by_http(relay) - before) / took, (relay.cpu_seconds() - cpu) / took, \
            sum(float(tile["rate"][:-2]) for tile in page.tiles().values())

    wait_for(lambda: all(" of " in tile["pixels"] for tile in page.tiles().values()) and page.tiles(), "all are smaller", 60)
    sized = measure()
    page.open(page.url + "?full")
    wait_for(lambda: page.tiles() and all(tile["pixels"] == HD for tile in page.tiles().values()), "all are whole", 60)
    whole = measure()
    for name, (rate, cpu, shown) in (("as shown", sized), ("as published", whole)):
        print(f"thirty cameras of {size / 1000:.0f} kB, {name}: {rate / 1e6:.2f} MB/s, {shown:.0f} pictures/s, {cpu:.2f} cores")
    assert sized[0] < whole[0] / 5
