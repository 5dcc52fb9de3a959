# SPDX-License-Identifier: MIT
"""framerelay.v1 and the health checks, with stubs made from the installed .proto files."""
import io
import json
import threading
import time

import grpc
import pytest
from PIL import Image

import clients
import pictures
from grpc_client import channel, conf, stubs
from support import wait_for

V1, V1_SERVICES = stubs("framerelay")
HEALTH, HEALTH_SERVICES = stubs("health")


@pytest.fixture
def relay(start):
    return start(conf(limits="subscriber_stall_ms = 1500;", more='streams = ( { name = "cam"; title = "door"; } );'))


@pytest.fixture
def connection(relay, closing):
    return closing(channel(relay.address(door="grpc")))


@pytest.fixture
def stub(connection):
    return V1_SERVICES.FrameRelayStub(connection)


def published(*numbers, stream="cam"):
    yield V1.PublishRequest(open=V1.PublishRequest.Open(stream=stream, id="0123456789abcdef"))
    for number in numbers:
        yield V1.PublishRequest(frame=V1.Frame(jpeg=pictures.picture(number, stream)))


def code_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def test_pictures_in_and_out(relay, stub):
    watching = stub.Subscribe(V1.SubscribeRequest(stream="cam", queue_frames=64))
    relay.wait_stat("subscribers", 1)
    answer = stub.Publish(published(*range(20)))
    assert (answer.published, answer.rejected) == (20, 0)
    frames = [next(watching) for _ in range(20)]
    assert [f.jpeg for f in frames] == [pictures.picture(n) for n in range(20)]
    assert [f.sequence - frames[0].sequence for f in frames] == list(range(20))
    assert all((f.width, f.height) == (64, 48) for f in frames)
    assert abs(frames[0].captured_at.seconds - time.time()) < 60
    watching.cancel()
    wait_for(lambda: relay.stat("subscribers") == 0, "the subscription has ended")


# fields of SubscribeRequest: (size, mode) of what comes
RENDITIONS = [
    (dict(width=160), (160, 120), "RGB"),
    (dict(height=60, gray=True), (80, 60), "L"),
    (dict(gray=True), (320, 240), "L"),
    (dict(rotate=90), (240, 320), "RGB"),
    (dict(hflip=True, vflip=True, quality=40), (320, 240), "RGB"),
]


def test_renditions(relay, stub, closing):
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1, "cam", 320, 240))
    relay.wait_stat("frames_published", 1)
    for fields, size, mode in RENDITIONS:
        calls = [stub.Subscribe(V1.SubscribeRequest(stream="cam", **fields)) for _ in range(3)]
        frames = [next(call) for call in calls]
        image = Image.open(io.BytesIO(frames[0].jpeg))
        image.load()
        assert (image.size, image.mode) == (size, mode) and (frames[0].width, frames[0].height) == size
        assert all(f == frames[0] for f in frames)
        for call in calls:
            call.cancel()
    assert relay.stat("renditions_made") == len(RENDITIONS)
    wait_for(lambda: relay.stat("renditions") == 0, "they have ended")


@pytest.mark.parametrize("fields", [dict(width=65536), dict(height=70000), dict(quality=101), dict(rotate=45),
                                    dict(rotate=360)], ids=str)
def test_renditions_that_are_none(relay, stub, fields):
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Subscribe(V1.SubscribeRequest(stream="cam", **fields)))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(next(iter(fields)))
    assert relay.rejected("bad_parameter", door="grpc") == 1


def test_a_rendition_that_cannot_be_made_is_told(start, closing):
    relay = start(conf(limits="max_renditions = 1; verify_pixels = 4096;"))
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    publisher.send(pictures.picture(1, "cam", 320, 240))
    relay.wait_stat("frames_published", 1)
    stub = V1_SERVICES.FrameRelayStub(closing(channel(relay.address(door="grpc"))))
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Subscribe(V1.SubscribeRequest(stream="cam", width=64)))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "verify_pixels" in caught.value.details()
    publisher.send(pictures.picture(2))
    first = stub.Subscribe(V1.SubscribeRequest(stream="cam", width=32))
    assert next(first).width == 32
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Subscribe(V1.SubscribeRequest(stream="cam", width=33)))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    first.cancel()


