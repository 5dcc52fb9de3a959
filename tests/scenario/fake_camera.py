# SPDX-License-Identifier: MIT
"""The camera of tests/camera-fake for a whole program: its environment, and what is taken and encoded a second."""
import pathlib
import time

import support


def environment(**more):
    """With it a program's camera is the fake, which gives 30 pictures a second."""
    module = pathlib.Path(support.binary(release=True)).with_name("libfr_camera_fake.so")
    return {"FRAMERELAYD_CAMERA": str(module), "FAKE_CAMERA_US": "33333", **more}


def rate(program, counter, seconds=2):
    """How much it counts a second."""
    before, began = program.stat(counter), time.monotonic()
    time.sleep(seconds)
    return (program.stat(counter) - before) / (time.monotonic() - began)
