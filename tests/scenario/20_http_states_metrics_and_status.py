# SPDX-License-Identifier: MIT
"""What can be seen of a relay from outside: the states of its streams on every surface, its metrics, who watches.

One camera goes live, freezes, goes away and comes back; /events, JSON and metrics must say the same.
"""
import contextlib
import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import clients
import pictures
import support

CONF = """
limits = { log_lines_per_second = 0; stale_after_ms = 1000; frozen_after_ms = 1500; demand_linger_ms = 100; subscriber_stall_ms = 2000; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""


def url(relay, path):
    host, port = relay.address(door="http")
    return f"http://{host}:{port}{path}"


def get(relay, path, **headers):
    """Gives (code, body)."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url(relay, path), headers=headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def get_json(relay, path):
    code, body = get(relay, path)
    assert code == 200, body
    return json.loads(body)


def metric(relay, line):
    """Gives the value of one series."""
    for each in get(relay, "/metrics")[1].decode().splitlines():
        if each.startswith(line + " "):
            return float(each.rpartition(" ")[2])
    return None


class Events:
    """What `curl -N` prints of a stream of events, read as a browser reads it."""

    def __init__(self, address):
        self.events = []
        self.curl = subprocess.Popen(["curl", "-sN", address], stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._run, daemon=True)
        self.reader.start()

    def _run(self):
        event, data = None, []
        for line in self.curl.stdout:
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "event":
                event = value
            elif key == "data":
                data.append(value)
            elif not key and data:
                self.events.append((event, json.loads("\n".join(data))))
                event, data = None, []

    def wait(self, event, condition, what):
        def told():
            return [d for e, d in list(self.events) if e == event and condition(d)]
        return support.wait_for(told, what)[0]

    def states(self, name):
        """The states of one stream in the order in which they were told, each once."""
        told = [d["state"] for e, d in list(self.events) if e == "stream" and d["name"] == name]
        return [s for i, s in enumerate(told) if i == 0 or told[i - 1] != s]

    def close(self):
        self.curl.terminate()
        self.curl.wait(30)
        self.reader.join(30)
        self.curl.stdout.close()


def test_a_stream_is_live_frozen_offline_and_live_again_on_every_surface(start, closing):
    relay = start(CONF)
    events = closing(Events(url(relay, "/events")))
    assert events.wait("streams", lambda d: True, "the first event") == []

    def agrees(state):
        def do():
            return (get_json(relay, "/streams/porch")["state"] == state and
                    metric(relay, f'framerelayd_stream_state{{stream="porch",state="{state}"}}') == 1 and
                    metric(relay, 'framerelayd_stream_live{stream="porch"}') == float(state == "live") and
                    events.states("porch")[-1:] == [state])
        support.wait_for(do, f"{state} everywhere")

    publisher = closing(clients.Publisher(relay.address(), "porch"))
    camera = closing(clients.Camera(publisher, stream="porch"))
    support.wait_for(lambda: relay.stat("frames_published") >= 3, "pictures")
    agrees("live")
    first = get_json(relay, "/streams/porch")
    assert first["publisher"]["kind"] == "frames" and first["publisher"]["since"] <= time.time()
    assert 0 <= first["age_seconds"] < 5 and first["relay"] is None and first["renditions"] == []

    # The camera hangs and its driver hands out the same picture again and again.
    camera.stop()
    frozen = threading.Event()
    jpeg = pictures.picture(7, "porch")

    def freeze():
        with contextlib.suppress(OSError):
            while not frozen.wait(0.05):
                publisher.send(jpeg)
    thread = threading.Thread(target=freeze, daemon=True)
    thread.start()
    agrees("stale")
    stale = get_json(relay, "/streams/porch")
    assert stale["age_seconds"] < 1, "pictures still come"
    assert stale["unchanged_seconds"] >= 1.5, "all of them the same"
    assert stale["since"] > first["since"]
    frozen.set()
    thread.join(30)

    publisher.close()
    agrees("offline")
    again = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch"))
    agrees("live")
    again.stop()
    assert events.states("porch") == ["live", "stale", "offline", "live"]
    changes = [d["changes"] for e, d in events.events if e == "stream"]
    assert "new" in changes[0] and any("publisher" in c for c in changes[1:])


