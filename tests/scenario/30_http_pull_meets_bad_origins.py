# SPDX-License-Identifier: MIT
"""Whatever a web server does to the relay that pulls from it: bounded, said once, and back by itself.

The origins are played byte by byte: they say nothing, garbage, too much, too slowly; they hang, die and come back. Beside each a
healthy stream must lose nothing, and when the origin behaves, its pictures are there.
"""
import contextlib
import itertools
import time

import pytest

import clients
import origins
import pictures
from support import conf, free_port, wait_for

JPEGS = [pictures.picture(n, "door", 160, 120) for n in range(4)]
JPEG = JPEGS[0]
LIMIT = 100_000
SHORT = (f"first_byte_timeout_ms = 700; frame_timeout_ms = 700; frame_min_rate_after_ms = 400; max_frame_bytes = {LIMIT}; "
         "bad_frames = 3; demand_linger_ms = 300; ")
MULTIPART = origins.head("multipart/x-mixed-replace; boundary=frame")


def pull(url, more="silence_timeout_ms = 900;", limits=SHORT):
    return conf(f'sources = ( {{ kind = "http-pull"; stream = "door"; url = "{url}"; {more} }} );', limits=limits)


def part(jpeg, length=True):
    size = b"Content-Length: %d\r\n" % len(jpeg) if length else b""
    return b"--frame\r\nContent-Type: image/jpeg\r\n" + size + b"\r\n" + jpeg + b"\r\n"


def endless(first, again, pause=0.0):
    """Sends `first`, and then `again` for ever."""
    def answer(sock, request):
        sock.sendall(first)
        while True:
            sock.sendall(again)
            time.sleep(pause)
    return answer


def hang(*pieces):
    """Sends this and then nothing, with the connection open."""
    def answer(sock, request):
        for piece in pieces:
            sock.sendall(piece)
        return hold(sock)
    return answer


def close(*pieces):
    def answer(sock, request):
        for piece in pieces:
            sock.sendall(piece)
        return False
    return answer


def hold(sock):
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass
    return False


def well(sock, request):
    return origins.multipart(sock, itertools.cycle(JPEGS), lambda: time.sleep(0.03))


def status(line, *more):
    return close(origins.head("text/html", *more, "Content-Length: 3", status=line) + b"no\n")


