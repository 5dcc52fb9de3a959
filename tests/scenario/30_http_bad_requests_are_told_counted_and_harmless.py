# SPDX-License-Identifier: MIT
"""What should not be sent to the http door: each is answered, counted, and harms nobody else.

The verdicts are nginx's, or stricter; what two readers could understand differently is refused, and
the second request behind it is never carried out. Memory stays where it was whatever is sent.
"""
import random

import pytest

from support import connect, read_to_end

CONF = """
limits = { log_lines_per_second = 0; accept_rate = 0; accept_rate_per_address = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""
HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"

BAD = {
    "gzip, chunked": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "two lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 6\r\n\r\n", 400),
    "length and chunked": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "length +5": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello", 400),
    "length of 20 digits": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "chunk size 0x5": (b"POST /streams/a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400),
    "chunk size of 17 digits": (b"POST /streams/a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "folded line": (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n 2\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "NUL": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
    "path upwards": (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "path upwards, encoded": (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "200 header lines": (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 200 + b"\r\n", 431),
    "long line": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "rebinding": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "foreign page": (b"POST /streams/a HTTP/1.1\r\n" + HOST + b"Origin: https://evil.example\r\nContent-Length: 0\r\n\r\n", 403),
}


def test_each_is_refused_and_nothing_behind_it_is_carried_out(start, calm):
    relay = start(CONF)
    calm(relay.address())

    for name, (request, code) in BAD.items():
        with connect(relay.address(door="http")) as sock:
            sock.sendall(request + SMUGGLED)
            answer = read_to_end(sock)
        assert answer.startswith(b"HTTP/1.1 %d " % code), (name, answer[:200])
        assert answer.count(b"\r\nContent-Length: ") == 1, name
        assert b'{"error":{"code":' in answer, name
    counted = sum(n for (key, n) in relay.stats().items() if isinstance(key, tuple) and key[0] == "http")
    assert counted == len(BAD)


@pytest.mark.parametrize("megabytes", [64, 200])
def test_a_header_without_end_costs_no_memory(start, calm, megabytes):
    relay = start(CONF)
    calm(relay.address())
    with connect(relay.address(door="http")) as warm:
        warm.sendall(SMUGGLED.replace(b"1.1", b"1.0"))
        read_to_end(warm)
    before = relay.rss_bytes()

    with connect(relay.address(door="http")) as sock:
        answer = b""
        try:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(megabytes):
                sock.sendall(b"a" * (1 << 20))
        except ConnectionError:
            pass
        answer = read_to_end(sock)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert relay.rejected("header_too_large", "http") == 1
    assert relay.rss_bytes() - before < 8 << 20  # sanitizers keep freed memory for a while


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(start, calm, seed):
    relay = start(CONF)
    calm(relay.address())
    chance = random.Random(seed)
    good = b"POST /streams/a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    for _ in range(50):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with connect(relay.address(door="http")) as sock:
            sock.sendall(data)
            sock.shutdown(1)
            read_to_end(sock)
