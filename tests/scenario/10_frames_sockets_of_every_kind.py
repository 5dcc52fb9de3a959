# SPDX-License-Identifier: MIT
"""The door listens on IPv4, IPv6, both at once, and on a unix socket; names come from what peers are.

An IPv4 peer is IPv4 also where it comes through a dual-stack socket; a unix peer is `local`.
"""
import socket

import pytest

import clients
import pictures
from support import conf, connect


def doors(*listens, door=""):
    rows = ", ".join(f'{{ kind = "frames"; listen = "{listen}"; {door} }}' for listen in listens)
    return f"doors = ( {rows} );"


def passes(address, closing, stream):
    """A plain publisher's picture arrives at whoever subscribes to the stream it should be called."""
    viewer = closing(clients.Subscriber(address, stream))
    publisher = closing(clients.Publisher(address))
    publisher.send(pictures.picture(1, "any"))
    assert viewer.wait_pictures(1) == [pictures.picture(1, "any")]
    publisher.end()


def has_ipv6():
    """Whether this machine has ::1: containers often have no IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_ipv6(start, closing):
    relay = start(doors("[::1]:0"))
    if has_ipv6():
        passes(relay.address(), closing, "cam---1")
    else:
        relay.expected_status = 1
        assert relay.wait() == 1
        assert "[::1]:0: " in relay.log.lines[-1]


def test_dual_stack(start, closing):
    relay = start(doors("[::]:0"))
    port = relay.address()[1]
    passes(("127.0.0.1", port), closing, "cam-127-0-0-1")
    if has_ipv6():
        passes(("::1", port), closing, "cam---1")


def test_unix(start, closing, tmp_path):
    path = tmp_path / "frames.sock"
    relay = start(doors(f"unix:{path}"))
    assert relay.address() == str(path)
    passes(str(path), closing, "cam-local")


def test_a_unix_socket_that_a_dead_relay_left_is_taken_over(start, closing, tmp_path):
    path = tmp_path / "frames.sock"
    first = start(doors(f"unix:{path}"))
    first.address()
    first.kill()
    assert path.exists()

    relay = start(doors(f"unix:{path}"))

    assert relay.address() == str(path)
    passes(str(path), closing, "cam-local")


def test_a_unix_socket_goes_with_its_relay(start, tmp_path):
    path = tmp_path / "frames.sock"
    relay = start(doors(f"unix:{path}"))
    relay.address()
    relay.stop()
    assert not path.exists()


def test_several_doors_are_one_relay(start, closing, tmp_path):
    path = tmp_path / "frames.sock"
    relay = start(doors("127.0.0.1:0", "127.0.0.1:0", f"unix:{path}"))
    publisher = closing(clients.Publisher(relay.address(0), "porch"))
    publisher.send(pictures.picture(1, "porch"))

    for number in (1, 2):
        assert closing(clients.Subscriber(relay.address(number), "porch")).wait_pictures(1)


@pytest.mark.parametrize("template, source, stream", [
    ("cam-%h", "127.0.0.5", "cam-127-0-0-5"),
    ("yard", "127.0.0.1", "yard"),
])
def test_the_template_of_a_listener(start, closing, template, source, stream):
    relay = start(conf(door=f'plain_stream = "{template}";'))
    viewer = closing(clients.Subscriber(relay.address(), stream))
    publisher = closing(clients.Publisher(relay.address(), source=source))

    publisher.send(pictures.picture(1))

    assert viewer.wait_pictures(1)


def test_the_port_in_a_template(start, closing):
    relay = start(conf(door='plain_stream = "%h-%p";'))
    with connect(relay.address()) as sock:
        port = sock.getsockname()[1]
        viewer = closing(clients.Subscriber(relay.address(), f"127-0-0-1-{port}"))
        sock.sendall(clients.plain(pictures.picture(1)))
        assert viewer.wait_pictures(1)
        sock.shutdown(socket.SHUT_WR)


def test_a_row_of_streams_names_a_plain_publisher(start, closing):
    relay = start(conf('streams = ( { name = "porch"; from = [ "127.0.0.3" ]; }, { name = "lab"; from = [ "127.0.8.0/24" ]; } );'))

    for source, stream in (("127.0.0.3", "porch"), ("127.0.8.77", "lab"), ("127.0.0.4", "cam-127-0-0-4")):
        viewer = closing(clients.Subscriber(relay.address(), stream))
        publisher = closing(clients.Publisher(relay.address(), source=source))
        publisher.send(pictures.picture(1, stream))
        assert viewer.wait_pictures(1) == [pictures.picture(1, stream)]


def test_a_listener_for_publishers_only(start):
    relay = start(conf(door='role = "publish";'))

    answer = clients.ask(relay.address(), b"SUB porch\n")

    assert answer.startswith(b"ERR 403 ")
    assert relay.rejected("role_denied") == 1


def test_a_listener_of_subscriptions_waits_for_no_byte(start, closing):
    relay = start("""
doors = ( { kind = "frames"; listen = "127.0.0.1:0"; },
          { kind = "frames"; listen = "127.0.0.1:0"; role = "subscribe"; stream = "porch"; } );
limits = { first_byte_timeout_ms = 300; };
""")
    viewer = closing(clients.Subscriber(relay.address(1), silent=True))
    camera = closing(clients.Camera(clients.Publisher(relay.address(0), "porch"), stream="porch"))

    viewer.wait_number(25)  # well past first_byte_timeout_ms

    camera.stop()
    assert viewer.ended is None
