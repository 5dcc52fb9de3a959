#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a camera's machine spends beyond the encoding itself: `framerelayd --publish`, whole, beside a bare TurboJPEG loop.

    tests/bench/publish_bench.py build-release/framerelayd [--runs 7] [--seconds 3] [--json FILE]

The camera is the fake of tests/camera-fake, which costs next to nothing: a picture in YUV420 30 times a second, encoded at
quality 85 and sent to a relay in a process of its own. CPU time is the scheduler's (/proc/PID/task/*/schedstat), by
thread: the encoder's, and everything else. The bare loop encodes the same picture at the same pace in this process, run
by run in turns, and once flat out. The target is judged by medians; the exit status does not tell it.
"""
import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

FPS, QUALITY, TARGET = 30, 85, 0.05
SIZES = ((640, 480), (1280, 720))


def picture(width, height):
    """A slope with some noise: about as much work as a room with things in it."""
    luma = width * height
    noise = random.Random(1).randbytes(luma * 3 // 2)
    return bytes((i % width // 5 + i // width // 3 + noise[i] % 9) & 255 for i in range(luma * 3 // 2))


@contextlib.contextmanager
def reader():
    """A socket to another process, which reads and does nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if child == 0:
            theirs, _ = listener.accept()
            room = bytearray(1 << 20)
            while theirs.recv_into(room):
                pass
            os._exit(0)
        with socket.create_connection(listener.getsockname()) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock
        os.waitpid(child, 0)


class Bare:
    """TurboJPEG and nothing else."""

    def __init__(self, planes, width, height):
        self.library = ctypes.CDLL("libturbojpeg.so.0")
        self.library.tjInitCompress.restype = ctypes.c_void_p
        self.library.tjBufSize.restype = ctypes.c_ulong
        self.handle = ctypes.c_void_p(self.library.tjInitCompress())
        self.memory = (ctypes.c_ubyte * len(planes)).from_buffer_copy(planes)
        start, luma = ctypes.addressof(self.memory), width * height
        self.planes = (ctypes.c_void_p * 3)(start, start + luma, start + luma * 5 // 4)
        self.strides = (ctypes.c_int * 3)(width, width // 2, width // 2)
        self.size = (width, height)
        room = self.library.tjBufSize(width, height, 2)
        self.to = ctypes.create_string_buffer(room)
        self.where, self.room = ctypes.c_void_p(ctypes.addressof(self.to)), room

    def encode(self):
        """Gives the CPU time in seconds."""
        size = ctypes.c_ulong(self.room)
        began = time.thread_time_ns()
        failed = self.library.tjCompressFromYUVPlanes(self.handle, self.planes, self.size[0], self.strides, self.size[1], 2,
                                                      ctypes.byref(self.where), ctypes.byref(size), QUALITY, 1024)
        spent = time.thread_time_ns() - began
        assert failed == 0
        self.length = size.value
        return spent / 1e9

    def paced(self, seconds):
        """Gives what encoding costs at the pace of a camera, and what a send() of the picture costs that only counts bytes."""
        due, encoded, sent = time.monotonic(), [], []
        with reader() as sock:
            for _ in range(int(seconds * FPS)):
                encoded.append(self.encode())
                picture = memoryview(self.to)[:self.length]
                began = time.thread_time_ns()
                sock.sendall(picture)
                sent.append((time.thread_time_ns() - began) / 1e9)
                due += 1 / FPS
                time.sleep(max(0, due - time.monotonic()))
        return sum(encoded) / len(encoded), sum(sent) / len(sent)

    def flat_out(self, count=60):
        return sum(self.encode() for _ in range(count)) / count


@contextlib.contextmanager
def running(folder, name, command, **environment):
    log = open(folder / f"{name}.log", "w+")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment})
    process.log = folder / f"{name}.log"
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def wait_for(condition, process):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline or process.poll() is not None:
            sys.exit(f"{process.args[0]}: " + process.log.read_text())
        time.sleep(0.02)


def pictures_of(relay):
    """How many pictures the relay has had; asking it costs the publisher nothing."""
    said = len(re.findall("stats: end", relay.log.read_text()))
    relay.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(re.findall("stats: end", relay.log.read_text())) > said, relay)
    found = re.findall(r"stats: frames_published value=(\d+)", relay.log.read_text())
    return int(found[-1]) if found else 0


def cpu_of(process):
    """CPU seconds of the encoder's thread, and of all others."""
    encoder = others = 0
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        spent = int((task / "schedstat").read_text().split()[0]) / 1e9
        if (task / "comm").read_text().strip() == "camera":
            encoder += spent
        else:
            others += spent
    return encoder, others


def publish(program, planes, width, height, seconds):
    """CPU seconds a picture: the encoder's thread, and everything else."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        (folder / "relay.conf").write_text(f'doors = ( {{ kind = "frames"; listen = "127.0.0.1:{port}"; }} );')
        (folder / "picture").write_bytes(planes)
        relay = stack.enter_context(running(folder, "relay", [program, "-c", folder / "relay.conf"]))
        wait_for(lambda: "listening" in relay.log.read_text(), relay)
        camera = stack.enter_context(running(
            folder, "camera", [program, "--publish", f"127.0.0.1:{port}/bench", "--always", "--warmup", "0", "--size",
                               f"{width}x{height}", "--fps", str(FPS), "--quality", str(QUALITY)],
            FRAMERELAYD_CAMERA=str(pathlib.Path(program).with_name("libfr_camera_fake.so").resolve()),
            FAKE_CAMERA_US=str(1000000 // FPS), FAKE_CAMERA_PICTURE=str(folder / "picture")))
        wait_for(lambda: pictures_of(relay) >= FPS // 2, camera)
        before, had = cpu_of(camera), pictures_of(relay)
        time.sleep(seconds)
        after, has = cpu_of(camera), pictures_of(relay)
        return [(b - a) / (has - had) for a, b in zip(before, after)]


def spread(values, form="{:.3f}"):
    return f"{form} [{form} .. {form}]".format(statistics.median(values), min(values), max(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    found = []
    for width, height in SIZES:
        planes = picture(width, height)
        bare = Bare(planes, width, height)
        runs = {"bare": [], "send": [], "flat_out": [], "encoder": [], "others": []}
        for _ in range(args.runs):
            encoder, others = publish(args.program, planes, width, height, args.seconds)
            paced, send = bare.paced(args.seconds / 2)
            for name, value in (("encoder", encoder), ("others", others), ("bare", paced), ("send", send),
                                ("flat_out", bare.flat_out())):
                runs[name].append(value * 1e6)
        ratios = {name: [a / b for a, b in zip(runs[name], runs["bare"])] for name in ("encoder", "others", "send")}
        print(f"{width}x{height} YUV420 quality {QUALITY}, {FPS} pictures/s, us of CPU a picture, median [least .. most]:")
        for name, text in (("flat_out", "bare loop, flat out"), ("bare", "bare loop, at the same pace"), ("send", "bare send() of the picture"),
                           ("encoder", "--publish: encoder's thread"), ("others", "--publish: everything else")):
            print(f"  {text:28} {spread(runs[name], '{:.0f}')}" +
                  (f"   of the bare loop {spread(ratios[name])}" if name in ratios else ""))
        met = statistics.median(ratios["others"]) <= TARGET
        print(f"  target: everything else at most {TARGET} of the bare loop: {'met' if met else 'MISSED'}", flush=True)
        found.append({"width": width, "height": height, "us": runs, "ratio": ratios})
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
