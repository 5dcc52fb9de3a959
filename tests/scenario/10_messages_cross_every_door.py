# SPDX-License-Identifier: MIT
"""One MESSAGE, in by every door that takes one, out by every door that gives one, as it was written; and the same limits
everywhere. A detector: a program that looks at a stream's pictures and says what it sees."""
import contextlib
import io
import json
import re
import subprocess
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from PIL import Image, ImageDraw

import chromium
import clients
import udp
import websocket_bytes
from grpc_client import channel, stubs
from support import ROOT, wait_for
from viewer import Page

V1, V1_SERVICES = stubs("framerelay")
CONF = """
limits = {{ log_lines_per_second = 0; max_message_bytes = 4096; }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "http"; listen = "127.0.0.1:0"; }},
  {{ kind = "grpc"; listen = "127.0.0.1:0"; }},
  {{ kind = "udp-messages"; listen = "127.0.0.1:0"; stream = "cam"; }}
);
sinks = ( {{ kind = "udp-message-push"; stream = "cam"; address = "127.0.0.1:{port}"; }} );
"""
TEXTS = [
    '{"label": "고양이", "box": [12, 34, 56.50, 1e2], "score": 0.870}',
    '"words, \\"quoted\\", \\u00e9, \\ud83d\\ude00, \U0001f600, <b>&amp;"',
    '{"": {}, "a": [], "A": null, "b": [true, false]}',
    '{"lines":\n [1,\n\t2]}',
    "9007199254740993", "-1.10", "0", "null",
    "[[[[[[[[1]]]]]]]]",
    "0.123456789012345678901234567890",
]
EXACT = '"' + "x" * 4094 + '"'  # as long as max_message_bytes lets it be
BAD = {
    "nothing": "", "no JSON": "hello there, relay", "two": "[1] [2]", "a key twice": '{"a": 1, "b": {"c": 2, "c": 3}}',
    "nine deep": "[[[[[[[[[1]]]]]]]]]", "nine deep in objects": '{"a":' * 9 + "1" + "}" * 9,
    "a number of 33 characters": "0.1234567890123456789012345678901", "a number that is too large": "99999999999999999999",
    "half a character": '"\\ud800"', "a zero": '"\\u0000"', "no number": "NaN", "a comma": "[1,]", "too long": EXACT[:-1] + 'x"',
}


# --- In

def by_frames(relay, text):
    """As a viewer with records does."""
    viewer = clients.Subscriber(relay.address(), "cam", records=1)
    with contextlib.suppress(OSError):
        viewer.send(clients.record(clients.MESSAGE, text.encode()))
    return viewer


def by_socket(path, words):
    def send(relay, text):
        sock = websocket_bytes.Socket(relay.address(door="http"), path)
        sock.send(websocket_bytes.frame(websocket_bytes.TEXT, b"{" + words + b'"message":' + text.encode() + b"}"))
        return sock
    return send


def by_post(relay, text):
    host, port = relay.address(door="http")
    post = urllib.request.Request(f"http://{host}:{port}/streams/cam/messages", data=text.encode(),
                                  headers={"Content-Type": "application/json"})
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(post, timeout=30).close()


def by_grpc(relay, text):
    connection = channel(relay.address(door="grpc"))
    with contextlib.suppress(grpc.RpcError):
        V1_SERVICES.FrameRelayStub(connection).SendMessage(V1.SendMessageRequest(stream="cam", json=text))
    return connection


def by_udp(relay, text):
    sock = udp.open_socket()
    sock.sendto(text.encode(), relay.address(door="udp-messages"))
    return sock


IN = {
    "frames": by_frames,
    "ws": by_socket("/ws", b'"stream":"cam",'),
    "ws of one": by_socket("/streams/cam/ws", b""),
    "post": by_post,
    "grpc": by_grpc,
    "udp": by_udp,
}


# --- Out

class Out:
    """Texts as they come out somewhere, gathered by a thread that `read` (a generator of texts) keeps busy."""

    def __init__(self, read, close):
        self.texts = []
        self._close = close
        self._thread = threading.Thread(target=self._run, args=(read,), daemon=True)
        self._thread.start()

    def _run(self, read):
        with contextlib.suppress(EOFError, OSError, ValueError, grpc.RpcError, AssertionError):
            for text in read:
                self.texts.append(text)

    def close(self):
        self._close()
        self._thread.join(30)


class Records:
    def __init__(self, relay):
        self._viewer = clients.Subscriber(relay.address(), "cam", records=1)
        self.close = self._viewer.close

    @property
    def texts(self):
        return [record.payload.decode() for record in self._viewer.of(clients.MESSAGE)]


def out_socket(relay, path, first=None):
    sock = websocket_bytes.Socket(relay.address(door="http"), path)
    if first:
        sock.say(**first)

    def read():
        while True:
            text = sock.read_only(websocket_bytes.TEXT).decode()
            found = re.fullmatch(r'\{(?:"channel":7,)?"message":(.*)\}', text, re.S)
            if found:
                yield found[1]
    sock.text("state")
    sock.sock.settimeout(None)
    return Out(read(), lambda: (sock.sock.shutdown(2), sock.close()))


