# SPDX-License-Identifier: MIT
"""gRPC as nobody should speak it: told, counted and harmless. Frames are made by hand."""
import pathlib
import re
import struct

import grpc
import pytest

import clients
import pictures
from grpc_client import DATA, END_HEADERS, END_STREAM, Http2, channel, conf, frame, message

REQUEST = b"\x0a\x01x"


@pytest.fixture
def relay(start, unharmed, closing, calm):
    """A relay with a picture of `cam`, and bystanders who lose none."""
    program = start(conf())
    program.address(door="grpc")
    unharmed(program)
    publisher = closing(clients.Publisher(program.address(), "cam"))
    publisher.send(pictures.picture(1))
    calm(program.address())
    return program


@pytest.fixture
def h2(relay, closing):
    return closing(Http2(relay.address(door="grpc")))


# name: (bytes of the call, status, reason)
MESSAGES = {
    "length_ffffffff": (b"\0\xff\xff\xff\xff", 8, "grpc_too_big"),
    "over_the_limit": (struct.pack(">BI", 0, (4 << 20) + 1), 8, "grpc_too_big"),
    "compressed": (message(REQUEST, 1), 12, "grpc_encoding"),
    "flag_2": (message(REQUEST, 2), 12, "grpc_encoding"),
    "no_protobuf": (message(b"\x0a\xff"), 3, "grpc_message"),
    "half_a_message": (message(REQUEST)[:-1], 3, "grpc_message"),
    "half_a_length": (b"\0\0", 3, "grpc_message"),
    "half_a_length_behind_a_message": (message(REQUEST) + b"\0\0\0", 3, "grpc_message"),
    "half_a_message_behind_a_message": (message(REQUEST) + b"\0\0\0\0\x05x", 3, "grpc_message"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_bad_messages_have_their_status(relay, h2, name):
    data, status, reason = MESSAGES[name]
    h2.call(1, frame(DATA, data, END_STREAM, 1))
    assert h2.status(1) == status
    assert relay.rejected(reason, door="grpc") == 1
    h2.call(3, frame(DATA, message(REQUEST), END_STREAM, 3))  # the connection goes on
    assert h2.wait(DATA, 3)


def test_many_unknown_fields_take_no_more_memory_than_they_weigh(start, closing):
    """Eight million bytes of fields of two bytes each: kept one by one they would be half a gigabyte."""
    relay = start(conf(), release=True)
    publish = closing(channel(relay.address(door="grpc"))).stream_unary("/framerelay.v1.FrameRelay/Publish")
    with pytest.raises(grpc.RpcError) as caught:
        publish(iter([b"\x0a\x05\x0a\x03cam", b"\x78\x00" * 4_000_000]))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert relay.rejected("grpc_message", door="grpc") == 2  # the call, and what was to be a picture
    status = pathlib.Path(f"/proc/{relay.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(f"{peak:.1f} MiB at the peak")
    assert peak < 80


def test_nothing_large_is_taken_before_a_publisher_has_said_its_stream(relay, h2):
    h2.call(1, frame(DATA, struct.pack(">BI", 0, 2 << 20) + b"\x78\0" * 1000, 0, 1),
            path="/framerelay.v1.FrameRelay/Publish")
    assert h2.status(1) == 8
    relay.wait_stat(("grpc", "grpc_too_big"), 1)


def test_a_message_in_pieces_of_one_byte(relay, h2):
    h2.call(1, *[frame(DATA, bytes([byte]), 0, 1) for byte in message(REQUEST)])
    assert h2.wait(DATA, 1)


def test_what_is_no_call_is_answered_in_http(relay, h2):
    h2.call(1, flags=END_HEADERS | END_STREAM, content_type="text/plain")
    assert h2.trailers(1)[":status"] == "415"
    assert relay.rejected("media_type", door="grpc") == 1
    h2.call(3, flags=END_HEADERS | END_STREAM, path="/nothing")
    assert h2.status(3) == 12
    assert relay.rejected("grpc_path", door="grpc") == 1


@pytest.mark.parametrize("timeout, status", [("1n", 4), ("99999999H", None), ("soon", 3), ("123456789S", 3)])
def test_timeouts(relay, h2, timeout, status):
    """Honoured, clamped, refused."""
    h2.call(1, frame(DATA, message(REQUEST), 0, 1), grpc_timeout=timeout)
    if status is None:
        assert h2.wait(DATA, 1)
    else:
        assert h2.status(1) == status
    assert relay.rejected("bad_parameter", door="grpc") == (status == 3)


def test_silence_is_ended(start, closing):
    relay = start(conf(limits="http_header_timeout_ms = 300; keep_alive_timeout_ms = 300;"))
    h2 = closing(Http2(relay.address(door="grpc"), b""))
    assert h2.goaway() == 0  # it said nothing at all
    assert relay.rejected("header_timeout", door="grpc") == 1
    h2 = closing(Http2(relay.address(door="grpc")))
    h2.call(1, flags=END_HEADERS | END_STREAM, path="/nothing")
    assert h2.goaway() == 0  # nothing more was asked
