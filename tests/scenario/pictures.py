# SPDX-License-Identifier: MIT
"""Real JPEGs that say who they are: a stream's name, a number, and a sum over all the rest.

A picture is encoded once for each size in pixels. Each copy of it gets a COM segment behind its SOI
with its name and number, and, where a size in bytes is wanted, more of them, filled. So a picture
that is mixed from two, or cut, is found out by check().
"""
import functools
import io
import re
import struct
import zlib

from PIL import Image

COM_MAX = 65533  # bytes of text in one segment
WHO = re.compile(rb"stream=(?P<stream>[\w-]+) number=(?P<number>\d{10}) sum=(?P<sum>[0-9a-f]{8})")


@functools.lru_cache(maxsize=None)
def encoded(width, height, quality=80):
    """A picture with some life in it, as a camera's."""
    noise = Image.effect_noise((max(width // 2, 1), max(height // 2, 1)), 40).resize((width, height))
    image = Image.merge("RGB", (noise, noise.transpose(Image.FLIP_LEFT_RIGHT), noise.transpose(Image.FLIP_TOP_BOTTOM)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def comment(text):
    return b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text


@functools.lru_cache(maxsize=64)
def body(width, height, size, quality):
    """What comes behind the COM segment that names the picture, and its sum."""
    rest = encoded(width, height, quality)[2:]
    missing = 0 if size is None else size - 2 - len(comment(who("x", 0, 0))) - len(rest)
    padding = b""
    while missing > 0:
        piece = min(missing, COM_MAX + 4)
        if 0 < missing - piece < 4:
            piece -= 4  # room for the last one's own four bytes
        assert piece >= 4, f"a padding of {missing} bytes is too short for a segment"
        padding += comment(b"." * (piece - 4))
        missing -= piece
    assert missing == 0, f"{width}x{height} does not fit into {size} bytes"
    return padding + rest, zlib.crc32(padding + rest)


def who(stream, number, total):
    return (b"stream=%s number=%010d sum=%08x" % (stream.encode(), number, total)).ljust(100)


def picture(number=0, stream="cam", width=64, height=48, size=None, quality=80):
    """A JPEG of the stream `stream`; with `size`, of exactly so many bytes."""
    rest, total = body(width, height, size, quality)
    return b"\xff\xd8" + comment(who(stream, number, zlib.crc32(b"%d" % number, total))) + rest


def check(jpeg):
    """Gives (stream, number) of a picture that is whole, and fails for any other."""
    found = WHO.match(jpeg, 6)
    assert found, f"not one of ours: {jpeg[:32]!r}"
    number = int(found["number"])
    total = zlib.crc32(b"%d" % number, zlib.crc32(jpeg[6 + 100:]))
    assert total == int(found["sum"], 16), f"picture {number} of {found['stream'].decode()} is damaged"
    return found["stream"].decode(), number


def number_of(jpeg):
    return check(jpeg)[1]


def show(jpeg):
    """Decodes it, as a viewer does; gives its size in pixels."""
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image.size


def gray(size, width=64, height=48):
    """A grey JPEG of exactly so many bytes."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 40).save(file, "JPEG")
    rest = file.getvalue()[2:]
    padding = b""
    missing = size - 2 - len(rest)
    while missing > 0:
        piece = min(missing, COM_MAX + 4)
        if 0 < missing - piece < 4:
            piece -= 4  # room for the last one's own four bytes
        padding += comment(b"." * (piece - 4))
        missing -= piece
    return b"\xff\xd8" + padding + rest
