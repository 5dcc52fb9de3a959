# SPDX-License-Identifier: MIT
"""What is checked in the machine of run.sh: framerelayd with a real libcamera 0.0.3 and two cameras of the kernel's.

Each function below is one check, in this order; its first line says what it shows. They share one USB camera, which is
unplugged when a check is over. Clients and programs are those of the scenarios.
"""
import contextlib
import hashlib
import io
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))

from PIL import Image, ImageChops  # noqa: E402

import clients  # noqa: E402
import pictures  # noqa: E402
import support  # noqa: E402
from usb_camera import UsbCamera  # noqa: E402

USB, VIMC = "Fake UVC camera", "platform/vimc.0 Sensor B"
BACK = "camera works again"


def picture(number, width, height):
    return pictures.picture(number, "usb", width, height, quality=30)


@contextlib.contextmanager
def usb(picture=picture):
    """A USB camera that is plugged in, and has its driver."""
    camera = UsbCamera(picture)
    camera.plug()
    try:
        support.wait_for(lambda: [name for name in pathlib.Path("/sys/class/video4linux").glob("*/name")
                                  if USB in name.read_text()], "its driver")
        yield camera
    finally:
        camera.unplug()


@contextlib.contextmanager
def relay_of(more):
    """A relay. Its books are checked at its end."""
    with tempfile.TemporaryDirectory() as folder:
        program = support.Program(folder, config=support.conf(more))
        try:
            yield program
            program.stop()
        except BaseException:
            print(program.log.tail())
            raise
        finally:
            program.end()


def relay(camera, size, more=""):
    """A relay with one camera, that runs all the time."""
    source = f'kind = "camera"; stream = "cam"; camera = "{camera}"; size = "{size}"; warmup_ms = 0; on_demand = false;'
    return relay_of(f"sources = ( {{ {source} {more} }} );")


@contextlib.contextmanager
def viewer(program, stream="cam", **keys):
    one = clients.Subscriber(program.address(), stream, **keys)
    try:
        yield one
    finally:
        one.close()


def wait_more(watching, count):
    """Waits for so many pictures more, and gives these."""
    before = len(watching.pictures)
    return watching.wait_pictures(before + count)[before:]


def are_sent(jpegs, camera):
    """Each picture is one that the camera sent, byte for byte; none came twice, and they came in order."""
    places = [camera.sent.index(hashlib.sha256(jpeg).hexdigest()) for jpeg in jpegs]
    assert places == sorted(set(places)), places
    return places


