# SPDX-License-Identifier: MIT
"""Programs that write a multipart stream to a TCP port publish, too.

`ffmpeg -f mpjpeg tcp://…` does so: the body of an MJPEG answer without the HTTP in front. The parts
are written by hand with and without their length, cut at awkward places; then by FFmpeg itself.
"""
import subprocess

import pytest

import clients
import pictures
from support import conf, connect

STREAM = "cam-127-0-0-1"


def part(jpeg, with_length):
    length = b"Content-Length: %d\r\n" % len(jpeg) if with_length else b""
    return b"--boundary\r\nContent-type: image/jpeg\r\n" + length + b"\r\n" + jpeg + b"\r\n"


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("piece", [1, 11, 1 << 20])
def test_parts_become_pictures(start, closing, piece, with_length):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    sent = [pictures.picture(n, STREAM, 16, 16) for n in range(5)]
    data = b"".join(part(j, with_length) for j in sent) + b"--boundary--\r\n"

    with connect(relay.address()) as sock:
        for at in range(0, len(data), piece):
            sock.sendall(data[at:at + piece])
        viewer.wait_pictures(5)

    assert viewer.pictures == sent


def test_ffmpeg_publishes(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), STREAM, queue=64, age_ms=0))
    host, port = relay.address()

    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
                    "-frames:v", "12", "-f", "mpjpeg", f"tcp://{host}:{port}"], check=True, timeout=60)

    for jpeg in viewer.wait_pictures(12):
        assert pictures.show(jpeg) == (320, 240)
