# SPDX-License-Identifier: MIT
"""What is pulled from may be broken or hostile: nothing of it harms the relay that pulls, or its viewers.

The other relay is played by the test: it takes the hello and then says what the case wants. A viewer
watches the pulled stream; a healthy stream goes on beside.
"""
import socket
import struct
import threading

import pytest

import clients
import pictures
from clients import DEMAND, END, ERROR, FRAME, MESSAGE, PING, record
from support import conf, wait_for

JPEG = pictures.picture(7, "yard")


class PlayedRelay:
    """Takes connections, reads the hello, and answers from a script; then waits for the other to go."""

    def __init__(self, *script):
        self.accepted = 0
        self.hellos = []
        self._script = script
        self._kept = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._kept.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self.hellos.append(clients.read_line(sock))
            if self.hellos[-1].startswith("LIST"):
                sock.sendall(b"OK\n" + b"x" * 100_000)  # a list is only a help, so it may be as bad
                sock.close()
                return
            for piece in self._script:
                sock.sendall(piece)
            while sock.recv(4096):
                pass
        except (OSError, EOFError, AssertionError):
            pass

    def close(self):
        self._listener.close()
        for sock in self._kept:
            sock.close()


def pull(port, more="", limits=""):
    return conf(f'sources = ( {{ kind = "frames-pull"; stream = "yard"; address = "127.0.0.1:{port}"; on_demand = false; }} );' + more,
                limits="first_byte_timeout_ms = 500; frame_timeout_ms = 500; max_frame_bytes = 100000; " + limits)


BREAKS = {
    "no_answer": [],
    "half_an_answer": [b"OK ya"],
    "garbage": [bytes(range(256)) * 10],
    "an_endless_line": [b"OK " + b"a" * 50_000],
    "http": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "busy": [b"ERR 503 the relay is full\n"],
    "busy_for_this_peer": [b"ERR 429 too many\n"],
    "record_too_long": [b"OK yard live=1\n", clients.RECORD.pack(2**32 - 1, FRAME, 0, 0, 1, 1)],
    "picture_too_long": [b"OK yard live=1\n", clients.RECORD.pack(20 + 100_001, FRAME, 0, 0, 1, 1)],
    "record_too_short": [b"OK yard live=1\n", struct.pack("<L", 3) + b"abc"],
    "no_picture": [b"OK yard live=1\n", record(FRAME, b"this is no picture", 1, 1)],
    "a_picture_that_stops": [b"OK yard live=1\n", record(FRAME, JPEG, 1, 1)[:500]],
    "end": [b"OK yard live=1\n", record(FRAME, JPEG, 1, 1), record(END, b"enough for today")],
    "error": [b"OK yard live=1\n", record(ERROR, b"503 draining")],
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS.keys())
def test_it_is_left_and_tried_again(start, closing, calm, script):
    other = closing(PlayedRelay(*script))
    relay = start(pull(other.port, limits="ping_interval_ms = 300;"))  # three of them are how long silence may last
    calm(relay.address(), subscribers=1)

    wait_for(lambda: sum(h.startswith("SUB yard") for h in other.hellos) >= 2, "it tries again")

    assert relay.log.find(r"^warning frames-pull: .*stream=yard")
    assert len(relay.log.find(r"^warning frames-pull: ")) < 10


def test_a_refusal_for_good_is_an_error_that_somebody_must_mend(start, closing, calm):
    other = closing(PlayedRelay(b"ERR 403 127.0.0.1 may not subscribe here\n"))
    relay = start(pull(other.port))
    calm(relay.address(), subscribers=1)
    relay.announce("may not subscribe")

    relay.log.wait(r"^error .*may not subscribe")


STRANGE = {
    "numbers_that_jump": [(5, 10), (2**63 - 1, 11), (2**64 - 1, 12), (3, 13), (0, 14)],
    "times_from_nowhere": [(1, 2**63), (2, 2**64 - 1), (3, 0), (4, 1), (5, 253402300800 * 10**6)],
    "the_same_number": [(7, 1)] * 5,
}


@pytest.mark.parametrize("numbers", STRANGE.values(), ids=STRANGE.keys())
def test_strange_numbers_and_times(start, closing, calm, tmp_path, numbers):
    """A viewer's numbers go forward whatever comes; files get names all the same."""
    frames = [record(FRAME, pictures.picture(n, "yard"), time_us, sequence) for n, (sequence, time_us) in enumerate(numbers)]
    other = closing(PlayedRelay(b"OK yard live=1\n"))
    relay = start(pull(other.port, f' sinks = ( {{ kind = "record"; stream = "yard"; output = "{tmp_path}/%Y/%H%M%S-%06n.jpg"; }} );'))
    calm(relay.address(), subscribers=1)
    viewer = closing(clients.Subscriber(relay.address(), "yard", records=1, queue=64, age_ms=0))
    relay.wait_stat("subscribers", 3)
    wait_for(lambda: other.hellos, "it is connected")

    for n, frame in enumerate(frames):
        other._kept[0].sendall(frame)
        viewer.wait_pictures(n + 1)

    sequences = [r.sequence for r in viewer.of(FRAME)]
    assert viewer.numbers() == list(range(len(frames)))
    assert sequences == sorted(set(sequences))
    relay.wait_stat("files_written", len(frames))
    assert len(list(tmp_path.glob("*/*.jpg"))) == len(frames)


def test_what_a_relay_should_not_send_is_passed_over(start, closing, calm):
    odd = [record(DEMAND, struct.pack("<II", 5, 0)), record(200, b"?"), record(MESSAGE, b'{"a": 1}'), record(PING, bytes(8))]
    other = closing(PlayedRelay(b"OK yard live=0 later=key\n", *odd, record(FRAME, JPEG, 1, 1)))
    relay = start(pull(other.port))
    calm(relay.address(), subscribers=1)
    viewer = closing(clients.Subscriber(relay.address(), "yard"))

    assert viewer.wait_pictures(1) == [JPEG]
