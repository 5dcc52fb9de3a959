# SPDX-License-Identifier: MIT
"""The relay in the place of the blog post's client: it asks a Python server's MainServer/getStream."""
import base64
import concurrent.futures
import threading
import time

import grpc
import pytest

import clients
import pictures
from grpc_client import conf, stubs
from support import free_port, wait_for

MESSAGES, SERVICES = stubs("mainserver")


class Server(SERVICES.MainServerServicer):
    """The post's server, or the later one of its author that goes on without end."""

    def __init__(self, port, raw=False, endless=False, warm_up=0):
        self.raw, self.endless, self.warm_up = raw, endless, warm_up
        self.calls = self.requests = 0
        self.number = 0
        self.words = set()
        self.ended = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=10))
        SERVICES.add_MainServerServicer_to_server(self, self.server)
        assert self.server.add_insecure_port(f"127.0.0.1:{port}") == port
        self.server.start()

    def reply(self):
        self.number += 1
        jpeg = pictures.picture(self.number, "lab", size=60_000)
        return MESSAGES.Reply(datas=jpeg if self.raw else base64.b64encode(jpeg))

    def getStream(self, request_iterator, context):
        self.calls += 1
        if self.calls <= self.warm_up:
            raise TypeError("there is no picture yet")  # as the post's server: status UNKNOWN
        for request in request_iterator:
            self.requests += 1
            self.words.add(request.msg)
            yield self.reply()
            while self.endless and context.is_active() and not self.ended.wait(1 / 60):
                yield self.reply()

    def close(self):
        self.ended.set()
        self.server.stop(0).wait()


def source(port, more=""):
    return conf(more=f'sources = ( {{ kind = "grpc-pull"; stream = "lab"; address = "127.0.0.1:{port}"; {more} }} );',
                limits="demand_linger_ms = 300;")


@pytest.mark.parametrize("raw,endless", [(False, False), (True, False), (True, True), (False, True)])
def test_every_form_of_server(start, closing, raw, endless):
    port = free_port()
    server = closing(Server(port, raw, endless))
    relay = start(source(port))
    assert server.calls == 0  # nobody watches
    subscriber = clients.Subscriber(relay.address(), "lab", queue=64, age_ms=0)
    wait_for(lambda: len(subscriber.pictures) >= 60, "sixty pictures")
    for jpeg in list(subscriber.pictures)[:60]:
        assert pictures.check(jpeg)[0] == "lab"
    assert server.words == {"give me the stream!!"}
    subscriber.close()
    requests = server.requests
    wait_for(lambda: relay.stat("publishers") <= 1 and relay.stat("subscribers") == 0, "the viewer has left")
    wait_for(lambda: unchanged(server), "it is not asked any more")
    assert server.requests >= requests


def unchanged(server):
    before = server.number
    time.sleep(0.5)
    return server.number == before


def test_a_server_without_a_picture_and_one_that_comes_back(start, closing):
    port = free_port()
    server = Server(port, warm_up=2)
    relay = start(source(port))
    subscriber = closing(clients.Subscriber(relay.address(), "lab", queue=64, age_ms=0))
    relay.log.wait("grpc-pull: the other end is away.*status 2")
    wait_for(lambda: len(subscriber.pictures) >= 3, "pictures, after a while")
    server.close()
    relay.log.wait("grpc-pull: the other end is away.*", relay.log.mark() - 1)
    closing(Server(port))
    got = len(subscriber.pictures)
    wait_for(lambda: len(subscriber.pictures) >= got + 3, "pictures again")


def test_one_relay_asks_another(start, closing):
    far = start(conf())
    publisher = closing(clients.Publisher(far.address(), "cam"))
    closing(clients.Camera(publisher, 20, "cam"))
    port = far.address(door="grpc")[1]
    near = start(source(port, 'msg = "cam";'))
    subscriber = closing(clients.Subscriber(near.address(), "lab"))
    wait_for(lambda: subscriber.pictures, "a grey picture")
    near.wait_stat("frames_same", 5)  # without their comments these pictures are all the same


def test_what_is_no_picture_is_not_published(start, closing):
    port = free_port()
    server = closing(Server(port))
    server.reply = lambda: MESSAGES.Reply(datas=b"this is no picture!")
    relay = start(source(port))
    closing(clients.Subscriber(relay.address(), "lab"))
    relay.log.wait("grpc-pull: the other end is away.*neither a JPEG nor base64")
    server.reply = lambda: MESSAGES.Reply(datas=b"")
    relay.log.wait("grpc-pull: the other end is away.*without a picture")
    server.reply = lambda: MESSAGES.Reply(datas=bytes(12 << 20))
    relay.log.wait("grpc-pull: the other end is away.*at most")
    assert relay.stat("frames_published") == 0
