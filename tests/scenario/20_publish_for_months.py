# SPDX-License-Identifier: MIT
"""`--publish` of a camera is left alone for months: what happens to it then, each thing once, and it is back by itself.

The relay is away and comes back, the network is gone without a word, the clock is set. The first pictures after it are
new ones, the log has one line when it begins and one when it is over, and memory stays what it was. The camera is the
fake of tests/camera-fake.
"""
import contextlib
import pathlib
import selectors
import socket
import subprocess
import sys
import threading
import time

import clients
import fake_camera
import support
from support import wait_for

OWN_NETWORK = pathlib.Path(__file__).with_name("own_network.py")
PINGS = "doors = ( ); limits = { ping_interval_ms = 300; log_lines_per_second = 0; };"
CALM = "doors = ( ); limits = { log_lines_per_second = 0; };"
AWAY, BACK = r"^warning frames-push: .*away", r"^info +frames-push: connected"


def at(port):
    return f'doors = ( {{ kind = "frames"; listen = "127.0.0.1:{port}"; }} ); limits = {{ log_lines_per_second = 0; }};'


def publish(start, port, *more, conf=PINGS, env=None, **options):
    return start(conf, args=["--publish", f"127.0.0.1:{port}/porch", "--warmup", "0", *more], release=True,
                 env=env or fake_camera.environment(), **options)


def watch(address, **keys):
    """A viewer that would be shown a backlog, if there were one."""
    return clients.Subscriber(address, "porch", queue=64, age_ms=0, records=1, **keys)


def older(viewer, seen, back):
    """How many of the pictures that came behind the first `seen` were taken before the time `back`; and the new ones came."""
    viewer.wait(lambda: viewer.of(clients.FRAME)[seen:] and viewer.of(clients.FRAME)[-1].time_us / 1e6 > back + 0.5, "new pictures")
    times = [r.time_us / 1e6 for r in viewer.of(clients.FRAME)[seen:]]
    assert times == sorted(times)
    count = len([taken for taken in times if taken < back])
    print(f"{count} of {len(times)} pictures after the outage were taken before its end")
    return count


def check_outages(publisher, count, away=AWAY):
    """One line when each began, one when it was over, and one for the first connection."""
    assert len(publisher.log.find(away)) == count, publisher.log.tail()
    assert len(publisher.log.find(BACK)) == count + 1, publisher.log.tail()


class Proxy:
    """A way to the relay that can stop carrying anything, in both directions, without telling either side."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.blocked = threading.Event()
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.create_connection(self.target)
                self.sockets += [here, there]
                threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    def _carry(self, here, there):
        """Whoever comes while it is blocked is carried later, as after a network's pause."""
        with contextlib.suppress(OSError), selectors.DefaultSelector() as ready:
            ready.register(here, selectors.EVENT_READ, there)
            ready.register(there, selectors.EVENT_READ, here)
            while True:
                for key, _ in ready.select(0.05):
                    if self.blocked.is_set():
                        time.sleep(0.02)
                        continue
                    piece = key.fileobj.recv(65536)
                    if not piece:
                        key.data.close()
                        return
                    key.data.sendall(piece)

    def close(self):
        for sock in self.sockets:
            sock.close()


def test_the_relay_is_away_and_back(start, closing):
    relay = start(at(support.free_port()), release=True)
    port = relay.address()[1]
    publisher = publish(start, port, "--always", conf=CALM)
    for _ in range(2):
        relay.wait_stat("frames_published", 5)
        since = publisher.log.mark()
        relay.kill()
        publisher.log.wait(AWAY, since)
        encoded = publisher.stat("camera_pictures")
        time.sleep(2)  # what would be a backlog is taken meanwhile
        assert publisher.stat("camera_pictures") > encoded + 10
        back = time.time()
        relay = start(at(port), release=True)
        viewer = closing(watch(relay.address()))
        publisher.log.wait(BACK, since)
        assert older(viewer, 0, back) <= 1
    check_outages(publisher, 2)


def test_a_network_that_carries_nothing(start, closing):
    """Nobody is told: the kernel at each end thinks that the connection is fine."""
    relay = start(at(support.free_port()), release=True)
    way = closing(Proxy(relay.address()))
    publisher = publish(start, way.port)
    viewer = closing(watch(relay.address()))
    viewer.wait_pictures(5)

    since = publisher.log.mark()
    way.blocked.set()
    publisher.log.wait(AWAY + ".*no answer", since)
    time.sleep(1)
    seen = len(viewer.of(clients.FRAME))
    back = time.time()
    way.blocked.clear()
    publisher.log.wait(BACK, since)
    assert older(viewer, seen, back) < 10  # what was in the kernels of the way may still come
    check_outages(publisher, 1)


