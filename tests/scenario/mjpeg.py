# SPDX-License-Identifier: MIT
"""A viewer of an MJPEG stream that keeps each part with the time it came, and reads what is written on a greyed one."""
import dataclasses
import functools
import io
import re
import time

from PIL import Image

import clients
import support

BOTH = """
limits = {{ log_lines_per_second = 0; {limits} }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "http"; listen = "127.0.0.1:0"; {door} }}
);
"""


def conf(limits="", door="", more=""):
    """A configuration with a frames door and an http door."""
    return BOTH.format(limits=limits, door=door) + more


def read_line(sock):
    line = clients.read_line(sock)
    assert line.endswith("\r") and len(line) < 127, line
    return line[:-1]


@dataclasses.dataclass
class Part:
    header: dict
    jpeg: bytes
    arrived: float

    @property
    def is_greyed(self):
        return "X-Placeholder" in self.header

    @property
    def sequence(self):
        return int(self.header["X-Sequence"])


class Viewer(clients.Reader):
    """Watches a path of the http door; `parts` are those that came so far."""

    def __init__(self, address, path="/streams/cam.mjpg"):
        sock = support.connect(address)
        super().__init__(sock)
        self.parts = []
        self.began = time.monotonic()
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        self.status = read_line(sock)
        while read_line(sock) != "":
            pass
        sock.settimeout(None)
        self.begin("mjpeg viewer")

    def read(self):
        while True:
            header = {}
            assert read_line(self.sock).startswith("--")
            while (line := read_line(self.sock)) != "":
                name, _, value = line.partition(": ")
                header[name] = value
            jpeg = clients.read_exactly(self.sock, int(header["Content-Length"]))
            self.tell(self.parts.append, Part(header, jpeg, time.monotonic()))
            assert clients.read_exactly(self.sock, 2) == b"\r\n"

    def wait_part(self, is_it, what, patience=support.PATIENCE):
        """Waits for a part; gives the first that is it."""
        self.wait(lambda: any(map(is_it, self.parts)), what, patience)
        return next(filter(is_it, self.parts))


# --- What is written on a greyed picture


@functools.lru_cache(maxsize=None)
def glyphs():
    """The font, from its source: {16 rows: character}."""
    source = (support.ROOT / "common/media/font.c").read_text()
    found = {}
    for name, rows in re.findall(r"^\t/\* (\S+) \*/ \{(0x[^}]*)\}", source, re.M):
        found[tuple(int(row, 16) for row in rows.split(","))] = " " if name == "space" else name
    return found


def read_text(jpeg):
    """Gives the one line of text in the middle of a greyed picture; None where there is none that can be read."""
    image = Image.open(io.BytesIO(jpeg)).convert("L")
    band = [y for y in range(image.height) if image.getpixel((1, y)) < 60]
    scale = len(band) // 27  # 18 rows for the line, 9 around it
    top = band[0] + 18 * scale // 4 + scale
    for length in range(image.width // (8 * scale), 0, -1):
        text = read_line_at(image, (image.width - length * 8 * scale) // 2, top, scale, length)
        if text and text == text.strip():
            return text
    return None


def read_line_at(image, left, top, scale, length):
    text = ""
    for i in range(length):
        rows = tuple(
            sum((image.getpixel((left + (8 * i + column) * scale + scale // 2, top + row * scale + scale // 2)) > 130)
                << (7 - column) for column in range(8)) for row in range(16))
        if rows not in glyphs():
            return None
        text += glyphs()[rows]
    return text
