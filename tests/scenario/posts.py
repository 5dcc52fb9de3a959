# SPDX-License-Identifier: MIT
"""The programs of the five posts, in short and at once, as one program: posts.py '{"frames": PORT, "http": PORT, …}'.

Cameras by TCP (the recipe), by UDP in pieces and whole; a detector's JSON by UDP; a browser's view of both Flask pages;
the gRPC viewer with its own stub. What came of each is printed as one JSON object.
"""
import base64
import io
import json
import socket
import struct
import sys
import threading
import time
import urllib.request

from PIL import Image

import grpc_client
import pictures
import recipe

SECONDS = 60
ACK, MESSAGE_ACK = b"get message!!!", b"get the msg"
found = {}
leave = threading.Event()


def recipe_camera(port):
    def captures():
        while not leave.is_set():
            yield pictures.picture(found.setdefault("recipe", 0), "recipe", size=20_000)
            found["recipe"] += 1
            time.sleep(0.03)
    recipe.client(("127.0.0.1", port), captures())


def udp_camera(port, source, whole):
    name = "whole" if whole else "pieces"
    found[name] = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(SECONDS)
        while not leave.is_set():
            data = pictures.picture(found[name], name, size=60_000 if whole else 61_440)
            if whole:
                sock.sendto(data, ("127.0.0.1", port))
            else:
                sock.sendto(struct.pack("l", len(data)), ("127.0.0.1", port))
                for i in range(len(data) // 1024 + 1):
                    sock.sendto(data[1024 * i:1024 * (i + 1)], ("127.0.0.1", port))
            assert sock.recv(1024) == ACK
            found[name] += 1
            time.sleep(0.01)  # a camera has a rate; without one this is over udp_datagrams_per_second


def detector(port):
    found["messages"] = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        while not leave.is_set():
            sock.sendto(json.dumps([0, 0, found["messages"], 1]).encode(), ("127.0.0.1", port))
            time.sleep(0.01)
            assert sock.recv(1024) == MESSAGE_ACK
            found["messages"] += 1


def browser(port, path):
    """A page's <img>: gives the numbers of the first pictures of the multipart stream, each whole."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as feed:
        boundary = feed.headers.get_boundary().encode()
        got, seen = b"", []
        while len(seen) < 10:
            got += feed.read1(65536)
            *parts, got = got.split(b"--" + boundary)
            for part in parts:
                head, _, body = part.partition(b"\r\n\r\n")
                if b"image/jpeg" in head and b"X-Placeholder" not in head:
                    seen.append(pictures.check(body[:-2]))
        return seen


def grpc_viewer(port):
    messages, services = grpc_client.stubs("mainserver")
    channel = grpc_client.channel(("127.0.0.1", port))
    stub = services.MainServerStub(channel)
    seen = []
    for _ in range(30):  # a new call for every picture
        for reply in stub.getStream(iter([messages.Request(msg="give me the stream!!")])):
            image = Image.open(io.BytesIO(base64.b64decode(reply.datas, validate=True)))
            image.load()
            seen.append((image.mode, image.size))
    channel.close()
    return seen


def wait_until(count):
    end = time.monotonic() + SECONDS
    while min(found.get(name, 0) for name in ("recipe", "pieces", "whole", "messages")) < count and time.monotonic() < end:
        time.sleep(0.01)


def main(ports):
    cameras = [threading.Thread(target=target, args=args, daemon=True) for target, args in (
        (recipe_camera, (ports["frames"],)), (udp_camera, (ports["udp"], "127.0.0.1", False)),
        (udp_camera, (ports["udp"], "127.0.0.2", True)), (detector, (ports["udp-messages"],)))]
    for camera in cameras:
        camera.start()
    wait_until(1)  # a page that is asked for before the first camera is there has nothing to show
    found["video_feed"] = browser(ports["http"], "/video_feed")
    found["source.mjpg"] = browser(ports["frames"], "/source.mjpg")
    found["getStream"] = grpc_viewer(ports["grpc"])
    wait_until(100)
    leave.set()
    for camera in cameras:
        camera.join(SECONDS)
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
