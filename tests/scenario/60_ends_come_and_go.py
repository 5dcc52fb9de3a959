# SPDX-License-Identifier: MIT
"""Sources and sinks are added, changed and removed by reloads while viewers come and go at both ends of a chain.

Two relays: one makes pictures, records them and pushes one stream to the other, which pulls another
from it. Their rows are drawn anew many times a second, from seeds. Whatever a viewer gets is a whole
picture of its stream, and at the end nothing is left over in either.
"""
import random
import threading
import time

import pytest

import clients
import pictures
from support import conf, wait_for

SECONDS = 6
LIMITS = "accept_rate = 0; accept_rate_per_address = 0; demand_linger_ms = 20; stale_after_ms = 200; forget_after_ms = 500;"


def rows_of_a(draw, folder, b_port):
    sources = [f'{{ kind = "pattern"; stream = "moving"; size = "160x120"; fps = {draw.choice([10, 30])}; on_demand = {draw.choice(["true", "false"])}; }}',
               f'{{ kind = "files"; stream = "slides"; path = "{folder}/*.jpg"; fps = {draw.choice([5, 50])}; }}']
    sinks = [f'{{ kind = "frames-push"; stream = "moving"; address = "127.0.0.1:{b_port}"; }}',
             f'{{ kind = "frames-push"; stream = "slides"; address = "127.0.0.1:{b_port}"; hello = false; }}',
             f'{{ kind = "record"; stream = "moving"; output = "{folder}/kept/%06n.jpg"; keep_bytes = 50000; }}',
             f'{{ kind = "record"; stream = "slides"; output = "{folder}/kept/now.jpg"; max_fps = {draw.choice([2, 20])}; }}']
    chosen = [", ".join(draw.sample(rows, draw.randint(0, len(rows)))) for rows in (sources, sinks)]
    return f"sources = ( {chosen[0]} );\nsinks = ( {chosen[1]} );\n"


def rows_of_b(draw, a_port):
    rows = [f'{{ kind = "frames-pull"; stream = "pulled"; remote_stream = "slides"; address = "127.0.0.1:{a_port}"; }}',
            f'{{ kind = "frames-pull"; stream = "always"; remote_stream = "moving"; address = "127.0.0.1:{a_port}"; on_demand = false; }}']
    return f"sources = ( {', '.join(draw.sample(rows, draw.randint(0, 2)))} );\n"


def watch(draw, addresses, until, failed):
    while time.monotonic() < until:
        try:
            viewer = clients.Subscriber(draw.choice(addresses), draw.choice(["moving", "slides", "pulled", "always"]),
                                        records=1, **draw.choice([{}, {"queue": 32}, {"max_fps": 5}]))
            time.sleep(draw.uniform(0, 0.8))
            viewer.close()
            sequences = [r.sequence for r in viewer.of(clients.FRAME)]
            assert sequences == sorted(set(sequences)), sequences
            for jpeg in viewer.pictures:
                pictures.show(jpeg)
        except (OSError, EOFError):
            pass
        except AssertionError as error:
            failed.append(error)
            return


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_drawn_anew_under_load(start, tmp_path, seed):
    for n in range(3):
        (tmp_path / f"{n}.jpg").write_bytes(pictures.picture(n, "slides", 32 * (n + 1), 32))
    draw = random.Random(seed)
    a, b = start(conf(limits=LIMITS)), start(conf(limits=LIMITS))
    addresses = a.address(), b.address()
    failed, until = [], time.monotonic() + SECONDS
    watchers = [threading.Thread(target=watch, args=(random.Random(seed * 10 + n), addresses, until, failed)) for n in range(5)]
    for thread in watchers:
        thread.start()

    while time.monotonic() < until:
        a.write_config(conf(rows_of_a(draw, tmp_path, addresses[1][1]), limits=LIMITS))
        b.write_config(conf(rows_of_b(draw, addresses[0][1]), limits=LIMITS))
        a.reload()
        b.reload()
        time.sleep(draw.uniform(0.02, 0.3))
    for thread in watchers:
        thread.join()

    assert not failed, failed
    for relay in (a, b):
        relay.write_config(conf(limits=LIMITS))
        relay.reload()
    for relay in (a, b):
        wait_for(lambda: relay.stat("publishers") == 0 and relay.stat("subscribers") == 0, "all ends gone")
        wait_for(lambda: relay.stat("streams") == 0, "all streams forgotten")
        assert relay.stat("frames_published") > 20
        assert relay.stat("reload_failures") == 0
