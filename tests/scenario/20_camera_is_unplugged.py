# SPDX-License-Identifier: MIT
"""A camera that is unplugged and plugged in again: one line when it begins, one when it is over, and its pictures go on.

The camera is the fake of tests/camera-fake, there while a file is.
"""
import pathlib

import clients
import support
from support import conf


def test_it_comes_back_by_itself(start, closing, tmp_path):
    plugged = tmp_path / "plugged"
    plugged.touch()
    fake = pathlib.Path(support.binary()).with_name("libfr_camera_fake.so")
    relay = start(conf())
    publisher = start(args=["--publish", "%s:%d/porch" % relay.address(), "--warmup", "0"],
                      env={"FRAMERELAYD_CAMERA": str(fake), "FAKE_CAMERA": str(plugged)})
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    viewer.wait_pictures(5)

    for times in (1, 2):
        since = publisher.log.mark()
        plugged.unlink()
        publisher.log.wait("camera does not work.*unplugged", since)
        before = len(viewer.pictures)
        plugged.touch()
        publisher.log.wait("camera works again", since)
        viewer.wait_pictures(before + 5)
        assert len(publisher.log.find("camera works again")) == times

    assert len(publisher.log.find("camera does not work")) == 2
