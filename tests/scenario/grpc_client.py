# SPDX-License-Identifier: MIT
"""Clients of the grpc door: Debian's grpcio with stubs made from the repository's .proto files, and HTTP/2 by hand."""
import functools
import importlib
import pathlib
import struct
import sys
import tempfile
import threading

import grpc
import hpack
from grpc_tools import protoc

import support

PROTO = support.ROOT / "proto"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 0, 1, 3, 6, 9
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11


@functools.lru_cache(maxsize=None)
def stubs(name):
    """(messages, services) of proto/NAME.proto, compiled as its users do."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="framerelayd-proto-"))
    assert protoc.main(["protoc", f"-I{PROTO}", "-I/usr/include", f"--python_out={folder}",
                        f"--grpc_python_out={folder}", f"{PROTO}/{name}.proto"]) == 0
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"{name}_pb2"), importlib.import_module(f"{name}_pb2_grpc")
    finally:
        sys.path.remove(str(folder))


def channel(address, **options):
    """A connection of its own: grpcio shares one between channels with the same options."""
    host, port = address
    more = [(f"grpc.{key}", value) for key, value in options.items()]
    return grpc.insecure_channel(f"{host}:{port}", [("grpc.use_local_subchannel_pool", 1), *more])


def conf(limits="", grpc_row="", more=""):
    return f"""
limits = {{ log_lines_per_second = 0; {limits} }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "grpc"; listen = "127.0.0.1:0"; {grpc_row} }}
);
{more}
"""


def frame(kind, payload=b"", flags=0, stream=0):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header field, literal, never indexed, without Huffman."""
    name, value = name.encode(), value.encode()
    assert len(name) < 127 and len(value) < 127
    return b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value


def call_headers(path="/MainServer/getStream", **more):
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x",
              "content-type": "application/grpc", "te": "trailers"}
    fields.update({key.replace("_", "-"): value for key, value in more.items()})
    return b"".join(literal(name, value) for name, value in fields.items())


def message(payload, flag=0):
    return struct.pack(">BI", flag, len(payload)) + payload


class Http2:
    """A connection that sends frames by hand, and reads frames until the other side closes."""

    def __init__(self, address, preface=PREFACE + frame(SETTINGS)):
        self.sock = support.connect(address)
        self.sock.sendall(preface)
        self.rest = b""
        self.fields = {}  # stream: its header fields and trailers, in one
        self._decoder = hpack.Decoder()

    def pour(self, data):
        """Sends on a thread of its own: who sends too much is not heard out, and has to read meanwhile."""
        threading.Thread(target=self.send, args=(data,), daemon=True).start()

    def send(self, *frames):
        try:
            self.sock.sendall(b"".join(frames))
            return True
        except OSError:  # it was closed, by whomever
            return False

    def call(self, stream, *payload, flags=END_HEADERS, **headers):
        return self.send(frame(HEADERS, call_headers(**headers), flags, stream), *payload)

    def read(self):
        """One frame: (type, flags, stream, payload), or None at the end."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            try:
                piece = self.sock.recv(65536)
            except ConnectionError:
                return None
            if not piece:
                return None
            self.rest += piece
        size = int.from_bytes(self.rest[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
        payload, self.rest = self.rest[9:9 + size], self.rest[9 + size:]
        if kind == HEADERS:
            self.fields.setdefault(stream, {}).update(self._decoder.decode(payload))
        return kind, flags, stream & 0x7fffffff, payload

    def wait(self, kind, stream=None):
        """Reads up to a frame of this kind; None when the other side closes before."""
        while True:
            got = self.read()
            if got is None or (got[0] == kind and stream in (None, got[2])):
                return got

    def goaway(self):
        """The error code of the GOAWAY; None: it closed without."""
        got = self.wait(GOAWAY)
        return got and int.from_bytes(got[3][4:8], "big")

    def before_ping(self):
        """All frames up to the answer to a second ping: what was sent before them has been dealt with. One ping is not
        enough, as its answer overtakes data."""
        frames = []
        for _ in range(2):
            self.send(frame(PING, b"are you?"))
            while not frames or frames[-1][0] != PING or not frames[-1][1] & ACK:
                frames.append(self.read())
                assert frames[-1], "it has closed"
            frames.pop()
        return frames

    def trailers(self, stream):
        """The fields of a stream that has ended; None when the other side closes or resets it before."""
        while True:
            got = self.read()
            if got is None or (got[0] == RST and got[2] == stream):
                return None
            if got[0] == HEADERS and got[2] == stream and got[1] & END_STREAM:
                return self.fields[stream]

    def status(self, stream):
        """The gRPC status that the stream ends with."""
        return int((self.trailers(stream) or {})["grpc-status"])

    def close(self):
        self.sock.close()
