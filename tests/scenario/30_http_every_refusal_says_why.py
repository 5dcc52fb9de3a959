# SPDX-License-Identifier: MIT
"""Each thing that may not be asked for has its answer, its counter and its line in the log.

Every row comes from an address of its own, so each has its own line (there is one a second for each
reason and address). The healthy stream beside them loses nothing.
"""
import re

import pytest

import clients
import pictures
from support import connect, read_to_end

CONF = """
limits = {
  log_lines_per_second = 0; accept_rate = 0; accept_rate_per_address = 0; max_message_bytes = 1000;
  max_frame_bytes = 100000; snapshot_timeout_ms = 300; http_header_timeout_ms = 1000; http_body_timeout_ms = 1000;
};
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; hosts = [ "relay.example" ]; }
);
"""
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


def ask(target=b"/healthz", lines=b"", method=b"GET", version=b"HTTP/1.1", host=HOST, body=b""):
    return method + b" " + target + b" " + version + b"\r\n" + host + lines + b"\r\n" + body


def post(lines, body=b"", target=b"/streams/a"):
    return ask(target, lines + (b"Content-Length: %d\r\n" % len(body) if body else b""), b"POST", body=body)


def line_of(size):
    """A request whose line has so many bytes."""
    return ask(b"/" + b"a" * (size - len("GET / HTTP/1.1")))


def query(text):
    return ask(b"/streams/calm.mjpg?" + text)


MALFORMED, CLOSES = "http_malformed", True

