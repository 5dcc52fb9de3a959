#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How much later full-size pictures come while renditions keep every core busy.

    tests/bench/renditions_bench.py --relay PROGRAM [--pairs N] [--seconds S] [--json FILE]

One relay, one camera of 1280x720 at 30 pictures a second, four viewers of it that want every picture. Times without and
with viewers of twelve renditions (turned and encoded anew: more work than the machine can do) take turns. A pair is one
of each; what is said is the median of the pairs, and the target of docs/performance.md. The camera and its four viewers
are one process, the viewers of renditions another, so that neither waits for the other.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import re
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
import pictures  # noqa: E402

FPS, VIEWERS, RENDITIONS = 30, 4, 12
WIDTH, HEIGHT = 1280, 720
TARGET_MS = 10
CONF = """
log = { level = "info"; };
limits = { max_pre_auth = 0; accept_rate = 0; accept_rate_per_address = 0; queue_age_ms = 0; };
doors = ( { kind = "frames"; listen = "127.0.0.1:0"; } );
"""


def connect(port, hello):
    sock = socket.create_connection(("127.0.0.1", port), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(hello)
    answer = b""
    while not answer.endswith(b"\n"):
        answer += sock.recv(1)
    assert answer.startswith(b"OK "), answer
    sock.setblocking(False)
    return sock


class Viewer:
    """Counts plain pictures; of each it looks at the number in its first comment."""

    def __init__(self, port):
        self.sock = connect(port, b"SUB cam queue=64\n")
        self.buffer = bytearray()
        self.arrived = {}

    def read(self):
        try:
            self.buffer += self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        now = time.monotonic()
        while len(self.buffer) >= 4:
            size, = struct.unpack_from("<L", self.buffer)
            if len(self.buffer) < 4 + size:
                return
            self.arrived[int(pictures.WHO.match(bytes(self.buffer[10:110]))["number"])] = now
            del self.buffer[:4 + size]


class Camera:
    """Publishes and views, on one thread."""

    def __init__(self, port):
        self.viewers = [Viewer(port) for _ in range(VIEWERS)]
        self.poll = select.poll()
        self.by_fd = {viewer.sock.fileno(): viewer for viewer in self.viewers}
        for fd in self.by_fd:
            self.poll.register(fd, select.POLLIN)
        self.sock = connect(port, b"PUB cam\n")
        self.sock.setblocking(True)
        self.sent_at = {}
        self.due = time.monotonic()

    def play(self, seconds):
        """Gives the numbers of what was sent; all of it has arrived."""
        first = len(self.sent_at) + 1
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.serve(self.due)
            number = len(self.sent_at) + 1
            jpeg = pictures.picture(number, width=WIDTH, height=HEIGHT)
            self.sent_at[number] = time.monotonic()
            self.sock.sendall(struct.pack("<L", len(jpeg)) + jpeg)
            self.due = max(self.due + 1 / FPS, time.monotonic())
        numbers = range(first, len(self.sent_at) + 1)
        patience = time.monotonic() + 10
        while any(numbers[-1] not in viewer.arrived for viewer in self.viewers) and time.monotonic() < patience:
            self.serve(time.monotonic() + 0.05)
        return numbers

    def serve(self, until):
        while True:
            wait = until - time.monotonic()
            for fd, _ in self.poll.poll(max(0, wait * 1000)):
                self.by_fd[fd].read()
            if wait <= 0:
                return

    def ages(self, numbers):
        """Sorted milliseconds, and how many pictures did not come."""
        found = [1000 * (v.arrived[n] - self.sent_at[n]) for v in self.viewers for n in numbers if n in v.arrived]
        return sorted(found), len(numbers) * VIEWERS - len(found)


def watch_renditions(port, orders):
    """As a process: on "begin" it views renditions until "end"; they have all begun when it answers."""
    socks = []
    while True:
        ready = select.select([orders, *socks], [], [])[0]
        for sock in ready:
            if sock is not orders:
                sock.recv(1 << 20)
        if orders not in ready:
            continue
        order = orders.recv()
        if order == "begin":
            socks = [connect(port, b"SUB cam rotate=90 quality=%d\n" % (40 + n)) for n in range(RENDITIONS)]
            for sock in socks:
                select.select([sock], [], [])
        else:
            for sock in socks:
                sock.close()
            socks = []
        orders.send(order)
        if order == "leave":
            return


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(ages, part):
    return ages[min(len(ages) - 1, int(len(ages) * part))]


def measure(camera, pid, seconds, orders, busy):
    if busy:
        orders.send("begin")
        while not orders.poll():
            camera.play(0.2)
        orders.recv()
    camera.play(0.3)
    began, cpu = time.monotonic(), cpu_seconds(pid)
    ages, missed = camera.ages(camera.play(seconds))
    cores = (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
    if busy:
        orders.send("end")
        orders.recv()
        camera.play(0.3)
    return {"p50": percentile(ages, 0.5), "p99": percentile(ages, 0.99), "worst": ages[-1], "missed": missed, "cores": cores}


def run(relay, pairs, seconds):
    with tempfile.TemporaryDirectory() as folder:
        conf = pathlib.Path(folder) / "bench.conf"
        conf.write_text(CONF)
        conf.chmod(0o600)
        server = subprocess.Popen([relay, "-c", conf], stderr=subprocess.PIPE, text=True)
        try:
            port = next(int(found[1]) for found in (re.search(r"frames: listening .*:(\d+)", line) for line in server.stderr)
                        if found)
            orders, theirs = multiprocessing.Pipe()
            crowd = multiprocessing.Process(target=watch_renditions, args=(port, theirs), daemon=True)
            crowd.start()
            camera = Camera(port)
            camera.play(1)
            found = []
            for number in range(pairs):
                pair = {}
                for busy in ((False, True), (True, False))[number % 2]:
                    pair["busy" if busy else "calm"] = measure(camera, server.pid, seconds, orders, busy)
                found.append(pair)
            orders.send("leave")
            orders.recv()
            crowd.join(30)
            return found
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)


def main():
    options = argparse.ArgumentParser(description="full-size viewers beside busy renditions")
    options.add_argument("--relay", required=True)
    options.add_argument("--pairs", type=int, default=9)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--json")
    wishes = options.parse_args()
    found = run(wishes.relay, wishes.pairs, wishes.seconds)

    def spread(values):
        values = sorted(values)
        return f"{statistics.median(values):.2f} [{values[0]:.2f} .. {values[-1]:.2f}]"
    print(f"{WIDTH}x{HEIGHT}, {FPS}/s, {VIEWERS} full-size viewers; without and with viewers of {RENDITIONS} renditions, "
          f"{wishes.pairs} pairs of {wishes.seconds:g} s")
    for when in ("calm", "busy"):
        rows = [pair[when] for pair in found]
        print(f"  {when}: p50 {spread(r['p50'] for r in rows)} ms, p99 {spread(r['p99'] for r in rows)} ms, worst "
              f"{max(r['worst'] for r in rows):.1f} ms, missed {sum(r['missed'] for r in rows)}, "
              f"relay {spread(r['cores'] for r in rows)} cores")
    growth = [pair["busy"]["p99"] - pair["calm"]["p99"] for pair in found]
    missed = sum(row["missed"] for pair in found for row in pair.values())
    verdict = "met" if statistics.median(growth) <= TARGET_MS and missed == 0 else "MISSED"
    print(f"  p99 grows by {spread(growth)} ms")
    print(f"target: p99 grows by at most {TARGET_MS} ms and no picture is missed: {verdict}")
    if wishes.json:
        pathlib.Path(wishes.json).write_text(json.dumps({"pairs": found, "p99_growth_ms": growth}, indent=1))


if __name__ == "__main__":
    main()
