#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures the grpc door against the blog post's Python server: ten of the post's clients, the same pictures.

Usage: grpc_bench.py --relay build-release/framerelayd [--clients 10] [--fps 30] [--seconds 5] [--runs 7] [--json FILE]

Runs take turns, each with fresh processes: relay, post, post, relay, ... Of each it counts the pictures that a client had
not had before, the server's CPU time as the scheduler counts it (without threads that have ended), and how old each new
picture was when the client had it. Clients are load alone. What a target says is printed; the exit status is 0 unless
something could not run.
"""
import argparse
import base64
import contextlib
import io
import json
import pathlib
import pickle
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import cv2
import numpy
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT = 640, 480
CYCLE = 128  # different pictures; so many must not be under way at once
BIT = 48  # pixels of a side of a bit of a picture's number
WARM_UP = 1.5  # seconds
TARGET = 0.1


def make_pictures():
    """Camera-like JPEGs with their number in black and white squares at the top."""
    noise = numpy.random.default_rng(1)
    base = cv2.GaussianBlur(noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype="uint8"), (0, 0), 1.2)
    made = []
    for number in range(CYCLE):
        image = numpy.roll(base, number * 5, axis=1).copy()
        for bit in range(8):
            image[:BIT, bit * BIT:(bit + 1) * BIT] = 255 if number >> bit & 1 else 0
        made.append(cv2.imencode(".jpg", image, [int(cv2.IMWRITE_JPEG_QUALITY), 80])[1].tobytes())
    return made


def number_of(datas):
    jpeg = numpy.frombuffer(base64.b64decode(datas, validate=True), dtype="uint8")
    image = cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED)
    assert image.shape == (HEIGHT, WIDTH), image.shape  # one channel
    return sum(1 << bit for bit in range(8) if image[BIT // 2, bit * BIT + BIT // 2] > 127)


class Camera:
    """Sends pictures at a steady rate; sent[n]: when the n-th was."""

    def __init__(self, port, pictures, fps):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.pictures, self.fps = pictures, fps
        self.sent = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        due = time.monotonic()
        while not self.stop.wait(max(0, due - time.monotonic())):
            jpeg = self.pictures[len(self.sent) % CYCLE]
            self.sent.append(time.monotonic())
            self.sock.sendall(struct.pack("<L", len(jpeg)) + jpeg)
            due += 1 / self.fps

    def close(self):
        self.stop.set()
        self.thread.join()
        self.sock.close()


def cpu_seconds(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server did not listen within 30 s"
            time.sleep(0.05)


@contextlib.contextmanager
def relay(args, folder):
    ports = free_port(), free_port()
    conf = folder / "relay.conf"
    conf.write_text("""log = { level = "error"; };
doors = ( { kind = "frames"; listen = "127.0.0.1:%d"; }, { kind = "grpc"; listen = "127.0.0.1:%d"; } );
""" % ports)
    with subprocess.Popen([args.relay, "-c", conf]) as process:
        wait_for_port(ports[0])
        try:
            yield process.pid, *ports
        finally:
            process.terminate()


@contextlib.contextmanager
def post(_, folder):
    with subprocess.Popen([sys.executable, HERE / "grpc_post_server.py", folder], stdout=subprocess.PIPE) as process:
        try:
            yield process.pid, *map(int, process.stdout.readline().split())
        finally:
            process.kill()


def look_at(heard, sent, begin, end):
    """Of one client: pictures that were new to it, pictures that it missed, and the ages of the new ones."""
    arrivals, replies = heard
    numbers = {key: number_of(datas) for key, datas in replies.items()}
    last, ages, missed = None, [], 0
    for at, key in arrivals:
        # The newest that was sent by then and bears this number.
        newest = next((n for n in range(len(sent) - 1, -1, -1) if sent[n] <= at), 0)
        n = newest - (newest - numbers[key]) % CYCLE
        if last is not None and n <= last:
            continue
        if begin <= at < end:
            ages.append(at - sent[n])
            missed += n - last - 1 if last is not None else 0
        last = n
    return len(ages), missed, ages


def run(server, args, folder, pictures):
    with server(args, folder) as (pid, camera_port, port):
        camera = Camera(camera_port, pictures, args.fps)
        command = [sys.executable, HERE / "grpc_client.py", folder, str(port)]
        clients = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(args.clients)]
        time.sleep(WARM_UP + 0.2 * args.clients)
        begin, before = time.monotonic(), cpu_seconds(pid)
        time.sleep(args.seconds)
        end, cpu = time.monotonic(), cpu_seconds(pid) - before
        heard = [pickle.loads(client.communicate()[0]) for client in clients]
        camera.close()
    found = [look_at(one, camera.sent, begin, end) for one in heard]
    ages = sorted(age for one in found for age in one[2])
    new = sum(one[0] for one in found)
    assert new > 0, "no picture came"
    return {
        "published": sum(begin <= at < end for at in camera.sent),
        "new_per_client": new / args.clients,
        "missed": sum(one[1] for one in found),
        "calls_per_second": sum(begin <= at < end for one in heard for at, _ in one[0]) / (end - begin),
        "cpu_percent": 100 * cpu / (end - begin),
        "cpu_us_per_picture": 1e6 * cpu / new,
        "age_p50_ms": 1e3 * ages[len(ages) // 2],
        "age_p99_ms": 1e3 * ages[len(ages) * 99 // 100],
    }


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relay", required=True)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json")
    args = parser.parse_args()
    pictures = make_pictures()
    servers = {"relay": relay, "post": post}
    runs = {name: [] for name in servers}
    with tempfile.TemporaryDirectory(prefix="grpc-bench-") as name:
        folder = pathlib.Path(name)
        proto = HERE.parent.parent / "proto"
        with contextlib.redirect_stdout(io.StringIO()):
            assert protoc.main(["protoc", f"-I{proto}", f"--python_out={folder}", f"--grpc_python_out={folder}",
                                f"{proto}/mainserver.proto"]) == 0
        for turn in range(args.runs):
            for server in list(servers) if turn % 2 == 0 else reversed(servers):
                runs[server].append(run(servers[server], args, folder, pictures))
    found = {name: {key: spread([one[key] for one in of]) for key in of[0]} for name, of in runs.items()}
    print(f"{args.clients} of the post's clients, {statistics.mean(map(len, pictures)) / 1e3:.0f} kB at {args.fps:g} fps, "
          f"{args.runs} runs of {args.seconds:g} s; median [least .. most]")
    print(f"{'':22}{'relay':>28}{'the post':>32}")
    for key in found["relay"]:
        print(f"{key:22}" + "".join("{median:12.1f} [{least:.1f} .. {most:.1f}]".format(**found[name][key]).rjust(32)
                                    for name in servers))
    found["ratio"] = {}
    for key, what in (("cpu_us_per_picture", "CPU per new picture"), ("age_p99_ms", "p99 age")):
        ratio = spread([ours[key] / theirs[key] for ours, theirs in zip(runs["relay"], runs["post"])])
        found["ratio"][key] = ratio
        verdict = "met" if ratio["median"] <= TARGET else "MISSED" if ratio["least"] > TARGET else "not met by the median"
        print("{}: {median:.3f} [{least:.3f} .. {most:.3f}] of the post's; target: at most {}, {}".format(
            what, TARGET, verdict, **ratio))
    missed = found["relay"]["missed"]["most"]
    print(f"pictures missed at the relay: {missed}; target: 0, {'met' if missed == 0 else 'MISSED'}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
