# SPDX-License-Identifier: MIT
"""Programs that write JPEGs to a TCP port, one after the other, publish without a word more.

`rpicam-vid --codec mjpeg -o tcp://…` and `ffmpeg -f mjpeg tcp://…` do so: no lengths, no names. The
relay cuts the pictures by walking their markers: an FF D9 in a comment, or a thumbnail with its own
beginning and end, must not cut one in two. The cases are written byte by byte; FFmpeg itself follows.
"""
import subprocess

import pytest

import clients
import pictures
from support import conf, connect

STREAM = "cam-127-0-0-1"


def with_thumbnail(jpeg):
    """Gives the picture an APP1 segment that holds a whole JPEG, as cameras do."""
    inner = pictures.picture(99, "thumbnail", 16, 16)
    segment = b"\xff\xe1" + (len(inner) + 2 + 6).to_bytes(2, "big") + b"Exif\0\0" + inner
    return jpeg[:106] + segment + jpeg[106:]


def with_end_in_comment(jpeg):
    return jpeg[:106] + pictures.comment(b"\xff\xd9 \xff\xd8\xff") + jpeg[106:]


@pytest.mark.parametrize("piece", [1, 7, 4096, 1 << 20])
def test_pictures_are_cut_wherever_the_pieces_end(start, closing, piece):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM, 16, 16) for n in range(4)]
    sent += [with_thumbnail(sent[0]), with_end_in_comment(sent[1])]
    data = b"".join(sent)

    with connect(relay.address()) as sock:
        for at in range(0, len(data), piece):
            sock.sendall(data[at:at + piece])

    assert viewer.wait_pictures(6) == sent


def test_ffmpeg_publishes(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    host, port = relay.address()

    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
                    "-frames:v", "12", "-f", "mjpeg", f"tcp://{host}:{port}"], check=True, timeout=60)

    for jpeg in viewer.wait_pictures(12):
        assert pictures.show(jpeg) == (320, 240)
