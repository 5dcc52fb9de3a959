# SPDX-License-Identifier: MIT
"""HTTP/2 as nobody should speak it: floods, frames that break it, windows and headers beyond their limits. Told,
counted and harmless; what costs time or memory is measured with the program as it is released."""
import math
import struct
import time

import pytest

import clients
import pictures
from grpc_client import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
                         FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, NO_ERROR, PING, PREFACE, PRIORITY,
                         PROTOCOL_ERROR, RST, SETTINGS, WINDOW_UPDATE, Http2, call_headers, conf, frame, literal,
                         message, stubs)
from support import wait_for

REQUEST = b"\x0a\x01x"
SUBSCRIBE = "/framerelay.v1.FrameRelay/Subscribe"
INITIAL_WINDOW = 4
HEADER_LIST_BYTES = 8 << 10
V1, _ = stubs("framerelay")


@pytest.fixture(params=[False, True], ids=["sanitized", "release"])
def built(request):
    return request.param


@pytest.fixture
def relay(start, unharmed, closing, calm, request):
    """A relay with a picture of `cam`, and bystanders who lose none."""
    program = start(conf(), release="built" in request.fixturenames and request.getfixturevalue("built"))
    program.address(door="grpc")
    unharmed(program)
    publisher = closing(clients.Publisher(program.address(), "cam"))
    publisher.send(pictures.picture(1))
    calm(program.address())
    return program


@pytest.fixture
def h2(relay, closing):
    return closing(Http2(relay.address(door="grpc")))


def answered(h2, stream):
    """A good call on this connection has its reply."""
    h2.call(stream, frame(DATA, message(REQUEST), END_STREAM, stream))
    assert h2.wait(DATA, stream)


# --- Floods

def test_rapid_reset_is_ended_within_a_second(relay, h2, built):
    """100,000 calls, each reset at once: no more than the first 221 of them are looked at."""
    call = call_headers()
    flood = b"".join(frame(HEADERS, call, END_HEADERS, n) + frame(RST, struct.pack(">I", 8), 0, n)
                     for n in range(1, 200_001, 2))
    cpu, began = relay.cpu_seconds(), time.monotonic()
    h2.pour(flood)
    got = h2.wait(GOAWAY)
    took = time.monotonic() - began
    last, code = struct.unpack(">II", got[3][:8])
    assert code == ENHANCE_YOUR_CALM
    assert (last + 1) // 2 <= 201 + 20 * math.ceil(took), (last, took)
    assert relay.rejected("h2_flood", "grpc") == 1
    cpu = relay.cpu_seconds() - cpu
    print(f"GOAWAY after {(last + 1) // 2} calls and {took * 1000:.0f} ms, {cpu:.2f} s of CPU time")
    assert cpu < (0.5 if built else 3)


FLOODS = {
    "ping": frame(PING, bytes(8)),
    "ping_ack": frame(PING, bytes(8), ACK),
    "settings": frame(SETTINGS),
    "priority": frame(PRIORITY, bytes(4) + b"\x10", 0, 1),
    "window_of_the_connection": frame(WINDOW_UPDATE, struct.pack(">I", 1)),
    "window_of_a_call": frame(WINDOW_UPDATE, struct.pack(">I", 1), 0, 1),
    "empty_data": frame(DATA, b"", 0, 1),
}


@pytest.mark.parametrize("kind", [*FLOODS, "empty_headers", "settings_of_2400_entries", "continuation"])
def test_a_flood_is_ended(relay, h2, kind, built):
    begin = frame(HEADERS, call_headers(), END_HEADERS, 1)
    if kind == "empty_headers":
        flood = b"".join(frame(HEADERS, b"", END_HEADERS | END_STREAM, n) for n in range(1, 20_001, 2))
    elif kind == "settings_of_2400_entries":
        flood = frame(SETTINGS, struct.pack(">HI", 0x99, 1) * 2400)
    elif kind == "continuation":
        flood = frame(HEADERS, call_headers(), 0, 1) + frame(CONTINUATION, b"", 0, 1) * 10_000
    else:
        flood = begin + FLOODS[kind] * 10_000
    rss, cpu = relay.rss_bytes(), relay.cpu_seconds()
    h2.pour(flood)
    assert h2.goaway() == ENHANCE_YOUR_CALM
    relay.wait_stat(("grpc", "h2_flood"), 1)
    assert relay.rejected("h2_flood", "grpc") == 1
    assert relay.cpu_seconds() - cpu < (0.5 if built else 3)
    assert relay.rss_bytes() - rss < (4 << 20 if built else 64 << 20)


