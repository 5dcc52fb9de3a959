# SPDX-License-Identifier: MIT
"""The blog post's gRPC program against the relay: unchanged stubs, a new call for every picture on one connection."""
import base64
import hashlib
import io
import subprocess
import threading
import time

import cv2
import grpc
import numpy
import pytest
from PIL import Image

import clients
import pictures
from grpc_client import channel, conf, stubs
from support import wait_for

MESSAGES, SERVICES = stubs("mainserver")
V1, V1_SERVICES = stubs("framerelay")
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
    begun = time.monotonic()
    for _ in range(2000):
        (datas,) = ask(stub)
        assert len(datas) >= 60_000, len(datas)
        jpeg = numpy.frombuffer(base64.b64decode(datas, validate=True), dtype="uint8")
        image = cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED)
        assert image.shape == (600, 800)  # one channel: grey
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


def tool(jpeg, *command):
    return subprocess.run(command, input=jpeg, stdout=subprocess.PIPE, check=True, timeout=60).stdout


@pytest.mark.parametrize("width, height", [(320, 240), (318, 237)])
def test_it_is_the_brightness_bit_for_bit(start, closing, width, height):
    relay = start(conf())
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    jpeg = pictures.encoded(width, height)
    publisher.send(jpeg)
    reply = base64.b64decode(ask(stub)[0], validate=True)
    reference = tool(jpeg, "jpegtran", "-copy", "none", "-grayscale")
    assert tool(reply, "djpeg", "-pnm") == tool(reference, "djpeg", "-pnm")
    grey = pictures.gray(90_000, width, height)
    publisher.send(grey)  # what is grey already stays as it is
    assert base64.b64decode(ask(stub)[0]) == grey


def test_ten_connections_get_every_picture_and_cost_one_computation_each(start, closing):
    """Each picture is another one, so that who misses one has fewer."""
    relay = start(conf(), release=True)
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    count, sizes = 60, [(64 + 2 * n, 48) for n in range(60)]
    for size in sizes:
        pictures.encoded(*size)
    got = [[] for _ in range(10)]

    def take(mine, stub):
        while len(mine) < count:
            (datas,) = ask(stub)
            size = decode(datas).size
            if [size] != mine[-1:]:  # the same again, where the next one takes more than a second
                mine.append(size)

    threads = [threading.Thread(target=take, args=(mine, SERVICES.MainServerStub(
        closing(channel(relay.address(door="grpc")))))) for mine in got]
    for thread in threads:
        thread.start()
    wait_for(lambda: relay.stat("connections_open") == 11, "ten clients")
    for number, size in enumerate(sizes):
        publisher.send(pictures.encoded(*size))
        wait_for(lambda n=number + 1: all(len(mine) >= n for mine in got), f"picture {number} at all of them")
    for thread in threads:
        thread.join()
    assert all(mine == sizes for mine in got)
    assert relay.stat("renditions_made") == count and relay.stat("renditions_lossless") == count
    assert relay.stat("frames_sent") == 11 * count  # one of them to who makes the rendition


def test_a_call_gets_the_newest_and_between_calls_nothing_is_made(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.encoded(64, 48))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    assert decode(ask(stub)[0]).size == (64, 48)
    wait_for(lambda: relay.stat("renditions") == 0, "nobody asks")
    for width in range(80, 400, 16):
        publisher.send(pictures.encoded(width, 48))
    wait_for(lambda: relay.stat("frames_published") == 21, "all are published")
    assert decode(ask(stub)[0]).size == (384, 48)
    assert relay.stat("renditions_made") == 2


def claims(width, height):
    """A file of few bytes that claims to be large: tables and heads, no picture."""
    jpeg = bytearray(pictures.gray(700, 8, 8))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5:at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(jpeg)


def test_a_picture_that_cannot_be_decoded_is_told_and_the_next_one_comes(start, closing):
    relay = start(conf())
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(claims(65500, 65500))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE and "65500x65500" in caught.value.details()
    assert 1 <= relay.stat("renditions_failed") <= 7  # tried again once a second, not with each call
    answers = []
    waiting = threading.Thread(target=lambda: answers.extend(ask(stub)))
    waiting.start()
    publisher.send(pictures.encoded(64, 48))
    waiting.join()
    assert decode(answers[0]).size == (64, 48)


def test_where_no_rendition_may_be_added_the_client_is_told(start, closing):
    relay = start(conf(limits="max_renditions = 1;"))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    connection = closing(channel(relay.address(door="grpc")))
    other = V1_SERVICES.FrameRelayStub(connection).Subscribe(V1.SubscribeRequest(stream="cam", width=32))
    assert next(other).width == 32
    stub = SERVICES.MainServerStub(connection)
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "max_renditions" in caught.value.details()
    assert relay.rejected("rendition_limit", door="grpc") == 1
    other.cancel()
    wait_for(lambda: relay.stat("renditions") == 0, "it has ended")
    decode(ask(stub)[0])


def test_who_shares_a_connection_does_not_share_rights(start, closing):
    """A proxy carries many people's calls on one connection."""
    relay = start(conf(more='access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; subscribe = [ "*" ]; } );'))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    decode(ask(stub)[0])
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub, metadata=[("x-forwarded-for", "203.0.113.9")])
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert relay.rejected("access_denied", door="grpc") == 1
    decode(ask(stub)[0])


def test_a_trusted_proxys_clients_are_who_it_names(start, closing):
    relay = start(conf(grpc_row='trusted_proxies = [ "127.0.0.1", "10.0.0.0/8" ];',
                       more='access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; },'
                            ' { from = [ "192.0.2.7" ]; subscribe = [ "*" ]; } );'))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    for named in ("192.0.2.7", "203.0.113.9, 192.0.2.7", "192.0.2.7:4711, 10.1.2.3"):
        decode(ask(stub, metadata=[("x-forwarded-for", named)])[0])
    for metadata in ([("x-forwarded-for", "192.0.2.7, 203.0.113.9")], [("x-forwarded-for", "somebody")],
                     [("x-forwarded-for", "10.1.2.3")], [("forwarded", "for=192.0.2.7")], []):
        with pytest.raises(grpc.RpcError) as caught:
            ask(stub, metadata=metadata)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED, metadata


def test_a_token_counts_for_its_own_call_alone(start, closing):
    digest = hashlib.sha256(b"let-me-see").hexdigest()
    relay = start(conf(more='access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; },'
                            ' { token_sha256 = "%s"; subscribe = [ "*" ]; } );' % digest))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1))
    stub = SERVICES.MainServerStub(closing(channel(relay.address(door="grpc"))))
    decode(ask(stub, metadata=[("authorization", "Bearer let-me-see")])[0])
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


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