def test_the_first_and_the_last_viewer_are_told(start, closing):
    relay = start(CONF + 'sources = ( { kind = "pattern"; stream = "porch"; fps = 10; on_demand = true; } );\n')
    events = closing(Events(url(relay, "/events")))
    events.wait("streams", lambda d: [s["state"] for s in d] == ["asleep"], "a stream that sleeps")
    first = clients.Subscriber(relay.address(), "porch")
    events.wait("stream", lambda d: d["subscribers"] == 1 and "viewers" in d["changes"], "the first viewer")
    second = clients.Subscriber(relay.address(), "porch")
    second.wait_pictures(1)
    first.close()
    second.close()
    events.wait("stream", lambda d: d["subscribers"] == 0 and "viewers" in d["changes"], "the last viewer")
    events.wait("stream", lambda d: d["state"] == "asleep", "sleep")
    assert all(d["subscribers"] < 2 for e, d in events.events if e == "stream" and "viewers" in d["changes"])


def test_messages_are_events(start, closing):
    relay = start(CONF)
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    publisher.send(pictures.picture(1, "porch"))
    support.wait_for(lambda: get(relay, "/streams/porch")[0] == 200, "the stream")
    events = closing(Events(url(relay, "/streams/porch/messages")))
    relay.log.wait(r"reader connected .*kind=messages")
    publisher.message('{"open":\n true}')
    assert events.wait("message", lambda d: True, "the message") == {"open": True}
    # Who only listens wants no pictures.
    assert get_json(relay, "/streams/porch")["subscribers"] == 0


def test_promtool_likes_the_metrics(start, closing):
    relay = start(CONF + 'streams = ( { name = "yard"; title = "the \\"yard\\" \\\\ ü"; number = 2; } );\n')
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch"))
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    viewer.wait_pictures(20)
    with support.connect(relay.address(door="http")) as sock:
        sock.sendall(b"GET /metrics HTTP/9.9\r\n\r\n")
        support.read_to_end(sock)
    text = get(relay, "/metrics")[1]
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert checked.returncode == 0 and not checked.stderr and not checked.stdout, checked
    camera.stop()

    lines = text.decode().splitlines()
    assert 'framerelayd_stream_info{stream="yard",number="2",title="the \\"yard\\" \\\\ ü"} 1' in lines
    assert 'framerelayd_rejected_total{door="http",reason="http_version"} 1' in lines
    series = 'framerelayd_stream_frame_age_seconds_count{stream="porch",door="frames"}'
    sent = 'framerelayd_stream_frames_sent_total{stream="porch",door="frames"}'
    values = dict(line.rpartition(" ")[::2] for line in lines)
    assert int(values[series]) == int(values[sent]) >= 20
    assert int(values["process_open_fds"]) == relay.descriptors() or int(values["process_open_fds"]) > 5
    assert float(values["process_start_time_seconds"]) <= time.time()
    assert int(values["framerelayd_loop_lag_seconds_count"]) >= 1


def test_a_loop_that_stands_still_is_seen(start):
    """The relay's timer is due at least once a second: stopped for longer, it comes late, and says so."""
    relay = start(CONF)
    before = metric(relay, "framerelayd_loop_lag_seconds_sum")
    relay.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    relay.process.send_signal(signal.SIGCONT)
    support.wait_for(lambda: metric(relay, "framerelayd_loop_lag_seconds_sum") - before > 0.4, "the lag")
    late = metric(relay, 'framerelayd_loop_lag_seconds_bucket{le="0.2"}')
    assert late < metric(relay, "framerelayd_loop_lag_seconds_count")


