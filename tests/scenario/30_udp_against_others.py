# SPDX-License-Identifier: MIT
"""UDP sender addresses can be forged, so the relay must be of no use against others: never more bytes out than in, no
talk without end with whatever answers, nothing to the ports of other services; and an answer that meets nobody is no
harm to it."""
import socket
import struct
import threading
import time

import pytest

import clients
import pictures
import udp
from support import wait_for

DOORS = """
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "udp"; listen = "127.0.0.1:0"; {udp} }},
  {{ kind = "udp-messages"; listen = "127.0.0.1:0"; }}
);
limits = {{ log_lines_per_second = 0; {limits} }};
"""
HEADS = 28  # bytes of IP and UDP


@pytest.fixture
def relay_with(start, unharmed, calm):
    def begin(limits="", udp_options="", **options):
        relay = start(DOORS.format(udp=udp_options, limits=limits), **options)
        relay.address(door="udp-messages")
        unharmed(relay)
        calm(relay.address(), subscribers=2)
        return relay
    return begin


FLOODS = {
    "headers": ("udp", struct.pack("<q", 5000)),
    "headers_of_4_bytes": ("udp", struct.pack("<i", 20)),
    "tiny_pictures": ("udp", b"\xff\xd8\xff\xd9"),
    "pictures": ("udp", pictures.picture(1)),
    "a_header_and_its_piece": ("udp", struct.pack("<q", 20), b"\xff\xd8" + bytes(16) + b"\xff\xd9"),
    "messages": ("udp-messages", b"[0, 0, 0, 1]"),
    "short_messages": ("udp-messages", b"{}"),
    "junk": ("udp-messages", b"x" * 20),
    "answers": ("udp", udp.ACK),
    "answers_to_messages": ("udp-messages", udp.MESSAGE_ACK),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_never_more_bytes_out_than_in(relay_with, closing, kind):
    """100,000 datagrams in the name of one address: what it gets, with 28 bytes of heads each, is less than what the
    relay had of it. Nothing is lost on the way, so that both are known."""
    door, *texts = FLOODS[kind]
    relay = relay_with("bad_frames = 0; udp_gap_ms = 50; udp_datagrams_per_second = 0;", release=True)
    address = relay.address(door=door)
    sock = closing(udp.open_socket(timeout=0.5, buffer=4 << 20))
    rounds, batch = 100_000 // len(texts), 1000
    back = count = 0

    def hear(patience):
        nonlocal back, count
        sock.settimeout(patience)
        try:
            while True:
                back += len(sock.recv(2048)) + HEADS
                count += 1
        except (BlockingIOError, TimeoutError):
            pass
    for done in range(0, rounds, batch):
        for _ in range(batch):
            for text in texts:
                sock.sendto(text, address)
        wait_for(lambda: relay.stat("udp_datagrams") >= (done + batch) * len(texts), "they have been read")
        hear(0)
    hear(1)  # longer than udp_gap_ms: who waits has been told to go on
    sent = rounds * sum(len(text) + HEADS for text in texts)
    assert relay.stat("udp_datagrams_dropped") == 0
    assert count == relay.stat("udp_answers")
    print(f"{kind}: {sent} bytes in, {back} out, ratio {back / sent:.3f}, {count} answers")
    assert back <= sent
    if kind.startswith(("headers", "answers", "junk", "short")):
        assert back <= 100 * (14 + HEADS)  # these earn nothing: the door's own "go on" now and then at most


class Path:
    """Two addresses that stand for each other: what comes to one leaves from the other, for the other side."""

    def __init__(self, one, two):
        self.ends = udp.open_socket(timeout=0.1), udp.open_socket(timeout=0.1)
        self.sides = one, two
        self.passed = [0, 0]
        self._stop = False
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in (0, 1)]
        for thread in self._threads:
            thread.start()

    def _run(self, n):
        """What side n says goes on to the other one."""
        while not self._stop:
            try:
                data, sender = self.ends[n].recvfrom(65536)
            except TimeoutError:
                continue
            if sender == self.sides[n]:
                self.passed[n] += 1
                self.ends[1 - n].sendto(data, self.sides[1 - n])

    def spoof(self, data):
        """A datagram that comes to side two as if side one had sent it."""
        self.ends[1].sendto(data, self.sides[1])

    def close(self):
        self._stop = True
        for thread in self._threads:
            thread.join()
        for sock in self.ends:
            sock.close()