# name: (request, status, reason or None, whether the connection ends with it)
ROWS = {
    # the target
    "a line at its limit": (line_of(4096), 404, "no_such_path", False),
    "a line over its limit": (line_of(4097), 414, "uri_too_long", CLOSES),
    "a NUL in the target": (ask(b"/a\0"), 400, MALFORMED, CLOSES),
    "%00": (ask(b"/a%00"), 400, MALFORMED, CLOSES),
    "%2f": (ask(b"/..%2fetc"), 400, MALFORMED, CLOSES),
    "//": (ask(b"//healthz"), 404, "no_such_path", False),
    "..": (ask(b"/a/../../etc/passwd"), 400, MALFORMED, CLOSES),
    "%2e%2e": (ask(b"/%2e%2e/etc/passwd"), 400, MALFORMED, CLOSES),
    "%c0%ae": (ask(b"/%c0%ae%c0%ae/etc/passwd"), 404, "no_such_path", False),
    "backslash": (ask(b"/..\\..\\etc\\passwd"), 404, "no_such_path", False),
    "overlong UTF-8": (ask(b"/\xc0\xae\xc0\xae/etc"), 400, MALFORMED, CLOSES),
    # methods
    "TRACE": (ask(method=b"TRACE"), 405, "http_method", CLOSES),
    "CONNECT": (ask(b"localhost:80", method=b"CONNECT"), 405, "http_method", CLOSES),
    "DELETE": (ask(b"/streams/a", method=b"DELETE"), 405, "http_method", CLOSES),
    "POST where only is read": (ask(b"/streams", method=b"POST"), 405, "http_method", False),
    "a method in lower case": (ask(method=b"get"), 501, "http_method", CLOSES),
    "a method of 1,000 letters": (ask(method=b"A" * 1000), 501, "http_method", CLOSES),
    "HTTP/2's first line": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version", CLOSES),
    # versions
    "HTTP/0.9": (b"GET /\r\n", 505, "http_version", CLOSES),
    "HTTP/1.2": (ask(version=b"HTTP/1.2"), 505, "http_version", CLOSES),
    "HTTP/2.0": (ask(version=b"HTTP/2.0"), 505, "http_version", CLOSES),
    "HTTP/9.9": (ask(version=b"HTTP/9.9"), 505, "http_version", CLOSES),
    "HTTP/4294967295.255": (ask(version=b"HTTP/4294967295.255"), 505, "http_version", CLOSES),
    # Host
    "no Host": (ask(host=b""), 400, MALFORMED, CLOSES),
    "two Hosts": (ask(host=HOST * 2), 400, MALFORMED, CLOSES),
    "a name of the world": (ask(host=b"Host: evil.example\r\n"), 421, "host_refused", CLOSES),
    "a name that ends like a good one": (ask(host=b"Host: evil-relay.example\r\n"), 421, "host_refused", CLOSES),
    "a Host of 300 letters": (ask(host=b"Host: " + b"a" * 300 + b"\r\n"), 400, MALFORMED, CLOSES),
    "a Host that is an address": (ask(host=b"Host: 192.0.2.7\r\n"), 200, None, False),
    "a Host with a port": (ask(host=b"Host: relay.example:1234\r\n"), 200, None, False),
    # pages of other hosts
    "POST by a foreign page": (post(b"Origin: https://evil.example\r\n", b"x"), 403, "origin_refused", CLOSES),
    "POST by a page without a name": (post(b"Origin: null\r\n", b"x"), 403, "origin_refused", CLOSES),
    "a MESSAGE by a foreign page":
        (post(b"Origin: http://192.0.2.7\r\n" + JSON, b"{}", b"/streams/a/messages"), 403, "origin_refused", CLOSES),
    "a form that holds JSON":
        (post(b"Content-Type: text/plain\r\n", b"{}", b"/streams/a/messages"), 415, "media_type", CLOSES),
    "a form as forms are":
        (post(b"Content-Type: application/x-www-form-urlencoded\r\n", b"{}=", b"/streams/a/messages"), 415, "media_type", CLOSES),
    # parameters
    "fps=1e999": (query(b"fps=1e999"), 400, "bad_parameter", False),
    "queue=-1": (query(b"queue=-1"), 400, "bad_parameter", False),
    "age_ms=99999999999": (query(b"age_ms=99999999999"), 400, "bad_parameter", False),
    "max_age, badly encoded": (ask(b"/streams/calm.jpg?max_age=%zz"), 400, "bad_parameter", False),
    "wait=2": (ask(b"/streams/calm.jpg?wait=2"), 400, "bad_parameter", False),
    # bodies
    "an Expect that nobody knows": (ask(lines=b"Expect: cake\r\n"), 417, MALFORMED, CLOSES),
    "a body in gzip": (post(b"Content-Encoding: gzip\r\n", b"\x1f\x8b\x08"), 415, "media_type", CLOSES),
    "a picture without a length": (post(b""), 411, "length_required", False),
    "a MESSAGE without a length": (post(JSON, target=b"/streams/a/messages"), 411, "length_required", False),
    "a MESSAGE that is too long": (post(JSON, b"1" * 1001, b"/streams/a/messages"), 413, "body_too_large", CLOSES),
    "a picture that is too large":
        (post(b"Content-Type: image/jpeg\r\nContent-Length: 100001\r\n"), 413, "length_over_max", CLOSES),
    "a type that is no picture": (post(b"Content-Type: text/html\r\n", b"<p>"), 415, "media_type", CLOSES),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked\r\n"), 501, "te_unsupported", CLOSES),
    "200 header lines": (ask(lines=b"X: 1\r\n" * 200), 431, "header_too_large", CLOSES),
    # what is not there
    "no such stream": (ask(b"/streams/nobody.mjpg"), 404, "no_such_stream", False),
    "no such stream in JSON": (ask(b"/streams/nobody"), 404, "no_such_stream", False),
    "no such number": (ask(b"/cam_99.jpg"), 404, "no_such_stream", False),
    "nothing there": (ask(b"/wp-login.php"), 404, "no_such_path", False),
}


def test_every_row(start, calm):
    relay = start(CONF)
    calm(relay.address())
    expected = {}

    for number, (name, (request, code, reason, closes)) in enumerate(ROWS.items(), 1):
        source = f"127.0.1.{number}"
        with connect(relay.address(door="http"), source=source) as sock:
            sock.sendall(request + SECOND)
            answer = read_to_end(sock)
        assert answer.startswith(b"HTTP/1.1 %d " % code), (name, answer[:300])
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == (not closes) + (code == 200), (name, answer)
        assert b"X-Content-Type-Options: nosniff\r\n" in answer, name
        if reason is None:
            continue
        assert re.search(rb'\{"error":\{"code":%d,"reason":"[^"]' % code, answer), (name, answer)
        expected[reason] = expected.get(reason, 0) + 1
        relay.log.wait(rf"^\w+ +http: rejected reason={reason} peer={re.escape(source)}:\d+ .*code={code} why=")
    counted = {key[1]: n for key, n in relay.stats().items() if isinstance(key, tuple) and key[0] == "http"}
    assert counted == expected


