# SPDX-License-Identifier: MIT
"""`--subscribe` writes what it gets: numbered files, dated files, one file, the newest only, a pipe.

Whatever the form, a picture is written whole or not at all, and nothing that was there before is lost
where the name has a `%`. The pictures come from a foreign publisher, so each one is known.
"""
import csv
import os
import re
import signal
import subprocess
import time

import pytest

import clients
import pictures
import recipe
from support import conf, wait_for


@pytest.fixture
def porch(start, closing):
    """A relay whose stream `porch` is live; gives it with where to subscribe."""
    relay = start(conf())
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), fps=20, stream="porch"))
    camera.wait_sent(1)
    relay.where = "%s:%d/porch" % relay.address()
    return relay


def subscribe(start, relay, *args, **options):
    return start(args=["--subscribe", relay.where, *map(str, args)], **options)


def consecutive(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_numbered_files(start, porch, tmp_path):
    viewer = subscribe(start, porch, "--output", tmp_path / "pic-%06n.jpg", "--count", 10)

    assert viewer.wait() == 0
    files = sorted(tmp_path.glob("pic-*.jpg"), key=lambda p: int(p.stem.split("-")[1]))
    assert len(files) == 10
    assert consecutive([pictures.number_of(f.read_bytes()) for f in files])
    assert consecutive([int(f.stem.split("-")[1]) for f in files])  # %n is the picture's sequence


def test_dated_files_in_folders_are_never_overwritten(start, porch, tmp_path):
    viewer = subscribe(start, porch, "--output", tmp_path / "%Y%m%d/%H%M%S.jpg", "--count", 30)

    assert viewer.wait() == 0
    files = list(tmp_path.glob("*/*.jpg"))
    assert len(files) == 30
    assert all(re.fullmatch(r"\d{8}/\d{6}(-\d+)?\.jpg", str(f.relative_to(tmp_path))) for f in files)
    assert any("-2" in f.stem for f in files)  # 20 pictures a second
    assert consecutive(sorted(pictures.number_of(f.read_bytes()) for f in files))


def test_one_mjpeg_file(start, porch, tmp_path):
    out = tmp_path / "all.mjpeg"
    viewer = subscribe(start, porch, "--output", out, "--count", 10)

    assert viewer.wait() == 0
    parts = [b"\xff\xd8\xff\xfe" + p for p in out.read_bytes().split(b"\xff\xd8\xff\xfe")[1:]]
    assert len(parts) == 10
    assert consecutive([pictures.number_of(p) for p in parts])


def test_the_newest_only(start, porch, tmp_path):
    """A name without % is replaced by each picture, at once: a reader never sees half of one."""
    out = tmp_path / "now.jpg"
    viewer = subscribe(start, porch, "--output", out)
    wait_for(out.exists, "the first picture")

    seen = set()

    def three_and_whole():
        seen.add(pictures.number_of(out.read_bytes()))
        return len(seen) >= 3
    wait_for(three_and_whole, "it changes")
    viewer.signal(signal.SIGINT)

    assert viewer.wait() == 0
    assert [p.name for p in tmp_path.glob("now*")] == ["now.jpg"]


def test_a_pipe_in_the_way_is_left_alone(start, porch, tmp_path):
    """Whoever says /dev/stdout for - must not lose it to a file."""
    out = tmp_path / "now.jpg"
    os.mkfifo(out)
    viewer = subscribe(start, porch, "--output", out, "--duration", 1)
    viewer.announce("now.jpg")
    viewer.expected_status = 1
    assert viewer.wait() == 1
    assert out.is_fifo()
    assert viewer.log.find(r"now\.jpg.*standard output")


def test_standard_output(start, porch):
    viewer = subscribe(start, porch, "--output", "-", "--count", 5, stdout=subprocess.PIPE)
    got = viewer.process.stdout.read()

    assert viewer.wait() == 0
    parts = [b"\xff\xd8\xff\xfe" + p for p in got.split(b"\xff\xd8\xff\xfe")[1:]]
    assert consecutive([pictures.number_of(p) for p in parts]) and len(parts) == 5


def test_ffmpeg_reads_standard_output(start, porch, tmp_path):
    viewer = subscribe(start, porch, "--output", "-", "--count", 10, stdout=subprocess.PIPE)
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "mjpeg", "-i", "-", f"{tmp_path}/out-%d.png"],
                          stdin=viewer.process.stdout, timeout=60)
    assert done.returncode == 0
    assert viewer.wait() == 0
    assert len(list(tmp_path.glob("out-*.png"))) >= 9