def test_a_client_that_does_not_read_costs_nobody_and_is_let_go(relay, stub, closing):
    """Nothing is sent beyond its window; the others get all, and the stall is limited."""
    asleep = stub.Subscribe(V1.SubscribeRequest(stream="cam"))
    asleep.initial_metadata()
    publisher = closing(clients.Publisher(relay.address(), "cam"))
    camera = closing(clients.Camera(publisher, 30, "cam", width=1280, height=720))
    other = V1_SERVICES.FrameRelayStub(closing(channel(relay.address(door="grpc"))))
    awake = other.Subscribe(V1.SubscribeRequest(stream="cam", queue_frames=16))
    sequences = [next(awake).sequence for _ in range(150)]
    assert sequences == list(range(sequences[0], sequences[0] + 150))
    camera.close()
    relay.log.wait("reason=slow_subscriber")
    awake.cancel()
    asleep.cancel()


def test_messages(relay, stub):
    reading = stub.Messages(V1.MessagesRequest(stream="cam"))
    relay.wait_stat("subscribers", 1)
    for number in range(3):
        stub.SendMessage(V1.SendMessageRequest(stream="cam", json=json.dumps({"box": number})))
        assert json.loads(next(reading).json) == {"box": number}
    reading.cancel()
    assert code_of(lambda: stub.SendMessage(V1.SendMessageRequest(stream="cam", json="{"))) == \
        grpc.StatusCode.INVALID_ARGUMENT


def test_streams_are_listed(stub):
    stub.Publish(published(1))
    (stream,) = stub.ListStreams(V1.ListStreamsRequest()).streams
    assert (stream.name, stream.title, stream.width, stream.height) == ("cam", "door", 64, 48)


def test_health(connection):
    stub = HEALTH_SERVICES.HealthStub(connection)
    serving = HEALTH.HealthCheckResponse.SERVING
    for service in ("", "MainServer", "framerelay.v1.FrameRelay"):
        assert stub.Check(HEALTH.HealthCheckRequest(service=service)).status == serving
    assert code_of(lambda: stub.Check(HEALTH.HealthCheckRequest(service="x"))) == grpc.StatusCode.NOT_FOUND
    watching = stub.Watch(HEALTH.HealthCheckRequest())
    assert next(watching).status == serving
    watching.cancel()


def test_every_refusal_has_its_status(relay, stub, closing):
    status = grpc.StatusCode
    assert code_of(lambda: next(stub.Subscribe(V1.SubscribeRequest(stream="none")))) == status.NOT_FOUND
    assert code_of(lambda: next(stub.Subscribe(V1.SubscribeRequest(stream="../x")))) == status.INVALID_ARGUMENT
    assert code_of(lambda: next(stub.Subscribe(V1.SubscribeRequest(stream="cam", queue_frames=65)))) == \
        status.INVALID_ARGUMENT
    frame = V1.PublishRequest(frame=V1.Frame(jpeg=pictures.picture(1)))
    opened = V1.PublishRequest(open=V1.PublishRequest.Open(stream="cam"))
    assert code_of(lambda: stub.Publish(iter([frame]))) == status.INVALID_ARGUMENT
    assert code_of(lambda: stub.Publish(iter([opened, opened]))) == status.INVALID_ARGUMENT
    assert code_of(lambda: stub.Publish(iter([]))) == status.INVALID_ARGUMENT
    big = V1.PublishRequest(frame=V1.Frame(jpeg=b"\xff\xd8" + bytes(9 << 20)))
    assert code_of(lambda: stub.Publish(iter([opened, big]))) == status.RESOURCE_EXHAUSTED
    bad = V1.PublishRequest(frame=V1.Frame(jpeg=b"GIF89a"))
    assert stub.Publish(iter([opened, bad])).rejected == 1
    incumbent = closing(clients.Publisher(relay.address(), "cam", source="127.0.0.2"))
    incumbent.send(pictures.picture(1))
    refused = V1.PublishRequest(open=V1.PublishRequest.Open(stream="cam", no_takeover=True))
    assert code_of(lambda: stub.Publish(iter([refused, frame]))) == status.ALREADY_EXISTS


def test_who_may_not_is_told(start, closing):
    relay = start(conf(more='access = ( { from = [ "127.0.0.1" ]; publish = [ "*" ]; } );'))
    stub = V1_SERVICES.FrameRelayStub(closing(channel(relay.address(door="grpc"))))
    stub.Publish(published(1))
    denied = grpc.StatusCode.PERMISSION_DENIED
    assert code_of(lambda: next(stub.Subscribe(V1.SubscribeRequest(stream="cam")))) == denied
    assert code_of(lambda: stub.ListStreams(V1.ListStreamsRequest())) == denied
    # Behind a proxy that is not trusted nobody has an address.
    assert code_of(lambda: stub.Publish(published(1), metadata=[("x-forwarded-for", "127.0.0.1")])) == denied
