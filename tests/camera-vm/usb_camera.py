# SPDX-License-Identifier: MIT
"""A USB camera made of Python: a UVC 1.1 device that gives MJPEG, plugged into this machine's own kernel by USB/IP.

The kernel's vhci-hcd is given one end of a socket and believes it to be a port; on the other we answer its transfers. Pictures
go through a bulk endpoint, one payload a picture; isochronous transfers, as most cameras have, would need a clock of USB.

Sources: the kernel's Documentation/usb/usbip_protocol.rst; USB Device Class Definition for Video Devices 1.1, tables 3-1 to
3-19, 4-47; its MJPEG payload document, tables 3-1 and 3-2.
"""
import errno
import hashlib
import os
import pathlib
import select
import socket
import struct
import threading
import time

import clients
import support

BUS = pathlib.Path("/sys/devices/platform/vhci_hcd.0")
HIGH_SPEED, DEVICE = 3, 1 << 16 | 2
SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
HEAD = struct.Struct(">5I")  # command, sequence, device, direction, endpoint
MORE = struct.Struct(">5I8s")  # of a submit: flags, length, first packet, packets, interval, setup
ANSWER = struct.Struct(">i4I8x")  # status, length, first packet, packets, errors
STALL, RESET = -32, -104  # EPIPE, ECONNRESET

SIZES = [(1280, 720), (640, 480)]
INTERVAL = 333333  # 100 ns: 30 pictures a second
MOST = 2 * 1280 * 720  # bytes of a picture
NAMES = ["", "framerelayd", "Fake UVC camera"]

DEVICE_DESCRIPTOR = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 1, 1, 2, 0, 1)


def descriptor(kind, form, *values):
    body = struct.pack("<" + form, *values)
    return struct.pack("BB", 2 + len(body), kind) + body


def interface(number, subclass, endpoints):
    return descriptor(4, "7B", number, 0, endpoints, 0x0E, subclass, 0, 0)


def configuration():
    """The camera's terminal and where it leads to; then the stream, in one format and two sizes."""
    units = descriptor(0x24, "BBHBB6xB3x", 2, 1, 0x201, 0, 0, 3)
    units += descriptor(0x24, "BBHBBB", 3, 2, 0x101, 0, 1, 0)
    control = descriptor(0x24, "BHHIBB", 1, 0x110, 13 + len(units), 48_000_000, 1, 1) + units
    formats = descriptor(0x24, "BBBBB4x", 6, 1, len(SIZES), 1, 1)
    for number, (width, height) in enumerate(SIZES, 1):
        rate = width * height * 8 * 30
        formats += descriptor(0x24, "BBBHHIIIIBI", 7, number, 0, width, height, rate, rate, MOST, INTERVAL, 1, INTERVAL)
    formats += descriptor(0x24, "BBBB", 13, 1, 1, 4)
    stream = descriptor(0x24, "BBHBBBBBBBB", 1, 1, 14 + len(formats), 0x81, 0, 2, 0, 0, 0, 1, 0) + formats
    bulk = descriptor(5, "BBHB", 0x81, 2, 512, 0)
    body = descriptor(11, "6B", 0, 2, 0x0E, 3, 0, 0) + interface(0, 1, 0) + control + interface(1, 2, 1) + stream + bulk
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 250) + body


def probe(frame):
    """What the camera offers, and agrees to: a whole picture is one payload."""
    return struct.pack("<HBBI10xIIIBBBB", 1, 1, frame, INTERVAL, MOST, MOST + 2, 48_000_000, 0, 1, 1, 1)


