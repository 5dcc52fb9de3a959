# SPDX-License-Identifier: MIT
"""Whoever should read the log and does not, or closes it, holds nothing up.

Standard error is a pipe that nobody empties; then one that is closed. The lines that find no room are
lost and counted; pictures flow.
"""
import fcntl
import json
import os
import signal
import subprocess

import clients
import pictures
import support
from support import conf

F_SETPIPE_SZ = 1031


def run_with_stderr(folder, config, stderr):
    file = folder / "relay.conf"
    file.write_text(config)
    return subprocess.Popen([support.binary(), "-c", str(file)], stderr=stderr, stdin=subprocess.DEVNULL)


def serves(address):
    viewer = clients.Subscriber(address, "porch", queue=64)
    publisher = clients.Publisher(address, "porch")
    for n in range(200):  # each connection would be two lines
        with support.connect(address) as sock:
            sock.sendall(b"SUB nobody\n")
            clients.read_line(sock)
    publisher.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)
    viewer.close()
    publisher.close()


def doors_on_a_path(tmp_path):
    path = str(tmp_path / "frames.sock")
    return path, f'limits = {{ log_lines_per_second = 0; }}; log = {{ level = "debug"; }}; doors = ( {{ kind = "frames"; listen = "unix:{path}"; }} );'


def test_a_pipe_that_is_full(tmp_path):
    path, config = doors_on_a_path(tmp_path)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    process = run_with_stderr(tmp_path, config, writing)
    os.close(writing)
    try:
        support.wait_for(lambda: os.path.exists(path), "it listens")
        serves(path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)


def test_a_pipe_that_is_closed(tmp_path):
    path, config = doors_on_a_path(tmp_path)
    reading, writing = os.pipe()
    process = run_with_stderr(tmp_path, config, writing)
    os.close(writing)
    os.close(reading)
    try:
        support.wait_for(lambda: os.path.exists(path), "it listens")
        serves(path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_one_object_a_line(start):
    relay = start('log = { format = "json"; }; doors = ( { kind = "frames"; listen = "127.0.0.1:0"; } );')
    relay.log.wait("listening")
    relay.terminate()
    assert relay.wait() == 0
    relay.checked = True
    said = [json.loads(line) for line in relay.log.lines]
    assert all("level" in line and "area" in line for line in said), said[:3]


def test_what_peers_say_is_escaped(start):
    """A line of a peer's must not become a line of ours."""
    relay = start(conf())
    with support.connect(relay.address()) as sock:
        sock.sendall(b"SUB cam x\"\x1b[31m\rerror relay: forged=1\n")
        support.read_to_end(sock)
    relay.wait_stat(("frames", "bad_hello"), 1)
    assert not relay.log.find("\x1b|\r")
    assert not relay.log.find(r"^error")


def test_too_many_lines_are_summed_up(start):
    """The same refusal from the same address is one line a second."""
    relay = start(conf(limits="accept_rate = 0; accept_rate_per_address = 0;", log_limit=True))
    for _ in range(300):
        clients.ask(relay.address(), b"nonsense")
    assert len(relay.log.find("rejected reason")) < 60
    assert relay.rejected("length_over_max") + relay.rejected("wrong_protocol") == 300
