# SPDX-License-Identifier: MIT
"""`framerelayd` alone shows what it can do: a moving test picture, on loopback only.

The ports are the default ones, so the program runs in a network of its own where the machine allows
that. A newcomer's second command is `--subscribe`; it runs in the same network.
"""
import re
import subprocess

import pytest

import clients
import networks
import pictures
import support


def test_pictures_move(start, tmp_path):
    alone = networks.can_be_alone()
    relay = start(under=networks.ALONE if alone else ())
    assert relay.address() == ("127.0.0.1", 8000)
    inside = networks.inside(relay) if alone else ()

    listed = subprocess.run([*inside, support.binary(), "--subscribe", "127.0.0.1"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    name = re.search(r"^(\S+)\s+(?:live|asleep|stale|offline)\b", listed.stdout + listed.stderr, re.M)[1]
    done = subprocess.run([*inside, support.binary(), "--subscribe", f"127.0.0.1/{name}", "--output", f"{tmp_path}/%06n.jpg",
                           "--count", "5"], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    files = sorted(tmp_path.glob("*.jpg"))
    assert len(files) == 5
    assert len({f.read_bytes() for f in files}) == 5  # it moves
    assert pictures.show(files[0].read_bytes())[0] >= 320


@pytest.mark.parametrize("args, hosts", [
    ([], {"127.0.0.1", "::1", "localhost"}),
    (["--source", "pattern"], {"::", "0.0.0.0"}),
])
def test_the_configuration_it_amounts_to(start, args, hosts):
    """--print-config says it; saved, it is a configuration that runs."""
    printed = subprocess.run([support.binary(), *args, "--print-config"], capture_output=True, text=True, timeout=60)
    assert printed.returncode == 0, printed.stderr
    listens = re.findall(r'^[^#\n]*\blisten\s*=\s*"([^"]+)"', printed.stdout, re.M)
    assert listens
    assert {support.parse_address(a)[0] for a in listens} <= hosts

    relay = start(re.sub(r'(\blisten\s*=\s*)"[^"]+"', r'\1"127.0.0.1:0"', printed.stdout))
    name = support.wait_for(lambda: list(clients.listing(relay.address())), "a stream")[0]
    viewer = clients.Subscriber(relay.address(), name, queue=64)
    viewer.wait_pictures(3)
    viewer.close()
    assert len(set(viewer.pictures)) == len(viewer.pictures)


def test_the_first_lines_say_what_others_can_use(start):
    relay = start(args=["--print-config"], stdout=subprocess.PIPE)
    text = relay.process.stdout.read().decode()
    assert relay.wait() == 0
    relay = start(re.sub(r'(\blisten\s*=\s*)"[^"]+"', r'\1"127.0.0.1:0"', text))
    port = relay.address()[1]
    relay.log.wait(rf"framerelayd --publish 127\.0\.0\.1:{port}/")