BAD = {
    "silent": (hang(), "no answer within first_byte_timeout_ms"),
    "closed_at_once": (close(), "closed by the other end before it has answered"),
    "half_a_head": (hang(b"HTTP/1.1 200 OK\r\nContent-"), "no answer within first_byte_timeout_ms"),
    "no_http": (close(b"SSH-2.0-OpenSSH_9.2\r\n"), "does not begin HTTP/"),
    "random_bytes": (close(bytes(range(256)) * 300), "does not begin HTTP/"),
    "an_endless_line": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000), "head is longer than 32768 bytes"),
    "endless_headers": (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000), "head is longer than 32768 bytes"),
    "endless_interim_answers": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "head is longer than 32768 bytes"),
    "a_head_drop_by_drop": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05), "no answer within first_byte_timeout_ms"),
    "not_found": (status("404 Not Found"), "the origin answers 404 Not Found"),
    "busy": (status("503 Service Unavailable", "Retry-After: 1"), "the origin answers 503"),
    "no_content": (status("204 No Content"), "the origin answers 204"),
    "not_modified_unasked": (status("304 Not Modified"), "the origin answers 304"),
    "partial": (status("206 Partial Content"), "the origin answers 206"),
    "switching": (status("101 Switching Protocols"), "the origin answers 101"),
    "html": (close(origins.head("text/html") + b"<html>"), "text/html, and neither a JPEG nor multipart"),
    "nothing": (close(origins.head("image/jpeg", "Content-Length: 0")), "the answer ends inside a picture"),
    "coded": (close(origins.head("image/jpeg", "Content-Encoding: gzip") + b"\x1f\x8b"), "the answer is coded"),
    "chunks_that_are_none": (close(origins.head("multipart/x-mixed-replace; boundary=frame", "Transfer-Encoding: chunked") + part(JPEG)),
                             "a chunk of the answer"),
    "a_head_and_nothing": (hang(MULTIPART), "no picture begins within first_byte_timeout_ms"),
    "a_preamble_drop_by_drop": (endless(MULTIPART, b"y", 0.02), "frame_timeout_ms|frame_min_rate_bytes"),
    "an_endless_preamble": (endless(MULTIPART, b"y" * 10_000), "bytes without a delimiter"),
    "an_endless_part_header": (endless(MULTIPART + b"--frame\r\n", b"X: y\r\n" * 100), "header is longer than 2048 bytes"),
    "half_a_picture": (hang(MULTIPART, part(JPEG)[:600]), "frame_timeout_ms|frame_min_rate_bytes"),
    "a_picture_drop_by_drop": (endless(MULTIPART + part(JPEG)[:300], b"x", 0.02), "frame_timeout_ms|frame_min_rate_bytes"),
    "one_picture_and_silence": (hang(MULTIPART, part(JPEG)), "no whole picture within silence_timeout_ms"),
    "one_picture_and_drops": (endless(MULTIPART + part(JPEG), b"\r\n", 0.02), "no whole picture within silence_timeout_ms"),
    "closed_after_each": (close(MULTIPART, part(JPEG)), "closed by the origin"),
    "an_end": (close(MULTIPART, part(JPEG), b"--frame--\r\n"), "closed by the origin"),
    "a_length_of_200_MB": (endless(MULTIPART + b"--frame\r\nContent-Length: 200000000\r\n\r\n\xff\xd8", b"x" * 10_000),
                           f"Content-Length 200000000 is over the limit of {LIMIT}"),
    "200_MB_without_a_length": (endless(MULTIPART + b"--frame\r\n\r\n" + JPEG[:600], b"\x11" * 10_000), f"longer than the limit of {LIMIT}"),
    "one_picture_of_200_MB": (hang(origins.head("image/jpeg", "Content-Length: 200000000") + b"\xff\xd8\xff"), "is over the limit"),
    "one_picture_without_an_end": (endless(origins.head("image/jpeg") + JPEG[:-20], b"\x11" * 10_000), "longer than the limit"),
    "one_picture_cut_short": (close(origins.head("image/jpeg", f"Content-Length: {len(JPEG)}") + JPEG[:-9]), "inside its answer"),
    "one_picture_cut_short_in_a_chunk": (close(origins.head("image/jpeg", "Transfer-Encoding: chunked") + b"FF\r\n" + JPEG[:100]),
                                         "inside its answer"),
    "no_jpegs": (close(MULTIPART, part(b"\x89PNG this is none")), "begin with FF D8"),
    "damaged_pictures": (endless(MULTIPART, part(JPEG[:2] + b"\xff\xe0\x00\x01" + JPEG[2:]), 0.02), "pictures in a row were no good"),
}


@pytest.mark.parametrize("answer, sentence", BAD.values(), ids=BAD.keys())
def test_it_is_said_once_and_tried_again_until_it_behaves(start, closing, calm, answer, sentence):
    patient = [2]  # connections until it behaves

    def turn(sock, request):
        patient[0] -= 1
        return well(sock, request) if patient[0] < 0 else answer(sock, request)
    origin = closing(origins.Origin(turn))
    relay = start(pull(origin.url("/stream?secret")))
    calm(relay.address(), subscribers=1)
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0))

    relay.log.wait(rf"^warning http-pull: no pictures, trying again .*reason=.*({sentence})")
    wait_for(lambda: len(origin.requests) >= 3, "it tries again")
    come = len(viewer.pictures)
    viewer.wait_pictures(come + 5)

    assert all(picture in JPEGS for picture in viewer.pictures)
    assert len(relay.log.find(r"^warning http-pull: no pictures")) <= 2
    relay.log.wait(r"^info +http-pull: connected")
    assert origin.most == 1
    assert not [line for line in relay.log.lines if "secret" in line]


