# SPDX-License-Identifier: MIT
"""Pictures of one's own arrive in a folder on the other side, in three commands.

A relay, `--publish` with a folder of JPEGs, `--subscribe` with a folder to write to: what a newcomer
does first. The files that arrive are the files that were sent, byte for byte.
"""
import pytest

import pictures
from support import conf, wait_for


@pytest.fixture
def folder(tmp_path):
    """A folder of pictures of several sizes."""
    made = tmp_path / "mine"
    made.mkdir()
    for n in range(6):
        (made / f"holiday {n}.jpg").write_bytes(pictures.picture(n, "mine", 64 + 32 * n, 48, quality=70))
    return made


def contents(folder, pattern="*.jpg"):
    return {path.read_bytes() for path in folder.glob(pattern)}


def test_three_commands(start, folder, tmp_path):
    relay = start(conf())
    where = "%s:%d/holiday" % relay.address()
    arrived = tmp_path / "arrived"
    arrived.mkdir()

    start(args=["--publish", where, "--source", f"files:{folder}/*.jpg", "--fps", "10"])
    viewer = start(args=["--subscribe", where, "--output", f"{arrived}/pic-%06n.jpg", "--count", "14"])

    assert viewer.wait() == 0
    assert len(list(arrived.glob("pic-*.jpg"))) == 14
    assert contents(arrived) == contents(folder)
    assert not [p for p in arrived.iterdir() if p.suffix != ".jpg"]  # no leftovers of files that appear by rename


def test_the_subscriber_may_come_first(start, folder, tmp_path):
    relay = start(conf())
    where = "%s:%d/holiday" % relay.address()
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    viewer = start(args=["--subscribe", where, "--output", f"{arrived}/%06n.jpg", "--count", "8"])
    relay.wait_stat("subscribers", 1)

    start(args=["--publish", where, "--source", f"files:{folder}/*.jpg", "--fps", "10"])

    assert viewer.wait() == 0
    assert contents(arrived) == contents(folder)


@pytest.mark.parametrize("always", [[], ["--always"]], ids=["asleep", "live"])
def test_a_viewer_that_waits_names_the_streams_there_are(start, folder, always):
    relay = start(conf())
    start(args=["--publish", "%s:%d/holiday" % relay.address(), "--source", f"files:{folder}/*.jpg", *always])
    relay.wait_stat("publishers", 1)

    viewer = start(args=["--subscribe", "%s:%d/holidays" % relay.address()])

    viewer.log.wait(r"waiting.*\bstream=holidays\b")
    viewer.log.wait(r"\bstream=holidays there=holiday$")


def test_the_stream_is_named_after_the_host_by_default(start, folder):
    import socket
    import clients
    relay = start(conf())
    start(args=["--publish", "%s:%d" % relay.address(), "--source", f"files:{folder}/*.jpg", "--always"])

    def named():
        return list(clients.listing(relay.address()))
    name, = wait_for(named, "a stream")
    assert name.lower() == "".join(c if c.isalnum() or c in "_-" else "-" for c in socket.gethostname().split(".")[0]).lower()


def test_a_folder_without_pictures_is_said(start, tmp_path):
    relay = start(conf())
    publisher = start(args=["--publish", "%s:%d/x" % relay.address(), "--source", f"files:{tmp_path}/none/*.jpg", "--always"])
    publisher.announce(r"none/\*\.jpg")
    publisher.expected_status = 1
    publisher.log.wait(r"none/\*\.jpg")
    if publisher.process.poll() is None:
        publisher.terminate()
        publisher.expected_status = publisher.wait()
        assert publisher.expected_status in (0, 1)
