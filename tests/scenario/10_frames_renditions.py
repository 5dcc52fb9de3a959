# SPDX-License-Identifier: MIT
"""Renditions by every door: turned, grey, smaller, of another quality; once for all who ask the same.

The picture has a white upper left corner, red beside it, so that PIL sees how it was turned; jpegtran and djpeg, which
are not ours, say what is bit for bit the same.
"""
import concurrent.futures
import functools
import io
import json
import math
import statistics
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from PIL import Image, ImageChops, ImageStat

import clients
import pictures
import support
from mjpeg import Viewer
from websocket_bytes import Socket

CONF = """
limits = { log_lines_per_second = 0; stale_after_ms = %d; snapshot_timeout_ms = 20000; queue_frames = 64; queue_age_ms = 0; %s };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
%s
"""


def conf(limits="", more="", stale_after_ms=0):
    return CONF % (stale_after_ms, limits, more)


@functools.lru_cache(maxsize=None)
def marked(width=320, height=240, quality=90):
    """Soft colours; the upper left corner white, the one at its right red."""
    image = Image.merge("RGB", [Image.linear_gradient("L").resize((width, height)).point(lambda v, c=c: 40 + v * c // 8)
                                for c in (1, 2, 3)])
    image.paste((255, 255, 255), (0, 0, width // 4, height // 4))
    image.paste((255, 0, 0), (width - width // 4, 0, width, height // 4))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def opened(jpeg):
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


def corners(jpeg):
    """What stands in the corners: upper left, upper right, lower right, lower left; w, r or -."""
    image = opened(jpeg).convert("RGB")
    w, h = image.size
    found = ""
    for x, y in ((w // 10, h // 10), (w - w // 10, h // 10), (w - w // 10, h - h // 10), (w // 10, h - h // 10)):
        r, g, b = image.getpixel((x, y))
        found += "w" if min(r, g, b) > 220 else "r" if r > 200 and g < 70 else "-"
    return found


def psnr(a, b):
    mean = statistics.mean(v ** 2 for v in ImageStat.Stat(ImageChops.difference(a, b)).rms)
    return math.inf if mean == 0 else 10 * math.log10(255 ** 2 / mean)


def tool(jpeg, *command):
    return subprocess.run(command, input=jpeg, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def get(relay, path):
    request = urllib.request.Request("http://%s:%d%s" % (*relay.address(door="http"), path))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


def renditions(relay):
    return json.loads(get(relay, "/streams/cam")[2])["renditions"]


@pytest.fixture
def relay(start):
    return start(conf())


def published(relay, closing, jpeg):
    publisher = closing(clients.Publisher(relay.address(), "cam", records=1))
    publisher.send(jpeg)
    relay.wait_stat("frames_published", 1)
    return publisher


# key: (parameters, what jpegtran is asked for, corners, is grey)
LOSSLESS = {
    "gray": ("gray=1", ["-grayscale"], "w---", True),
    "rotate_90": ("rotate=90", ["-rotate", "90"], "-wr-", False),
    "rotate_180": ("rotate=180", ["-rotate", "180"], "--wr", False),
    "rotate_270": ("rotate=270", ["-rotate", "270"], "r--w", False),
    "hflip": ("hflip=1", ["-flip", "horizontal"], "rw--", False),
    "vflip": ("vflip=1", ["-flip", "vertical"], "--rw", False),
    "turned_and_flipped": ("rotate=90 hflip=1", ["-transpose"], "w--r", False),
    "the_other_diagonal": ("rotate=270 hflip=1", ["-transverse"], "-rw-", False),
    "gray_and_turned": ("gray=1 rotate=90", ["-grayscale", "-rotate", "90"], "-w--", True),
}


@pytest.mark.parametrize("parameters, jpegtran, where, is_grey", LOSSLESS.values(), ids=LOSSLESS)
def test_without_loss_it_is_what_jpegtran_makes(relay, closing, parameters, jpegtran, where, is_grey):
    published(relay, closing, marked())
    viewer = closing(clients.Subscriber(relay.address(), records=1, **dict(p.split("=") for p in parameters.split())))
    assert viewer.answer == "OK cam live=1"
    made, = viewer.wait_pictures(1)
    reference = tool(marked(), "jpegtran", "-copy", "none", "-perfect", *jpegtran)
    assert tool(made, "djpeg", "-ppm") == tool(reference, "djpeg", "-ppm")
    image = opened(made)
    assert image.mode == ("L" if is_grey else "RGB")
    if not is_grey:
        assert corners(made) == where
    shown, = renditions(relay)
    assert shown["way"] == "lossless" and shown["made"] == 1 and shown["subscribers"] == 1
    assert (shown["picture_width"], shown["picture_height"]) == image.size


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_without_loss_whatever_the_subsampling(relay, closing, subsampling):
    file = io.BytesIO()
    detailed().save(file, "JPEG", quality=85, subsampling=subsampling)
    published(relay, closing, file.getvalue())
    for parameters, jpegtran, _, _ in LOSSLESS.values():
        made = get(relay, "/streams/cam.jpg?" + parameters.replace(" ", "&"))[2]
        reference = tool(file.getvalue(), "jpegtran", "-copy", "none", "-perfect", *jpegtran)
        assert tool(made, "djpeg", "-ppm") == tool(reference, "djpeg", "-ppm"), parameters
    assert relay.stat("renditions_lossless") == relay.stat("renditions_made") == len(LOSSLESS)


@functools.lru_cache(maxsize=None)
def detailed(width=640, height=480):
    """The same for ever, with edges of every length and direction: the worst for an encoder."""
    one = Image.effect_mandelbrot((width, height), (-2.2, -1.3, 1.0, 1.3), 100)
    return Image.merge("RGB", (one, one.transpose(Image.FLIP_LEFT_RIGHT), one.transpose(Image.FLIP_TOP_BOTTOM)))


def detailed_jpeg(quality=90):
    file = io.BytesIO()
    detailed().save(file, "JPEG", quality=quality)
    return file.getvalue()


# parameters: (size of what is made of 320x240, PSNR of the soft picture and of the detailed one, of 640x480)
# What they are with Debian 12's libjpeg-turbo is in docs/protocol.md 3; half a decibel less is worse.
DECODED = {
    "width=160": ((160, 120), 42.9, 33.4),
    "height=60": ((80, 60), 34.6, 32.6),
    "width=100 height=100": ((100, 75), 34.9, 32.1),
    "width=77 gray=1": ((77, 58), 49.4, 37.2),
    "quality=50": ((320, 240), 43.9, 33.2),
    "width=120 rotate=90": ((120, 160), 42.5, 33.4),
    "width=5000 quality=95": ((320, 240), 55.6, 52.3),
}


@pytest.mark.parametrize("is_detailed", [False, True], ids=["soft", "detailed"])
@pytest.mark.parametrize("parameters", DECODED)
def test_decoded_it_has_the_size_and_looks_the_same(relay, closing, parameters, is_detailed):
    """Against the same picture decoded in full, averaged by PIL."""
    jpeg = detailed_jpeg() if is_detailed else marked()
    published(relay, closing, jpeg)
    status, header, made = get(relay, "/streams/cam.jpg?" + parameters.replace(" ", "&"))
    assert status == 200 and header["Content-Type"] == "image/jpeg"
    image = opened(made)
    size, *figures = DECODED[parameters]
    if is_detailed and "width=5000" not in parameters and "quality=50" not in parameters:
        assert abs(image.size[0] - size[0]) <= 1 and abs(image.size[1] - size[1]) <= 1
    else:
        assert image.size == (detailed().size if is_detailed else size)
    assert image.mode == ("L" if "gray" in parameters else "RGB")
    was = opened(jpeg).convert(image.mode)
    if "rotate=90" in parameters:
        was = was.transpose(Image.ROTATE_270)
        assert is_detailed or corners(made) == "-wr-"
    found = psnr(image, was.resize(image.size, Image.BOX))
    print(f"{parameters}: {len(made)} of {len(jpeg)} bytes, PSNR {found:.1f} dB")
    assert found > figures[is_detailed] - 0.5


def test_what_is_not_whole_blocks_is_decoded_and_says_so(relay, closing):
    odd = marked(318, 238)
    published(relay, closing, odd)
    viewer = closing(clients.Subscriber(relay.address(), rotate=90))
    made, = viewer.wait_pictures(1)
    assert opened(made).size == (238, 318) and corners(made) == "-wr-"
    found = psnr(opened(made), opened(odd).transpose(Image.ROTATE_270))
    print(f"PSNR {found:.1f} dB")
    assert found > 45.9
    assert renditions(relay)[0]["way"] == "decoded"


def test_every_door_gives_the_same_picture_with_its_number(relay, closing):
    publisher = published(relay, closing, marked())
    frames = closing(clients.Subscriber(relay.address(), records=1, width=100))
    mjpeg = closing(Viewer(relay.address(door="http"), "/streams/cam.mjpg?width=100"))
    many = closing(Socket(relay.address(door="http")))
    many.say(subscribe="cam", channel=7, width=100)
    one = closing(Socket(relay.address(door="http"), "/streams/cam/ws?width=100"))
    first, = frames.wait_record(clients.FRAME)
    status, header, snapshot = get(relay, "/streams/cam.jpg?width=100")
    assert snapshot == first.payload and int(header["X-Sequence"]) == first.sequence
    assert mjpeg.wait_part(lambda p: not p.is_greyed, "a picture").jpeg == snapshot
    for socket in (many, one):
        assert socket.picture()[-1] == snapshot
    assert relay.stat("renditions_made") == 1
    shown, = renditions(relay)
    assert shown["subscribers"] == 4 and shown["width"] == 100
    publisher.send(marked(quality=60))
    assert opened(frames.wait_pictures(2)[1]).size == (100, 75)
    listed = json.loads(get(relay, "/subscribers")[2])
    assert sorted(str(s["rendition"]) for s in listed) == ["None"] + ["width=100"] * 4


def test_fifty_viewers_of_one_cost_one_computation_a_picture(relay, closing):
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    viewers = [closing(clients.Subscriber(relay.address(), width=80, gray=1)) for _ in range(50)]
    count = 20
    for number in range(1, count + 1):
        publisher.send(pictures.picture(number, width=160, height=120))
        for viewer in viewers:
            viewer.wait_pictures(number)
    assert relay.stat("renditions_made") == count
    assert relay.stat("renditions") == 1
    for viewer in viewers:
        assert viewer.pictures == viewers[0].pictures
        viewer.close()
    support.wait_for(lambda: relay.stat("renditions") == 0, "it ends with its last viewer")


def test_a_rendition_wakes_a_camera_that_sleeps(start, closing):
    relay = start(conf("demand_linger_ms = 300;",
                       'sources = ( { kind = "pattern"; stream = "cam"; size = "320x240"; fps = 30; on_demand = true; } );', 600))
    assert clients.listing(relay.address())["cam"][0] == "asleep"
    viewer = closing(clients.Subscriber(relay.address(), gray=1, max_fps=4))
    assert opened(viewer.wait_pictures(3)[-1]).mode == "L"
    state = json.loads(get(relay, "/streams/cam")[2])
    assert state["state"] == "live" and state["demand"] == 4
    viewer.close()
    support.wait_for(lambda: clients.listing(relay.address())["cam"][0] == "asleep", "it sleeps again")
    status, _, snapshot = get(relay, "/streams/cam.jpg?width=160")
    assert status == 200 and opened(snapshot).size == (160, 120)


def test_what_is_wrong_is_told(start, closing):
    relay = start(conf("max_renditions = 2;"))
    published(relay, closing, marked())
    for bad in ("width=0", "height=70000", "quality=101", "rotate=45", "gray=2", "hflip=x", "vflip=-1"):
        key = bad.partition("=")[0]
        status, _, body = get(relay, f"/streams/cam.jpg?{bad}")
        assert status == 400 and key in body.decode(), (status, body)
        assert clients.ask(relay.address(), f"SUB cam {bad}\n".encode()).startswith(b"ERR 400 ")
    kept = [closing(clients.Subscriber(relay.address(), width=n)) for n in (50, 60)]
    assert all(v.answer.startswith("OK") for v in kept)
    assert b"ERR 503 " in clients.ask(relay.address(), b"SUB cam width=70\n")
    status, _, body = get(relay, "/streams/cam.mjpg?width=70")
    assert status == 503 and b"max_renditions" in body
    assert relay.rejected("rendition_limit") == 1 and relay.rejected("rendition_limit", "http") == 1
    assert get(relay, "/streams/cam.jpg?width=60")[0] == 200


@pytest.mark.parametrize("verify", ["header", "full"])
def test_a_stream_that_is_turned_is_turned_for_everybody(start, closing, verify):
    more = 'streams = ( { name = "cam"; rotate = 90; } );'
    relay = start(conf(more=more).replace('"frames";', f'"frames"; verify = "{verify}";'))
    publisher = published(relay, closing, marked())
    plain = closing(clients.Subscriber(relay.address()))
    back = closing(clients.Subscriber(relay.address(), rotate=270))
    mjpeg = closing(Viewer(relay.address(door="http")))
    made, = plain.wait_pictures(1)
    reference = tool(marked(), "jpegtran", "-copy", "none", "-perfect", "-rotate", "90")
    assert tool(made, "djpeg", "-ppm") == tool(reference, "djpeg", "-ppm")
    assert get(relay, "/streams/cam.jpg")[2] == made
    assert mjpeg.wait_part(lambda p: not p.is_greyed, "a picture").jpeg == made
    assert tool(back.wait_pictures(1)[0], "djpeg", "-ppm") == tool(marked(), "djpeg", "-ppm")
    state = json.loads(get(relay, "/streams/cam")[2])
    assert (state["width"], state["height"]) == (240, 320)
    relay.write_config(conf().replace('"frames";', f'"frames"; verify = "{verify}";'))
    relay.reload()
    relay.wait_stat("reloads", 1)
    publisher.send(marked(quality=70))
    assert plain.wait_pictures(2)[1] == marked(quality=70)


def claims(width, height):
    """A file of few bytes that claims to be large: tables and heads, no picture."""
    small = io.BytesIO()
    Image.new("L", (8, 8)).save(small, "JPEG")
    jpeg = bytearray(small.getvalue())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5:at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(jpeg)


def test_a_bomb_is_refused_at_once_and_harms_nobody(relay, closing):
    published(relay, closing, claims(65500, 65500))
    before = relay.rss_bytes()
    began = time.monotonic()
    status, _, body = get(relay, "/streams/cam.jpg?gray=1")
    took = time.monotonic() - began
    assert status == 415 and b"65500x65500" in body, body
    print(f"{took * 1000:.1f} ms")
    assert took < 2 and relay.rss_bytes() - before < 50e6
    viewer = closing(clients.Subscriber(relay.address(), width=100, records=1))
    assert "65500x65500" in viewer.wait_end()
    assert relay.rejected("too_many_pixels", "rendition") == 2
    assert relay.stat("renditions_failed") == 2


def test_full_size_viewers_lose_nothing_while_renditions_keep_the_machine_busy(start, closing):
    relay = start(conf(), release=True)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    full = [closing(clients.Subscriber(relay.address(), queue=64)) for _ in range(4)]
    camera = clients.Camera(publisher, fps=30, width=1280, height=720)
    camera.wait_sent(60)
    calm = clients.ages(camera, full[0])
    quiet = len(full[0].pictures)
    busy = [closing(clients.Subscriber(relay.address(), **keys)) for keys in
            [{"quality": q, "rotate": 90} for q in range(40, 52)]]
    made = relay.stat("renditions_made")
    began, cpu = time.monotonic(), relay.cpu_seconds()
    camera.wait_sent(camera.sent + 120)
    load = (relay.cpu_seconds() - cpu) / (time.monotonic() - began)
    made = relay.stat("renditions_made") - made
    last = camera.stop()
    for viewer in full:
        viewer.wait_number(last)
        assert viewer.numbers() == list(range(1, last + 1))
    late = sorted(at - camera.sent_at[n] for n, at in zip(full[0].numbers()[quiet:], full[0].arrived[quiet:]))
    p99 = late[len(late) * 99 // 100]
    skipped = sum(r["skipped"] for r in renditions(relay))
    print(f"load {load:.2f} cores, {made} made, {skipped} skipped; p99 age {calm.p99 * 1000:.1f} -> {p99 * 1000:.1f} ms")
    assert made > 10 and skipped > made  # the makers were never without work
    assert all(v.ended is None for v in busy)
    # A shared machine: what is asked for is 10 ms (the bench measures it), what would be a defect is a
    # queue that grows while the makers work.
    assert p99 - calm.p99 < 0.5


def test_snapshots_of_many_renditions_at_once(relay, closing):
    published(relay, closing, marked())
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: get(relay, f"/streams/cam.jpg?width={100 + n % 20}"), range(60)))
    assert [status for status, _, _ in answers] == [200] * 60
    assert [opened(jpeg).size[0] for _, _, jpeg in answers] == [100 + n % 20 for n in range(60)]
