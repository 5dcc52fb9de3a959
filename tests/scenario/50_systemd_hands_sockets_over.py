# SPDX-License-Identifier: MIT
"""Doors on sockets that systemd holds: nobody is refused while the program starts anew.

A small program of ours plays systemd: it opens the sockets, starts the relay with them, and keeps them.
"""
import os
import pathlib
import re
import socket
import urllib.request

import pytest

import activator
import clients
import pictures
import udp
from support import read_to_end

DOORS = """limits = { log_lines_per_second = 0; };
doors = (
  { kind = "frames"; listen = "systemd:frames"; },
  { kind = "http"; listen = "systemd:web"; },
  { kind = "udp"; listen = "systemd:pictures"; stream = "udp-%h"; allow = [ "any" ]; verify = "header"; }
);
"""


@pytest.fixture
def held(closing):
    return closing(activator.Activator(frames=activator.stream(), web=activator.stream(),
                                       pictures=activator.datagram()))


def health(port):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30).read()


def test_who_comes_while_it_starts_anew_is_served(start, closing, held):
    first = start(DOORS, **held.options())
    assert first.address() == ("127.0.0.1", held.port("frames"))
    assert health(held.port("web")) == b"ok\n"
    first.stop()

    # Nobody is there now. The kernel takes the connections all the same, and a datagram too.
    viewer = socket.create_connection(("127.0.0.1", held.port("frames")), timeout=30)
    viewer.sendall(b"SUB udp-127-0-0-1\n")
    asking = socket.create_connection(("127.0.0.1", held.port("web")), timeout=30)
    asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    camera = closing(udp.Client(("127.0.0.1", held.port("pictures")), whole=True))
    camera.send(pictures.picture(1, "udp", size=2000))

    second = start(DOORS, **held.options())
    assert read_to_end(asking).endswith(b"ok\n")
    assert viewer.recv(3) == b"OK "
    second.wait_stat("frames_published", 1)
    viewer.close()
    asking.close()


def test_a_reload_that_opens_the_door_anew_refuses_nobody(start, closing, held):
    relay = start(DOORS, **held.options())
    calm = closing(clients.Subscriber(relay.address(), "porch"))

    for takeover in ("replace", "same", "refuse"):
        before = relay.stat("reloads")
        relay.write_config(DOORS.replace('"systemd:web"', f'"systemd:web"; takeover = "{takeover}"'))
        relay.reload()
        while relay.stat("reloads") == before:  # a changed door ends its connections, but it refuses none
            socket.create_connection(("127.0.0.1", held.port("web")), timeout=30).close()
        assert health(held.port("web")) == b"ok\n"

    assert calm.ended is None


def test_a_unix_socket_stays_where_it_is(start, closing, tmp_path):
    held = closing(activator.Activator(frames=activator.stream(tmp_path / "frames.sock")))
    doors = 'doors = ( { kind = "frames"; listen = "systemd:frames"; } );'
    for _ in range(2):
        relay = start(doors, **held.options())
        assert relay.address() == str(tmp_path / "frames.sock")
        clients.Subscriber(relay.address(), "porch").close()
        relay.stop()
        assert (tmp_path / "frames.sock").exists()


@pytest.mark.parametrize("names, doors, words", [
    ([], '{ kind = "frames"; listen = "systemd:frames"; }', "no socket was handed over"),
    (["web", "pictures"], '{ kind = "frames"; listen = "systemd:frames"; }', "there are: web, pictures"),
    (None, '{ kind = "frames"; listen = "systemd:pictures"; }', "it is a datagram socket (ListenDatagram=), and this door needs a stream"),
    (None, '{ kind = "udp"; listen = "systemd:web"; }', "it is a stream socket (ListenStream=), and this door needs a datagram"),
])
def test_what_does_not_fit_is_said(start, held, names, doors, words):
    relay = start(f"doors = ( {doors} );", **({} if names == [] else held.options(names)))
    relay.expected_status = 1
    assert relay.wait() == 1
    assert any(words in line for line in relay.log.lines), relay.log.tail()
    assert any("relay.conf:1: door " in line for line in relay.log.lines), relay.log.tail()
    relay.checked = True


def test_sockets_of_another_process_are_left_alone(start, held):
    """LISTEN_PID names somebody else: what stands in the environment is not for us."""
    relay = start('doors = ( { kind = "frames"; listen = "systemd:frames"; } );',
                  env={"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "frames"})
    relay.expected_status = 1
    assert relay.wait() == 1
    assert any("no socket was handed over" in line for line in relay.log.lines), relay.log.tail()
    relay.checked = True


def test_its_descriptors_are_for_no_other_program(start, held):
    relay = start(DOORS, **held.options())
    relay.address()

    for fd in range(3, 6):
        flags = re.search(r"^flags:\s*(\w+)", pathlib.Path(f"/proc/{relay.pid}/fdinfo/{fd}").read_text(), re.M)
        assert int(flags[1], 8) & os.O_CLOEXEC
