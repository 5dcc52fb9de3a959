# SPDX-License-Identifier: MIT
"""conf/blog-posts.conf opens the ports that the posts' programs use, and each of these programs, on its own port and all
at once, finds the relay in place of its other half. What comes in by one goes out by another."""
import json
import pathlib
import re
import subprocess
import sys

import clients
import networks
import pictures
import udp
from support import ROOT

PORTS = {"frames": 8000, "http": 5000, "udp": 9999, "udp-messages": 6666, "grpc": 50051}
TEXT = (ROOT / "conf/blog-posts.conf").read_text()


def test_each_program_on_its_own_port(start):
    """In a network of its own, so that the ports are free; where the machine has none for us, on other ports."""
    alone = networks.can_be_alone()
    relay = start(TEXT if alone else re.sub(r'(listen = "[^"]*):\d+"', r'\1:0"', TEXT), release=True,
                  under=networks.ALONE if alone else ())
    at = {door: relay.address(door=door)[1] for door in PORTS}
    assert not alone or at == PORTS
    posts = pathlib.Path(__file__).with_name("posts.py")
    done = subprocess.run([*(networks.inside(relay) if alone else ()), sys.executable, posts, json.dumps(at)],
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("recipe", "pieces", "whole", "messages"):
        assert found[name] >= 100, (name, found[name])
    for page in ("video_feed", "source.mjpg"):  # one stream's, whole, in order
        streams, numbers = zip(*found[page])
        assert len(set(streams)) == 1 and sorted(set(numbers)) == list(numbers), found[page]
    assert len(found["getStream"]) == 30
    assert all(tuple(reply) == ("L", [64, 48]) for reply in found["getStream"])
    assert relay.stat("udp_answers") == found["pieces"] + found["whole"] + found["messages"]
    assert relay.stat("messages_received") == found["messages"]
    assert relay.rejected("udp_incomplete", "udp") == relay.rejected("bad_jpeg", "udp") == 0


def test_what_comes_in_by_udp_goes_out_to_the_recipes_viewer(start, closing):
    assert {int(port) for port in re.findall(r'listen = "[^"]*:(\d+)"', TEXT)} == set(PORTS.values())
    relay = start(re.sub(r'(listen = "[^"]*):\d+"', r'\1:0"', TEXT))
    at = {door: ("127.0.0.1", relay.address(door=door)[1]) for door in PORTS}
    camera = closing(udp.Client(at["udp"]))
    viewer = closing(clients.Subscriber(at["frames"], "udp-127-0-0-1", records=1, queue=64))
    camera.show(pictures.picture(1))
    assert viewer.wait_pictures(1) == [pictures.picture(1)]
    with udp.open_socket() as sender:
        sender.sendto(b"[0, 0, 0, 1]", at["udp-messages"])
        assert sender.recvfrom(1024) == (udp.MESSAGE_ACK, at["udp-messages"])
    assert viewer.wait_record(clients.MESSAGE)[0].payload == b"[0, 0, 0, 1]"
