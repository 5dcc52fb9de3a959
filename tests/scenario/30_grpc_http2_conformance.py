# SPDX-License-Identifier: MIT
"""RFC 9113 and RFC 7541 section by section, as h2spec asks them of a server; h2spec itself is no Debian package, so its
cases are told anew here. The ones that 30_grpc_http2_abuse.py and 30_grpc_bad_clients.py have are not told twice.

One of them has another answer here: test_a_lower_number_begins_no_call. What is wrong with a stream may end the connection instead (RFC 9113 5.4.2): then the code is the same.
"""
import struct

import pytest

import clients
import pictures
from grpc_client import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR,
                         FRAME_SIZE_ERROR, GOAWAY, HEADERS, NO_ERROR, PING, PRIORITY, PROTOCOL_ERROR, RST, SETTINGS,
                         WINDOW_UPDATE, Http2, call_headers, conf, frame, literal, message)

STREAM_CLOSED = 5
PADDED, WITH_PRIORITY = 8, 0x20
REQUEST = message(b"\x0a\x01x")
GET_STREAM = frame(HEADERS, call_headers(), END_HEADERS, 1)
ENDED = frame(HEADERS, call_headers(path="/nothing"), END_HEADERS | END_STREAM, 1)
FIELDS = [(":method", "POST"), (":scheme", "http"), (":path", "/nothing"), (":authority", "x"),
          ("content-type", "application/grpc"), ("te", "trailers")]


def headers(*fields, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, b"".join(literal(name, value) for name, value in fields), flags, 1)


def without(name):
    return headers(*[field for field in FIELDS if field[0] != name])