def test_the_reader_of_standard_output_goes_away(start, porch):
    """`| head` is no reason to hang, or to be killed without a word."""
    viewer = subscribe(start, porch, "--output", "-", stdout=subprocess.PIPE)
    assert viewer.process.stdout.read(1000)
    viewer.process.stdout.close()

    viewer.announce(".")
    viewer.expected_status = viewer.wait()
    assert viewer.expected_status in (0, 1)


def test_standard_output_on_a_full_disk_ends_it(start, porch):
    """What comes after half a picture would be no picture: so it ends, with a sentence, rather than going on."""
    with open("/dev/full", "wb") as full:
        viewer = subscribe(start, porch, "--output", "-", stdout=full)
    viewer.announce("standard output")
    viewer.expected_status = 1
    assert viewer.wait() == 1
    assert viewer.log.lines[-1] == "framerelayd: standard output: No space left on device"


def test_timestamps(start, porch, tmp_path):
    table = tmp_path / "times.csv"
    viewer = subscribe(start, porch, "--output", tmp_path / "%06n.jpg", "--timestamps", table, "--count", 5)

    assert viewer.wait() == 0
    rows = [r for r in csv.reader(table.read_text().splitlines()) if r and r[0].isdigit()]
    assert len(rows) == 5
    assert consecutive([int(r[0]) for r in rows])
    for sequence, captured, received, size, file in rows:
        path = tmp_path / file if not file.startswith("/") else type(tmp_path)(file)
        assert path.stat().st_size == int(size)


def test_statistics(start, porch):
    viewer = subscribe(start, porch, "--stats", "--duration", 4, stdout=subprocess.PIPE)
    said = viewer.process.stdout.read().decode()
    assert viewer.wait() == 0
    said += "\n".join(viewer.log.lines)
    assert len(re.findall(r"p50", said)) >= 2, said
    assert re.search(r"p99", said) and re.search(r"dropped", said)


def test_a_duration(start, porch, tmp_path):
    began = time.monotonic()
    viewer = subscribe(start, porch, "--output", tmp_path / "%06n.jpg", "--duration", 2)
    assert viewer.wait() == 0
    assert time.monotonic() - began >= 1.9
    assert 20 <= len(list(tmp_path.glob("*.jpg"))) <= 60


def test_fewer_pictures(start, porch, tmp_path):
    viewer = subscribe(start, porch, "--output", tmp_path / "%06n.jpg", "--max-fps", 4, "--duration", 3)
    assert viewer.wait() == 0
    assert 4 <= len(list(tmp_path.glob("*.jpg"))) <= 14


def test_on_to_a_program_that_speaks_the_recipe(start, porch, closing):
    server = closing(recipe.Server())
    viewer = subscribe(start, porch, "--to", f"frames:127.0.0.1:{server.port}")
    server.wait_seen(10)
    viewer.terminate()
    assert viewer.wait() == 0
    server.wait_done()
    assert {size for size, _ in server.seen} == {"64x48"}


def test_without_a_stream_it_lists_what_there_is(start, porch):
    viewer = start(args=["--subscribe", "%s:%d" % porch.address()], stdout=subprocess.PIPE)
    said = viewer.process.stdout.read().decode()
    assert viewer.wait() == 0
    assert re.search(r"\bporch\b.*\blive\b.*\b64x48\b", said + "\n".join(viewer.log.lines))


def test_a_folder_that_is_not_there(start, porch, tmp_path):
    """A folder is made where it can be; where it cannot, that is said."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    viewer = subscribe(start, porch, "--output", blocked / "%06n.jpg", "--count", 3)
    viewer.announce(str(blocked))
    viewer.log.wait(str(blocked))
    if viewer.process.poll() is None:
        viewer.terminate()
    viewer.expected_status = viewer.wait()


def test_pictures_that_could_not_be_written_are_no_success(start, porch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    viewer = subscribe(start, porch, "--output", blocked / "%06n.jpg", "--duration", 2)
    viewer.announce("file")
    viewer.expected_status = 1
    assert viewer.wait() == 1
    assert "failed" in viewer.log.lines[-1] or str(blocked) in viewer.log.lines[-1]