def test_what_an_answer_names(start, calm):
    """A refusal says what would be taken, or which option would allow it."""
    relay = start(CONF)
    calm(relay.address())
    for request, words in (
            (ask(b"/streams", method=b"DELETE"), b"\r\nAllow: GET, HEAD, OPTIONS\r\n"),
            (ask(b"/streams/a", method=b"PATCH"), b"\r\nAllow: GET, HEAD, POST, PUT, OPTIONS\r\n"),
            (query(b"fps=1e999"), b'"fps: '),
            (ask(b"/streams/calm.jpg?after=x"), b'"after: '),
            (ask(host=b"Host: evil.example\r\n"), b'hosts = [ \\"evil.example\\" ]'),
            (post(b"Origin: https://evil.example\r\n", b"x"), b"allow_origins"),
            (post(b"Content-Type: image/jpeg\r\nContent-Length: 100001\r\n"), b"max_frame_bytes = 100000")):
        with connect(relay.address(door="http")) as sock:
            sock.sendall(request + SECOND)
            assert words in read_to_end(sock), request


def test_http_1_0_is_answered_in_its_own_way(start, calm):
    """Never chunked, and closed at the end unless it asks to go on."""
    relay = start(CONF)
    calm(relay.address())
    for target in (b"/streams", b"/metrics", b"/streams/calm.jpg", b"/healthz"):
        with connect(relay.address(door="http")) as sock:
            sock.sendall(ask(target, version=b"HTTP/1.0") + SECOND)
            answer = read_to_end(sock)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"ransfer-" not in answer.partition(b"\r\n\r\n")[0]
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1, target
    with connect(relay.address(door="http")) as sock:
        sock.sendall(ask(lines=b"Connection: keep-alive\r\n", version=b"HTTP/1.0", host=b"") + SECOND)
        assert read_to_end(sock).count(b"\r\n\r\nok\n") == 2
    with connect(relay.address(door="http")) as sock:
        sock.sendall(ask(b"/streams/calm.mjpg", version=b"HTTP/1.0"))
        stream = sock.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"multipart/x-mixed-replace" in head and b"ransfer-" not in head
        assert stream.readline().startswith(b"--")


@pytest.mark.parametrize("what", ["head", "message", "picture"])
def test_one_that_trickles_has_an_absolute_deadline(start, calm, what):
    """A byte now and then moves no deadline: after a second it is over, however it sends."""
    relay = start(CONF.replace("http_header", "frame_timeout_ms = 1000; http_header"))
    calm(relay.address())
    begin, reason = {
        "head": (b"GET / HTTP/1.1\r\nX: ", "header_timeout"),
        "message": (b"POST /streams/a/messages HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 999\r\n\r\n1", "header_timeout"),
        "picture": (b"POST /streams/a HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n\xff\xd8",
                    "frame_timeout"),
    }[what]
    with connect(relay.address(door="http"), timeout=0.05) as sock:
        sock.sendall(begin)
        answer = b""
        while not answer:
            try:
                answer = sock.recv(65536)
                assert answer, "closed without a word"
            except TimeoutError:
                sock.sendall(b"1")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert relay.rejected(reason, "http") == 1


def test_ten_thousand_requests_of_one_that_never_reads(start, calm):
    """One is answered at a time; while it is, nothing more is read; and then it is closed."""
    relay = start(CONF.replace("http_header", "subscriber_stall_ms = 1000; http_requests_per_connection = 0; http_header"))
    calm(relay.address(), size=60_000)
    before = relay.stat("memory_bytes")
    with connect(relay.address(door="http"), receive_buffer=4096, timeout=1) as sock:
        sent = 0
        try:
            for _ in range(10_000):
                sock.sendall(ask(b"/snapshot"))
                sent += 1
        except (TimeoutError, ConnectionError):
            pass  # it is not read any more
        relay.log.wait(r"http: rejected reason=slow_subscriber")
    assert relay.rejected("slow_subscriber", "http") == 1
    assert relay.stat("memory_bytes") - before < 500_000


