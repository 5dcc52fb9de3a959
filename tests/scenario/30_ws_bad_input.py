# SPDX-License-Identifier: MIT
"""What should not be sent to a WebSocket: each is answered with the CLOSE code of RFC 6455, counted, and harms nobody.

The rows follow the groups of the Autobahn test suite that concern a server which speaks no extension (1 framing, 2 pings,
3 reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing, 9 limits), which Debian does not have. What that suite
checks by an echo is seen here by the error that a text which is no command is answered with.
"""
import base64
import os

import pytest

import clients
import pictures
from support import connect, read_to_end, wait_for
from websocket_bytes import BINARY, CLOSE, PING, PONG, TEXT, Socket, close, frame, request

CONF = """
limits = { log_lines_per_second = 0; accept_rate = 0; accept_rate_per_address = 0; %s };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; %s }
);
"""
KEY = base64.b64encode(bytes(16))
GOOD = frame(TEXT, b"{}")
LONG_TEXT = "κόσμε – Ω 🂡".encode()


# --- The handshake ------------------------------------------------------------------------------

HANDSHAKES = {
    "no Upgrade": (request("/ws", key=KEY, upgrade=b""), 426, "ws_handshake"),
    "another protocol": (request("/ws", key=KEY, upgrade=b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), 426, "ws_handshake"),
    "no Connection": (request("/ws", key=KEY, upgrade=b"Upgrade: websocket\r\n"), 400, "ws_handshake"),
    "no key": (request("/ws"), 400, "ws_handshake"),
    "a key of 15 bytes": (request("/ws", key=base64.b64encode(bytes(15))), 400, "ws_handshake"),
    "a key of 17 bytes": (request("/ws", key=base64.b64encode(bytes(17))), 400, "ws_handshake"),
    "two keys": (request("/ws", key=KEY, more=b"Sec-WebSocket-Key: " + KEY + b"\r\n"), 400, "http_malformed"),
    "no version": (request("/ws", key=KEY, version=None), 426, "ws_handshake"),
    "version 12": (request("/ws", key=KEY, version=b"12"), 426, "ws_handshake"),
    "version 13 and 8": (request("/ws", key=KEY, version=b"13, 8"), 426, "ws_handshake"),
    "HTTP/1.0": (request("/ws", key=KEY, http=b"1.0"), 400, "ws_handshake"),
    "a body": (request("/ws", key=KEY, more=b"Content-Length: 3\r\n") + b"abc", 400, "ws_handshake"),
    "POST": (request("/ws", key=KEY, method=b"POST", more=b"Content-Length: 0\r\n"), 405, "http_method"),
    "HEAD": (request("/ws", key=KEY, method=b"HEAD"), 405, "http_method"),
    "a page of another host": (request("/ws", key=KEY, more=b"Origin: https://evil.example\r\n"), 403, "origin_refused"),
    "a page of none": (request("/ws", key=KEY, more=b"Origin: null\r\n"), 403, "origin_refused"),
    "rebinding": (request("/ws", key=KEY, host=b"evil.example"), 421, "host_refused"),
    "no such stream": (request("/streams/nobody/ws", key=KEY), 404, "no_such_stream"),
    "a bad parameter": (request("/streams/cam/ws?queue=x", key=KEY), 400, "bad_parameter"),
}


def test_a_bad_handshake_is_refused_as_a_request(start, closing, calm):
    relay = start(CONF % ("", ""))
    calm(relay.address())
    closing(clients.Publisher(relay.address(), "cam")).send(pictures.picture(1))
    relay.wait_stat("streams", 2)
    expected = {}
    for name, (bytes_, code, reason) in HANDSHAKES.items():
        with connect(relay.address(door="http")) as sock:
            sock.sendall(bytes_)
            sock.shutdown(1)
            answer = read_to_end(sock)
        assert answer.startswith(b"HTTP/1.1 %d " % code), (name, answer)
        assert (code == 426) == (b"\r\nSec-WebSocket-Version: 13\r\n" in answer), name
        expected[reason] = expected.get(reason, 0) + 1
        assert relay.rejected(reason, "http") == expected[reason], name
    assert {reason: relay.rejected(reason, "http") for reason in expected} == expected


def test_a_page_may_open_one_only_where_it_is_allowed(start, closing):
    relay = start(CONF % ("", 'allow_origins = [ "https://good.example" ];'))
    for origin in (b"https://good.example", b"http://relay.local:8080", b"https://relay.local:8080"):
        closing(Socket(relay.address(door="http"), host=b"relay.local:8080", more=b"Origin: " + origin + b"\r\n"))
    for origin in (b"http://relay.local", b"http://good.example", b"https://bad.example"):
        with pytest.raises(AssertionError):
            Socket(relay.address(door="http"), host=b"relay.local:8080", more=b"Origin: " + origin + b"\r\n")
    assert relay.rejected("origin_refused", "http") == 3