def out_events(relay):
    host, port = relay.address(door="http")
    curl = subprocess.Popen(["curl", "-sN", f"http://{host}:{port}/streams/cam/messages"], stdout=subprocess.PIPE)

    def read():
        data = []
        for line in curl.stdout:
            key, _, value = line.decode().removesuffix("\n").partition(": ")
            if key == "data":
                data.append(value)
            elif not key and data:
                yield "\n".join(data)
                data = []

    def close():
        curl.terminate()
        curl.wait(30)
    relay.log.wait(r"reader connected .*kind=messages")
    return Out(read(), close)


def out_grpc(relay):
    connection = channel(relay.address(door="grpc"))
    call = V1_SERVICES.FrameRelayStub(connection).Messages(V1.MessagesRequest(stream="cam"))
    return Out((message.json for message in call), lambda: (call.cancel(), connection.close()))


def out_udp(sock):
    sock.settimeout(None)

    def read():
        while True:
            data = sock.recv(65536)
            if data == b"end":
                return
            yield data.decode()
    return Out(read(), lambda: sock.sendto(b"end", sock.getsockname()))


@pytest.fixture
def pushed(closing):
    return closing(udp.open_socket())


@pytest.fixture
def relay(start, closing, pushed):
    relay = start(CONF.format(port=pushed.getsockname()[1]))
    camera = closing(clients.Publisher(relay.address(), "cam", records=1))
    camera.send(chromium.coloured("red"))
    relay.wait_stat("frames_published", 1)
    relay.camera = camera
    return relay


def test_every_message_comes_out_everywhere_as_it_was_written(relay, closing, pushed):
    outs = {
        "frames": closing(Records(relay)),
        "ws": closing(out_socket(relay, "/ws", {"subscribe": "cam", "channel": 7})),
        "ws of one": closing(out_socket(relay, "/streams/cam/ws")),
        "events": closing(out_events(relay)),
        "grpc": closing(out_grpc(relay)),
        "udp": closing(out_udp(pushed)),
    }
    wait_for(lambda: relay.stat("subscribers") == len(outs), "all of them listen")
    sent = []

    def passes(text):
        sent.append(text)
        for name, out in outs.items():
            wait_for(lambda out=out: len(out.texts) >= len(sent), f"message {len(sent)}, {text[:40]}, at {name}")
    ways = {**IN, "publisher": lambda relay, text: relay.camera.message(text)}
    for name, send in ways.items():
        for text in [*TEXTS, json.dumps({"by": name}), EXACT]:
            used = send(relay, text)
            passes(text)
            if used is not None:
                used.close()
    for name, out in outs.items():
        assert out.texts == sent, name
    assert relay.stat("messages_received") == len(sent)


@pytest.mark.parametrize("name", IN)
def test_no_door_takes_what_another_refuses(relay, closing, name):
    viewer = closing(Records(relay))
    for what, text in BAD.items():
        for each in (text, json.dumps(what)):
            used = IN[name](relay, each)
            if used is not None:
                closing(used)
        wait_for(lambda what=what: viewer.texts and viewer.texts[-1] == json.dumps(what), f"what comes behind {what}")
    assert viewer.texts == [json.dumps(what) for what in BAD]


def test_the_page_shows_the_newest_under_its_tile(relay, closing, tmp_path):
    page = closing(Page(relay, tmp_path))
    wait_for(lambda: relay.stat("subscribers") == 2, "the sink's subscription and the page's")
    for name, send in IN.items():
        text = f'{{"by": "{name}", "box": [1.50, 9007199254740993]}}'
        used = send(relay, text)
        page.wait_tile("cam", message=text)
        if used is not None:
            used.close()


def spot(x, y):
    """A dark picture with something bright in it."""
    image = Image.new("RGB", (640, 480), (30, 40, 30))
    ImageDraw.Draw(image).rectangle([x, y, x + 79, y + 79], fill=(250, 250, 240))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def test_the_detector_of_the_documents_finds_what_is_bright(relay, closing):
    program = re.search(r"```python\n(import io, json, socket.*?)```", (ROOT / "docs/doors/frames.md").read_text(), re.S)[1]
    program = program.replace('("relay.local", 8000)', repr(relay.address())).replace("SUB porch", "SUB cam")
    detector = subprocess.Popen(["/usr/bin/python3", "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        relay.log.wait(r"^info +frames: subscriber connected .*kind=records")
        viewer = closing(Records(relay))
        for x, y in ((160, 80), (400, 320)):
            relay.camera.send(spot(x, y))

            def found(x=x, y=y):
                told = [json.loads(text) for text in viewer.texts]
                return [t for t in told if t["bright"] and all(
                    abs(edge - wanted / 2) <= 2 for edge, wanted in zip(t["bright"], (x, y, x + 80, y + 80)))]
            assert wait_for(found, f"what is bright at {x}, {y}")[0]["of"] == [320, 240]
    finally:
        detector.kill()
        detector.wait()
        detector.stdout.close()