def test_acks_of_settings_that_nobody_sent_end_the_connection(relay, h2):
    h2.pour(frame(SETTINGS, b"", ACK) * 10_000)
    assert h2.goaway() == PROTOCOL_ERROR
    relay.wait_stat(("grpc", "h2_protocol"), 1)


# --- Frames that break it

TOO_LONG = b"\xff\xff\xff"

BAD = {
    "window_0_of_the_connection": (frame(WINDOW_UPDATE, bytes(4)), PROTOCOL_ERROR),
    "window_overflow": (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
    "initial_window_over_2_31": (frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW, 0x80000000)), FLOW_CONTROL_ERROR),
    "data_of_2_24": (TOO_LONG + bytes([DATA, 0, 0, 0, 0, 1]) + bytes(1000), FRAME_SIZE_ERROR),
    "headers_of_2_24": (TOO_LONG + bytes([HEADERS, END_HEADERS, 0, 0, 0, 1]) + bytes(1000), FRAME_SIZE_ERROR),
    "settings_of_2_24": (TOO_LONG + bytes([SETTINGS, 0, 0, 0, 0, 0]) + bytes(1000), FRAME_SIZE_ERROR),
    "unknown_frame_of_2_24": (TOO_LONG + bytes([0xee, 0, 0, 0, 0, 0]) + bytes(1000), FRAME_SIZE_ERROR),
    "data_on_stream_0": (frame(DATA, b"x"), PROTOCOL_ERROR),
    "data_on_an_idle_stream": (frame(DATA, b"x", 0, 5), PROTOCOL_ERROR),
    "even_stream": (frame(HEADERS, call_headers(), END_HEADERS, 2), PROTOCOL_ERROR),
    "hpack_index_over_the_table": (frame(HEADERS, b"\xff\xff\xff\x7f", END_HEADERS, 1), COMPRESSION_ERROR),
    "hpack_huffman_eos": (frame(HEADERS, b"\x00\x84\xff\xff\xff\xff\x00", END_HEADERS, 1), COMPRESSION_ERROR),
    "hpack_table_over_the_limit": (frame(HEADERS, b"\x3f\xe1\xff\x7f", END_HEADERS, 1), COMPRESSION_ERROR),
    "hpack_table_size_behind_a_field": (frame(HEADERS, call_headers() + b"\x20", END_HEADERS, 1), COMPRESSION_ERROR),
    "hpack_number_without_end": (frame(HEADERS, b"\xff" + b"\x80" * 20, END_HEADERS, 1), COMPRESSION_ERROR),
    "push_promise": (frame(5, bytes(4), END_HEADERS, 1), PROTOCOL_ERROR),
    "ping_of_7_bytes": (frame(PING, bytes(7)), FRAME_SIZE_ERROR),
    "frames_inside_headers": (frame(HEADERS, call_headers(), 0, 1) + frame(PING, bytes(8)), PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_http2_ends_the_connection(relay, h2, name):
    data, code = BAD[name]
    h2.send(data)
    assert h2.goaway() == code
    h2.send(data)  # a frame behind the GOAWAY
    relay.wait_stat(("grpc", "h2_protocol"), 1)


@pytest.mark.parametrize("name", BAD)
def test_what_is_broken_behind_a_goaway_aborts_nothing(relay, closing, name):
    """CVE-2026-27135 was an assertion of the library in this place. Three ways to a GOAWAY, then everything bad."""
    everything = BAD[name][0] + b"".join(data for data, _ in BAD.values())
    flooded = closing(Http2(relay.address(door="grpc")))
    flooded.pour(frame(PING, bytes(8)) * 300 + everything)
    assert flooded.goaway() == ENHANCE_YOUR_CALM
    broken = closing(Http2(relay.address(door="grpc")))
    broken.pour(everything * 2)
    assert broken.goaway()
    graceful = closing(Http2(relay.address(door="grpc")))  # its call goes on, so its frames are read on
    graceful.call(2 ** 31 - 3, path="/framerelay.v1.FrameRelay/Publish")
    assert graceful.goaway() == NO_ERROR
    graceful.pour(everything)
    while graceful.read():
        pass
    relay.wait_stat(("grpc", "h2_protocol"), 2)


@pytest.mark.parametrize("first", [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n" + bytes(20), bytes(64)])
def test_another_protocol_is_closed(relay, closing, first):
    assert closing(Http2(relay.address(door="grpc"), first)).wait(GOAWAY) is None
    assert relay.rejected("wrong_protocol", "grpc") == 1


def test_http1_behind_the_preface_is_a_frame_too_long(relay, closing):
    h2 = closing(Http2(relay.address(door="grpc"), PREFACE + b"GET / HTTP/1.1\r\n\r\n"))
    assert h2.goaway() in (PROTOCOL_ERROR, FRAME_SIZE_ERROR)
    relay.wait_stat(("grpc", "h2_protocol"), 1)


def test_the_preface_byte_by_byte(relay, closing):
    h2 = closing(Http2(relay.address(door="grpc"), b""))
    for byte in PREFACE + frame(SETTINGS):
        h2.send(bytes([byte]))
    answered(h2, 1)


# --- Windows

def test_a_window_of_a_call_that_cannot_be(relay, h2):
    h2.call(1, path="/framerelay.v1.FrameRelay/Publish")
    h2.send(frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff", 0, 1))
    got = h2.wait(RST, 1)
    assert int.from_bytes(got[3], "big") == FLOW_CONTROL_ERROR
    answered(h2, 3)  # it was that call's fault alone
    h2.send(frame(HEADERS, call_headers(path="/framerelay.v1.FrameRelay/Publish"), END_HEADERS, 5),
            frame(WINDOW_UPDATE, bytes(4), 0, 5))
    got = h2.read()
    while got and got[0] not in (RST, GOAWAY):
        got = h2.read()
    assert got and int.from_bytes(got[3][-4:] if got[0] == RST else got[3][4:8], "big") == PROTOCOL_ERROR


def test_a_window_below_nothing_is_a_debt_that_is_kept(relay, closing):
    """SETTINGS take back what was sent already: not a byte comes before the debt is paid, and then no more than paid."""
    h2 = closing(Http2(relay.address(door="grpc")))
    h2.send(frame(WINDOW_UPDATE, struct.pack(">I", 1 << 24)))  # of the connection: only the call's is short
    h2.call(1, frame(DATA, message(V1.SubscribeRequest(stream="cam").SerializeToString()), END_STREAM, 1),
            path=SUBSCRIBE)
    publisher = closing(clients.Publisher(relay.address(), "large"))
    large = pictures.picture(7, "large", size=300_000)
    h2.call(3, frame(DATA, message(V1.SubscribeRequest(stream="large").SerializeToString()), END_STREAM, 3),
            path=SUBSCRIBE)
    publisher.send(large)
    got = b""
    while len(got) < 65_535:
        got += h2.wait(DATA, 3)[3]
    assert len(got) == 65_535
    h2.send(frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW, 1000)))
    debt = 65_535 - 1000
    for paid in (0, debt - 1, 1):
        if paid:
            h2.send(frame(WINDOW_UPDATE, struct.pack(">I", paid), 0, 3))
        assert not [f for f in h2.before_ping() if f[0] == DATA and f[2] == 3], paid
    for paid in (1, 999):
        h2.send(frame(WINDOW_UPDATE, struct.pack(">I", paid), 0, 3))
        piece = b"".join(f[3] for f in h2.before_ping() if f[0] == DATA and f[2] == 3)
        assert len(piece) == paid
        got += piece
    # And up again, above what it was: the rest comes at once, and what comes is the picture.
    h2.send(frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW, 1 << 20)))
    size = int.from_bytes(got[1:5], "big")
    while len(got) < 5 + size:
        got += h2.wait(DATA, 3)[3]
    assert V1.Frame.FromString(got[5:]).jpeg == large


