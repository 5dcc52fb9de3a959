# SPDX-License-Identifier: MIT
"""A camera that allows one client is shared with everybody, and only while somebody watches.

The origins are a played camera that counts its connections, and the two Flask programs of people's blogs, as they are: their
generators send the present picture again and again as fast as the socket takes it, one with a header glued to its delimiter. The
relay then costs little, holds little, and its viewers see each picture once.
"""
import itertools
import threading
import time

import pytest

import clients
import origins
import pictures
from support import conf, wait_for

JPEGS = [pictures.picture(n, "door", 320, 240) for n in range(4)]
LINGER = "demand_linger_ms = 400; "


def pull(url, more="", limits=""):
    source = f'sources = ( {{ kind = "http-pull"; stream = "door"; url = "{url}"; {more} }} );'
    return conf(source, limits=LINGER + limits)


def camera(sock, request):
    return origins.multipart(sock, itertools.cycle(JPEGS), lambda: time.sleep(0.03))


def test_fifty_viewers_are_one(start, closing):
    origin = closing(origins.Origin(camera))
    relay = start(pull(origin.url()))

    viewers = [closing(clients.Subscriber(relay.address(), "door")) for _ in range(50)]
    for viewer in viewers:
        viewer.wait_pictures(3)
        assert all(picture in JPEGS for picture in viewer.pictures)

    assert (origin.most, origin.accepted) == (1, 1)


def test_it_comes_with_the_first_viewer_and_leaves_after_the_last(start, closing):
    origin = closing(origins.Origin(camera))
    relay = start(pull(origin.url(), limits="stale_after_ms = 500;"))
    relay.addresses()
    assert origin.accepted == 0

    for turn in range(1, 3):
        first, second = (clients.Subscriber(relay.address(), "door") for _ in range(2))
        first.wait_pictures(2)
        first.close()
        second.wait_pictures(2)
        assert (origin.open, origin.accepted) == (1, turn)
        left = time.monotonic()
        second.close()
        wait_for(lambda: origin.open == 0, "the origin is left")
        assert time.monotonic() - left > 0.3
    wait_for(lambda: clients.listing(relay.address())["door"][0] == "asleep", "the stream is asleep")
    assert not relay.log.find(r"^(warning|error)")


FLASK_B = '''
def now():
    return jpegs[int(time.time() * 10) % len(jpegs)]

def generate():
    while True:
        yield b'--frame\\r\\nContent-Type: image/jpeg\\r\\n\\r\\n' + now() + b'\\r\\n'

@app.route('/video_feed')
def video_feed():
    return Response(generate(), mimetype='multipart/x-mixed-replace; boundary=frame')

def generate_glued():
    while True:
        yield b'--jpgboundaryContent-type: image/jpeg\\r\\n\\r\\n' + now() + b'\\r\\n'

@app.route('/source.mjpg')
def source_mjpg():
    return Response(generate_glued(), mimetype='multipart/x-mixed-replace; boundary=--jpgboundary')
'''


@pytest.mark.parametrize("path", ["/video_feed", "/source.mjpg"])
def test_a_flask_program_that_floods_costs_little(start, closing, tmp_path, path):
    origin = closing(origins.Flask(tmp_path / "flask", FLASK_B, JPEGS))
    relay = start(pull(origin.url(path)), release=True)
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0, records=1))
    viewer.wait_pictures(5)

    before, came, began = relay.cpu_seconds(), len(viewer.pictures), time.monotonic()
    viewer.wait_pictures(came + 20)
    seconds = time.monotonic() - began
    cpu = relay.cpu_seconds() - before
    same = relay.stat("frames_same")

    print(f"{same} pictures left out, {len(viewer.pictures)} sent, {cpu / seconds * 100:.0f} % CPU, {relay.rss_bytes() >> 20} MiB")
    assert same > 100, "the program floods"
    assert all(picture in JPEGS for picture in viewer.pictures)
    assert all(a != b for a, b in itertools.pairwise(viewer.pictures)), "no picture twice"
    assert cpu / seconds < 0.25
    assert relay.rss_bytes() < 40 << 20
    # What the flood holds in the kernel is read so fast that nothing gets old: a picture shows for 100 ms.
    late = [record for record in viewer.of(clients.FRAME)[-15:]
            if JPEGS.index(record.payload) not in {int((record.time_us / 1e6 - back) * 10) % 4 for back in (0, 0.1, 0.2, 0.3)}]
    assert len(late) <= 3


