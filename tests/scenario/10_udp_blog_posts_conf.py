# SPDX-License-Identifier: MIT
"""conf/blog-posts.conf opens the ports that the posts' programs use, and what comes in by one goes out by another: a
UDP camera is seen where the Flask post's browser looks, and by the recipe's viewer."""
import re
import socket
import struct
import urllib.request

import clients
import pictures
import udp
from support import ROOT, connect, wait_for


def test_what_comes_in_by_one_port_goes_out_by_the_others(start, closing):
    text = (ROOT / "conf/blog-posts.conf").read_text()
    ports = re.findall(r'listen = "[^"]*:(\d+)"', text)
    assert sorted(ports) == ["5000", "50051", "6666", "8000", "9999"]
    # The kernel's choice here, so that the test runs beside others.
    relay = start(re.sub(r'(listen = "[^"]*):\d+"', r'\1:0"', text))
    at = {door: ("127.0.0.1", relay.address(door=door)[1]) for door in ("frames", "http", "udp", "udp-messages")}
    camera = closing(udp.Client(at["udp"]))
    recipe = closing(clients.Subscriber(at["frames"], "udp-127-0-0-1", records=1, queue=64))
    camera.show(pictures.picture(1))
    recipe.wait_pictures(1)

    with urllib.request.urlopen("http://127.0.0.1:%d/video_feed" % at["http"][1], timeout=30) as feed:
        assert feed.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        got = b""
        while pictures.picture(1) not in got:
            got += feed.read1(65536)
    with udp.open_socket() as sender:
        sender.sendto(b"[0, 0, 0, 1]", at["udp-messages"])
        assert sender.recvfrom(1024) == (udp.MESSAGE_ACK, at["udp-messages"])
    assert recipe.wait_record(clients.MESSAGE)[0].payload == b"[0, 0, 0, 1]"

    jpeg = pictures.picture(2)
    with connect(at["frames"]) as sock:  # the recipe's client
        viewer = closing(clients.Subscriber(at["frames"], "cam-127-0-0-1"))
        sock.sendall(struct.pack("<L", len(jpeg)) + jpeg)
        assert viewer.wait_pictures(1) == [jpeg]
        sock.sendall(struct.pack("<L", 0))
    with socket.create_connection(("127.0.0.1", relay.address(door="grpc")[1]), 30):
        pass
    wait_for(lambda: relay.stat("udp_answers") == 2, "both were answered")
