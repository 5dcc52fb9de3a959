# SPDX-License-Identifier: MIT
"""Five thousand connections that say nothing cost less than 8 MiB, and a new viewer does not notice.

The limits are raised for it; the memory is the process's own, of the build without sanitizers. They
come from many addresses of the loopback network, as the ports of one would run short beside others.
"""
import resource
import time

import pytest

import clients
from support import conf, connect

COUNT = 5000
LIMITS = """max_connections = 6000; max_connections_per_address = 0; max_pre_auth = 0; max_pre_auth_per_address = 0;
accept_rate = 0; accept_rate_per_address = 0; first_byte_timeout_ms = 600000; max_subscribers_per_stream = 0;"""


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = COUNT + 500
    assert hard == resource.RLIM_INFINITY or hard >= wanted, f"this test needs {wanted} descriptors, {hard} are allowed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("hello, allowed", [(b"", 8 << 20), (b"SUB porch\n", COUNT * 8 << 10)], ids=["silent", "subscribers"])
def test_five_thousand(start, closing, calm, many_descriptors, hello, allowed):
    relay = start(conf(limits=LIMITS), release=True)
    address = relay.address()
    bystanders = calm(address)
    before = relay.rss_bytes()

    idle = []
    try:
        for number in range(COUNT):
            sock = connect(address, source=f"127.0.{1 + number // 200}.{1 + number % 200}")
            idle.append(sock)
            if hello:
                sock.sendall(hello)
        relay.wait_stat("subscribers" if hello else "connections_open", COUNT)
        grown = relay.rss_bytes() - before
        began = time.monotonic()
        closing(clients.Subscriber(address, "calm")).wait_pictures(1)
        waited = time.monotonic() - began
        bystanders.finish()
    finally:
        for sock in idle:
            sock.close()

    print(f"{COUNT} idle connections: {grown / COUNT / 1024:.2f} KiB each; a new viewer waited {waited * 1000:.1f} ms")
    assert grown < allowed
    assert waited < 1
