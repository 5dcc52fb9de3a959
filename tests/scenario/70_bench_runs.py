# SPDX-License-Identifier: MIT
"""relay_bench runs and its figures make sense.

No time is judged: a second with two subscribers shows that pictures come through both servers, that
what is counted adds up, and that the bench still speaks the relay's protocol and configuration.
"""
import json
import os
import pathlib
import subprocess

PICTURE = 20_000
FPS = 20
GRPC = pathlib.Path(__file__).resolve().parent.parent / "bench/grpc_bench.py"
FLASK = pathlib.Path(__file__).resolve().parent.parent / "bench/flask_mjpeg.py"


def programs():
    """Gives the relay and the bench: the release build's where there is one."""
    relay = pathlib.Path(os.environ.get("FRAMERELAYD_RELEASE") or os.environ["FRAMERELAYD"])
    bench = os.environ.get("RELAY_BENCH") or relay.parent / "tests" / "bench" / "relay_bench"
    return relay, bench


def run(tmp_path, *args):
    relay, bench = programs()
    found = tmp_path / "found.json"
    done = subprocess.run([bench, "--relay", relay, "--json", found, *args], env=os.environ | {"TMPDIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [found], "what it wrote for a run is gone with it"
    return json.loads(found.read_text()), done.stdout


def compare(tmp_path, *args):
    """Runs one comparison of two subscribers, checks what holds for every one, gives it."""
    found, said = run(tmp_path, "--subscribers", "2", "--seconds", "1", "--runs", "1", "--size", str(PICTURE), *args)
    (comparison,) = found["comparisons"]
    assert found["control"] is False
    assert comparison["subscribers"] == 2
    for side in (comparison["ideal"], comparison["relay"]):
        middle = {name: value["median"] for name, value in side.items()}
        pictures, bytes_per_picture = middle["pictures_per_second"], PICTURE + 4
        assert pictures > 0
        assert abs(middle["megabytes_per_second"] * 1e6 - pictures * bytes_per_picture) < 4 * bytes_per_picture
        assert middle["closed"] == 0
        assert middle["cpu_seconds_per_gb"] > 0
        assert 0 < middle["latency_p50_ms"] <= middle["latency_p90_ms"] <= middle["latency_p99_ms"]
        assert middle["latency_p99_ms"] <= middle["latency_max_ms"]
        assert 0 < middle["anonymous_mib"] <= middle["peak_mib"]
    assert comparison["ratio"]["cpu_seconds_per_gb"]["median"] > 0
    assert "target: " in said
    return comparison


def test_paced_pictures_come_through_both_servers(tmp_path):
    comparison = compare(tmp_path, "--fps", str(FPS))

    for side in (comparison["ideal"], comparison["relay"]):
        assert 0 < side["pictures_per_second"]["median"] < 2 * FPS * 1.5


def test_records_are_published_and_queues_asked_for(tmp_path):
    comparison = compare(tmp_path, "--fps", str(FPS), "--publish-mode", "records", "--queue", "64")

    assert comparison["records"] is True
    assert comparison["queue"] == 64
    assert comparison["relay"]["missed"]["median"] == 0


def test_viewers_of_mjpeg_are_compared_with_an_ideal_server_and_with_flask(tmp_path):
    comparison = compare(tmp_path, "--fps", str(FPS), "--mjpeg", "--flask", str(FLASK))

    assert comparison["mjpeg"] is True
    assert comparison["relay"]["missed"]["median"] == 0
    flask = comparison["flask"]
    assert 0 < flask["pictures_per_second"]["median"] < 2 * FPS * 1.5
    assert flask["cpu_seconds_per_gb"]["median"] > 0


def test_slow_and_stalled_subscribers_stand_beside_healthy_ones(tmp_path):
    comparison = compare(tmp_path, "--fps", str(FPS), "--slow", "1", "--slow-rate", "200000", "--stalled", "1", "--age")

    assert (comparison["slow"], comparison["stalled"]) == (1, 1)
    assert comparison["relay"]["slow_latency_p50_ms"]["median"] > comparison["relay"]["latency_p50_ms"]["median"]


def test_flat_out_is_faster_than_any_pace(tmp_path):
    comparison = compare(tmp_path, "--fps", "0")

    assert comparison["ideal"]["pictures_per_second"]["median"] > 2 * FPS


def test_idle_subscribers_are_weighed(tmp_path):
    found, _ = run(tmp_path, "--idle", "50")

    assert found["idle"]["subscribers"] == 50
    assert 0 <= found["idle"]["connected_kib"] < 1000
    assert 0 <= found["idle"]["served_kib"] < 1000


def test_full_size_viewers_beside_renditions_are_measured(tmp_path):
    relay, _ = programs()
    found = tmp_path / "found.json"

    done = subprocess.run([FLASK.parent / "renditions_bench.py", "--relay", relay, "--pairs", "2", "--seconds", "1",
                           "--json", found], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "target: " in done.stdout
    pairs = json.loads(found.read_text())["pairs"]
    assert len(pairs) == 2
    for pair in pairs:
        assert pair["calm"]["missed"] == pair["busy"]["missed"] == 0
        assert 0 < pair["busy"]["p50"] <= pair["busy"]["p99"] <= pair["busy"]["worst"]
        assert pair["busy"]["cores"] > pair["calm"]["cores"]


def test_clients_of_grpc_are_compared_with_the_posts_server(tmp_path):
    relay, _ = programs()
    found = tmp_path / "found.json"
    done = subprocess.run(["/usr/bin/python3", GRPC, "--relay", relay, "--json", found, "--clients", "3", "--fps", "10",
                           "--seconds", "1", "--runs", "1"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    both = json.loads(found.read_text())
    for side in (both["relay"], both["post"]):
        middle = {name: value["median"] for name, value in side.items()}
        assert middle["new_per_client"] > 0 and middle["cpu_us_per_picture"] > 0
        assert 0 < middle["age_p50_ms"] <= middle["age_p99_ms"]
    assert both["ratio"]["cpu_us_per_picture"]["median"] > 0
    assert "target: " in done.stdout


def test_what_cannot_run_is_said(tmp_path):
    _, bench = programs()

    done = subprocess.run([bench, "--relay", "/bin/false"], env=os.environ | {"TMPDIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "ended before it listened" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_cameras_machine_is_measured(tmp_path):
    relay, _ = programs()
    found = tmp_path / "found.json"

    done = subprocess.run([FLASK.with_name("publish_bench.py"), relay, "--runs", "1", "--seconds", "1", "--json", found],
                          env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("target: ") == 2
    for size in json.loads(found.read_text()):
        for name in ("flat_out", "bare", "send", "encoder", "others"):
            assert 0 < size["us"][name][0] < 1e6, name
        # Sanitizers, where the program has them, make all of it slower; the encoder's library has none.
        assert 0.2 < size["ratio"]["encoder"][0] < 5
