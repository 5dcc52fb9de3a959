# SPDX-License-Identifier: MIT
"""A record sink in the configuration keeps pictures as files, within the space it was given.

The relay runs as a daemon would; the files are looked at from outside while it writes.
"""
import pictures
import clients
from support import conf, wait_for


def recording(start, output, more="", limits=""):
    return start(conf(f'sinks = ( {{ kind = "record"; stream = "porch"; output = "{output}"; {more} }} );', limits=limits))


def publish(relay, closing, count, **form):
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    for n in range(count):
        publisher.send(pictures.picture(n, "porch", **form))
        relay.wait_stat("files_written", n + 1)
    return publisher


def test_every_picture_a_file(start, closing, tmp_path):
    relay = recording(start, f"{tmp_path}/%06n.jpg")
    publish(relay, closing, 10)

    files = sorted(tmp_path.glob("*.jpg"))
    assert [f.read_bytes() for f in files] == [pictures.picture(n, "porch") for n in range(10)]


def test_the_space_is_kept_by_removing_the_oldest(start, closing, tmp_path):
    relay = recording(start, f"{tmp_path}/%06n.jpg", "keep_bytes = 100000;")
    publish(relay, closing, 20, size=20_000)

    def kept():
        files = sorted(tmp_path.glob("*.jpg"))
        return files if sum(f.stat().st_size for f in files) <= 100_000 else None
    files = wait_for(kept, "no more than keep_bytes")
    assert pictures.number_of(files[-1].read_bytes()) == 19


def test_a_disk_that_fails_is_said_once_and_harms_nobody(start, closing, calm, tmp_path):
    """Imitated by a folder that becomes a file: every write fails, until it is mended."""
    folder = tmp_path / "pictures"
    relay = recording(start, f"{folder}/%06n.jpg")
    calm(relay.address())
    relay.announce("record")
    folder.mkdir(exist_ok=True)
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    for n in range(20):
        publisher.send(pictures.picture(n, "porch"))
    relay.wait_stat("write_errors", 3)
    assert 1 <= len([line for line in relay.log.lines if "in the way" not in line and "record:" in line and "rror" in line]) <= 5

    folder.unlink()
    wait_for(lambda: (publisher.send(pictures.picture(99, "porch")), relay.stat("files_written"))[1] > 0, "it writes again")


def test_a_full_disk_is_one_line_whatever_the_files_are_called(start, closing, tmp_path):
    """As a full disk does, a limit of the size of files ends each write in the middle."""
    config = conf(f'sinks = ( {{ kind = "record"; stream = "porch"; output = "{tmp_path}/%06n.jpg"; }} );')
    relay = start(config, under=("prlimit", "--fsize=1000"))
    relay.announce("record: picture not written")
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    for n in range(10):
        publisher.send(pictures.picture(n, "porch"))
        relay.wait_stat("write_errors", n + 1)

    assert len(relay.log.find("record: picture not written")) == 1
    assert not list(tmp_path.glob("*.jpg"))


def test_many_recordings_into_one_folder(start, closing, tmp_path):
    """They do not stand in each other's way: every picture of each stream is there."""
    rows = ", ".join(f'{{ kind = "record"; stream = "cam{n}"; output = "{tmp_path}/cam{n}-%06n.jpg"; }}' for n in range(8))
    relay = start(conf(f"sinks = ( {rows} );"))
    publishers = [closing(clients.Publisher(relay.address(), f"cam{n}")) for n in range(8)]

    for number in range(1, 31):
        for n, publisher in enumerate(publishers):
            publisher.send(pictures.picture(number, f"cam{n}"))
        wait_for(lambda: relay.stat("files_written") + relay.stat("write_errors") >= number * 8, "written, or not")

    assert relay.stat("write_errors") == 0
    for n in range(8):
        numbers = sorted(pictures.number_of(f.read_bytes()) for f in tmp_path.glob(f"cam{n}-*.jpg"))
        assert numbers == list(range(1, 31))
    assert not list(tmp_path.glob(".framerelayd*"))


def test_slow_pictures_for_a_long_time(start, closing, tmp_path):
    """max_fps thins what is kept."""
    relay = recording(start, f"{tmp_path}/%06n.jpg", "max_fps = 5;")
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), fps=40, stream="porch"))
    relay.wait_stat("files_written", 5)
    sent = camera.stop()
    assert len(list(tmp_path.glob("*.jpg"))) < sent / 2