def test_the_same_picture_for_ever_is_live_until_it_is_frozen(start, closing):
    """A still life: what does not change is not sent again, and yet its camera is there."""
    origin = closing(origins.Origin(lambda sock, request: origins.multipart(sock, itertools.repeat(JPEGS[0]), lambda: time.sleep(0.02))))
    relay = start(pull(origin.url(), limits="stale_after_ms = 200; frozen_after_ms = 1500; "))
    viewer = closing(clients.Subscriber(relay.address(), "door"))
    viewer.wait_pictures(1)
    began = time.monotonic()

    def state():
        return clients.listing(relay.address())["door"][0]
    wait_for(lambda: time.monotonic() - began > 0.8 or state() != "live", "a while goes by")
    assert state() == "live"
    wait_for(lambda: state() == "stale", "it is found frozen")
    assert len(viewer.pictures) == 1
    assert origin.accepted == 1


def test_one_picture_is_asked_again_and_again_on_one_connection(start, closing):
    """With an ETag an unchanged picture does not come twice, and the stream stays live all the same."""
    shown = [0]

    def answer(sock, request):
        tag = f'"{shown[0]}"'
        if request.headers.get("if-none-match") == tag:
            sock.sendall(origins.head(None, f"ETag: {tag}", status="304 Not Modified"))
            return True
        sock.sendall(origins.head("image/jpeg", f"Content-Length: {len(JPEGS[shown[0]])}", f"ETag: {tag}") + JPEGS[shown[0]])
        return True
    origin = closing(origins.Origin(answer))
    relay = start(pull(origin.url("/shot.jpg"), "fps = 50;", limits="stale_after_ms = 500;"))
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0))
    viewer.wait_pictures(1)

    for number in range(1, 4):
        wait_for(lambda: len([r for r in origin.requests if r.headers.get("if-none-match") == f'"{number - 1}"']) >= 3, "it asks")
        shown[0] = number
        viewer.wait_pictures(number + 1)
    wait_for(lambda: relay.stat("frames_same") >= 20, "unchanged")

    assert viewer.pictures == JPEGS
    assert clients.listing(relay.address())["door"][0] == "live"
    assert origin.accepted <= 2, "the first answer is not known to be one picture"
    assert not relay.log.find(r"^warning")


FORMS = {
    "closed_at_the_end": (origins.head("image/jpeg", version="1.0"), False),
    "closed_with_a_length": (origins.head("image/jpeg", "Content-Length: {size}", version="1.0"), False),
    "last_modified": (origins.head("image/jpeg", "Content-Length: {size}", "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT"), True),
    "octets": (origins.head("application/octet-stream", "Content-Length: {size}"), True),
    "no_type": (origins.head(None, "Content-Length: {size}", "Connection: close"), False),
}


@pytest.mark.parametrize("head, keeps", FORMS.values(), ids=FORMS.keys())
def test_one_picture_in_every_form(start, closing, head, keeps):
    turn = itertools.count()

    def answer(sock, request):
        jpeg = JPEGS[next(turn) % 4]
        sock.sendall(head.replace(b"{size}", str(len(jpeg)).encode()) + jpeg)
        return keeps
    origin = closing(origins.Origin(answer))
    relay = start(pull(origin.url("/shot.jpg"), "fps = 50;"))
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0))

    viewer.wait_pictures(6)

    assert viewer.pictures[:6] == [JPEGS[n % 4] for n in range(6)]
    assert (origin.accepted < 4) == keeps
    assert not relay.log.find(r"^warning")


def test_it_asks_no_more_often_than_it_is_told(start, closing):
    def answer(sock, request):
        sock.sendall(origins.head("image/jpeg", f"Content-Length: {len(JPEGS[0])}") + JPEGS[0])
        return True
    origin = closing(origins.Origin(answer))
    relay = start(pull(origin.url("/shot.jpg"), "fps = 4;"))
    closing(clients.Subscriber(relay.address(), "door")).wait_pictures(1)
    began, asked = time.monotonic(), len(origin.requests)

    wait_for(lambda: len(origin.requests) >= asked + 4, "four more")

    assert 0.7 < time.monotonic() - began < 3


def test_capture_times_are_the_origins_where_they_can_be_true(start, closing):
    times = [time.time() - 1.5, 12.25, time.time() + 3600, 0]
    gate = threading.Event()

    def answer(sock, request):
        sock.sendall(origins.head("multipart/x-mixed-replace; boundary=frame"))
        for number, stamp in enumerate(times):
            stamp = f"X-Timestamp: {stamp:.6f}\r\n" if stamp else ""
            sock.sendall(f"--frame\r\nContent-Length: {len(JPEGS[number])}\r\n{stamp}\r\n".encode() + JPEGS[number] + b"\r\n")
        gate.wait(30)
        return False
    origin = closing(origins.Origin(answer))
    relay = start(pull(origin.url()))
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0, records=1))
    viewer.wait_pictures(4)
    gate.set()

    taken = [record.time_us / 1e6 for record in viewer.of(clients.FRAME)]
    assert abs(taken[0] - times[0]) < 0.001
    assert all(abs(seconds - time.time()) < 30 for seconds in taken[1:])
