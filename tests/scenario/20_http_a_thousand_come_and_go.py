# SPDX-License-Identifier: MIT
"""A thousand viewers come within a second, and leave within a second: each is served, and the cameras do not notice."""
import pathlib
import statistics
import subprocess
import sys

import pytest

import clients
from support import wait_for

COUNT = 1000
FPS = 30  # of the bystanders
CONF = """
limits = {
  log_lines_per_second = 0; accept_rate = 0; max_connections = 2000; max_pre_auth = 0; max_subscribers_per_stream = 0;
};
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""
CROWD = pathlib.Path(__file__).with_name("http_crowd.py")


@pytest.fixture
def crowd():
    begun = []

    def begin(address, target):
        begun.append(subprocess.Popen([sys.executable, str(CROWD), address[0], str(address[1]), target, str(COUNT), "1"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return begun[-1]
    yield begin
    for process in begun:
        process.kill()
        process.wait()


def test_a_thousand(start, closing, calm, crowd):
    relay = start(CONF, release=True)
    bystanders = calm(relay.address())
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), fps=5, stream="porch", size=3000))
    camera.wait_sent(1)
    bystanders.camera.wait_sent(FPS)  # a second before the crowd: how punctual this machine is by itself
    alone = len(bystanders.camera.sent_at)

    process = crowd(relay.address(door="http"), "/streams/porch.mjpg")
    served = process.stdout.readline()
    assert served.startswith(f"served {COUNT} worst "), served
    relay.wait_stat("subscribers", COUNT)
    process.stdin.close()
    assert process.stdout.readline() == "gone\n"
    assert process.wait(30) == 0
    wait_for(lambda: relay.stat("subscribers") == 3, "all have left")

    sent = bystanders.camera.sent_at
    gaps = [abs(sent[n + 1] - sent[n] - 1 / FPS) for n in range(1, len(sent) - 1)]
    before, during = statistics.median(gaps[:alone]), statistics.median(gaps[alone:])
    print(f"{served.strip()} ms; the publisher's period is off by p50 {before * 1000:.1f} ms before, {during * 1000:.1f} ms "
          f"with the crowd, worst {max(gaps[alone:]) * 1000:.1f} ms")
    assert during < 0.010 + 2 * before
    assert relay.rejected("slow_subscriber", "http") == 0