def test_storms_of_head_range_and_if_none_match(start, closing, calm):
    relay = start(CONF)
    calm(relay.address())
    publisher = closing(clients.Publisher(relay.address(), "still"))
    jpeg = pictures.picture(1, "still")
    publisher.send(jpeg)
    relay.wait_stat("streams", 2)
    requests = 200
    with connect(relay.address(door="http")) as sock:
        stream = sock.makefile("rb")

        def answer():
            head = b"".join(iter(stream.readline, b"\r\n"))
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            return head, int(length[1]) if length else 0

        sock.sendall(ask(b"/streams/still.jpg", method=b"HEAD"))
        head, size = answer()
        tag = re.search(rb"\r\nETag: (\S+)", head)[1]
        assert size == len(jpeg)
        for _ in range(requests):
            sock.sendall(ask(b"/streams/still.jpg", b"If-None-Match: " + tag + b"\r\n")
                         + ask(b"/streams/still.jpg", b"Range: bytes=0-9\r\n")
                         + ask(b"/streams/still.jpg", method=b"HEAD"))
            head, _ = answer()
            assert head.startswith(b"HTTP/1.1 304 ") and tag in head
            head, size = answer()
            assert head.startswith(b"HTTP/1.1 200 ") and stream.read(size) == jpeg
            head, size = answer()
            assert head.startswith(b"HTTP/1.1 200 ") and size == len(jpeg)
    assert relay.stat("connections_accepted") >= 6  # four bystanders, the publisher, this one


def test_expect_100_continue(start, calm):
    relay = start(CONF)
    calm(relay.address())
    jpeg = pictures.picture(3, "a")
    with connect(relay.address(door="http")) as sock:
        sock.sendall(ask(b"/streams/a", b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(jpeg), b"PUT"))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(jpeg + SECOND)
        answer = read_to_end(sock)
    assert b'{"published":1}' in answer and answer.endswith(b"ok\n")
    with connect(relay.address(door="http")) as sock:  # refused before a byte of the body is sent
        sock.sendall(ask(b"/streams/a", b"Expect: 100-continue\r\nContent-Type: text/html\r\nContent-Length: 9\r\n", b"PUT"))
        assert read_to_end(sock).startswith(b"HTTP/1.1 415 ")


def multipart(boundary, parts):
    return b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n" + body + b"\r\n" for head, body in parts)


def test_parts_that_were_good_stay_published(start, calm):
    """A multipart body that goes wrong: the answer says how many were published before, and why no more."""
    relay = start(CONF)
    calm(relay.address())
    good = multipart(b"b", [(b"Content-Type: image/jpeg\r\n", pictures.picture(n, "a")) for n in range(17)])
    mixed = b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n"
    jpeg = pictures.picture(1, "a")
    for name, lines, body, code, published, reason in (
            ("good", mixed, good + b"--b--\r\n", 200, 17, None),
            ("no boundary named", b"Content-Type: multipart/form-data\r\n", good + b"--b--\r\n", 200, 17, None),
            ("no type at all, as FFmpeg", b"", good, 200, 17, None),
            ("more behind the end", mixed, good + b"--b--\r\n" + SECOND * 3, 200, 17, None),
            ("another boundary", mixed, good.replace(b"--b\r\n", b"--c\r\n"), 400, 0, "bad_multipart"),
            ("a boundary of 71", mixed.replace(b"=b", b"=" + b"b" * 71), good, 400, None, "bad_multipart"),
            ("a part's header of 1 MB", mixed, good + b"--b\r\nX: " + b"a" * (1 << 20), 400, 17, "bad_multipart"),
            ("a part that says 9 MiB", mixed, good + b"--b\r\nContent-Length: 9437184\r\n\r\n" + jpeg, 413, 17, "length_over_max"),
            ("a part of 9 MiB without a length", mixed,
             good + b"--b\r\n\r\n" + jpeg[:-2] + b"\x01" * (9 << 20), 413, 17, "length_over_max"),
            ("a multipart in a part", mixed,
             good + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + multipart(b"c", [(b"", jpeg)]), 415, 17, "not_jpeg"),
            ("a part that is cut", mixed, good + b"--b\r\nContent-Length: 1000\r\n\r\n" + jpeg[:500], 400, 17, "truncated_frame")):
        for chunked in (False, True):
            before = relay.rejected(reason, "http") if reason else 0
            with connect(relay.address(door="http"), source="127.0.2.1") as sock:
                sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
                length = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: %d\r\n" % len(body)
                try:
                    sock.sendall(b"POST /streams/a HTTP/1.1\r\nConnection: close\r\n" + HOST + lines + length + b"\r\n" + sent)
                except ConnectionError:
                    pass
                answer = read_to_end(sock)
            assert answer.startswith(b"HTTP/1.1 %d " % code), (name, chunked, answer)
            if published is not None:
                assert b'"published":%d}' % published in answer, (name, chunked, answer)
            if reason:
                assert b'{"error":{"code":%d,' % code in answer, name
                assert relay.rejected(reason, "http") == before + 1, name
