# SPDX-License-Identifier: MIT
"""A camera that runs on demand: an MJPEG viewer or a snapshot wakes it, many together wake it once, and it stops when
the last of them has gone and demand_linger_ms have passed. The log of the source says when it runs.
"""
import concurrent.futures
import time
import urllib.error
import urllib.request

import clients
import pictures
from mjpeg import Viewer, conf
from support import wait_for

STARTED, STOPPED = r"pattern: source started", r"pattern: source stopped"
SOURCE = 'sources = ( { kind = "pattern"; stream = "cam"; size = "320x240"; fps = 20; on_demand = true; } );'


def get(relay, path, **headers):
    """Gives (status, header lines, body)."""
    request = urllib.request.Request("http://%s:%d%s" % (*relay.address(door="http"), path), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


def stops(relay, since, after):
    """It stops by itself, and not before its linger has passed."""
    began = time.monotonic()
    relay.log.wait(STOPPED, since)
    seconds = time.monotonic() - began
    print(f"stopped after {seconds:.2f} s")
    assert seconds > after - 0.3


def test_with_mjpeg_viewers(start):
    relay = start(conf(limits="demand_linger_ms = 800;", more=SOURCE))
    first, second = Viewer(relay.address(door="http")), Viewer(relay.address(door="http"), "/video_feed")
    for viewer in (first, second):
        assert pictures.show(viewer.wait_part(lambda p: not p.is_greyed, "a picture").jpeg) == (320, 240)
    first.close()
    second.wait(lambda: len(second.parts) >= 20, "it runs on for the other one")
    since = relay.log.mark()
    assert not relay.log.find(STOPPED)
    second.close()
    stops(relay, since, 0.8)
    assert len(relay.log.find(STARTED)) == 1
    encoded = relay.stat("frames_encoded")
    time.sleep(0.3)
    assert relay.stat("frames_encoded") == encoded


def test_twenty_snapshots_together_wake_it_once(start):
    relay = start(conf(limits="demand_linger_ms = 500; stale_after_ms = 600; max_pre_auth = 0;", more=SOURCE))
    assert relay.stat("frames_encoded") == 0
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: get(relay, "/streams/cam.jpg"), range(20)))
    assert [status for status, _, _ in answers] == [200] * 20
    assert all(pictures.show(jpeg) == (320, 240) for _, _, jpeg in answers)
    # Those that came before the first picture all got that one.
    numbers = [int(header["X-Sequence"]) for _, header, _ in answers]
    print(f"{len(set(numbers))} different pictures for 20 callers")
    assert max(numbers) - min(numbers) < 20
    since = relay.log.mark()
    stops(relay, since, 0.5)
    assert len(relay.log.find(STARTED)) == 1

    wait_for(lambda: clients.listing(relay.address())["cam"][0] == "asleep", "it is asleep")
    # Asleep, it has a picture that is too old to be given out: the next one is waited for.
    status, header, _ = get(relay, "/snapshot")
    assert status == 200 and int(header["X-Sequence"]) > max(numbers)
    assert len(relay.log.find(STARTED)) == 2


def test_a_snapshot_is_what_was_asked_for(start, closing):
    relay = start(conf(limits="snapshot_timeout_ms = 1500;", more=SOURCE))
    viewer = closing(Viewer(relay.address(door="http")))  # it runs all the time
    viewer.wait_part(lambda p: not p.is_greyed, "a picture")

    _, newest, jpeg = get(relay, "/streams/cam.jpg")
    assert newest["Content-Type"] == "image/jpeg" and newest["ETag"] == '"%s"' % newest["X-Sequence"]
    assert jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")
    number = int(newest["X-Sequence"])
    _, waited, _ = get(relay, "/streams/cam.jpg?wait=1")
    assert int(waited["X-Sequence"]) > number
    _, after, _ = get(relay, f"/streams/cam.jpg?after={number + 20}")
    assert int(after["X-Sequence"]) > number + 20
    for key in ("max_age", "max_delay"):
        _, fresh, _ = get(relay, f"/snapshot?{key}=30")
        assert time.time() - float(fresh["X-Timestamp"]) < 1
    status, _, _ = get(relay, f"/streams/cam.jpg?after={number + 10_000}")
    assert status == 503
    status, header, body = get(relay, "/streams/cam.jpg?after=0", **{"If-None-Match": '"1"'})
    assert status == 200 and body
    tag = header["ETag"]
    status, header, body = get(relay, "/streams/cam.jpg?max_age=3600000", **{"If-None-Match": tag})
    assert (status == 304 and body == b"") or header["ETag"] != tag  # the camera may have been quicker
