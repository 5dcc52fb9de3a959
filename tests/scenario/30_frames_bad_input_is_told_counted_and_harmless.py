# SPDX-License-Identifier: MIT
"""Each kind of bad input gets its own answer, its counter and its line in the log, and harms nobody.

The table is the error contract: what somebody sends, what he hears, under which reason it is counted.
A healthy stream goes on beside it, from another address, and must lose no picture.
"""
import dataclasses
import re
import struct

import pytest

import clients
import pictures
from support import conf, connect, read_to_end, wait_for

JPEG = pictures.picture(1)
LIMIT = 100_000  # max_frame_bytes here


@dataclasses.dataclass
class Bad:
    send: bytes
    hears: bytes   # a regular expression over all that comes back
    reason: str
    half_close: bool = False  # only the end of the sender brings it out


CASES = {
    # lengths
    "length_ffffffff": Bad(b"\xff\xff\xff\xff", rb"4294967295.*100000", "length_over_max"),
    "length_one_over": Bad(struct.pack("<L", LIMIT + 1), rb"100001.*100000", "length_over_max"),
    "length_over_in_a_later_frame": Bad(clients.plain(JPEG) + struct.pack("<L", LIMIT + 1), rb"100001.*100000",
                                        "length_over_max"),
    "record_over_the_limit": Bad(clients.hello("PUB", "bad", records=1)
                                 + clients.RECORD.pack(20 + LIMIT + 1, clients.FRAME, 0, 0, 0, 0),
                                 rb"OK bad .*\n.*413 .*100000", "length_over_max"),
    # what is no picture
    "text_for_a_picture": Bad(struct.pack("<L", 500) + b"hello, is this a picture?", rb"JPEG", "not_jpeg"),
    "png_after_hello": Bad(b"PUB bad\n" + struct.pack("<L", 500) + b"\x89PNG\r\n", rb"OK bad .*\n.*JPEG", "not_jpeg"),
    "text_in_a_record": Bad(clients.hello("PUB", "bad", records=1) + clients.record(clients.FRAME, b"text, no picture"),
                            rb"OK bad .*\n.*415 .*JPEG", "not_jpeg"),
    "ten_bad_pictures": Bad(clients.plain(JPEG[:-2] + b"..") * 10, rb"10", "bad_jpeg_repeated"),
    # hello lines
    "unknown_key": Bad(b"SUB cam colour=red\n", rb"^ERR 400 .*colour", "bad_hello"),
    "value_out_of_range": Bad(b"SUB cam queue=65\n", rb"^ERR 400 .*queue", "bad_hello"),
    "value_no_number": Bad(b"SUB cam age_ms=soon\n", rb"^ERR 400 .*age_ms", "bad_hello"),
    "name_with_a_dot": Bad(b"PUB a.b\n", rb"^ERR 400 ", "bad_hello"),
    "name_missing": Bad(b"PUB \n", rb"^ERR 400 ", "bad_hello"),
    "name_too_long": Bad(b"SUB " + b"a" * 65 + b"\n", rb"^ERR 400 ", "bad_hello"),
    "key_of_the_other_side": Bad(b"PUB cam queue=3\n", rb"^ERR 400 .*queue", "bad_hello"),
    "id_too_short": Bad(b"PUB cam id=abc\n", rb"^ERR 400 .*id", "bad_hello"),
    "two_spaces": Bad(b"SUB  cam\n", rb"^ERR 400 ", "bad_hello"),
    "ten_kilobytes_of_hello": Bad(b"SUB cam " + b"x" * 10_000, rb"^ERR 400 .*1,?024", "bad_hello"),
    "nul_in_the_line": Bad(b"SUB c\0am\n", rb"^ERR 400 ", "bad_hello"),
    "rendition": Bad(b"SUB cam gray=1 width=0\n", rb"^ERR 400 .*width", "bad_hello"),
    # other protocols
    "browser": Bad(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n\r\n",
                   rb"(?s)^HTTP/1\.1 400 .*\r\n\r\n.+", "wrong_protocol"),
    "http_post": Bad(b"POST /streams/cam HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", rb"^HTTP/1\.1 400 ",
                     "wrong_protocol"),
    "http_put": Bad(b"PUT /x HTTP/1.0\r\n\r\n", rb"^HTTP/1\.1 400 ", "wrong_protocol"),
    "http_options": Bad(b"OPTIONS * HTTP/1.1\r\n\r\n", rb"^HTTP/1\.1 400 ", "wrong_protocol"),
    "http_head": Bad(b"HEAD / HTTP/1.1\r\n\r\n", rb"^HTTP/1\.1 400 ", "wrong_protocol"),
    "http2": Bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", rb"400", "wrong_protocol"),
    "tls": Bad(bytes.fromhex("1603010200010001fc0303") + bytes(500), rb"(?i)TLS", "wrong_protocol"),
    "ssh": Bad(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", rb"SSH", "wrong_protocol"),
    "smb": Bad(b"\x00\x00\x00\x85\xffSMBr\x00\x00\x00\x00", rb".+", "length_over_max"),
    # who goes in the middle
    "ends_in_a_length": Bad(clients.plain(JPEG) + b"\x10\x20", rb"^$", "truncated_frame", half_close=True),
    "ends_in_a_picture": Bad(clients.plain(JPEG)[:-1], rb"^$", "truncated_frame", half_close=True),
    # records
    "record_too_short": Bad(clients.hello("PUB", "bad", records=1) + struct.pack("<L", 19) + bytes(19),
                            rb"OK bad .*\n.*400 ", "bad_record"),
    "ping_too_long": Bad(clients.hello("PUB", "bad", records=1) + clients.record(clients.PING, bytes(65)),
                         rb"OK bad .*\n.*400 ", "bad_record"),
    "message_too_long": Bad(clients.hello("PUB", "bad", records=1)
                            + clients.record(clients.MESSAGE, b'"' + b"x" * 65536 + b'"'), rb"OK bad .*\n.*413 ", "bad_message"),
    "message_no_json": Bad(clients.hello("PUB", "bad", records=1) + clients.record(clients.MESSAGE, b"{not json"),
                           rb"OK bad .*\n", "bad_message", half_close=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_told_counted_and_harmless(start, calm, case):
    relay = start(conf(limits=f"max_frame_bytes = {LIMIT};"))
    calm(relay.address(), subscribers=2)
    since = relay.log.mark()

    with connect(relay.address()) as sock:
        sock.sendall(case.send)
        if case.half_close:
            sock.shutdown(1)
        heard = read_to_end(sock)

    assert re.search(case.hears, heard, re.S), heard
    relay.wait_stat(("frames", case.reason), 1)
    relay.log.wait(rf"\bframes: .*\breason={case.reason}\b.*\bpeer=127\.0\.0\.1:\d+", since)
    assert relay.rejected(case.reason) == 1


def test_length_0_first_is_a_clean_end(start, calm):
    """It is no error; and no stream comes to be from it."""
    relay = start(conf())
    calm(relay.address())

    assert clients.ask(relay.address(), bytes(4)) == b""

    assert not relay.log.find(r"^(warning|error)")
    assert "cam-127-0-0-1" not in clients.listing(relay.address())


@pytest.mark.parametrize("begin", [b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xd9"])
def test_the_beginning_of_a_picture_for_a_picture(start, closing, begin):
    """A whole picture that is no JPEG is dropped and counted; the connection goes on."""
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1", queue=64))
    publisher = closing(clients.Publisher(relay.address()))

    publisher.send(begin)
    publisher.send(JPEG)

    assert viewer.wait_pictures(1) == [JPEG]
    assert relay.rejected("bad_jpeg") == 1


DAMAGED = {
    "cut_short": JPEG[:len(JPEG) // 2],
    "without_its_end": JPEG[:-2],
    "bad_marker_length": JPEG[:4] + b"\x00\x01" + JPEG[6:],
    "height_0": re.sub(rb"(?s)(\xff\xc0\x00\x11\x08)..", rb"\1\0\0", JPEG, 1),
    "width_0": re.sub(rb"(?s)(\xff\xc0\x00\x11\x08..)..", rb"\1\0\0", JPEG, 1),
}


@pytest.mark.parametrize("jpeg", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_picture_is_dropped_and_the_connection_kept(start, closing, calm, jpeg):
    relay = start(conf())
    calm(relay.address(), subscribers=1)
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1", queue=64))
    publisher = closing(clients.Publisher(relay.address()))

    for _ in range(9):
        publisher.send(jpeg)
    publisher.send(JPEG)
    for _ in range(9):  # the good one in between has forgiven the others
        publisher.send(jpeg)
    publisher.send(JPEG)

    assert viewer.wait_pictures(2) == [JPEG, JPEG]
    assert relay.rejected("bad_jpeg") == 18
    assert publisher.ended is None


def test_padding_behind_the_end_is_passed_on(start, closing):
    relay = start(conf())
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1", queue=64))
    publisher = closing(clients.Publisher(relay.address()))
    padded = [JPEG + bytes(100), JPEG + bytes(4000)]

    for jpeg in padded:
        publisher.send(jpeg)
    publisher.send(JPEG + bytes(5000))  # its end is not within the last 4 KiB
    publisher.send(JPEG)

    assert viewer.wait_pictures(3) == padded + [JPEG]
    assert relay.rejected("bad_jpeg") == 1


@pytest.mark.parametrize("verify, passes", [("header", True), ("none", True), ("full", False)])
def test_how_strictly_a_picture_is_looked_at(start, closing, verify, passes):
    """Entropy data that does not decode passes the marker walk, but not the strict decode."""
    relay = start(conf(door=f'verify = "{verify}";'))
    viewer = closing(clients.Subscriber(relay.address(), "cam-127-0-0-1", queue=64))
    publisher = closing(clients.Publisher(relay.address()))
    good = pictures.picture(1, width=320, height=240)
    middle = len(good) // 2
    broken = good[:middle] + b"\xff\x00" * 300 + good[middle + 600:]

    for n, jpeg in enumerate((good, broken, good)):  # one by one: a newer one overtakes what waits for its decode
        publisher.send(jpeg)
        wait_for(lambda: len(viewer.pictures) + relay.rejected("bad_jpeg") == n + 1, "it is judged")

    assert viewer.pictures == ([good, broken, good] if passes else [good, good])
