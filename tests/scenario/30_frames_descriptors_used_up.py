# SPDX-License-Identifier: MIT
"""When no descriptor is left, the relay neither spins nor floods its log, tells who comes, and recovers.

The program gets a hard limit of 64 descriptors; 300 connects follow. libevent's listener alone would
call back without end (measured: 2.5 million times in three seconds). A spare descriptor answers, a
pause does the rest. Those who were in before go on undisturbed.
"""
import socket
import time

import clients
from support import conf, connect, wait_for

UNDER = ("prlimit", "--nofile=64:64")
LIMITS = """max_connections = 0; max_connections_per_address = 0; max_pre_auth = 0; max_pre_auth_per_address = 0;
accept_rate = 0; accept_rate_per_address = 0;"""


def test_three_hundred_at_sixty_four_descriptors(start, calm):
    relay = start(conf(limits=LIMITS, log_limit=True), release=True, under=UNDER)
    address = relay.address()
    bystanders = calm(address)
    lines, cpu = relay.log.mark(), relay.cpu_seconds()

    flood = []
    for number in range(300):
        try:
            flood.append(connect(address, source=f"127.0.0.{20 + number % 50}", timeout=5))
        except OSError:
            break  # the backlog is full: that is an answer, too
    told = 0
    began = time.monotonic()
    for sock in flood:
        sock.settimeout(max(0.01, 3 - (time.monotonic() - began)))
        try:
            sock.recv(200)  # a line, or the end
            told += 1
        except socket.timeout:
            pass
        except ConnectionError:
            told += 1
    while time.monotonic() - began < 3:  # the time over which a spinning loop would show
        time.sleep(0.05)
    bystanders.finish()
    used = relay.cpu_seconds() - cpu
    said = [line for line in relay.log.lines[lines:] if "subscriber" not in line and "publisher" not in line]

    print(f"{len(flood)} connected, {told} told; {used:.2f} s of CPU in 3 s, {len(said)} lines")
    assert told > 100
    assert used < 1
    assert len(said) <= 10, "\n".join(said)

    for sock in flood:
        sock.close()
    began = time.monotonic()

    def served():
        try:
            return clients.listing(address) is not None
        except (OSError, EOFError, AssertionError):
            return False
    wait_for(served, "a new client is served again")
    print(f"recovered after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 10