def test_status_and_subscribers_are_for_who_looks_after_the_relay(start, closing):
    relay = start(CONF + 'sources = ( { kind = "pattern"; stream = "test"; } );\n')
    viewer = closing(clients.Subscriber(relay.address(), "test"))
    viewer.wait_pictures(3)

    status = get_json(relay, "/status")
    assert [d["kind"] for d in status["doors"]] == ["frames", "http"] and status["doors"][0]["state"] == "open"
    assert [(s["kind"], s["stream"], s["state"]) for s in status["sources"]] == [("pattern", "test", "live")]
    assert status["limits"]["max_streams"] == {"value": 256, "used": 1}
    assert status["limits"]["max_subscribers_per_stream"]["used"] == 1
    assert status["memory"]["resident_bytes"] > 1_000_000 and status["descriptors"]["open"] > 5
    assert 0 <= status["uptime_seconds"] < 600 and status["version"]

    (one,) = get_json(relay, "/subscribers")
    assert (one["stream"], one["door"], one["kind"]) == ("test", "frames", "frames")
    assert one["peer"].startswith("127.0.0.1:") and one["sent"] >= 3 and one["bytes"] > 1000
    assert set(one["dropped"]) == {"newest", "age", "memory", "paced", "frozen", "unsent", "closed"}

    for path in ("/status", "/subscribers"):
        assert get(relay, path, **{"X-Forwarded-For": "127.0.0.1"})[0] == 403
        assert get(relay, path, Forwarded="for=127.0.0.1")[0] == 403
    assert get_json(relay, "/status")["refusals"]["http"]["access_denied"] == 4


def test_fifty_scrapers_that_never_read_cost_little(start, calm):
    """HTTP-20: the text is shared; whoever reads nothing is cut after subscriber_stall_ms."""
    names = "".join(f'{{ name = "camera-{n}-{"x" * 40}"; }},' for n in range(250)).rstrip(",")
    relay = start(CONF + f"streams = ( {names} );\n")
    calm(relay.address())
    size = len(get(relay, "/metrics")[1])
    before = relay.rss_bytes()
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(support.connect(relay.address(door="http"), receive_buffer=4096)) for _ in range(50)]
        for sock in socks:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        support.wait_for(lambda: relay.rejected("slow_subscriber", "http") == 50, "all fifty cut")
        assert relay.rss_bytes() - before < 20 * size + 16_000_000
    assert size > 200_000


TORTURE = {
    "64 KiB and 1": b'"' + b"a" * 65_535 + b'"',
    "nine deep": b"[" * 9 + b"]" * 9,
    "thousands deep": b"[" * 30_000,
    "exponent": b"1e1000000000",
    "20,000 digits": b"9" * 20_000,
    "the same key twice": b'{"a":1,"a":2}',
    "many keys twice": b"{" + b",".join(b'"%d":1' % (n % 1000) for n in range(1200)) + b"}",
    "lone surrogate": b'"\\ud800"',
    "NUL": b'"a\0b"',
    "escaped NUL": b'"a\\u0000b"',
    "behind the end": b"[1] x",
    "no UTF-8": b'"\xff"',
    "nothing": b" ",
}


def test_json_that_is_meant_to_hurt(start, closing):
    """HTTP-16: refused with 400 or 413, each in less than a millisecond of the processor."""
    relay = start(CONF, release=True)
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", fps=5))
    camera.wait_sent(1)
    camera.stop()
    rounds = 20
    for name, text in TORTURE.items():
        before = relay.cpu_seconds()
        for _ in range(rounds):
            with support.connect(relay.address(door="http")) as sock:
                sock.sendall(b"POST /streams/porch/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                             b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
                answer = support.read_to_end(sock)
            assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), (name, answer[:200])
        # The kernel counts in hundredths of a second; a connection costs something, too.
        assert relay.cpu_seconds() - before <= rounds * 0.001 + 0.02, name
    assert relay.stat("messages_received") == 0