def test_who_opens_no_window_sees_the_newest_when_he_does(relay, closing):
    settings = frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW, 0))
    h2 = closing(Http2(relay.address(door="grpc"), PREFACE + settings))
    h2.call(1, frame(DATA, message(b"\x0a\x03cam"), END_STREAM, 1), path=SUBSCRIBE)
    relay.wait_stat("subscribers", 1)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    before = relay.stat("frames_published")
    for number in range(2, 30):
        publisher.send(pictures.picture(number))
    newest = pictures.picture(30)
    publisher.send(newest)
    listing = wait_for(lambda: relay.stat("frames_published") >= before + 29, "the last picture")
    assert listing
    h2.before_ping()
    h2.send(frame(WINDOW_UPDATE, struct.pack(">I", 1 << 20), 0, 1))
    got = h2.wait(DATA, 1)[3]
    while len(got) < len(newest):
        got += h2.wait(DATA, 1)[3]
    assert got.endswith(newest)


# --- Headers

def test_the_table_of_fields_may_change_its_size(relay, h2):
    for stream, size in ((1, b"\x20"), (3, b"\x20\x3f\xe1\x1f"), (5, b"\x3e")):  # 0; 0, then 4096; 30
        h2.send(frame(HEADERS, size + call_headers(), END_HEADERS, stream),
                frame(DATA, message(REQUEST), END_STREAM, stream))
        assert h2.wait(DATA, stream)


