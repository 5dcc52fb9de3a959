# SPDX-License-Identifier: MIT
"""A real libcamera, with its virtual camera: listed, captured on demand, encoded and published to a relay elsewhere.

The camera's end runs in a Debian of its own (tests/camera-virtual), where the module was built; the relay outside.
"""
import io
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from PIL import Image, ImageChops

import clients
import fake_camera
import pictures
import support
from support import conf, wait_for

LINGER = "linger.conf"
FOLDER = support.ROOT / "build-virtual"
TREE = FOLDER / "tree"
INSIDE = "/opt/framerelayd"


def put(source, there):
    """Copies a file in one step: another test may be running the one that is there."""
    there.parent.mkdir(parents=True, exist_ok=True)
    new = there.with_name(f"{there.name}.{os.getpid()}")
    shutil.copy(source, new)
    new.replace(there)


@pytest.fixture(scope="module")
def under():
    """What comes before the program, which is then in the tree under the same name as here."""
    made = subprocess.run([support.ROOT / "tests/camera-virtual/tree.sh", FOLDER], capture_output=True, text=True, timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr
    program = pathlib.Path(support.binary(release=True))
    folder = TREE / INSIDE.lstrip("/")
    put(program, TREE / str(program).lstrip("/"))
    libraries = re.findall(r"=> (/\S+)", subprocess.check_output(["ldd", program], text=True))
    for library in libraries:
        if not re.search(r"/(libc|libm|libdl|librt|libpthread)\.so", library):
            put(library, folder / pathlib.Path(library).name)
    (folder / LINGER).write_text("doors = ( ); limits = { demand_linger_ms = 300; };")
    (folder / LINGER).chmod(0o600)
    return ["chroot", str(TREE), "env", f"LD_LIBRARY_PATH={INSIDE}", f"LD_PRELOAD={INSIDE}/udmabuf.so",
            f"FRAMERELAYD_CAMERA={INSIDE}/framerelayd-camera.so"]


@pytest.fixture
def publish(start, under):
    def begin(relay, *args):
        return start(args=["--publish", "%s:%d/porch" % relay.address(), *args], under=under, release=True)
    return begin


def ask(under, *args):
    return subprocess.run([*under, support.binary(release=True), *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ})


def moved(one, other):
    images = [Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in (one, other)]
    return ImageChops.difference(*images).convert("L").point(lambda p: 255 if p > 60 else 0).getbbox() is not None


def test_it_is_listed(under):
    listed = ask(under, "--list-cameras")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("0: Virtual0  Virtual Video Device, external\n")
    assert "1280x720-NV12" in listed.stdout and "640x480-NV12" in listed.stdout


def test_without_arguments_it_is_what_is_shown(under):
    printed = ask(under, "--print-config")
    assert 'kind = "camera"' in printed.stdout, printed.stderr


@pytest.mark.parametrize("size, more, shown", [("640x480", [], (640, 480)), ("1280x720", ["--rotate", "90"], (720, 1280))])
def test_pictures_have_the_size_and_move(start, publish, closing, size, more, shown):
    relay = start(conf())
    publish(relay, "--size", size, "--warmup", "0", *more)
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0))

    viewer.wait_pictures(10)

    assert {pictures.show(jpeg) for jpeg in viewer.pictures} == {shown}
    assert moved(viewer.pictures[0], viewer.pictures[9])


def test_it_runs_while_somebody_watches(start, publish, closing):
    relay = start(conf())
    publisher = publish(relay, "--warmup", "0", "-c", f"{INSIDE}/{LINGER}")
    publisher.log.wait(r"frames-push: connected")
    assert not publisher.log.find(r"camera runs")

    for _ in range(2):
        since = publisher.log.mark()
        viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0))
        viewer.wait_pictures(3)
        publisher.log.wait(r"camera runs .*libcamera 0\.[4-9]", since)
        viewer.close()
        publisher.log.wait(r"camera: source stopped", since)
        # What was under way may still be counted; then there is nothing more.
        wait_for(lambda: fake_camera.rate(publisher, "camera_pictures", 0.2) == 0, "it has stopped")
        assert fake_camera.rate(publisher, "camera_pictures", 1) == 0


def test_the_rate_is_kept_and_the_pictures_are_new(start, publish, closing):
    """libcamera's virtual camera gives hundreds a second, whatever it is told."""
    relay = start(conf())
    publisher = publish(relay, "--warmup", "0", "--fps", "10")
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0, records=1))

    viewer.wait_pictures(11)

    times = [record.time_us for record in viewer.of(1)][-11:]
    assert 0.8 < (times[10] - times[0]) / 1e6 < 1.6
    assert publisher.stat("camera_dropped_paced") > 0
    assert publisher.stat("frames_encoded") < 40


def test_a_control_that_it_does_not_have_is_answered_with_the_list(publish, start):
    relay = start(conf())
    publisher = publish(relay, "--always", "--control", "Nonsense=1")
    assert publisher.wait() == 1
    publisher.expected_status = 1
    publisher.stopping = False
    assert publisher.log.find(r'no control "Nonsense"; it has: .*FrameDurationLimits')


def test_a_relay_that_goes_away_is_found_again_with_the_newest_picture(start, publish, closing):
    port = support.free_port()
    door = f'doors = ( {{ kind = "frames"; listen = "127.0.0.1:{port}"; }} );'
    relay = start(door)
    relay.address()
    publisher = publish(relay, "--warmup", "0", "--always")
    publisher.log.wait(r"frames-push: connected")
    relay.wait_stat("frames_published", 3)
    since = publisher.log.mark()
    relay.stop()
    publisher.log.wait(r"frames-push: .*away", since)
    taken = publisher.stat("camera_pictures")
    publisher.wait_stat("camera_pictures", taken + 60)  # what would be a backlog
    back = time.time()
    again = start(door)
    viewer = closing(clients.Subscriber(again.address(), "porch", queue=64, age_ms=0, records=1))
    publisher.log.wait(r"frames-push: connected", since)
    frames = viewer.wait_record(clients.FRAME, 10)
    assert len([frame for frame in frames if frame.time_us / 1e6 < back]) <= 1
    assert len(publisher.log.find(r"^warning", since)) == 1
