# SPDX-License-Identifier: MIT
"""HTTP/2 and gRPC as nobody should speak them: told, counted and harmless. Frames are made by hand."""
import struct

import pytest

import clients
import pictures
import support
from grpc_client import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING,
                         PREFACE, PRIORITY, RST, SETTINGS, WINDOW_UPDATE, Http2, call_headers, conf, frame, message)

REQUEST = b"\x0a\x01x"


@pytest.fixture
def relay(start, closing, calm):
    """A relay with a picture of `cam`, and bystanders who lose none."""
    program = start(conf())
    publisher = closing(clients.Publisher(program.address(), "cam"))
    publisher.send(pictures.picture(1))
    calm(program.address())
    return program


@pytest.fixture
def h2(relay, closing):
    return closing(Http2(relay.address(door="grpc")))


def floods(kind):
    if kind == "reset":
        return [frame(HEADERS, call_headers(), END_HEADERS, n) + frame(RST, struct.pack(">I", 8), 0, n)
                for n in range(1, 20_001, 2)]
    one = {
        "ping": frame(PING, bytes(8)),
        "ping_ack": frame(PING, bytes(8), ACK),
        "settings": frame(SETTINGS),
        "priority": frame(PRIORITY, bytes(4) + b"\x10", 0, 1),
        "window": frame(WINDOW_UPDATE, struct.pack(">I", 1)),
        "empty_data": frame(DATA, b"", 0, 1),
    }[kind]
    begin = frame(HEADERS, call_headers(), END_HEADERS, 1)
    return [begin] + [one] * 10_000


@pytest.mark.parametrize("kind", ["reset", "ping", "ping_ack", "settings", "priority", "window", "empty_data"])
def test_a_flood_is_ended(relay, h2, kind):
    before = relay.rss_bytes()
    cpu = relay.cpu_seconds()
    h2.send(*floods(kind))
    code = h2.goaway()
    assert code in (ENHANCE_YOUR_CALM, None)  # None: a reset overtook it
    relay.wait_stat(("grpc", "h2_flood"), 1)
    assert relay.rejected("h2_flood", door="grpc") == 1
    assert relay.cpu_seconds() - cpu < 3
    assert relay.rss_bytes() - before < 64 << 20


def test_a_flood_of_continuations_is_ended(relay, h2):
    h2.send(frame(HEADERS, call_headers(), 0, 1), *[frame(CONTINUATION, b"", 0, 1)] * 100)
    assert h2.goaway() in (ENHANCE_YOUR_CALM, 1, None)
    relay.wait_stat(("grpc", "h2_flood"), 1)


