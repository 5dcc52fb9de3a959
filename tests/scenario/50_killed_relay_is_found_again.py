# SPDX-License-Identifier: MIT
"""The relay is killed with SIGKILL under load and started again: our publishers and viewers are back.

They try again with back-off from 0.2 s doubling to 2 s; so within 3 s of the port answering again both
are connected, and the first new picture is whole. The port stays the same.
"""
import signal
import time

import pictures
from support import free_port, wait_for


def at(port):
    return f'doors = ( {{ kind = "frames"; listen = "127.0.0.1:{port}"; }} ); limits = {{ log_lines_per_second = 0; }};'


def test_publishers_and_viewers_of_ours_are_back(start, tmp_path):
    relay = start(at(free_port()))
    port = relay.address()[1]
    publisher = start(args=["--publish", f"127.0.0.1:{port}/porch", "--source", "pattern", "--size", "320x240"])
    viewer = start(args=["--subscribe", f"127.0.0.1:{port}/porch", "--output", tmp_path / "%06n.jpg"])
    wait_for(lambda: len(list(tmp_path.glob("*.jpg"))) > 10, "pictures arrive")

    relay.kill()
    viewer.log.wait(r"127\.0\.0\.1")  # says once that its relay is gone
    time.sleep(4)  # long enough for the back-off to be at its longest
    before = set(tmp_path.glob("*.jpg"))
    again = start(at(port))
    again.address()
    began = time.monotonic()

    again.wait_stat("publishers", 1)
    again.wait_stat("subscribers", 1)
    connected = time.monotonic() - began
    first = wait_for(lambda: set(tmp_path.glob("*.jpg")) - before, "the first new picture")
    print(f"back after {connected:.2f} s, first picture after {time.monotonic() - began:.2f} s")
    assert connected < 3 + 2
    for path in sorted(first):
        assert pictures.show(path.read_bytes()) == (320, 240)
    gone = [line for line in viewer.log.lines if "warning" in line]
    assert len(gone) <= 4, gone  # said once, not at each try
    sequences = sorted(int(p.stem) for p in tmp_path.glob("*.jpg"))
    assert len(sequences) == len(set(sequences))
    viewer.signal(signal.SIGINT)
    assert viewer.wait() == 0
    assert publisher.process.poll() is None


def test_a_relay_that_is_frozen_is_left_and_found_again(start, tmp_path):
    """Its kernel goes on acknowledging, so only the missing answers tell. Imitated with SIGSTOP."""
    relay = start(at(free_port()))
    port = relay.address()[1]
    limits = "doors = ( ); limits = { ping_interval_ms = 200; log_lines_per_second = 0; };"
    publisher = start(limits, args=["--publish", f"127.0.0.1:{port}/porch", "--source", "pattern"])
    viewer = start(limits, args=["--subscribe", f"127.0.0.1:{port}/porch", "--output", tmp_path / "%06n.jpg"])

    def count():
        return len(list(tmp_path.glob("*.jpg")))
    wait_for(lambda: count() > 5, "pictures arrive")

    relay.process.send_signal(signal.SIGSTOP)
    try:
        for program in (publisher, viewer):
            program.log.wait(r"^warning .*away")
    finally:
        relay.process.send_signal(signal.SIGCONT)

    seen = count()
    wait_for(lambda: count() > seen + 5, "pictures arrive again")
    assert relay.stat("publishers") == 1


def test_without_retry_it_says_so_and_ends(start):
    relay = start(at(free_port()))
    port = relay.address()[1]
    relay.stop()

    viewer = start(args=["--subscribe", f"127.0.0.1:{port}/porch", "--no-retry"])
    viewer.announce(".")
    viewer.expected_status = 1

    assert viewer.wait() == 1
    assert viewer.log.find(rf"127\.0\.0\.1:{port}")