@pytest.mark.parametrize("one", ["udp", "udp-messages"])
@pytest.mark.parametrize("two, texts", [
    ("udp", [pictures.picture(1)]), ("udp", [struct.pack("<q", 100), b"\xff\xd8" + bytes(98)]),
    ("udp-messages", [b"[0, 0, 0, 1]"]), ("udp", [udp.MESSAGE_ACK]), ("udp-messages", [udp.ACK])],
    ids=["picture", "pieces", "message", "answer-to-pictures", "answer-to-messages"])
def test_two_relays_pointed_at_each_other_fall_silent(relay_with, closing, one, two, texts):
    """By one datagram that each believes to be the other's: at most one reply, and no more ever."""
    relays = relay_with(), relay_with()
    path = closing(Path(relays[0].address(door=one), relays[1].address(door=two)))
    for text in texts:
        path.spoof(text)
    replies = 0 if texts[0] in (udp.ACK, udp.MESSAGE_ACK) else 1
    wait_for(lambda: relays[1].stat("udp_answers") == replies and relays[1].stat("udp_datagrams") >= 1, "what it says to that")
    wait_for(lambda: path.passed[1] == replies, "its way to the other one")
    if replies:
        wait_for(lambda: relays[0].rejected("udp_refused", one) == 1, "which does not answer answers")
    time.sleep(1.5)  # longer than udp_gap_ms: what would be said later is said by now
    assert path.passed == [0, replies]
    assert [relay.stat("udp_answers") for relay in relays] == [0, replies]


@pytest.mark.parametrize("door, text", [("udp", pictures.picture(1)), ("udp-messages", b"[0, 0, 0, 1]")])
def test_a_relay_and_an_echo_fall_silent(relay_with, closing, door, text):
    relay = relay_with()
    echo = closing(udp.open_socket())
    echo.sendto(text, relay.address(door=door))
    answer, sender = echo.recvfrom(2048)
    echo.sendto(answer, sender)
    wait_for(lambda: relay.rejected("udp_refused", door) == 1, "it is counted")
    echo.settimeout(1)
    with pytest.raises(TimeoutError):
        echo.recv(2048)
    assert relay.stat("udp_answers") == 1


def test_ports_of_other_services_are_not_answered(relay_with):
    """An answer to an echo service would come back for ever. Who is not root cannot be such a port; the list itself is
    tests/unit/daemon/doors/senders_test.c's."""
    relay = relay_with()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", 7))
        except OSError as error:
            assert isinstance(error, PermissionError), error
            return
        sock.settimeout(0.5)
        sock.sendto(pictures.picture(1), relay.address(door="udp"))
        sock.sendto(b"[0, 0, 0, 1]", relay.address(door="udp-messages"))
        wait_for(lambda: relay.rejected("udp_refused", "udp") == 1, "it is counted")
        wait_for(lambda: relay.rejected("udp_refused", "udp-messages") == 1, "it is counted")
        with pytest.raises(TimeoutError):
            sock.recv(100)


def test_senders_that_do_not_wait_for_their_answer_are_no_error_of_the_socket(relay_with, closing):
    """The answer meets a closed port, and the kernel says so (ICMP): the others' pictures come as before."""
    relay = relay_with("stale_after_ms = 100;")
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-9", queue=64, age_ms=0))
    good = closing(udp.Client(relay.address(door="udp"), source="127.0.0.9"))
    for n in range(50):
        for door, text in (("udp", pictures.picture(n)), ("udp-messages", b"[0, 0, 0, 1]")):
            with udp.open_socket(f"127.0.1.{n + 1}") as sock:
                sock.sendto(text, relay.address(door=door))
        good.show(pictures.picture(n, "good"))
    viewer.wait_pictures(50)
    assert viewer.numbers() == list(range(50))
    relay.wait_stat("udp_answers", 150)
    assert not relay.log.find(r"reading datagrams failed")