def both_cameras_are_listed():
    with usb():
        listed = subprocess.run([support.binary(), "--list-cameras"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    print(re.sub(r"(.{100}).*", r"\1 ...", listed.stdout.rstrip()))
    assert re.search(rf"^\d: \S+  {USB}.*$", listed.stdout, re.M) and VIMC in listed.stdout
    assert "1280x720-MJPEG 640x480-MJPEG" in listed.stdout


def a_usb_cameras_pictures_are_passed_through_byte_for_byte():
    with usb() as camera, relay(USB, "1280x720") as program, viewer(program, records=1) as watching:
        jpegs = wait_more(watching, 40)
        places = are_sent(jpegs, camera)
        program.log.wait(r"camera runs .*size=1280x720 libcamera 0\.0\.3")
        age = time.time() - watching.of(clients.FRAME)[-1].time_us / 1e6
        assert -1 < age < support.PATIENCE, f"taken {age:.3f} s ago"
        assert program.stat("frames_encoded") == 0
    print(f"40 pictures of {len(jpegs[0])} bytes, {places[-1] - places[0] + 1} were sent in this time")


def it_is_unplugged_in_mid_stream_and_comes_back():
    """It says so once, and then that it is back."""
    with usb() as camera, relay(USB, "640x480") as program, viewer(program) as watching:
        wait_more(watching, 5)
        for times in (1, 2):
            since = program.log.mark()
            camera.unplug()
            program.log.wait("does not work.*was it unplugged", since)
            camera.plug()
            program.log.wait(BACK, since)
            said = [match.string for match in program.log.find("does not work", since)]
            assert len(said) == 1, said
            are_sent(wait_more(watching, 10), camera)
            assert len(program.log.find(BACK)) == times
    print("\n".join(said))


def it_comes_back_beside_another_camera():
    """A manager of libcamera's that goes on would touch freed memory when the camera comes back."""
    both = f"""
sources = (
  {{ kind = "camera"; stream = "cam"; camera = "{USB}"; size = "640x480"; warmup_ms = 0; on_demand = false; }},
  {{ kind = "camera"; stream = "vimc"; camera = "Sensor B"; size = "640x480"; warmup_ms = 0; on_demand = false; fps = 5; }}
);"""
    with usb() as camera, relay_of(both) as program, viewer(program) as watching, viewer(program, "vimc") as other:
        wait_more(watching, 5)
        wait_more(other, 1)
        for _ in range(2):
            since = program.log.mark()
            camera.unplug()
            program.log.wait("does not work.*stream=cam .*was it unplugged", since)
            program.log.wait("does not work.*stream=vimc .*another camera was unplugged", since)
            program.log.wait(f"{BACK} stream=vimc", since)
            camera.plug()
            program.log.wait(f"{BACK} stream=cam", since)
            are_sent(wait_more(watching, 5), camera)
            wait_more(other, 2)


def a_camera_that_falls_silent_is_opened_again():
    """Its pictures stop, and libcamera says nothing: the watch of ours finds it."""
    with usb() as camera, relay(USB, "640x480", "silent_ms = 2500;") as program, viewer(program) as watching:
        wait_more(watching, 5)
        since = program.log.mark()
        camera.silent = True
        said = program.log.wait("does not work.*has given no picture for", since).string
        camera.silent = False
        program.log.wait(BACK, since)
        are_sent(wait_more(watching, 10), camera)
    print(said)


def a_camera_that_another_program_has_is_said_to_be_in_use():
    with usb(), relay(USB, "640x480") as first, viewer(first) as watching, relay(USB, "640x480") as second:
        wait_more(watching, 1)
        print(second.log.wait(r"does not work.*in use by another program").string)
        wait_more(watching, 5)


def segments(jpeg):
    """Gives (marker, offset, end) of what comes before the first scan's bytes."""
    at = 2
    while True:
        marker, length = struct.unpack(">HH", jpeg[at:at + 4])
        yield marker, at, at + 2 + length
        if marker == 0xFFDA:
            return
        at += 2 + length


def without_tables(jpeg):
    """As most USB cameras send it: the Huffman tables are left out."""
    for marker, at, end in reversed(list(segments(jpeg))):
        if marker == 0xFFC4:
            jpeg = jpeg[:at] + jpeg[end:]
    return jpeg


def tables_that_are_left_out_are_put_in_and_nothing_else():
    """And what the camera pads behind the end is left out."""
    def bare(number, width, height):
        return without_tables(picture(number, width, height)) + bytes(100)

    with usb(bare) as camera, relay(USB, "640x480") as program, viewer(program) as watching:
        for jpeg in wait_more(watching, 10):
            are_sent([without_tables(jpeg) + bytes(100)], camera)
            number = int(pictures.WHO.match(jpeg, 6)["number"])
            whole = picture(number, 640, 480)
            shown, meant = (Image.open(io.BytesIO(one)) for one in (jpeg, whole))
            assert shown.size == (640, 480) and shown.tobytes() == meant.tobytes(), number


def vimc_is_encoded_in_its_colours_and_moves():
    """It has no 640x480, and gives 636x480. Its picture: eight bars, with a clock before them."""
    with relay("Sensor B", "640x480") as program, viewer(program) as watching:
        jpegs = wait_more(watching, 10)
        program.log.wait(r"camera runs .*size=636x480 libcamera 0\.0\.3")
        assert program.stat("frames_encoded") >= 10
    assert {pictures.show(jpeg) for jpeg in jpegs} == {(636, 480)}
    first, last = (Image.open(io.BytesIO(jpegs[n])).convert("RGB") for n in (0, -1))
    bars = [tuple(part > 90 for part in first.getpixel((636 * (2 * n + 1) // 16, 400))) for n in range(8)]
    white, yellow, cyan, green, magenta, red, blue, black = bars
    print(bars)
    assert white == (1, 1, 1) and yellow == (1, 1, 0) and cyan == (0, 1, 1) and green == (0, 1, 0)
    assert magenta == (1, 0, 1) and red == (1, 0, 0) and blue == (0, 0, 1) and black == (0, 0, 0)
    assert ImageChops.difference(first, last).convert("L").point(lambda part: 255 * (part > 60)).getbbox()


CHECKS = [
    both_cameras_are_listed,
    a_usb_cameras_pictures_are_passed_through_byte_for_byte,
    it_is_unplugged_in_mid_stream_and_comes_back,
    it_comes_back_beside_another_camera,
    a_camera_that_falls_silent_is_opened_again,
    a_camera_that_another_program_has_is_said_to_be_in_use,
    tables_that_are_left_out_are_put_in_and_nothing_else,
    vimc_is_encoded_in_its_colours_and_moves,
]


def main():
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        start = time.monotonic()
        try:
            check()
            print(f"ok   {name} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception:
            print(f"{traceback.format_exc()}FAIL {name}", flush=True)
    print("end of the checks", flush=True)


if __name__ == "__main__":
    main()
