# SPDX-License-Identifier: MIT
"""The service manager is told what happens (sd_notify(3)): ready, reloading, stopping, one line of how it goes, and
that the loop still turns.

A socket of ours plays the manager, once a file and once a name in the abstract space.
"""
import os
import re
import signal
import socket
import time

import pytest

import clients
import pictures
from support import PATIENCE, conf, wait_for


class Manager:
    """Hears what the program says, a datagram after the other."""

    def __init__(self, path):
        self.name = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + self.name[1:] if self.name[0] == "@" else self.name)
        self.sock.settimeout(PATIENCE)
        self.heard = []

    def env(self, watchdog_us=None):
        return {"NOTIFY_SOCKET": self.name} | ({"WATCHDOG_USEC": str(watchdog_us)} if watchdog_us else {})

    def wait(self, pattern):
        """Waits for a line, and gives the match; what came before it is kept in `heard`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = self.sock.recv(4096).decode().splitlines()
            self.heard += lines
            found = next((m for m in (re.fullmatch(pattern, line) for line in lines) if m), None)
            if found:
                return found
        raise AssertionError(f"nobody said {pattern}: {self.heard[-10:]}")

    def close(self):
        self.sock.close()


@pytest.fixture
def manager(closing, tmp_path):
    return closing(Manager(tmp_path / "notify"))


def test_a_life_is_told_step_by_step(start, closing, manager):
    relay = start(conf(), env=manager.env())
    manager.wait("READY=1")
    assert relay.log.find("frames: listening"), "it is ready when its doors are open"
    manager.wait("STATUS=0 viewers, 0 streams live")

    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch"))
    camera.wait_sent(1)
    manager.wait("STATUS=1 viewer, 1 stream live")
    camera.close()
    manager.wait("STATUS=1 viewer, 0 streams live; no pictures of porch")

    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    relay.reload()
    manager.wait("RELOADING=1")
    told = re.search(r"MONOTONIC_USEC=(\d+)", "\n".join(manager.heard))
    assert before <= int(told[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.wait("READY=1")

    viewer.close()
    relay.terminate()
    manager.wait("STOPPING=1")


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_a_reload_that_fails_is_told(start, closing, tmp_path, kind):
    manager = closing(Manager(tmp_path / "notify" if kind == "file" else f"@framerelayd-test-{os.getpid()}"))
    relay = start(conf(), env=manager.env())
    relay.announce("configuration refused")
    manager.wait("STATUS=.*")
    relay.write_config("doors = nonsense")
    relay.reload()
    manager.wait("READY=1")
    manager.wait("STATUS=.*; the last reload was refused, see the log")
    relay.write_config(conf())
    relay.reload()
    manager.wait("READY=1")
    assert "refused" not in manager.wait("STATUS=.*")[0]


def test_a_program_that_is_stuck_is_found_and_replaced(start, closing, manager):
    """The watchdog is fed by the loop itself; a manager that hears nothing kills the program and starts it anew."""
    stuck = start(conf(), env=manager.env(watchdog_us=500_000))
    for _ in range(5):
        manager.wait("WATCHDOG=1")

    stuck.process.send_signal(signal.SIGSTOP)
    manager.sock.settimeout(2)
    with pytest.raises(TimeoutError):
        while True:  # what was said before
            manager.sock.recv(4096)
    stuck.kill()

    manager.sock.settimeout(PATIENCE)
    relay = start(conf(), env=manager.env(watchdog_us=500_000))
    manager.wait("READY=1")
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    camera = closing(clients.Publisher(relay.address(), "porch"))
    camera.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)
    manager.wait("WATCHDOG=1")