def sized_headers(total):
    """The headers of a call that are `total` bytes as HTTP/2 counts them (RFC 9113 6.5.2: 32 more for each field)."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/MainServer/getStream"), (":authority", "x"),
              ("content-type", "application/grpc"), ("te", "trailers")]
    left = total - sum(32 + len(name) + len(value) for name, value in fields)
    more = b""
    while left > 0:
        value = min(left - 33, 126) if left - 33 - 126 not in range(1, 34) else 60
        more += literal("a", "b" * value)
        left -= 33 + value
    assert left == 0
    return b"".join(literal(name, value) for name, value in fields) + more


@pytest.mark.parametrize("total, status", [(HEADER_LIST_BYTES - 1, None), (HEADER_LIST_BYTES, None),
                                           (HEADER_LIST_BYTES + 1, 8)])
def test_headers_to_the_byte(relay, h2, total, status):
    h2.send(frame(HEADERS, sized_headers(total), END_HEADERS, 1), frame(DATA, message(REQUEST), END_STREAM, 1))
    if status is None:
        assert h2.wait(DATA, 1)
    else:
        assert h2.status(1) == status
    assert relay.rejected("header_too_large", "grpc") == (status is not None)
    answered(h2, 3)


def test_a_bomb_of_headers_costs_nothing(relay, h2, built):
    """A field of 4,000 bytes in the table, named 590,000 times: 2.3 GB of headers in nine frames."""
    h2.wait(SETTINGS)
    h2.send(frame(SETTINGS, b"", ACK))  # from here on frames may be of 64 KiB
    h2.before_ping()
    rss, cpu = relay.rss_bytes(), relay.cpu_seconds()
    field = b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000
    h2.pour(frame(HEADERS, call_headers() + field + b"\xbe" * 60_000, 0, 1) +
            frame(CONTINUATION, b"\xbe" * 65_535, 0, 1) * 7 + frame(CONTINUATION, b"\xbe" * 65_535, END_HEADERS, 1))
    assert h2.status(1) == 8
    assert relay.rejected("header_too_large", "grpc") == 1
    cpu = relay.cpu_seconds() - cpu
    print(f"{cpu:.2f} s of CPU time")
    assert cpu < (0.5 if built else 3)
    assert relay.rss_bytes() - rss < (4 << 20 if built else 64 << 20)
    answered(h2, 3)


# --- Calls

def test_more_calls_than_allowed_are_refused(relay, h2):
    for number in range(1, 2 * 130, 2):
        h2.call(number, path="/framerelay.v1.FrameRelay/Publish")
    assert h2.wait(RST)[2] > 200  # REFUSED_STREAM
    h2.send(frame(RST, struct.pack(">I", 8), 0, 1))
    answered(h2, 1001)


def test_the_numbers_of_calls_come_to_their_end(relay, closing):
    """The client hears it in time; its last call is answered, the others lose nothing, and it begins again."""
    h2 = closing(Http2(relay.address(door="grpc")))
    h2.send(frame(WINDOW_UPDATE, struct.pack(">I", 1 << 30)))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "numbered"), 30, "numbered", size=4000))
    camera.wait_sent(1)
    request = V1.SubscribeRequest(stream="numbered", queue_frames=64)
    h2.call(1, frame(DATA, message(request.SerializeToString()), END_STREAM, 1), path=SUBSCRIBE)
    last = 2 ** 31 - 3
    received, asked, goaway, replied, taken = b"", False, None, False, []
    while goaway is None or not replied or len(taken) < 60:
        if len(taken) >= 20 and not asked:
            asked = h2.call(last, frame(DATA, message(REQUEST), END_STREAM, last))
        kind, _, stream, payload = h2.read()
        if kind == GOAWAY:
            goaway = struct.unpack(">II", payload[:8])
        replied = replied or (kind == DATA and stream == last)
        if kind == DATA and stream == 1:
            received += payload
            h2.send(frame(WINDOW_UPDATE, struct.pack(">I", len(payload)), 0, 1) if payload else b"")
        while len(received) >= 5 and len(received) >= 5 + int.from_bytes(received[1:5], "big"):
            size = int.from_bytes(received[1:5], "big")
            taken.append(pictures.check(V1.Frame.FromString(received[5:5 + size]).jpeg)[1])
            received = received[5 + size:]
    assert goaway == (last, NO_ERROR)
    assert taken == list(range(taken[0], taken[0] + len(taken)))
    answered(closing(Http2(relay.address(door="grpc"))), 1)