# --- Frames -------------------------------------------------------------------------------------

def fragments(*parts, opcode=TEXT):
    return b"".join(frame(opcode if n == 0 else 0, part, fin=n == len(parts) - 1) for n, part in enumerate(parts))


def byte_by_byte(text):
    return fragments(*(text[n:n + 1] for n in range(len(text))))


BAD = {
    # 1, 9: framing and limits
    "not masked": (frame(TEXT, b"{}", masked=False), 1002, "ws_protocol"),
    "length 2^63": (frame(BINARY, length=1 << 63), 1002, "ws_protocol"),
    "length 2^64-1": (frame(BINARY, length=(1 << 64) - 1), 1002, "ws_protocol"),
    "length 125 in two bytes": (frame(TEXT, b"a" * 125, width=2), 1002, "ws_protocol"),
    "length 65535 in eight bytes": (frame(TEXT, b"a" * 65535, width=8), 1002, "ws_protocol"),
    "a message over the limit": (frame(TEXT, b"a" * (64 * 1024 + 1025)), 1009, "ws_too_big"),
    "a declared length over the limit": (frame(BINARY, b"a", length=1 << 40), 1009, "ws_too_big"),
    "fragments over the limit": (fragments(b"a" * 40_000, b"a" * 40_000), 1009, "ws_too_big"),
    # 2: pings
    "a PING of 126": (frame(PING, b"a" * 126), 1002, "ws_protocol"),
    # 3: reserved bits
    **{f"reserved bits {rsv}": (frame(TEXT, b"{}", rsv=rsv), 1002, "ws_protocol") for rsv in range(1, 8)},
    "a reserved bit in a PING": (frame(PING, b"a", rsv=4), 1002, "ws_protocol"),
    "a reserved bit in a continuation": (frame(TEXT, b"{", fin=False) + frame(0, b"}", rsv=2), 1002, "ws_protocol"),
    # 4: opcodes
    **{f"opcode {opcode}": (frame(opcode, b"a"), 1002, "ws_protocol") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "opcode 5 inside a message": (frame(TEXT, b"{", fin=False) + frame(5), 1002, "ws_protocol"),
    # 5: fragmentation
    "a PING in fragments": (frame(PING, b"a", fin=False) + frame(0, b"b"), 1002, "ws_protocol"),
    "a PONG in fragments": (frame(PONG, b"a", fin=False) + frame(0, b"b"), 1002, "ws_protocol"),
    "a continuation of nothing": (frame(0, b"a"), 1002, "ws_protocol"),
    "a continuation of nothing, unfinished": (frame(0, b"a", fin=False) + frame(0, b"b"), 1002, "ws_protocol"),
    "a continuation behind a whole message": (GOOD + frame(0, b"a"), 1002, "ws_protocol"),
    "a message inside a message": (frame(TEXT, b"{", fin=False) + GOOD, 1002, "ws_protocol"),
    "65 fragments": (fragments(*[b"a"] * 65), 1008, "ws_fragments"),
    # 6: UTF-8
    **{f"text {text!r}": (frame(TEXT, text), 1007, "ws_utf8") for text in (
        b"\xff", b"\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
        b"\xfe\xff", LONG_TEXT[:-1], LONG_TEXT + b"\xed\xa0\x80edited", b"\xf0\x80\x80\x80")},
    "bad text over fragments": (fragments(LONG_TEXT[:5], b"\xed\xa0", b"\x80"), 1007, "ws_utf8"),
    "bad text byte by byte": (byte_by_byte(b"ok \xf4\x90\x80\x80"), 1007, "ws_utf8"),
    "text cut inside a character": (fragments(b"\xe2\x82", b""), 1007, "ws_utf8"),
    "bad text, and nothing behind it": (frame(TEXT, b"\xff", fin=False), 1007, "ws_utf8"),
    # 7: closing
    "CLOSE of one byte": (frame(CLOSE, b"\x03"), 1002, "ws_protocol"),
    "CLOSE of 126": (frame(CLOSE, b"\x03\xe8" + b"a" * 124), 1002, "ws_protocol"),
    "CLOSE in fragments": (frame(CLOSE, b"\x03\xe8", fin=False), 1002, "ws_protocol"),
    "CLOSE with a bad reason": (close(1000, b"\xed\xa0\x80"), 1007, "ws_utf8"),
    **{f"CLOSE {code}": (close(code), 1002, "ws_protocol")
       for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
}


def test_a_bad_frame_ends_with_its_code(start, closing, calm):
    relay = start(CONF % ("", ""))
    calm(relay.address())
    http = relay.address(door="http")
    expected = {}
    before = relay.rss_bytes()
    for name, (data, code, reason) in BAD.items():
        for chopped in (False, True) if len(data) < 2000 else (False,):
            socket = closing(Socket(http, behind=b"" if chopped else data))
            for n in range(len(data) if chopped else 0):
                try:
                    socket.send(data[n:n + 1])
                except ConnectionError:
                    break  # it has seen enough
            try:
                socket.send(GOOD)
            except ConnectionError:
                pass
            assert socket.read_end()[0] == code, (name, chopped)
            expected[reason] = expected.get(reason, 0) + 1
    assert {reason: relay.rejected(reason, "http") for reason in expected} == expected
    assert relay.rss_bytes() - before < 40_000_000


GOODS = {
    # what is allowed, however odd: after it a text is still answered
    "an empty text": (frame(TEXT), 1),
    "125, 126, 127 and 128 bytes": (b"".join(frame(TEXT, b"a" * n) for n in (125, 126, 127, 128)), 4),
    "65535 bytes": (frame(TEXT, b"a" * 65535), 1),
    "65536 bytes": (frame(TEXT, b"a" * 65536), 1),
    "an empty binary message": (frame(BINARY), 0),
    "PONGs that nobody asked for": (frame(PONG, b"news") + frame(PONG), 0),
    "64 fragments": (fragments(*[b"a"] * 64), 1),
    "empty fragments": (fragments(b"", b"", b""), 1),
    "PINGs between fragments": (frame(TEXT, b"a", fin=False) + frame(PING, b"1") + frame(0, b"b", fin=False) + frame(PING, b"2")
                                + frame(0, b"c"), 1),
    "characters over fragments": (byte_by_byte(LONG_TEXT), 1),
    "characters at the edges": (b"".join(frame(TEXT, c.encode()) for c in "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff"), 11),
}


@pytest.mark.parametrize("chopped", [False, True])
def test_what_is_odd_but_allowed_is_taken(start, closing, chopped):
    relay = start(CONF % ("ws_commands_per_second = 0;", ""))
    for name, (data, answers) in GOODS.items():
        socket = closing(Socket(relay.address(door="http")))
        if chopped and len(data) < 2000:
            for n in range(len(data)):
                socket.send(data[n:n + 1])
        else:
            socket.send(data)
        socket.say(subscribe="nobody", channel=1)
        for _ in range(answers):
            assert socket.text("error")["error"]["code"] == 400, name
        assert socket.text("error")["error"]["code"] == 404, name
        socket.send(frame(PING, b"x" * 125))
        while socket.read_only(PONG) != b"x" * 125:
            pass


@pytest.mark.parametrize("code, reason", [(None, b""), (1000, b""), (1001, b"bye"), (1003, b""), (1007, b""), (1011, b"x" * 123),
                                          (3000, b""), (3999, b""), (4000, b"\xe2\x82\xac"), (4999, b"")])
def test_a_close_is_answered_with_its_code(start, closing, code, reason):
    relay = start(CONF % ("", ""))
    socket = closing(Socket(relay.address(door="http")))
    socket.send(close(code, reason) + GOOD + frame(PING))  # nothing behind it counts
    assert socket.read_end()[0] == code
    wait_for(lambda: relay.stat("connections_open") == 0, "it is closed")
    assert relay.rejected("ws_command", "http") == 0


# --- Floods and time ----------------------------------------------------------------------------

FLOODS = {
    "pings": frame(PING, b"a" * 125),
    "pongs": frame(PONG),
    "records": frame(BINARY, bytes([4]) + bytes(27)),
    "commands": frame(TEXT, b'{"unsubscribe":1}'),
    "acks": frame(TEXT, b'{"ack":1,"sequence":1}'),
    "nonsense": frame(TEXT, b"x"),
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_ends(start, closing, calm, what):
    """More than the bucket holds: CLOSE 1008, and not an answer for each."""
    relay = start(CONF % ("", ""))
    calm(relay.address())
    socket = closing(Socket(relay.address(door="http")))
    before = relay.rss_bytes()
    try:
        for _ in range(50):
            socket.send(FLOODS[what] * 200)
    except ConnectionError:
        pass
    relay.log.wait(r"reason=ws_flood")
    assert relay.rejected("ws_flood", "http") == 1
    assert relay.rss_bytes() - before < 20_000_000


def test_a_message_must_be_whole_in_time(start, closing):
    relay = start(CONF % ("http_body_timeout_ms = 300;", ""))
    socket = closing(Socket(relay.address(door="http")))
    socket.send(frame(TEXT, b"{", fin=False))
    assert socket.read_end()[0] == 1008
    assert relay.rejected("header_timeout", "http") == 1


def test_random_bytes_harm_nobody(start, closing, calm):
    relay = start(CONF % ("", ""))
    calm(relay.address())
    for n in range(100):
        socket = closing(Socket(relay.address(door="http")))
        try:
            for _ in range(4):
                socket.send((GOOD if n % 2 else b"") + os.urandom(300))
            socket.sock.shutdown(1)
        except OSError:
            pass
        read_to_end(socket.sock)
    wait_for(lambda: relay.rejected("ws_protocol", "http") > 50, "most of it was no frame")
