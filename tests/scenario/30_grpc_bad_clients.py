# SPDX-License-Identifier: MIT
"""The fourteen stories of bad clients that gRPC's own servers are tested with (test/core/bad_client in its repository),
told anew: what each sends, what it hears, and that another client's call is answered afterwards.

Each is also told by a client that leaves at once, without listening. Pieces of frames that never become whole meet the
deadline of a connection without a call; that is not waited for here (20_grpc_services.py, 30_grpc_bad_input.py).
"""
import struct

import pytest

import clients
import pictures
from grpc_client import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR,
                         FRAME_SIZE_ERROR, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, PROTOCOL_ERROR, RST, SETTINGS,
                         WINDOW_UPDATE, Http2, call_headers, conf, frame, literal, message)
from support import connect

BEGIN = PREFACE + frame(SETTINGS)
REQUEST = message(b"\x0a\x01x")
SILENCE = object()  # nothing is said; the client leaves
EITHER = object()   # an answer of HTTP/2 or of gRPC, whichever


def call(stream=1, flags=END_HEADERS, path="/foo/bar", **more):
    return frame(HEADERS, call_headers(path=path, **more), flags, stream)


def fields(*pairs):
    return b"".join(literal(name, value) for name, value in pairs)


PLAIN = (":path", "/foo/bar"), (":scheme", "http"), (":method", "POST"), (":authority", "localhost")
GRPC = ("content-type", "application/grpc"), ("te", "trailers")
FULL = b"\0\0\0\0\0" * 3276

