# SPDX-License-Identifier: MIT
"""A target that refuses, resets, never reads or dies in a picture costs the relay nothing.

The sink tries again with back-off, sends whole pictures only, and says the failure when it begins and when it ends;
the healthy stream beside loses nothing.
"""
import socket
import struct
import threading

import pytest

import clients
import pictures
from support import conf, wait_for


class BadServer:
    """Accepts again and again, and treats each connection in its own bad way."""

    def __init__(self, treat):
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._treat = treat
        self._kept = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._kept.append(sock)
            try:
                self._treat(sock)
            except OSError:
                pass

    def close(self):
        self._listener.close()
        for sock in self._kept:
            sock.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def dies_in_a_picture(sock):
    sock.recv(1000)
    reset(sock)


def never_reads(sock):
    pass


def refuses_in_words(sock):
    sock.recv(100)
    sock.sendall(b"ERR 403 not you\n")
    sock.close()


def answers_garbage(sock):
    sock.sendall(b"\x00\xff" * 5000)


def push(port, hello):
    return f"""sinks = ( {{ kind = "frames-push"; stream = "calm"; address = "127.0.0.1:{port}"; hello = {hello}; }} );"""


@pytest.mark.parametrize("hello", ["false", "true"])
@pytest.mark.parametrize("treat", [reset, dies_in_a_picture, never_reads, refuses_in_words, answers_garbage])
def test_it_harms_nobody(start, closing, calm, treat, hello):
    server = closing(BadServer(treat))
    relay = start(conf(push(server.port, hello), limits="subscriber_stall_ms = 1000;"))
    is_final = treat is refuses_in_words and hello == "true"  # somebody must act: no more tries
    if is_final:
        relay.announce("not you")
    bystanders = calm(relay.address(), size=20_000)
    wait_for(lambda: server.accepted >= (1 if is_final or treat in (never_reads, answers_garbage) else 2), "it comes again")
    bystanders.camera.wait_sent(60)
    bystanders.finish()
    assert relay.cpu_seconds() < 20


def test_pulling_from_what_is_no_relay(start, closing, calm):
    server = closing(BadServer(answers_garbage))
    relay = start(conf(f'sources = ( {{ kind = "frames-pull"; stream = "yard"; address = "127.0.0.1:{server.port}"; on_demand = false; }} );'))
    calm(relay.address())
    wait_for(lambda: server.accepted >= 2, "it tries again")
    relay.log.wait(rf"^warning .*127\.0\.0\.1:{server.port}")
    assert len(relay.log.find(r"^warning")) < 10


def test_back_off_grows(start, closing):
    """Nobody listens: the tries become rarer, and the log is not full of them."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    relay = start(conf(push(port, "false")))
    publisher = closing(clients.Publisher(relay.address(), "calm"))
    viewer = closing(clients.Subscriber(relay.address(), "calm"))
    for n in range(1, 41):
        publisher.send(pictures.picture(n, "calm"))
        viewer.wait_number(n)
        threading.Event().wait(0.05)
    assert len(relay.log.find(rf"127\.0\.0\.1:{port}")) <= 6
