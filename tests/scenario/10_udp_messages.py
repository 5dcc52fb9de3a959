# SPDX-License-Identifier: MIT
"""One JSON text a datagram: answered, and given byte for byte to everybody who takes the stream's messages. What is no
JSON is counted and gets no answer."""
import json
import threading
import time

import clients
import udp
from support import wait_for

DOORS = """
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "udp-messages"; listen = "127.0.0.1:0"; }
);
limits = { log_lines_per_second = 0; };
"""


def ask(sock, address, data):
    sock.sendto(data, address)
    answer, sender = sock.recvfrom(1024)
    assert (answer, sender) == (udp.MESSAGE_ACK, address), (answer, sender)


def test_a_hundred_a_second_reach_everybody(start, closing):
    relay = start(DOORS)
    viewers = [closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", records=1, queue=64)) for _ in range(3)]
    sock = closing(udp.open_socket())
    address = relay.address(door="udp-messages")
    texts = [json.dumps([0, 0, n, 1]).encode() for n in range(200)]
    began = time.monotonic()
    for n, text in enumerate(texts):
        ask(sock, address, text)
        threading.Event().wait(max(0, began + n / 100 - time.monotonic()))
    for viewer in viewers:
        assert [r.payload for r in viewer.wait_record(clients.MESSAGE, 200)] == texts
    assert relay.stat("messages_received") == 200


def test_what_is_no_json_is_counted_and_not_answered(start, closing, calm):
    relay = start(DOORS)
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "udp-127-0-0-1", records=1, queue=64))
    sock = closing(udp.open_socket())
    address = relay.address(door="udp-messages")
    bad = [b"", b"hello there, relay", b'{"a": 1, "a": 2}', b'{"text": "\xff\xfe"}', b"[" * 1000 + b"]" * 1000,
           b'"' + b"x" * 65_500, b"[1, 2, 3, 4", bytes(64_000), b"\xff\xd8" + bytes(3000) + b"\xff\xd9"]
    for data in bad:
        sock.sendto(data, address)
    wait_for(lambda: relay.rejected("bad_message", "udp-messages") == len(bad), "each is counted")
    # Answers are not answered: two relays pointed at each other fall silent.
    for data in (udp.ACK, udp.MESSAGE_ACK):
        sock.sendto(data, address)
    wait_for(lambda: relay.rejected("udp_refused", "udp-messages") == 2, "both are counted")
    # Good ones: a short one is passed on, but its answer would be longer than it is.
    sock.sendto(b"[1]", address)
    for text in (b"[0, 0, 0, 1]", b'{"text": "' + b"y" * 1013 + b'"}', b'"' + b"z" * 65_000 + b'"'):
        ask(sock, address, text)
    got = viewer.wait_record(clients.MESSAGE, 4)
    assert [len(r.payload) for r in got] == [3, 12, 1025, 65_002]
    assert relay.stat("udp_answers") == 3


def test_who_may_not_send_gets_silence(start, closing):
    relay = start(DOORS.replace('kind = "udp-messages";', 'kind = "udp-messages"; allow = [ "127.0.0.2" ];'))
    address = relay.address(door="udp-messages")
    stranger, friend = closing(udp.open_socket()), closing(udp.open_socket("127.0.0.2"))
    stranger.sendto(b"[0, 0, 0, 1]", address)
    ask(friend, address, b"[0, 0, 0, 1]")
    wait_for(lambda: relay.rejected("udp_refused", "udp-messages") == 1, "it is counted")
    assert relay.stat("udp_answers") == 1
