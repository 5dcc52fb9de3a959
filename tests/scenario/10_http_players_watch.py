# SPDX-License-Identifier: MIT
"""The players and libraries that people use, each as its manual says, show a camera's pictures.

The camera sends pictures of one colour: what a program shows is known by looking, not by a good exit status.
"""
import io
import os
import pathlib
import subprocess
import tempfile
import time

import pytest
import requests
from PIL import Image

import clients
from mjpeg import conf
from support import wait_for

SIZE = (320, 256)  # whole blocks: one of the players shows no others


def coloured(number):
    """A picture whose red says its number, as far as a JPEG keeps it."""
    file = io.BytesIO()
    Image.new("RGB", SIZE, ((number * 40) % 200 + 20, 60, 120)).save(file, "JPEG", quality=95)
    return file.getvalue()


PICTURES = [coloured(n) for n in range(5)]


class Camera(clients.Camera):
    """Five colours in turn, ten pictures a second."""

    def _run(self):
        try:
            while not self._stop.is_set():
                self.publisher.send(PICTURES[self.sent % 5])
                self.sent += 1
                self._stop.wait(0.1)
        except OSError as error:
            self.failed = error


@pytest.fixture
def url(start):
    relay = start(conf())
    camera = Camera(clients.Publisher(relay.address(), "cam"))
    camera.wait_sent(1)
    yield "http://%s:%d" % relay.address(door="http")
    camera.close()


def run(*command, timeout=60, **options):
    began = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=timeout, **options)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    print(f"{command[0]}: {time.monotonic() - began:.1f} s")
    return done.stdout


def check_picture(image):
    assert image.size == SIZE
    red, green, blue = image.convert("RGB").getpixel((160, 120))
    assert min(abs(red - (n * 40 % 200 + 20)) for n in range(5)) < 8, (red, green, blue)
    assert abs(green - 60) < 8 and abs(blue - 120) < 8, (red, green, blue)
    return red


OPENCV = """
import cv2, sys
capture = cv2.VideoCapture(sys.argv[1])
assert capture.isOpened()
for i in range(12):
    good, picture = capture.read()
    assert good
    blue, green, red = map(int, picture[120, 160])
    print(picture.shape[1], picture.shape[0], red, green, blue)
"""


@pytest.mark.parametrize("path", ["/streams/cam.mjpg", "/video_feed", "/?action=stream"])
def test_opencv(url, path):
    lines = run("/usr/bin/python3", "-c", OPENCV, url + path).decode().split("\n")[:12]
    seen = [list(map(int, line.split())) for line in lines]
    assert all(row[:2] == list(SIZE) and abs(row[3] - 60) < 8 and abs(row[4] - 120) < 8 for row in seen), seen
    assert len({row[2] // 10 for row in seen}) == 5, f"all five colours: {seen}"


@pytest.mark.parametrize("options", [[], ["-f", "mpjpeg"]], ids=["probed", "mpjpeg"])
def test_ffprobe_and_ffmpeg(url, options):
    probe = run("ffprobe", "-v", "error", *options, "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0",
                url + "/stream")
    assert probe.decode().split() == ["mjpeg,320,256"]
    pixels = run("ffmpeg", "-v", "error", "-nostdin", *options, "-i", url + "/stream", "-frames:v", "8", "-f", "rawvideo",
                 "-pix_fmt", "rgb24", "-")
    assert len(pixels) == 8 * 320 * 256 * 3
    reds = {check_picture(Image.frombytes("RGB", SIZE, pixels[i:i + 320 * 256 * 3])) // 10
            for i in range(0, len(pixels), 320 * 256 * 3)}
    assert len(reds) == 5


def test_gstreamer(url, tmp_path):
    run("gst-launch-1.0", "-q", "souphttpsrc", f"location={url}/stream", "!", "multipartdemux", "!", "jpegdec", "!",
        "videoconvert", "!", "pngenc", "!", "identity", "eos-after=8", "!", "multifilesink", f"location={tmp_path}/%d.png")
    files = sorted(tmp_path.glob("*.png"))
    assert len(files) >= 7
    assert len({check_picture(Image.open(file)) // 10 for file in files}) == 5


def test_vlc(url):
    """It refuses to run as root, so it runs as nobody where the tests do; what it shows goes to files."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        playing = subprocess.Popen(
            ["cvlc", "-q", "--no-audio", "--vout", "dummy", "--video-filter", "scene", "--scene-path", folder,
             "--scene-format", "png", "--scene-ratio", "1", url + "/?action=stream"],
            env={**os.environ, "HOME": folder}, user="nobody" if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def colours():
            files = sorted(pathlib.Path(folder).glob("scene*.png"))[:-1]  # the last one may not be whole
            different = {file.read_bytes(): file for file in files}
            return {check_picture(Image.open(file)) // 10 for file in different.values()}
        try:
            wait_for(lambda: len(colours()) == 5, "VLC shows all five colours")
        finally:
            playing.terminate()
            playing.wait(30)


def test_requests(url):
    """A stream by lines and lengths as in the answers that people find, and snapshots in a session that stays open."""
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(url + "/snapshot.jpg", timeout=30)
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.content in PICTURES
        tag = session.get(url + "/streams/cam.jpg?max_age=5000", timeout=30).headers["ETag"]
        newer = session.get(url + "/streams/cam.jpg", params={"after": tag.strip('"')}, timeout=30)
        assert int(newer.headers["X-Sequence"]) > int(tag.strip('"'))
    got, found = b"", []
    with requests.get(url + "/stream", stream=True, timeout=30) as answer:
        for piece in answer.iter_content(1024):
            got += piece
            while (begin := got.find(b"\xff\xd8")) >= 0 and (end := got.find(b"\xff\xd9", begin)) >= 0:
                found.append(got[begin:end + 2])
                got = got[end + 2:]
            if len(found) >= 6:
                break
    assert all(jpeg in PICTURES for jpeg in found)


def test_curl_writes_what_an_mjpeg_player_plays(url, tmp_path):
    """The body alone, saved, is a file that FFmpeg knows."""
    file = tmp_path / "stream.mjpeg"
    done = subprocess.run(["curl", "-sS", "--max-time", "1.5", "-o", str(file), url + "/stream"], capture_output=True, timeout=60)
    assert done.returncode == 28, done.stderr  # it runs until the time is over
    shown = run("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", file)
    assert int(shown) >= 5
