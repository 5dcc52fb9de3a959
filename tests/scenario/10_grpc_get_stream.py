# SPDX-License-Identifier: MIT
"""The blog post's gRPC program against the relay: unchanged stubs, a new call for every picture on one connection."""
import base64
import io
import threading
import time

import grpc
import pytest
from PIL import Image

import clients
import pictures
from grpc_client import channel, conf, stubs

MESSAGES, SERVICES = stubs("mainserver")
WORDS = "give me the stream!!"


def ask(stub, text=WORDS, **options):
    """One call as the post's client makes it: one request, all of its replies."""
    return [bytes(reply.datas) for reply in stub.getStream(iter([MESSAGES.Request(msg=text)]), **options)]


def decode(datas):
    jpeg = base64.b64decode(datas, validate=True)
    assert jpeg[:2] == b"\xff\xd8" and jpeg[-2:] == b"\xff\xd9"
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


@pytest.fixture
def shown(start, closing):
    """A relay, a camera of big pictures, a channel and its stub."""
    relay = start(conf(), release=True)
    publisher = clients.Publisher(relay.address(), "cam")
    camera = closing(clients.Camera(publisher, 250, "cam", width=800, height=600))
    camera.wait_sent(3)
    connection = closing(channel(relay.address(door="grpc")))
    return relay, SERVICES.MainServerStub(connection), closing


def test_two_thousand_replies_that_decode(shown):
    relay, stub, _ = shown
    seen = set()
    begun = time.monotonic()
    for number in range(2000):
        (datas,) = ask(stub)
        assert len(datas) >= 60_000, len(datas)
        if number % 100 == 0:
            image = decode(datas)
            assert image.mode == "L" and image.size == (800, 600)
        seen.add(hash(datas))
    took = time.monotonic() - begun
    print(f"2,000 replies in {took:.1f} s, {2000 / took:.0f} a second")
    assert relay.stat("frames_sent") >= 2000
    assert relay.stat("frames_repeated") < 10  # each reply was of a picture that the connection had not had


def test_ten_calls_at_once_get_the_same_picture(shown):
    relay, stub, _ = shown
    ask(stub)
    replies = []
    threads = [threading.Thread(target=lambda: replies.extend(ask(stub))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 10
    for datas in replies:
        decode(datas)


def test_many_requests_in_one_call_are_answered_one_by_one(shown):
    _, stub, _ = shown
    replies = list(stub.getStream(MESSAGES.Request(msg=WORDS) for _ in range(20)))
    assert len(replies) == 20
    assert len({bytes(r.datas) for r in replies}) == 1 or all(decode(r.datas) for r in replies)


def test_the_text_may_name_a_stream(start, closing):
    relay = start(conf())
    for name, size in (("first", (64, 48)), ("second", (128, 96))):
        publisher = closing(clients.Publisher(relay.address(), name))
        publisher.send(pictures.picture(1, name, *size))
        relay.log.wait(f"stream={name}")
    relay.wait_stat("frames_published", 2)
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    assert decode(ask(stub, "second")[0]).size == (128, 96)
    assert decode(ask(stub, "first")[0]).size == (64, 48)
    assert decode(ask(stub, "no such stream")[0]).size == (64, 48)


def test_the_same_picture_comes_again_after_a_second(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    first = ask(stub)
    begun = time.monotonic()
    assert ask(stub) == first
    assert time.monotonic() - begun > 0.9
    assert relay.stat("frames_repeated") == 1


def test_without_a_stream_it_waits_and_then_says_so(start, closing):
    relay = start(conf())
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub)
    assert time.monotonic() - begun > 4.5
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE and "no picture" in caught.value.details()
    assert relay.rejected("no_frame_yet", door="grpc") == 1
    # A stream that comes while it waits is shown.
    replies = []
    waiting = threading.Thread(target=lambda: replies.extend(ask(stub)))
    waiting.start()
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    waiting.join()
    decode(replies[0])


def test_a_picture_too_large_for_the_clients_is_left_out(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    publisher.send(pictures.gray(3_145_722))
    (datas,) = ask(stub)
    assert len(datas) == 4 * 3_145_722 // 3
    publisher.send(pictures.gray(3_145_726))
    assert ask(stub) == [datas]  # again, after a second
    assert relay.rejected("grpc_too_big", door="grpc") == 1


def test_deadlines_and_cancelled_calls_leave_nothing_behind(start, closing):
    relay = start(conf())
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub, timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    call = stub.getStream(iter([MESSAGES.Request(msg=WORDS)]))
    call.cancel()
    with pytest.raises(grpc.RpcError):
        next(call)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    decode(ask(stub)[0])


def test_an_unknown_method_and_the_frames_port(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    handed_over = closing(channel(relay.address()))  # the frames door gives HTTP/2 to the grpc door
    decode(ask(SERVICES.MainServerStub(handed_over))[0])
    with pytest.raises(grpc.RpcError) as caught:
        handed_over.unary_unary("/MainServer/other")(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    compressed = closing(channel(relay.address(door="grpc"), default_compression_algorithm=2))
    with pytest.raises(grpc.RpcError) as caught:
        ask(SERVICES.MainServerStub(compressed), "x" * 1000)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_stop_tells_the_calls(start, closing):
    relay = start(conf())
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    call = stub.getStream(iter([MESSAGES.Request(msg=WORDS)]))
    call.initial_metadata()
    relay.terminate()
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE and "stopping" in caught.value.details()