def in_network_of(pid, *command):
    subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", *command], check=True, timeout=20)


def test_a_cable_that_is_pulled(start, closing, tmp_path):
    """Two networks and a cable between them: packets are lost, and no FIN and no RST comes."""
    own = ["unshare", "-n", sys.executable, OWN_NETWORK]
    door = f"{tmp_path}/door.sock"
    # The address may be listened on before it is there: the cable is laid when both programs run.
    relay = start(f'doors = ( {{ kind = "frames"; listen = "0.0.0.0:8000"; }}, {{ kind = "frames"; listen = "unix:{door}"; }} );'
                  "limits = { log_lines_per_second = 0; ping_interval_ms = 300; };", under=own, release=True)
    relay.addresses(count=2)
    publisher = start(PINGS, args=["--publish", "10.77.0.1/porch", "--warmup", "0", "--always"], release=True, env=fake_camera.environment(), under=own)
    publisher.log.wait(AWAY)  # there is no way to it yet
    in_network_of(relay.pid, "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", str(publisher.pid))
    for pid, name, address in ((relay.pid, "cable0", "10.77.0.1/24"), (publisher.pid, "cable1", "10.77.0.2/24")):
        in_network_of(pid, "address", "add", address, "dev", name)
        in_network_of(pid, "link", "set", name, "up")
    publisher.log.wait(BACK)
    relay.wait_stat("frames_published", 5)

    since = publisher.log.mark()
    in_network_of(relay.pid, "link", "set", "cable0", "down")
    publisher.log.wait(AWAY, since)
    time.sleep(1)
    viewer = closing(watch(door))
    seen = len(viewer.of(clients.FRAME))
    back = time.time()
    in_network_of(relay.pid, "link", "set", "cable0", "up")
    publisher.log.wait(BACK, since)
    assert older(viewer, seen, back) <= 2  # one is the relay's newest, one was under way
    assert len(publisher.log.find(AWAY)) == 2 and len(publisher.log.find(BACK)) == 2, publisher.log.tail()


def test_memory_stays_what_it_was(start, closing):
    """Thousands of pictures and several outages."""
    relay = start(at(support.free_port()), release=True)
    port = relay.address()[1]
    publisher = publish(start, port, "--always", "--size", "320x240", "--fps", "500", conf=CALM, env=fake_camera.environment(FAKE_CAMERA_US="2000"))

    def outage():
        since = publisher.log.mark()
        program = start(at(port), release=True)
        publisher.log.wait(BACK, since)
        program.wait_stat("frames_published", 100)
        return program

    for _ in range(2):  # what is used at all is used by now
        relay.kill()
        relay = outage()
    published = publisher.stat("frames_encoded")
    before, descriptors = publisher.rss_bytes(), publisher.descriptors()
    for _ in range(3):
        relay.kill()
        relay = outage()
    publisher.wait_stat("frames_encoded", published + 3000)
    grown = publisher.rss_bytes() - before
    print(f"{publisher.stat('frames_encoded')} pictures, grown by {grown / 1024:.0f} KiB of {before / 2**20:.1f} MiB")
    assert grown < 1.5 * 2**20
    assert publisher.descriptors() <= descriptors
    assert len(publisher.log.find(AWAY)) == 5


def test_the_clock_is_set(start, closing, tmp_path):
    """A Pi has no clock of its own: it starts in the past, and is set when the network is there. Pictures go on, with
    the new time, and nothing else happens."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    relay = start(at(support.free_port()), release=True)
    preload = tmp_path / "clock.so"  # the loader's list ends a path at a space
    preload.symlink_to(pathlib.Path(support.binary(release=True)).with_name("libwall_clock.so"))
    publisher = publish(start, relay.address()[1], env=fake_camera.environment(LD_PRELOAD=str(preload), WALL_CLOCK=str(offset)))
    viewer = closing(watch(relay.address()))
    for day in (0, 1, -1, 0):
        new = tmp_path / "new"
        new.write_text(str(day * 86400))
        new.replace(offset)

        def is_of_the_day():
            return viewer.of(clients.FRAME) and abs(viewer.of(clients.FRAME)[-1].time_us / 1e6 - time.time() - day * 86400) < 60
        wait_for(is_of_the_day, f"pictures of day {day:+d}")
        seen = len(viewer.of(clients.FRAME))
        viewer.wait_record(clients.FRAME, seen + 10)
        assert is_of_the_day()
    gaps = [b - a for a, b in zip(viewer.arrived, viewer.arrived[1:])]
    print(f"{len(gaps)} pictures, at most {max(gaps):.2f} s between two")
    assert len(publisher.log.find(r"camera runs")) == 1
    assert not publisher.log.find(r"^(warning|error)"), publisher.log.tail()