# name: (bytes behind the preface and SETTINGS, codes that may be heard)
WRONG = {
    "5.1 idle: DATA": (frame(DATA, b"x", END_STREAM, 1), {PROTOCOL_ERROR}),
    "5.1 idle: RST_STREAM": (frame(RST, struct.pack(">I", 8), 0, 1), {PROTOCOL_ERROR}),
    "5.1 idle: WINDOW_UPDATE": (frame(WINDOW_UPDATE, struct.pack(">I", 100), 0, 1), {PROTOCOL_ERROR}),
    "5.1 idle: CONTINUATION": (frame(CONTINUATION, call_headers(), END_HEADERS, 1), {PROTOCOL_ERROR}),
    "5.1 half-closed: DATA": (frame(HEADERS, call_headers(), END_HEADERS | END_STREAM, 1) + frame(DATA, b"x", END_STREAM, 1),
                              {STREAM_CLOSED, PROTOCOL_ERROR}),
    "5.1 half-closed: HEADERS": (frame(HEADERS, call_headers(), END_HEADERS | END_STREAM, 1) * 2,
                                 {STREAM_CLOSED, PROTOCOL_ERROR}),
    "5.3.1 a stream that depends on itself": (
        frame(HEADERS, struct.pack(">IB", 1, 15) + call_headers(), END_HEADERS | WITH_PRIORITY, 1), {PROTOCOL_ERROR}),
    "6.1 DATA: padding that is longer than the frame": (GET_STREAM + frame(DATA, b"\xff12345", PADDED, 1), {PROTOCOL_ERROR}),
    "6.2 HEADERS on stream 0": (frame(HEADERS, call_headers(), END_HEADERS, 0), {PROTOCOL_ERROR}),
    "6.2 HEADERS: padding that is longer than the frame": (
        frame(HEADERS, b"\xff" + call_headers()[:20], END_HEADERS | PADDED, 1), {PROTOCOL_ERROR}),
    "6.2 HEADERS, then DATA without END_HEADERS": (frame(HEADERS, call_headers(), 0, 1) + frame(DATA, b"x", 0, 1), {PROTOCOL_ERROR}),
    "6.3 PRIORITY on stream 0": (frame(PRIORITY, bytes(5)), {PROTOCOL_ERROR}),
    "6.4 RST_STREAM on stream 0": (frame(RST, bytes(4)), {PROTOCOL_ERROR}),
    "6.5.2 ENABLE_PUSH of 2": (frame(SETTINGS, struct.pack(">HI", 2, 2)), {PROTOCOL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE of 16,383": (frame(SETTINGS, struct.pack(">HI", 5, 16_383)), {PROTOCOL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE of 2^24": (frame(SETTINGS, struct.pack(">HI", 5, 1 << 24)), {PROTOCOL_ERROR}),
    "6.7 PING on stream 1": (frame(PING, bytes(8), 0, 1), {PROTOCOL_ERROR}),
    "6.8 GOAWAY on stream 1": (frame(GOAWAY, bytes(8), 0, 1), {PROTOCOL_ERROR}),
    "6.9.2 a window over 2^31 by SETTINGS": (
        GET_STREAM + frame(WINDOW_UPDATE, struct.pack(">I", 0x7fffffff - 65_535), 0, 1) +
        frame(SETTINGS, struct.pack(">HI", 4, 65_536)), {FLOW_CONTROL_ERROR}),
    "6.10 CONTINUATION on stream 0": (frame(HEADERS, call_headers(), 0, 1) + frame(CONTINUATION, b"", END_HEADERS, 0), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION behind END_HEADERS": (ENDED + frame(CONTINUATION, b"", END_HEADERS, 1), {PROTOCOL_ERROR, STREAM_CLOSED}),
    "6.10 CONTINUATION behind DATA": (GET_STREAM + frame(DATA, b"", 0, 1) + frame(CONTINUATION, b"", END_HEADERS, 1), {PROTOCOL_ERROR}),
    "8.2 a name in capitals": (headers(*FIELDS, ("X-Test", "ok")), {PROTOCOL_ERROR}),
    "8.2.2 connection": (headers(*FIELDS, ("connection", "keep-alive")), {PROTOCOL_ERROR}),
    "8.2.2 te that is no trailers": (headers(*FIELDS[:-1], ("te", "trailers, deflate")), {PROTOCOL_ERROR}),
    "8.3 an unknown pseudo-header": (headers((":test", "ok"), *FIELDS), {PROTOCOL_ERROR}),
    "8.3 :status in a request": (headers((":status", "200"), *FIELDS), {PROTOCOL_ERROR}),
    "8.3 a pseudo-header behind a field": (headers(*FIELDS[:3], ("x-test", "ok"), FIELDS[3]), {PROTOCOL_ERROR}),
    "8.1 a pseudo-header in trailers": (
        GET_STREAM + frame(HEADERS, literal(":method", "POST"), END_HEADERS | END_STREAM, 1), {PROTOCOL_ERROR}),
    "8.1 trailers without END_STREAM": (GET_STREAM + frame(HEADERS, literal("x", "y"), END_HEADERS, 1), {PROTOCOL_ERROR}),
    "8.3.1 no :method": (without(":method"), {PROTOCOL_ERROR}),
    "8.3.1 no :scheme": (without(":scheme"), {PROTOCOL_ERROR}),
    "8.3.1 no :path": (without(":path"), {PROTOCOL_ERROR}),
    "8.3.1 an empty :path": (headers(*[(n, "" if n == ":path" else v) for n, v in FIELDS]), {PROTOCOL_ERROR}),
    "8.3.1 :method twice": (headers(FIELDS[0], *FIELDS), {PROTOCOL_ERROR}),
    "8.3.1 :scheme twice": (headers(FIELDS[1], *FIELDS), {PROTOCOL_ERROR}),
    "8.1.1 content-length that is not kept": (
        frame(HEADERS, call_headers(content_length="1"), END_HEADERS, 1) + frame(DATA, REQUEST, END_STREAM, 1), {PROTOCOL_ERROR}),
    "8.1.1 content-length that the sum of two is not": (
        frame(HEADERS, call_headers(content_length="1"), END_HEADERS, 1) + frame(DATA, REQUEST[:1], 0, 1) +
        frame(DATA, REQUEST[1:], END_STREAM, 1), {PROTOCOL_ERROR}),
    "HPACK 2.3.3 an index beyond both tables": (frame(HEADERS, b"\xc6", END_HEADERS, 1), {COMPRESSION_ERROR}),
    "HPACK 5.2 padding of Huffman longer than 7 bits": (frame(HEADERS, b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
                                                             END_HEADERS, 1), {COMPRESSION_ERROR}),
    "HPACK 5.2 padding of Huffman by zeros": (frame(HEADERS, b"\x00\x85\xf2\xb2\x4a\x87\x00\x84\x49\x50\x9f\xff",
                                                   END_HEADERS, 1), {COMPRESSION_ERROR}),
    "HPACK 6.1 index 0": (frame(HEADERS, b"\x80", END_HEADERS, 1), {COMPRESSION_ERROR}),
    "HPACK 6.3 a table over SETTINGS_HEADER_TABLE_SIZE": (frame(HEADERS, b"\x3f\xe2\x1f", END_HEADERS, 1), {COMPRESSION_ERROR}),
    "4.2 a PRIORITY of 6 bytes": (frame(PRIORITY, bytes(6), 0, 1), {FRAME_SIZE_ERROR}),
    "4.3 headers cut in a field": (frame(HEADERS, b"\x40\x05abc", END_HEADERS, 1), {COMPRESSION_ERROR}),
}

# name: bytes that end in a good call on stream 1, which is answered
RIGHT = {
    "4.1 an unknown frame": frame(0x16, bytes(8)) + ENDED,
    "4.1 undefined flags": frame(PING, bytes(8), 0x16) + ENDED,
    "4.1 the reserved bit": frame(PING, bytes(8), 0, 0x80000000) + ENDED,
    "4.2 a frame of 2^14 bytes": GET_STREAM + frame(DATA, message(b"\x0a" + b"\xf8\x7f" + b"x" * 16_376), END_STREAM, 1),
    "5.1 PRIORITY of an idle stream": frame(PRIORITY, struct.pack(">IB", 0, 15), 0, 1) + ENDED,
    "5.3 PRIORITY in HEADERS": frame(HEADERS, struct.pack(">IB", 0, 15) + call_headers(), END_HEADERS | END_STREAM | WITH_PRIORITY, 1),
    "6.1 padded DATA": GET_STREAM + frame(DATA, b"\x05" + REQUEST + bytes(5), END_STREAM | PADDED, 1),
    "6.2 padded HEADERS": frame(HEADERS, b"\x05" + call_headers() + bytes(5), END_HEADERS | END_STREAM | PADDED, 1),
    "6.5.3 several values, the last one counts": frame(SETTINGS, struct.pack(">HIHI", 4, 1, 4, 65_535)) + ENDED,
    "6.5.2 an unknown setting": frame(SETTINGS, struct.pack(">HI", 0xff, 1)) + ENDED,
    "6.10 CONTINUATIONs": frame(HEADERS, call_headers(path="/nothing")[:10], END_STREAM, 1) +
                          frame(CONTINUATION, call_headers(path="/nothing")[10:20], 0, 1) +
                          frame(CONTINUATION, call_headers(path="/nothing")[20:], END_HEADERS, 1),
    "8.1 trailers": GET_STREAM + frame(DATA, REQUEST, 0, 1) + frame(HEADERS, literal("x", "y"), END_HEADERS | END_STREAM, 1),
    "8.3 POST in another order": headers(FIELDS[3], FIELDS[2], FIELDS[0], FIELDS[1], *FIELDS[4:]),
}


@pytest.fixture
def relay(start, unharmed, closing, calm):
    program = start(conf())
    program.address(door="grpc")
    unharmed(program)
    closing(clients.Publisher(program.address(), "cam")).send(pictures.picture(1))
    calm(program.address())
    return program


def test_what_is_wrong_is_told_by_its_code(relay, closing):
    missed = {}
    for name, (data, codes) in WRONG.items():
        h2 = closing(Http2(relay.address(door="grpc")))
        h2.pour(data)
        heard = None
        while heard in (None, NO_ERROR):  # a call that was answered before is reset without an error
            got = h2.read()
            if got is None or (got[0] == HEADERS and got[1] & END_STREAM and name.startswith("8.")):
                break
            if got[0] in (RST, GOAWAY):
                heard = int.from_bytes(got[3][-4:] if got[0] == RST else got[3][4:8], "big")
        if heard not in codes:
            missed[name] = heard, h2.fields
        h2.close()
    assert not missed
    assert relay.rejected("h2_protocol", "grpc") >= len(WRONG) - 10


def test_what_is_right_is_answered(relay, closing):
    missed = {}
    for name, data in RIGHT.items():
        h2 = closing(Http2(relay.address(door="grpc")))
        h2.pour(data)
        answer = h2.read()
        while answer and answer[0] not in (HEADERS, RST, GOAWAY):
            answer = h2.read()
        if not answer or answer[0] != HEADERS or h2.fields[1].get(":status") != "200":
            missed[name] = answer
        h2.close()
    assert not missed


def test_a_lower_number_begins_no_call(relay, closing):
    """RFC 9113 5.1.1 would have the connection end; nghttp2 takes it for a stream that was closed, and passes it over."""
    h2 = closing(Http2(relay.address(door="grpc")))
    h2.call(5, path="/framerelay.v1.FrameRelay/Publish")
    h2.call(3, flags=END_HEADERS | END_STREAM, path="/nothing")
    h2.call(7, flags=END_HEADERS | END_STREAM, path="/nothing")
    assert h2.status(7) == 12
    assert 3 not in h2.fields


def test_pings_and_settings_are_acknowledged(relay, closing):
    h2 = closing(Http2(relay.address(door="grpc")))
    assert h2.wait(SETTINGS)
    h2.send(frame(PING, b"h2spec!!"), frame(PING, b"an ack..", ACK), frame(SETTINGS, struct.pack(">HI", 3, 100)))
    kinds = {}
    while PING not in kinds or SETTINGS not in kinds:
        kind, flags, _, payload = h2.read()
        if flags & ACK:
            kinds[kind] = payload
    assert kinds[PING] == b"h2spec!!"
    assert kinds[SETTINGS] == b""