BAD = {
    "settings_of_2400_entries": frame(SETTINGS, struct.pack(">HI", 0x99, 1) * 2400),
    "window_0_of_the_connection": frame(WINDOW_UPDATE, bytes(4)),
    "window_overflow": frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"),
    "initial_window_over_2_31": frame(SETTINGS, struct.pack(">HI", 4, 0x80000000)),
    "frame_over_the_limit": b"\xff\xff\xff" + bytes([DATA, 0, 0, 0, 0, 1]) + bytes(1000),
    "data_on_stream_0": frame(DATA, b"x"),
    "data_on_an_idle_stream": frame(DATA, b"x", 0, 5),
    "even_stream": frame(HEADERS, call_headers(), END_HEADERS, 2),
    "hpack_index_over_the_table": frame(HEADERS, b"\xff\xff\xff\x7f", END_HEADERS, 1),
    "hpack_huffman_eos": frame(HEADERS, b"\x00\x84\xff\xff\xff\xff\x00", END_HEADERS, 1),
    "hpack_table_over_the_limit": frame(HEADERS, b"\x3f\xe1\xff\x7f", END_HEADERS, 1),
    "push_promise": frame(5, bytes(4), END_HEADERS, 1),
    "ping_of_7_bytes": frame(PING, bytes(7)),
    "frames_inside_headers": frame(HEADERS, call_headers(), 0, 1) + frame(PING, bytes(8)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_http2_ends_the_connection(relay, h2, name):
    h2.send(BAD[name])
    code = h2.goaway()
    assert code is None or code != 0, code
    h2.send(BAD[name])  # a frame behind the GOAWAY
    relay.wait_stat(("grpc", "h2_protocol"), 1)


@pytest.mark.parametrize("first", [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n" + bytes(20),
                                   bytes(64), PREFACE + b"GET / HTTP/1.1\r\n\r\n"])
def test_another_protocol_is_closed(relay, closing, first):
    h2 = closing(Http2(relay.address(door="grpc"), first))
    assert h2.goaway() != 0 or h2.read() is None


def test_the_preface_byte_by_byte(relay, closing):
    h2 = closing(Http2(relay.address(door="grpc"), b""))
    for byte in PREFACE + frame(SETTINGS):
        h2.send(bytes([byte]))
    h2.call(1, frame(DATA, message(REQUEST), END_STREAM, 1))
    assert h2.wait(DATA, 1)


MESSAGES = {
    "length_ffffffff": (b"\0\xff\xff\xff\xff", "8"),
    "over_the_limit": (struct.pack(">BI", 0, (4 << 20) + 1), "8"),
    "compressed": (message(REQUEST, 1), "12"),
    "flag_2": (message(REQUEST, 2), "12"),
    "no_protobuf": (message(b"\x0a\xff"), "3"),
    "half_a_message": (message(REQUEST)[:-1], "3"),
    "half_a_length": (b"\0\0", "3"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_bad_messages_have_their_status(relay, h2, name):
    data, status = MESSAGES[name]
    h2.call(1, frame(DATA, data, END_STREAM, 1))
    trailers = h2.trailers(1)
    assert trailers is not None
    reason = {"8": "grpc_too_big", "12": "grpc_encoding", "3": "grpc_message"}[status]
    assert relay.rejected(reason, door="grpc") == 1
    h2.call(3, frame(DATA, message(REQUEST), END_STREAM, 3))  # the connection goes on
    assert h2.wait(DATA, 3)


def test_nothing_large_is_taken_before_a_publisher_has_said_its_stream(relay, h2):
    h2.call(1, frame(DATA, struct.pack(">BI", 0, 2 << 20) + b"\x78\0" * 1000, 0, 1),
            path="/framerelay.v1.FrameRelay/Publish")
    assert h2.trailers(1) is not None
    relay.wait_stat(("grpc", "grpc_too_big"), 1)


def test_a_message_in_pieces_of_one_byte(relay, h2):
    h2.call(1, *[frame(DATA, bytes([byte]), 0, 1) for byte in message(REQUEST)])
    assert h2.wait(DATA, 1)


def test_what_is_no_call_is_answered_in_http(relay, h2):
    h2.call(1, flags=END_HEADERS | END_STREAM, content_type="text/plain")
    assert h2.trailers(1)
    assert relay.rejected("media_type", door="grpc") == 1
    h2.call(3, flags=END_HEADERS | END_STREAM, path="/nothing")
    assert h2.trailers(3)
    assert relay.rejected("grpc_path", door="grpc") == 1


@pytest.mark.parametrize("timeout,reason", [("1n", None), ("99999999H", None), ("soon", "bad_parameter")])
def test_timeouts(relay, h2, timeout, reason):
    h2.call(1, frame(DATA, message(REQUEST), 0, 1), grpc_timeout=timeout)
    if timeout == "99999999H":
        assert h2.wait(DATA, 1)
    else:
        assert h2.trailers(1)
    assert relay.rejected("bad_parameter", door="grpc") == (1 if reason else 0)


def test_headers_over_the_limit_are_refused(relay, h2):
    """One field of the table, named 10,000 times: a small frame of large headers."""
    h2.send(frame(HEADERS, call_headers() + b"\x40\x01a\x7f\x81\x1e" + b"b" * 4000 + b"\xbe" * 10_000,
                  END_HEADERS, 1))
    got = h2.read()
    while got and got[0] not in (HEADERS, RST, GOAWAY):
        got = h2.read()
    assert got
    assert relay.rejected("header_too_large", door="grpc") + relay.rejected("h2_protocol", door="grpc") >= 1


def test_more_calls_than_allowed_are_refused(relay, h2):
    for number in range(1, 2 * 130, 2):
        h2.call(number, path="/framerelay.v1.FrameRelay/Publish")
    assert h2.wait(RST)  # REFUSED_STREAM
    h2.send(frame(RST, struct.pack(">I", 8), 0, 1))
    h2.call(1001, frame(DATA, message(REQUEST), END_STREAM, 1001))
    assert h2.wait(DATA, 1001)


def test_the_numbers_of_calls_come_to_their_end(relay, h2):
    h2.call(2 ** 31 - 3, frame(DATA, message(REQUEST), END_STREAM, 2 ** 31 - 3))
    kinds = []
    while not kinds or kinds[-1] is not None:
        got = h2.read()
        kinds.append(got and got[0])
    assert GOAWAY in kinds and DATA in kinds  # and the call was answered


def test_who_opens_no_window_sees_the_newest_when_he_does(relay, closing):
    settings = frame(SETTINGS, struct.pack(">HI", 4, 0))
    h2 = closing(Http2(relay.address(door="grpc"), PREFACE + settings))
    h2.call(1, frame(DATA, message(b"\x0a\x03cam"), END_STREAM, 1), path="/framerelay.v1.FrameRelay/Subscribe")
    relay.wait_stat("subscribers", 1)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    for number in range(2, 30):
        publisher.send(pictures.picture(number))
    relay.wait_stat("frames_published", 29)
    newest = pictures.picture(30)
    publisher.send(newest)
    support.wait_for(lambda: relay.stat("frames_published") >= 30, "the last picture")
    h2.send(frame(WINDOW_UPDATE, struct.pack(">I", 1 << 20), 0, 1))
    got = h2.wait(DATA, 1)[3]
    while len(got) < len(newest):
        got += h2.wait(DATA, 1)[3]
    assert got.endswith(newest)


def test_silence_is_ended(start, closing):
    relay = start(conf(limits="http_header_timeout_ms = 300; keep_alive_timeout_ms = 300;"))
    h2 = closing(Http2(relay.address(door="grpc"), b""))
    assert h2.goaway() == 0  # it said nothing at all
    assert relay.rejected("header_timeout", door="grpc") == 1
    h2 = closing(Http2(relay.address(door="grpc")))
    h2.call(1, flags=END_HEADERS | END_STREAM, path="/nothing")
    assert h2.goaway() == 0  # nothing more was asked
