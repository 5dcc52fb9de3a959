# SPDX-License-Identifier: MIT
"""Dashboards read MJPEG each in a way of its own; each way is played here, and must see each picture at once.

The next picture is published only when the one before was seen, so a reader that needs what follows a picture (the next
delimiter, one more byte) must get it with the picture. The readers are written from what the programs do, quirks
included: none of them is a parser of multipart as the standard has it.
"""
import itertools
import re
import time

import pytest

import clients
import pictures
from mjpeg import conf
from support import connect

GET = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


def chunks(sock):
    """What the network gives, piece by piece, as fetch() hands it on."""
    while True:
        piece = sock.recv(65536)
        assert piece, "the stream has ended"
        yield piece


def body(sock, request=GET):
    """The answer's header lines, and then the pieces of its body."""
    sock.sendall(request)
    head = b""
    pieces = chunks(sock)
    while b"\r\n\r\n" not in head:
        head += next(pieces)
    head, _, rest = head.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Transfer-Encoding" not in head and b"Content-Length" not in head
    return head.decode(), rest, pieces


def mainsail(sock):
    """Looks for ff d8 inside one chunk, takes Content-Length bytes, and shows them when one more byte follows."""
    _, rest, pieces = body(sock)
    header, image, length = "", None, 0
    for chunk in itertools.chain([rest], pieces):
        i = 0
        while i < len(chunk):
            if image is None and chunk[i] == 0xFF and i + 1 < len(chunk) and chunk[i + 1] == 0xD8:
                length = int(re.search(r"content-length:\s*(\d+)", header, re.I)[1])
                image = b""
            if image is None:
                header += chr(chunk[i])
                i += 1
            elif len(image) < length:
                take = chunk[i:i + length - len(image)]
                image += take
                i += len(take)
            else:
                yield image
                header, image = "", None


def fluidd(sock):
    """Takes the parameter as it stands, and shows a picture when the next delimiter is there."""
    head, got, pieces = body(sock)
    delimiter = b"--" + re.search(r"boundary=([^;\r]+)", head)[1].encode()
    while True:
        while got.count(delimiter) < 2:
            got += next(pieces)
        begin = got.index(delimiter)
        end = got.index(delimiter, begin + len(delimiter))
        part = got[begin + len(delimiter):end]
        got = got[end:]
        yield part[part.index(b"\r\n\r\n") + 4:-2]


def motioneye(sock):
    """Asks Motion's stream port, which has no path, and looks for the letters Content-Length:"""
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    got, pieces = b"", chunks(sock)

    def until(what):
        nonlocal got
        while what not in got:
            got += next(pieces)
        before, _, got = got.partition(what)
        return before
    while True:
        until(b"Content-Length:")
        length = int(until(b"\r\n\r\n").split(b"\r\n")[0])
        while len(got) < length:
            got += next(pieces)
        yield got[:length]
        got = got[length:]


def go2rtc(sock):
    """Lines of a header, a Content-Length in each, and a line's end before the next delimiter."""
    sock.sendall(b"GET /api/stream.mjpeg?src=cam HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stream = sock.makefile("rb")
    while stream.readline() != b"\r\n":
        pass
    while True:
        assert stream.readline().startswith(b"--")
        header = dict(line.rstrip().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
        yield stream.read(int(header[b"Content-Length"]))
        assert stream.readline() == b"\r\n"


def home_assistant(sock):
    """From the first ff d8 to the first ff d9 after it, wherever the pieces end."""
    _, got, pieces = body(sock)
    while True:
        while (end := got.find(b"\xff\xd9")) < 0 or (begin := got.find(b"\xff\xd8")) < 0:
            got += next(pieces)
        yield got[begin:end + 2]
        got = got[end + 2:]


def mjpg_streamer(sock):
    """input_http: has its delimiter built in."""
    _, got, pieces = body(sock, b"GET /?action=stream HTTP/1.0\r\n\r\n")
    while True:
        while got.count(b"--boundarydonotcross") < 2:
            got += next(pieces)
        part, _, rest = got.partition(b"--boundarydonotcross")[2].partition(b"--boundarydonotcross")
        got = b"--boundarydonotcross" + rest
        yield part[part.index(b"\r\n\r\n") + 4:-2]


def pikvm(sock):
    """The head of the next part comes in advance, without a length; a picture ends where the delimiter is."""
    head, got, pieces = body(sock, b"GET /stream?key=k1&advance_headers=1&dual_final_frames=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert "Set-Cookie: stream_client=k1/" in head
    delimiter = b"--" + re.search(r"boundary=(\w+)", head)[1].encode() + b"\r\nContent-Type: image/jpeg\r\n\r\n"
    while True:
        while got.count(delimiter) < 2:
            got += next(pieces)
        _, part, got = got.split(delimiter, 2)
        got = delimiter + got
        yield part[:-2]


READERS = [mainsail, fluidd, motioneye, go2rtc, home_assistant, mjpg_streamer, pikvm]


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.__name__)
@pytest.mark.parametrize("size", [3000, 200_000])
def test_each_picture_is_seen_before_the_next_one_comes(start, closing, reader, size):
    door = "repeat_ms = 0;" + (' boundary = "boundarydonotcross";' if reader is mjpg_streamer else "")
    relay = start(conf(door=door))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    sent = [pictures.picture(n, size=size) for n in range(1, 7)]
    publisher.send(sent[0])
    relay.wait_stat("frames_published", 1)
    with connect(relay.address(door="http")) as sock:
        seen = reader(sock)
        assert next(seen) == sent[0]
        for jpeg in sent[1:]:
            began = time.monotonic()
            publisher.send(jpeg)
            assert next(seen) == jpeg
            assert time.monotonic() - began < 2
