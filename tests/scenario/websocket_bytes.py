# SPDX-License-Identifier: MIT
"""WebSocket byte by byte, for what no library would send: handshakes and frames of every kind."""
import base64
import hashlib
import json
import os
import struct

from clients import read_exactly
from support import connect

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(path, *, key=None, version=b"13", method=b"GET", http=b"1.1", more=b"", host=b"localhost",
            upgrade=b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"):
    """A handshake; what is None is left out."""
    lines = [b"%s %s HTTP/%s\r\nHost: %s\r\n" % (method, path.encode(), http, host), upgrade]
    if key is not None:
        lines.append(b"Sec-WebSocket-Key: " + key + b"\r\n")
    if version is not None:
        lines.append(b"Sec-WebSocket-Version: " + version + b"\r\n")
    return b"".join(lines) + more + b"\r\n"


def read_head(sock):
    """The head of an answer, to its empty line."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += read_exactly(sock, 1)
    return got


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True, length=None, width=None):
    """One frame. `length` lies about the payload's; `width` is how many bytes it takes (0, 2, 8)."""
    length = len(payload) if length is None else length
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    second = (0x80 if masked else 0) | (length if width == 0 else 126 if width == 2 else 127)
    head = bytes([first, second]) + (length.to_bytes(width, "big") if width else b"")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def close(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


class Socket:
    """A WebSocket that is open; frames are read as they come."""

    def __init__(self, address, path="/ws", *, receive_buffer=None, behind=b"", more=b"", host=b"localhost"):
        self.sock = connect(address, receive_buffer=receive_buffer)
        key = base64.b64encode(os.urandom(16))
        self.sock.sendall(request(path, key=key, more=more, host=host) + behind)
        self.head = read_head(self.sock)
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        assert self.head.startswith(b"HTTP/1.1 101 ") and b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n" in self.head
        assert b"extensions" not in self.head.lower()

    def send(self, data):
        self.sock.sendall(data)

    def say(self, **command):
        self.send(frame(TEXT, json.dumps(command).encode()))

    def read(self):
        """One frame as (opcode, payload): every one of a server is whole, final and not masked."""
        first, second = read_exactly(self.sock, 2)
        assert first & 0xF0 == 0x80 and second & 0x80 == 0, (first, second)
        length = second
        if length == 126:
            length = int.from_bytes(read_exactly(self.sock, 2), "big")
            assert length >= 126
        elif length == 127:
            length = int.from_bytes(read_exactly(self.sock, 8), "big")
            assert length >= 65536
        opcode = first & 15
        assert opcode in (TEXT, BINARY, CLOSE, PING, PONG)
        assert opcode < CLOSE or length <= 125
        return opcode, read_exactly(self.sock, length)

    def read_only(self, *opcodes):
        """The next frame of one of these kinds; others are passed over."""
        while True:
            opcode, payload = self.read()
            if opcode in opcodes:
                return payload
            assert opcode != CLOSE, payload

    def text(self, key=None):
        """The next text message (with this key)."""
        while True:
            got = json.loads(self.read_only(TEXT))
            if key is None or key in got:
                return got

    def picture(self):
        """The next picture: its channel, sequence and JPEG."""
        record = self.read_only(BINARY)
        assert record[0] == 1, record[:20]
        return int.from_bytes(record[2:4], "little"), int.from_bytes(record[4:12], "little"), record[20:]

    def read_end(self):
        """What comes until the relay closes: the code and reason of its CLOSE, and the end of the connection."""
        payload = b""
        while True:
            opcode, payload = self.read()
            if opcode == CLOSE:
                break
        try:
            assert self.sock.recv(1) == b""
        except ConnectionError:
            pass
        return (struct.unpack(">H", payload[:2])[0], payload[2:].decode()) if payload else (None, "")

    def close(self):
        self.sock.close()