# story: [(bytes behind the preface and SETTINGS, what is heard: ("goaway", code), ("reset", code), ("status", number), …)]
STORIES = {
    "bad_streaming_id": [
        (call(2), ("goaway", PROTOCOL_ERROR)),
        (call(1) + call(3) + call(1), EITHER),
        (call(3) + call(1), EITHER),
    ],
    "badreq": [
        (call(content_type="text/html"), ("http", "415")),
        (call(te="frobnicate"), ("reset", PROTOCOL_ERROR)),
        (frame(HEADERS, fields(PLAIN[0], *PLAIN, *GRPC), END_HEADERS, 1), ("reset", PROTOCOL_ERROR)),
        (call(grpc_accept_encoding="nobody-knows-the-trouble-i-see"), ("status", 12)),
        (call(grpc_encoding="you-dont-know-how-to-do-this"), ("status", 12)),
    ],
    "duplicate_header": [
        (call(path="/MainServer/getStream") * 2, EITHER),
        (call(path="/MainServer/getStream") + frame(DATA, REQUEST, 0, 1) +
         call(flags=END_HEADERS | END_STREAM, path="/MainServer/getStream"), EITHER),
    ],
    "headers": [
        *[(frame(HEADERS, b"\0" * size, 0x24, 1), EITHER) for size in range(5)],
        *[(frame(HEADERS, data, END_HEADERS, 1), ("goaway", COMPRESSION_ERROR)) for data in (
            b"\xfe", b"\x7f\x7f\x01a", b"\x0f\x7f\x01a", b"\x1f\x7f\x01a", b"\x80", b"\xff\0", b"\xff\x80\x80\x80\0",
            b"\xff\x80\x80\x80\x80\x80\0", b"\xff\x80\x80\x80\x80\x80\x80\x02", b"\xff\x80\x80\x80\x80\x7f",
            b"\xff\xff\xff\xff\xff\x0f", b"\x01", b"\x3f\xf1\x1f")],
        (frame(HEADERS, b"\x3f\xe1\x1f", END_HEADERS, 1), EITHER),
        (frame(HEADERS, b"\x20\x3f\xe1\x1f", END_HEADERS, 1), EITHER),
        (frame(HEADERS, b"\x20\x20\x20", END_HEADERS, 1), EITHER),
        (frame(HEADERS, b"", 0, 1) + frame(CONTINUATION, b"", END_HEADERS, 1), EITHER),
        (frame(HEADERS, b"", 0, 1) + frame(DATA, b"", END_HEADERS, 1), ("goaway", PROTOCOL_ERROR)),
        (frame(HEADERS, b"", 0, 1) + frame(CONTINUATION, b"", END_HEADERS, 3), ("goaway", PROTOCOL_ERROR)),
        (frame(CONTINUATION, b"", END_HEADERS, 1), ("goaway", PROTOCOL_ERROR)),
        (frame(HEADERS, b"", END_HEADERS, 1) * 3, EITHER),
        (frame(HEADERS, b"", 0x39, 0x67ed1d64), EITHER),
        (frame(HEADERS, fields(("grpc-timeout", "15 seconds")), END_HEADERS, 1), ("reset", PROTOCOL_ERROR)),
        (call(path="/MainServer/getStream", grpc_timeout="15 seconds") +
         call(3, path="/MainServer/getStream", grpc_timeout="15 seconds"), ("status", 3)),
        *[(piece, SILENCE) for piece in (b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\1\4\0\0\0", b"\0\0\5\1\x24\0\0\0\1",
                                         b"\0\0\5\1\x24\0\0\0\1\0\0\0", b"\0\0\x08\1\4\0\0\0\1\xff\x80\x80")],
    ],
    "initial_settings_frame": [
        (frame(SETTINGS, b"", 0, 1), ("goaway", PROTOCOL_ERROR)),
        (frame(SETTINGS, b"", 0, 0x400000), ("goaway", PROTOCOL_ERROR)),
        *[(frame(SETTINGS, bytes(size)), ("goaway", FRAME_SIZE_ERROR)) for size in range(1, 6)],
        (frame(SETTINGS, struct.pack(">HI", 5, 0)), ("goaway", PROTOCOL_ERROR)),
        (frame(SETTINGS, b"\0", ACK), ("goaway", FRAME_SIZE_ERROR)),
        (frame(SETTINGS, struct.pack(">HI", 6, 0xffffffff)) + call(), ("status", 12)),
        (frame(SETTINGS, struct.pack(">HI", 4, 0x10000)) + call(), ("status", 12)),
        (frame(SETTINGS, struct.pack(">HI", 0x99, 0)) + call(), ("status", 12)),
        (frame(SETTINGS, b"", 0x10) + call(), ("status", 12)),
        (b"\0\0\0\4\0\0", SILENCE),
    ],
    "large_metadata": [
        (frame(HEADERS, fields(*PLAIN, *GRPC, *[(f"user-header{n:02}", "a" * 126) for n in range(60)]), END_HEADERS, 1),
         ("status", 8)),
    ],
    "out_of_bounds": [
        (b"\1\0\0\0\0\0\0\0\1" + b"a" * (1 << 16), ("goaway", FRAME_SIZE_ERROR)),
        (frame(PRIORITY, b"\x11\x11\x12", 0, 1), ("goaway", FRAME_SIZE_ERROR)),
        (frame(RST, b"\x11\x11", 0, 1), ("goaway", FRAME_SIZE_ERROR)),
        (frame(SETTINGS, b"\x11" * 5), ("goaway", FRAME_SIZE_ERROR)),
        (frame(PING, b"\x11" * 5), ("goaway", FRAME_SIZE_ERROR)),
        (frame(WINDOW_UPDATE, b"\x11"), ("goaway", FRAME_SIZE_ERROR)),
    ],
    "server_registered_method": [
        *[(call(path="/MainServer/getStream") + frame(DATA, bytes(size), 0, 1), SILENCE) for size in range(5)],
        (call(path="/MainServer/getStream") + frame(DATA, bytes(5), END_STREAM, 1), "reply"),
        (call(path="/MainServer/getStream") + frame(DATA, b"\0\0\0\0\2\0", 0, 1), SILENCE),
        (call(path="/MainServer/getStream") + frame(DATA, b"\0\0\0\0\2\0", END_STREAM, 1), ("status", 3)),
        (call(path="/MainServer/getStream") + frame(DATA, b"\0\0\0\0\2\x0a\0", END_STREAM, 1), "reply"),
    ],
    "simple_request": [
        (call(), ("status", 12)),
        (call(content_type="application/grpc+this-is-valid", grpc_timeout="10S"), ("status", 12)),
        (call(content_type="application/grpc;this-is-valid"), ("status", 12)),
        (call(path="/MainServer/getStream") + frame(DATA, b"\x34\0\0\0\0", 0, 1), ("status", 12)),
        (call(path="/MainServer/getStream") + frame(DATA, b"", 2, 1) + frame(DATA, REQUEST, END_STREAM, 1), "reply"),
        (call() + frame(WINDOW_UPDATE, b"\0", 0, 1), ("goaway", FRAME_SIZE_ERROR)),
        (call() + frame(WINDOW_UPDATE, b"", 0x10, 1), ("goaway", FRAME_SIZE_ERROR)),
        (call(path="/MainServer/getStream") + frame(WINDOW_UPDATE, bytes(4), 0, 1), EITHER),
        (call() + frame(GOAWAY, bytes(4)), ("goaway", FRAME_SIZE_ERROR)),
        (call() + frame(RST, b"\0", 0, 1), ("goaway", FRAME_SIZE_ERROR)),
        (call() + frame(RST, b"", 0x10, 1), ("goaway", FRAME_SIZE_ERROR)),
        (call() + b"\0\x01\x12\x07\0\0\0\0\0", SILENCE),
    ],
    "unknown_frame": [
        (frame(0x0c, b"") + frame(0xee, b"xyz", 0xff, 9) + call(), ("status", 12)),
    ],
    "window_overflow": [
        (call(path="/MainServer/getStream") + frame(DATA, FULL, 0, 1) * (4 << 20 >> 14), EITHER),
        (call(path="/framerelay.v1.FrameRelay/Publish") + frame(DATA, b"\0\0\0\0\0" + bytes(16_000), 0, 1) * 400, EITHER),
    ],
    "window_update_overflow": [
        (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"), ("goaway", FLOW_CONTROL_ERROR)),
        (call(path="/MainServer/getStream") + frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff", 0, 1), ("reset", FLOW_CONTROL_ERROR)),
    ],
}


@pytest.fixture
def relay(start, unharmed, closing, calm):
    program = start(conf())
    program.address(door="grpc")
    unharmed(program)
    publisher = closing(clients.Publisher(program.address(), "cam"))
    publisher.send(pictures.picture(1))
    calm(program.address())
    return program


def another_is_answered(relay):
    h2 = Http2(relay.address(door="grpc"))
    h2.call(1, frame(DATA, REQUEST, END_STREAM, 1))
    assert h2.wait(DATA, 1)
    h2.close()


def heard(h2):
    """The first thing that is said of the call or the connection."""
    while True:
        got = h2.read()
        if got is None:
            return None
        kind, flags, stream, payload = got
        if kind == GOAWAY:
            return "goaway", int.from_bytes(payload[4:8], "big")
        if kind == RST:
            return "reset", int.from_bytes(payload, "big")
        if kind == DATA:
            return "reply"
        if kind == HEADERS and flags & END_STREAM:
            known = h2.fields[stream]
            return ("status", int(known["grpc-status"])) if known[":status"] == "200" else ("http", known[":status"])


@pytest.mark.parametrize("story", STORIES)
def test_a_bad_client_hears_why_and_harms_nobody(relay, story):
    for number, (data, expected) in enumerate(STORIES[story]):
        h2 = Http2(relay.address(door="grpc"), BEGIN)
        h2.pour(data)
        if expected is not SILENCE:
            said = heard(h2)
            assert said is not None and (expected is EITHER or said == expected), (story, number, said)
        h2.close()
        with connect(relay.address(door="grpc")) as sock:  # another says the same and is gone
            sock.sendall(BEGIN + data[:4096])
    another_is_answered(relay)


def test_connection_prefix(relay):
    """A connection that ends in the middle of the preface, or in something like it."""
    for size in range(len(PREFACE) + 1):
        with connect(relay.address(door="grpc")) as sock:
            sock.sendall(PREFACE[:size])
        if size < len(PREFACE):
            with connect(relay.address(door="grpc")) as sock:
                sock.sendall(PREFACE[:size] + b"X")
                while sock.recv(4096):
                    pass
    another_is_answered(relay)


def test_head_of_line_blocking(relay, closing):
    """A call whose message does not go on, with a whole window of it sent, stands in nobody's way."""
    h2 = closing(Http2(relay.address(door="grpc")))
    open_ = message(b"\x0a\x0a\x0a\x08blocking")  # PublishRequest.open.stream
    h2.call(1, frame(DATA, open_ + struct.pack(">BI", 0, 3 << 20), 0, 1), path="/framerelay.v1.FrameRelay/Publish")
    for _ in range(60):
        h2.send(frame(DATA, bytes(16_000), 0, 1))
    for stream in range(3, 23, 2):
        h2.call(stream, frame(DATA, REQUEST, END_STREAM, stream))
    answered = set()
    while len(answered) < 10:
        kind, _, stream, _ = h2.read()
        if kind == DATA:
            answered.add(stream)
    assert answered == set(range(3, 23, 2))
