# SPDX-License-Identifier: MIT
"""`rpicam-vid --codec mjpeg -o - | framerelayd --publish …`: pictures from another program's output.

FFmpeg writes concatenated JPEGs in the Pi's place; and the test itself, so that the bytes are known.
When the input ends, the publisher is done, and that is success.
"""
import subprocess

import clients
import pictures
from support import conf


def test_bytes_in_are_bytes_out(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0))
    publisher = start(args=["--publish", "%s:%d/porch" % relay.address(), "--source", "stdin"], stdin=subprocess.PIPE)
    relay.wait_stat("publishers", 1)
    sent = [pictures.picture(n, "porch") for n in range(5)]

    for n, jpeg in enumerate(sent):
        publisher.process.stdin.write(jpeg)
        publisher.process.stdin.flush()
        viewer.wait_pictures(n + 1)
    publisher.process.stdin.close()

    assert publisher.wait() == 0
    assert viewer.pictures == sent


def test_ffmpeg(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "porch", queue=64, age_ms=0))
    camera = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=20",
                               "-frames:v", "60", "-f", "mjpeg", "-"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    with camera:
        publisher = start(args=["--publish", "%s:%d/porch" % relay.address(), "--source", "stdin"], stdin=camera.stdout)
        camera.stdout.close()
        viewer.wait_pictures(20)
        assert publisher.wait() == 0

    for jpeg in viewer.pictures:
        assert pictures.show(jpeg) == (320, 240)
