# SPDX-License-Identifier: MIT
"""A source runs while somebody watches, and not otherwise: its log and its CPU show it.

With no subscriber the relay says DEMAND 0 at once; the end that makes the pictures stops after
demand_linger_ms. The first subscriber then waits for one picture-time and the source's start. The
source is the moving test picture, once in the relay and once in `--publish` on the other side.
"""
import time

import pytest

import clients
import pictures
from support import conf, wait_for

LINGER = "demand_linger_ms = 300;"


def local(start):
    relay = start(conf('sources = ( { kind = "pattern"; stream = "test"; size = "640x480"; fps = 30; on_demand = true; } );',
                       limits=LINGER))
    return relay, relay


def remote(start):
    relay = start(conf())
    config = f'doors = ( ); limits = {{ {LINGER} log_lines_per_second = 0; }};'
    source = start(config, args=["--publish", "%s:%d/test" % relay.address(), "--source", "pattern"])
    relay.wait_stat("publishers", 1)
    return relay, source


def waits_for_the_first(relay):
    began = time.monotonic()
    viewer = clients.Subscriber(relay.address(), "test", queue=64)
    viewer.wait_pictures(1)
    return viewer, time.monotonic() - began


@pytest.mark.parametrize("where", [local, remote], ids=["in_the_relay", "on_the_other_side"])
def test_it_starts_and_stops_with_the_viewers(start, where):
    relay, source = where(start)
    assert source.stat("frames_encoded") == 0

    for turn in range(2):
        since = source.log.mark()
        viewer, seconds = waits_for_the_first(relay)
        print(f"first picture after {seconds * 1000:.0f} ms")
        assert seconds < 3
        assert pictures.show(viewer.pictures[0]) == (640, 480)
        viewer.wait_pictures(5)
        viewer.close()
        source.log.wait(r"\bpattern: .*(stopped|stops|asleep)", since)
        asleep = source.stat("frames_encoded")
        cpu = source.cpu_seconds()
        time.sleep(1)
        assert source.stat("frames_encoded") == asleep
        assert source.cpu_seconds() - cpu < 0.3
    wait_for(lambda: clients.listing(relay.address())["test"][0] == "asleep", "the stream is asleep")


def test_a_viewer_within_the_linger_finds_it_running(start):
    relay = start(conf('sources = ( { kind = "pattern"; stream = "test"; size = "160x120"; on_demand = true; } );',
                       limits="demand_linger_ms = 20000;"))
    first, _ = waits_for_the_first(relay)
    first.close()
    since = relay.log.mark()
    second, _ = waits_for_the_first(relay)
    second.close()
    assert not relay.log.find(r"pattern: .*(stopped|stops)", since)


def test_always_runs_without_a_viewer(start):
    relay = start(conf())
    start(args=["--publish", "%s:%d/test" % relay.address(), "--source", "pattern", "--always"])
    relay.wait_stat("frames_published", 10)