class UsbCamera:
    """The camera; plug() and unplug() it as often as you like. What it sends is what picture() makes.

    picture(number, width, height) gives the bytes of a picture; `sent` has the SHA-256 of each that has left as a whole.
    While `silent` is set it keeps what it is asked for, and answers nothing.
    """

    def __init__(self, picture):
        self.picture = picture
        self.sent = []
        self.silent = False
        self._number = 0
        self._sock = None
        self._thread = None

    def plug(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            support.wait_for(lambda: is_attached(theirs), "the port is free")
        self._sock = ours
        self._frame = 1
        self._waiting = {}  # sequence: bytes wanted of the next picture
        self._rest = None  # of the picture under way
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, args=(ours,), daemon=True)
        self._thread.start()

    def unplug(self):
        if self._sock.fileno() < 0:
            return  # it is
        self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()
        support.wait_for(lambda: not list(BUS.glob("usb*/*-1")), "the kernel has seen it go")

    def _run(self, sock):
        try:
            while True:
                late = self._due - time.monotonic() if self._waiting and not self.silent else 0.05
                if select.select([sock], [], [], max(late, 0))[0]:
                    self._take(sock)
                elif self._waiting and not self.silent:
                    self._give(sock)
        except (OSError, EOFError):
            pass  # unplugged

    def _answer(self, sock, kind, sequence, status, payload=b"", length=None):
        head = HEAD.pack(kind, sequence, 0, 0, 0)
        sock.sendall(head + ANSWER.pack(status, len(payload) if length is None else length, 0, 0, 0) + payload)

    def _take(self, sock):
        """One command of the kernel's."""
        kind, sequence, _, is_in, endpoint = HEAD.unpack(clients.read_exactly(sock, HEAD.size))
        flags, length, _, _, _, setup = MORE.unpack(clients.read_exactly(sock, MORE.size))
        if kind == UNLINK:
            taken = self._waiting.pop(flags, None)  # in the place of the flags: whom
            self._answer(sock, UNLINKED, sequence, 0 if taken is None else RESET, length=0)
        elif endpoint != 0:
            self._waiting[sequence] = length
        else:
            data = b"" if is_in else clients.read_exactly(sock, length)
            reply = self._control(setup, data)
            if reply is None:
                self._answer(sock, SUBMITTED, sequence, STALL)
            else:
                self._answer(sock, SUBMITTED, sequence, 0, reply[:length] if is_in else b"", None if is_in else length)

    def _control(self, setup, data):
        """Gives what a request is answered with; None: it is not known."""
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        if kind == 0x80 and request == 6:
            return self._descriptor(value >> 8, value & 0xFF)
        if kind == 0x80 and request == 0:
            return bytes(2)
        if kind in (0x00, 0x01, 0x02):
            if kind == 0x02 and request == 1:
                self._rest = None  # the stream has ended
            return b""
        if value >> 8 not in (1, 2) or index != 1:
            return None
        if kind == 0x21 and request == 0x01:
            self._frame = data[3] if data[3] in (1, 2) else 1
            return b""
        return {0x85: b"\x22\x00", 0x86: b"\x03"}.get(request, probe(self._frame)) if kind == 0xA1 else None

    def _descriptor(self, kind, number):
        if kind == 1:
            return DEVICE_DESCRIPTOR
        if kind == 2:
            return configuration()
        if kind == 3 and number < len(NAMES):
            text = NAMES[number].encode("utf-16-le") if number else b"\x09\x04"
            return struct.pack("BB", 2 + len(text), 3) + text
        return None

    def _give(self, sock):
        """The next part of a picture, for the oldest transfer that waits; a short one ends the picture."""
        if self._rest is None:
            self._number += 1
            jpeg = self.picture(self._number, *SIZES[self._frame - 1])
            self._digest = hashlib.sha256(jpeg).hexdigest()
            self._rest = struct.pack("BB", 2, 0x82 | self._number & 1) + jpeg  # end of header, end of picture, which of two
        sequence, length = next(iter(self._waiting.items()))
        part, self._rest = self._rest[:length], self._rest[length:]
        del self._waiting[sequence]
        if len(part) < length:
            self._rest = None
            self._due = max(self._due + INTERVAL / 1e7, time.monotonic() - 0.1)
            self.sent.append(self._digest)
        self._answer(sock, SUBMITTED, sequence, 0, part)


def is_attached(sock):
    """Plugs it in; not, while the kernel is not through with the one before."""
    port = os.open(BUS / "attach", os.O_WRONLY)
    try:
        os.write(port, f"0 {sock.fileno()} {DEVICE} {HIGH_SPEED}".encode())
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    finally:
        os.close(port)
    return True
