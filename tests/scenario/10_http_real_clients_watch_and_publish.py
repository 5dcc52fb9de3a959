# SPDX-License-Identifier: MIT
"""Programs that people have watch and publish over HTTP: curl, FFmpeg, and Python's urllib.

What one of them publishes is what another one gets, byte for byte where the program hands the bytes
out. HTTP is spoken on the http door's port and, through a hand-over, on the frames port.
"""
import json
import subprocess
import urllib.request

import pytest

import clients
import pictures
from support import connect, read_to_end

BOTH = """
limits = { log_lines_per_second = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""


def url(relay, path, door="http"):
    host, port = relay.address(door=door)
    return f"http://{host}:{port}{path}"


def curl(*args):
    done = subprocess.run(["curl", "-sS", "--max-time", "60", *map(str, args)], capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_part(stream):
    """Reads one part as a program does that trusts Content-Length: its header lines and its picture."""
    header = {}
    while True:
        line = stream.readline()
        assert line.endswith(b"\r\n") and len(line) < 128, line
        if line == b"\r\n":
            break
        if not line.startswith(b"--"):
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            header[name] = value
    assert header["Content-Type"] == "image/jpeg"
    jpeg = stream.read(int(header["Content-Length"]))
    assert stream.readline() == b"\r\n"
    return header, jpeg


@pytest.mark.parametrize("door", ["http", "frames"])
def test_mjpeg_is_what_was_published(start, closing, door):
    relay = start(BOTH)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    sent = [pictures.picture(n) for n in range(1, 6)]
    publisher.send(sent[0])
    relay.wait_stat("frames_published", 1)

    with urllib.request.urlopen(url(relay, "/streams/cam.mjpg?queue=64&age_ms=0", door), timeout=60) as stream:
        assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
        got = [read_part(stream)]
        for jpeg in sent[1:]:
            publisher.send(jpeg)
        while got[-1][1] != sent[-1]:
            got.append(read_part(stream))

    seen = list(dict.fromkeys(jpeg for _, jpeg in got))  # a slow machine may have seen one twice
    assert seen == sent
    numbers = [int(header["X-Sequence"]) for header, _ in got]
    assert numbers == sorted(numbers)


def test_curl_publishes_and_takes_snapshots(start, tmp_path):
    relay = start(BOTH)
    jpeg = pictures.picture(7, size=20_000)
    file = tmp_path / "picture.jpg"
    file.write_bytes(jpeg)

    for how in (["-T", file], ["-F", f"picture=@{file}"], ["--data-binary", f"@{file}"],
                ["-H", "Content-Type: image/jpeg", "--data-binary", f"@{file}"],
                ["-H", "Transfer-Encoding: chunked", "-T", file]):
        assert json.loads(curl(*how, url(relay, "/streams/porch"))) == {"published": 1}, how

    assert curl(url(relay, "/streams/porch.jpg")) == jpeg
    assert curl(url(relay, "/snapshot?1699999999")) == jpeg
    assert b"image/jpeg" in curl("-I", url(relay, "/streams/porch.jpg"))
    assert curl("-o", "/dev/null", "-w", "%{http_code}", url(relay, "/streams/nobody.jpg")) == b"404"
    stream = json.loads(curl(url(relay, "/streams/porch")))
    assert (stream["state"], stream["width"], stream["height"]) == ("live", 64, 48)
    assert [s["name"] for s in json.loads(curl(url(relay, "/streams")))] == ["porch"]
    assert b'framerelayd_stream_frames_received_total{stream="porch",door="http"} 5' in curl(url(relay, "/metrics"))


def test_ffmpeg_publishes_and_ffmpeg_watches(start):
    """An endless chunked body in, without a Content-Type; a multipart stream out, by FFmpeg's own probing."""
    relay = start(BOTH)
    pushing = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "mpjpeg",
         "-method", "POST", url(relay, "/streams/test")], stdout=subprocess.DEVNULL)
    try:
        relay.wait_stat("frames_published", 1)
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-i", url(relay, "/streams/test.mjpg"), "-frames:v", "5", "-f", "framemd5", "-"],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert len([line for line in done.stdout.splitlines() if not line.startswith("#")]) == 5
    finally:
        pushing.terminate()
        pushing.wait(30)
    assert relay.rejected("bad_multipart", "http") == 0


def test_half_of_a_request_on_the_frames_port_is_handed_over_whole(start):
    relay = start(BOTH)
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    for cut in (1, 3, 4, 5, len(request) - 1):
        with connect(relay.address()) as sock:
            sock.sendall(request[:cut])
            sock.sendall(request[cut:])
            assert read_to_end(sock).endswith(b"\r\n\r\nok\n")
    with connect(relay.address()) as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert read_to_end(sock).startswith(b"HTTP/1.1 400 ")
    assert relay.rejected("wrong_protocol") == 1


@pytest.mark.parametrize("door", ["http", "frames"])
def test_what_came_with_the_head_is_counted_too(start, tmp_path, door):
    """A body's first bytes come in one read with the head: the accounts count them all the same."""
    relay = start(BOTH)
    jpeg = tmp_path / "one.jpg"
    jpeg.write_bytes(pictures.picture(1, size=3000))

    for _ in range(3):
        curl("-X", "POST", "-H", "Content-Type: image/jpeg", "--data-binary", f"@{jpeg}", url(relay, "/streams/cam", door))

    counted = relay.stats()
    assert counted["bytes_published"] == 9000
    assert counted["bytes_received"] >= 9000
