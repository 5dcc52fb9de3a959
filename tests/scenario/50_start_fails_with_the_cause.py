# SPDX-License-Identifier: MIT
"""A relay that cannot start says why, in a sentence, with an exit status, and leaves nothing half started.

Status 2 for what is wrong in arguments and configuration, 1 for what the machine refuses.
"""
import socket

import clients
import pictures
from support import conf


def doors(*listens):
    return "doors = ( " + ", ".join(f'{{ kind = "frames"; listen = "{listen}"; }}' for listen in listens) + " );"


def fails(start, config, status, *patterns, announce=".", **options):
    relay = start(config, **options)
    relay.announce(announce)
    relay.expected_status = status
    assert relay.wait() == status, relay.log.tail()
    for pattern in patterns:
        assert relay.log.find(pattern), f"/{pattern}/" + relay.log.tail()
    return relay


def test_a_port_in_use_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fails(start, doors("127.0.0.1:0", f"127.0.0.1:{port}"), 1, rf"127\.0\.0\.1:{port}.*(in use|other program)")


def test_an_address_that_this_machine_has_not(start):
    fails(start, doors("192.0.2.1:0"), 1, r"192\.0\.2\.1")


def test_a_unix_socket_in_a_folder_that_is_not_there(start, tmp_path):
    fails(start, doors(f"unix:{tmp_path}/none/x.sock"), 1, r"none/x\.sock")


def test_a_unix_socket_that_another_relay_uses(start, closing, tmp_path):
    path = f"{tmp_path}/frames.sock"
    first = start(doors(f"unix:{path}"))
    first.address()

    fails(start, doors(f"unix:{path}"), 1, r"frames\.sock")

    viewer = closing(clients.Subscriber(path, "porch"))  # the first one is unharmed
    publisher = closing(clients.Publisher(path, "porch"))
    publisher.send(pictures.picture(1, "porch"))
    assert viewer.wait_pictures(1)


def test_a_file_that_is_not_there(start):
    fails(start, None, 2, r"/no/such\.conf", args=["-c", "/no/such.conf"])


def test_a_folder_for_a_file(start, tmp_path):
    fails(start, None, 2, str(tmp_path), args=["-c", tmp_path])


def test_a_broken_file_is_refused_before_anything_listens(start):
    relay = fails(start, doors("127.0.0.1:0") + '\nlimits = { nonsense = 1; };', 2, r"relay\.conf:2: .*nonsense")
    assert not relay.log.find("listening")


def test_secrets_that_others_can_read(start, tmp_path):
    """A file with a token's digest must not be writable by others."""
    file = tmp_path / "secret.conf"
    file.write_text(doors("127.0.0.1:0") + '\naccess = ( { token_sha256 = "' + "0" * 64 + '"; publish = [ "*" ]; } );')
    file.chmod(0o666)
    fails(start, None, 2, r"secret\.conf", args=["-c", file])


def test_few_descriptors_are_said(start):
    """32 descriptors are enough to run, not for max_connections: that is said, and it goes on."""
    relay = start(conf(), under=("prlimit", "--nofile=32:32"))
    relay.log.wait(r"^warning .*open files")
    assert clients.listing(relay.address()) == {}


def test_the_limit_of_descriptors_is_raised(start):
    relay = start(conf(), under=("prlimit", "--nofile=64:4096"))
    relay.address()
    with open(f"/proc/{relay.pid}/limits") as limits:
        line = next(line for line in limits if line.startswith("Max open files"))
    assert int(line.split()[3]) >= 1024


def test_a_target_that_does_not_resolve_is_no_reason_to_fail(start, closing, calm):
    """Names are resolved off the loop; the rest of the relay does not wait for them."""
    relay = start(conf("""sinks = (
  { kind = "frames-push"; stream = "calm"; address = "no-such-host.invalid:8000"; },
  { kind = "frames-push"; stream = "calm"; address = "127.0.0.1:1"; } );"""))
    calm(relay.address())
    relay.log.wait(r"no-such-host\.invalid")
    relay.log.wait(r"127\.0\.0\.1:1\b")
