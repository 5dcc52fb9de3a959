# SPDX-License-Identifier: MIT
"""What people's programs serve as MJPEG, in 27 spellings, comes through byte for byte.

The letters are those of a matrix that was tried with browsers, FFmpeg, OpenCV, GStreamer and others; there is none that
all but browsers refuse but the relay reads. Left out: V, whose delimiter has no dashes. Each origin is played byte by byte
and sends three different pictures in turn.
"""
import hashlib
import itertools
import time

import pytest

import clients
import origins
import pictures
from support import conf

PLAIN = [pictures.picture(n, "form", 160, 120) for n in range(3)]
TRICKY = [jpeg[:2] + pictures.comment(b"\r\n--frame\r\n\r\n\xff\xd9--frame--\r\n") + jpeg[2:] for jpeg in PLAIN]


class Form:
    """One way of sending; every difference to A is named."""

    def __init__(self, type="multipart/x-mixed-replace; boundary=frame", delimiter=b"--frame", length=True,
                 gap=b"\r\n", start=b"", eol=b"\r\n", glue=None, lines=(b"Content-Type: image/jpeg",), length_first=False,
                 first=True, at_once=False, chunked=False, version="1.1", jpegs=PLAIN, bare=False, more=()):
        self.__dict__.update(locals())

    def part_head(self, jpeg):
        size = [b"Content-Length: %d" % len(jpeg)] if self.length else []
        lines = [*size, *self.lines] if self.length_first else [*self.lines, *size]
        return b"".join(line + self.eol for line in lines) + self.eol

    def pieces(self):
        """What is sent, a picture at a time."""
        if self.bare:
            yield from itertools.cycle(self.jpegs)
        line = self.delimiter + (self.eol if self.glue is None else self.glue)
        for number, jpeg in enumerate(itertools.cycle(self.jpegs)):
            before = b"" if number == 0 and not self.first or self.at_once and number > 0 else line
            yield ((self.start if number == 0 else b"") + before + self.part_head(jpeg) + jpeg + self.gap
                   + (line if self.at_once else b""))

    def answer(self, sock, request):
        coding = ["Transfer-Encoding: chunked"] if self.chunked else []
        sock.sendall(origins.head(self.type, *self.more, *coding, version=self.version, eol=self.eol))
        for piece in self.pieces():
            if self.chunked:
                cuts = [0, 5, 5 + len(piece) // 3, len(piece)]
                piece = b"".join(b"%X\r\n" % (b - a) + piece[a:b] + b"\r\n" for a, b in itertools.pairwise(cuts))
            sock.sendall(piece)
            time.sleep(0.02)


JPG = b"--jpgboundary"
DASHED = "multipart/x-mixed-replace; boundary=--jpgboundary"
X = "multipart/x-mixed-replace"
FORMS = {
    "A_lengths": Form(),
    "B_no_lengths": Form(length=False),
    "C_no_line_end_before_the_delimiter": Form(gap=b""),
    "D_neither": Form(length=False, gap=b""),
    "E_quotes": Form(f'{X}; boundary="frame"'),
    "F_dashes_in_the_parameter": Form(DASHED, JPG),
    "G_likewise_without_lengths": Form(DASHED, JPG, length=False),
    "H_dashes_as_the_rfc_has_them": Form(DASHED, b"--" + JPG),
    "H2_likewise_without_lengths": Form(DASHED, b"--" + JPG, length=False),
    "I_glued": Form(DASHED, JPG, length=False, glue=b"", lines=[b"Content-type: image/jpeg"]),
    "J_an_empty_line_first": Form(start=b"\r\n"),
    "K_a_parameter_behind": Form(f"{X}; boundary=frame; charset=utf-8"),
    "L_a_parameter_before": Form(f"{X}; charset=utf-8; boundary=frame"),
    "M_no_space": Form(f"{X};boundary=frame"),
    "N_line_feeds": Form(eol=b"\n", gap=b"\n"),
    "O_more_headers": Form(lines=[b"Content-Type: image/jpeg", b"X-Timestamp: 12.345678", b"X-Frame: 7"]),
    "P_length_first": Form(length_first=True),
    "Q_the_next_delimiter_at_once": Form(at_once=True),
    "R_more_dashes_than_said": Form(delimiter=b"----frame"),
    "S_chunked": Form(chunked=True),
    "T_chunked_without_lengths": Form(chunked=True, length=False),
    "U_http_1_0": Form(version="1.0"),
    "W_bare_jpegs": Form("video/x-motion-jpeg", bare=True),
    "X_delimiters_inside_pictures": Form(jpegs=TRICKY),
    "Y_likewise_without_lengths": Form(jpegs=TRICKY, length=False),
    "Z_no_first_delimiter": Form(first=False),
    "mjpg_streamer": Form(f"{X};boundary=boundarydonotcross", b"--boundarydonotcross", version="1.0", at_once=True,
                          lines=[b"Content-Type: image/jpeg", b"X-Timestamp: 1700000000.123456"], length_first=False,
                          more=["Access-Control-Allow-Origin: *", "Connection: close", "Server: MJPG-Streamer/0.2", "Pragma: no-cache"]),
    "werkzeug_of_old": Form(length=False, version="1.0", more=["Server: Werkzeug/0.14.1 Python/2.7.13", "Date: Sat, 01 Jan 2022 00:00:00 GMT"]),
    "esp32_cam": Form(f"{X};boundary=123456789000000000000987654321", b"\r\n--123456789000000000000987654321", gap=b"", chunked=True,
                      lines=[b"Content-Type: image/jpeg", b"X-Timestamp: 12.345678"], more=["X-Framerate: 60"]),
    "any_case": Form("MULTIPART/X-Mixed-Replace; BOUNDARY=frame", lines=[b"CONTENT-TYPE: IMAGE/JPEG"]),
    "another_boundary_than_said": Form(delimiter=b"--other", length=False),
    "no_boundary_said": Form(X),
    "no_type_said": Form(None),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_picture_arrives_as_it_was_sent(start, closing, form):
    origin = closing(origins.Origin(form.answer))
    relay = start(conf(f'sources = ( {{ kind = "http-pull"; stream = "form"; url = "{origin.url("/stream")}"; }} );'))

    viewer = closing(clients.Subscriber(relay.address(), "form", queue=64, age_ms=0))
    viewer.wait_pictures(7)

    sent = [hashlib.sha256(jpeg).hexdigest() for jpeg in form.jpegs]
    came = [hashlib.sha256(jpeg).hexdigest() for jpeg in viewer.pictures]
    assert came == [sent[n % 3] for n in range(len(came))]
    assert origin.accepted == 1
    assert relay.stat("frames_rejected") == 0