@pytest.mark.parametrize("name", ["a_length_of_200_MB", "200_MB_without_a_length", "an_endless_preamble", "endless_headers"])
def test_what_has_no_end_takes_no_memory(start, closing, name):
    origin = closing(origins.Origin(BAD[name][0]))
    relay = start(pull(origin.url()), release=True)
    closing(clients.Subscriber(relay.address(), "door"))
    relay.log.wait(r"^warning http-pull")
    cpu = relay.cpu_seconds()
    least = relay.rss_bytes()

    wait_for(lambda: len(origin.requests) >= 4, "it has tried again and again")

    assert relay.rss_bytes() - least < 2 << 20
    assert relay.cpu_seconds() - cpu < 0.5


def test_damaged_pictures_are_counted_and_the_good_ones_between_them_come(start, closing):
    bad = JPEG[:2] + b"\xff\xe0\x00\x01" + JPEG[2:]
    parts = [bad, bad, JPEGS[0], b"", bad, JPEGS[1], bad, bad, JPEGS[2]]
    origin = closing(origins.Origin(hang(MULTIPART, *[part(jpeg) for jpeg in parts])))
    relay = start(pull(origin.url(), more=""))
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0))

    viewer.wait_pictures(3)

    assert viewer.pictures == JPEGS[:3]
    assert relay.rejected("bad_jpeg", "http-pull") == 5
    assert not relay.log.find("^warning http-pull: no pictures")


def test_an_origin_that_dies_and_comes_back(start, closing):
    """Until it is back the stream is offline, the log says so once, and viewers stay."""
    port = free_port()
    first = origins.Origin(well, port)
    relay = start(pull(first.url(), limits=SHORT + "stale_after_ms = 300;"))
    viewer = closing(clients.Subscriber(relay.address(), "door"))
    viewer.wait_pictures(2)

    for turn in range(2):
        first.close()
        since = relay.log.mark()
        relay.log.wait("^warning http-pull: no pictures", since if turn else 0)
        wait_for(lambda: clients.listing(relay.address())["door"][0] == "offline", "it is offline")
        come = len(viewer.pictures)
        first = closing(origins.Origin(well, port))
        viewer.wait_pictures(come + 3)
        assert clients.listing(relay.address())["door"][0] == "live"


def test_what_is_not_there_is_asked_ever_more_rarely(start, closing, calm):
    """Nobody listens: connection refused costs nothing, however long it lasts."""
    relay = start(pull(f"http://127.0.0.1:{free_port()}/"), release=True)
    calm(relay.address(), subscribers=1)
    closing(clients.Subscriber(relay.address(), "door"))
    began = time.monotonic()
    wait_for(lambda: relay.stat("reconnects") >= 4, "four tries")

    assert time.monotonic() - began > 0.2 + 0.4 + 0.8 - 0.4
    assert len(relay.log.find("^warning http-pull.*refused")) == 1


def test_a_name_that_is_none_is_said(start, closing):
    relay = start(pull("http://no-such-host.invalid/"))
    closing(clients.Subscriber(relay.address(), "door"))
    relay.log.wait("^warning http-pull: .*no-such-host.invalid")


def test_who_leaves_in_every_state_leaves_nothing_open(start, closing):
    """The last viewer goes while the origin is dialled, asked, read, waited for."""
    answers = [hang(), hang(b"HTTP/1.1 2"), hang(MULTIPART), hang(MULTIPART, part(JPEG)[:600]), well, close()]
    turn = itertools.count()
    origin = closing(origins.Origin(lambda sock, request: answers[next(turn) % len(answers)](sock, request)))
    relay = start(pull(origin.url(), more="", limits="demand_linger_ms = 300;"))
    closing(clients.Subscriber(relay.address(), "nobody"))
    before = relay.descriptors()

    for number in range(len(answers)):
        viewer = clients.Subscriber(relay.address(), "door")
        wait_for(lambda: len(origin.requests) > number, "it has asked")
        since = relay.log.mark()
        viewer.close()
        relay.log.wait("http-pull: source stopped", since)
    wait_for(lambda: origin.open == 0, "the origin is left")
    wait_for(lambda: relay.descriptors() <= before, f"{before} descriptors, as before")
