# SPDX-License-Identifier: MIT
"""SIGHUP reads the file again: what did not change keeps running with every connection.

A broken file is refused whole, with its line, and the old one stays in force. Pictures flow all the
time on a stream beside, which loses none.
"""
import socket

import pytest

import clients
import pictures
from support import connect, free_port, parse_address, read_to_end, wait_for

KEPT = '{ kind = "frames"; listen = "127.0.0.1:0"; }'


def doors(*rows, more=""):
    return "limits = { log_lines_per_second = 0; };\ndoors = (\n  " + ",\n  ".join(rows) + "\n);\n" + more


def reload(relay, text):
    """Puts another file in force, and waits until it is."""
    before = relay.stat("reloads")
    relay.write_config(text)
    relay.reload()
    relay.wait_stat("reloads", before + 1)


def test_nothing_changed(start, closing, calm):
    relay = start(doors(KEPT))
    calm(relay.address())
    stays = closing(clients.Subscriber(relay.address(), "porch"))

    for _ in range(100):
        reload(relay, doors(KEPT))

    assert stays.ended is None


def test_what_stays_keeps_its_options(start, closing, calm, tmp_path):
    """Doors, sources and sinks that did not change go on using what they were told at their start."""
    door = '{ kind = "frames"; listen = "127.0.0.1:0"; plain_stream = "yard-%h"; }'
    rows = f"""sources = ( {{ kind = "pattern"; stream = "test"; size = "160x120"; fps = 25; on_demand = false; }} );
sinks = ( {{ kind = "record"; stream = "test"; output = "{tmp_path}/now.jpg"; }} );
"""
    relay = start(doors(door, more=rows))
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "yard-127-0-0-1", queue=64))

    for turn in range(3):
        reload(relay, doors(door, more=rows).replace("log_lines", f"queue_age_ms = {100 + turn}; log_lines"))
        publisher = clients.Publisher(relay.address())
        publisher.send(pictures.picture(turn, "yard"))
        viewer.wait_number(turn)
        publisher.end()
        seen = (tmp_path / "now.jpg").read_bytes() if (tmp_path / "now.jpg").exists() else b""
        wait_for(lambda: (tmp_path / "now.jpg").read_bytes() != seen, "it is written anew")


def test_limits_and_streams_take_effect(start, closing, calm):
    relay = start(doors(KEPT))
    calm(relay.address())

    reload(relay, doors(KEPT, more='streams = ( { name = "porch"; from = [ "127.0.0.3" ]; } );').replace(
        "log_lines", "max_frame_bytes = 5000; log_lines"))

    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    named = closing(clients.Publisher(relay.address(), source="127.0.0.3"))
    named.send(pictures.picture(1, "porch"))
    assert viewer.wait_pictures(1)
    assert b"5000" in clients.ask(relay.address(), (5001).to_bytes(4, "little"))


def test_a_door_comes_and_goes(start, closing, calm):
    port = free_port()
    second = f'{{ kind = "frames"; listen = "127.0.0.1:{port}"; }}'
    relay = start(doors(KEPT))
    calm(relay.address())

    reload(relay, doors(KEPT, second))
    at_second = closing(clients.Subscriber(("127.0.0.1", port), "porch"))
    at_first = closing(clients.Subscriber(relay.address(), "porch"))
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(1, "porch"))
    at_second.wait_pictures(1)

    reload(relay, doors(KEPT))
    assert at_second.wait_end() == "length 0"
    assert at_first.ended is None and publisher.ended is None
    with pytest.raises(ConnectionRefusedError):
        connect(("127.0.0.1", port))


def test_a_door_whose_options_change_is_replaced(start, closing, calm):
    port = free_port()
    old, new = (f'{{ kind = "frames"; listen = "127.0.0.1:{port}"; role = "{role}"; }}' for role in ("any", "publish"))
    relay = start(doors(KEPT, old))
    calm(relay.address())
    viewer = closing(clients.Subscriber(("127.0.0.1", port), "porch"))

    reload(relay, doors(KEPT, new))

    viewer.wait_end()
    assert clients.ask(("127.0.0.1", port), b"SUB porch\n").startswith(b"ERR 403 ")


def test_sources_and_sinks_come_and_go(start, closing, calm, tmp_path):
    source = 'sources = ( { kind = "pattern"; stream = "test"; size = "160x120"; fps = %d; on_demand = false; } );\n'
    sink = 'sinks = ( { kind = "record"; stream = "%s"; output = "' + str(tmp_path) + '/now-%s.jpg"; } );\n'
    relay = start(doors(KEPT, more=source % 20))
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "test", queue=64))
    viewer.wait_pictures(3)

    reload(relay, doors(KEPT, more=source % 20 + sink % ("test", "a")))
    wait_for((tmp_path / "now-a.jpg").exists, "the new sink writes")
    seen = len(viewer.pictures)
    viewer.wait_pictures(seen + 3)

    reload(relay, doors(KEPT))
    wait_for(lambda: relay.stat("publishers") == 1, "only the bystander publishes")
    assert viewer.ended is None


def test_who_loses_the_right_is_told(start, closing, calm):
    relay = start(doors(KEPT))
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "porch", records=1))

    reload(relay, doors(KEPT, more='access = ( { from = [ "127.0.0.9" ]; publish = [ "*" ]; subscribe = [ "*" ]; } );'))

    assert "403" in viewer.wait_end()


BROKEN = {
    "syntax": (doors(KEPT) + "streams = (\n", r"relay\.conf:\d+: "),
    "unknown_key": (doors(KEPT) + "nonsense = 1;\n", r"relay\.conf:5: .*nonsense"),
    "unknown_kind": (doors(KEPT, '{ kind = "nonsense"; }'), r"relay\.conf:4: .*nonsense"),
    "listener_twice": (doors(KEPT, *['{ kind = "frames"; listen = "127.0.0.1:8099"; }'] * 2), r"relay\.conf:[45]: .*8099"),
    "address_that_is_not_ours": (doors(KEPT, '{ kind = "frames"; listen = "192.0.2.1:0"; }'), r"192\.0\.2\.1"),
    "out_of_range": (doors(KEPT).replace("log_lines", "queue_frames = 99; log_lines"), r"relay\.conf:1: .*queue_frames"),
}


@pytest.mark.parametrize("text, said", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_changes_nothing(start, closing, calm, text, said):
    relay = start(doors(KEPT, more='streams = ( { name = "porch"; from = [ "127.0.0.3" ]; } );'))
    calm(relay.address())
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    relay.announce(said)
    relay.announce("reload|configuration|relay.conf")
    since = relay.log.mark()

    relay.write_config(text)
    relay.reload()
    relay.wait_stat("reload_failures", 1)

    assert relay.log.wait(rf"^error .*{said}|^(warning|error) .*{said}", since)
    assert relay.stat("reloads") == 0
    named = closing(clients.Publisher(relay.address(), source="127.0.0.3"))
    named.send(pictures.picture(1, "porch"))
    assert viewer.wait_pictures(1)


def test_a_door_may_change_its_address_on_its_own_port(start):
    """[::]:8000 takes IPv4 too, so 127.0.0.1:8000 has to give way to it: it is no other program's port."""
    port = free_port()
    relay = start(doors(f'{{ kind = "frames"; listen = "127.0.0.1:{port}"; }}'))
    for listen in (f"[::]:{port}", f"127.0.0.1:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}"):
        reload(relay, doors(f'{{ kind = "frames"; listen = "{listen}"; }}'))
        assert clients.listing(("127.0.0.1", port)) == {}
    assert relay.stat("reload_failures") == 0


def test_a_door_that_gave_way_for_nothing_comes_back(start):
    """203.0.113.1 is no address of this machine (RFC 5737): the new door fails after the old one has let go of the port."""
    port = free_port()
    relay = start(doors(f'{{ kind = "frames"; listen = "[::]:{port}"; }}'))
    relay.announce("203.0.113.1|not opened")
    for _ in range(2):  # it stays what it was, and the next reload tries again
        reload(relay, doors(f'{{ kind = "frames"; listen = "203.0.113.1:{port}"; }}'))
        assert clients.listing(("127.0.0.1", port)) == {}
    assert len(relay.log.find(r"^error .*203\.0\.113\.1")) == 2
    reload(relay, doors(f'{{ kind = "frames"; listen = "127.0.0.1:{port}"; }}'))
    assert clients.listing(("127.0.0.1", port)) == {}


def test_a_busy_port_changes_nothing(start, closing, calm):
    relay = start(doors(KEPT))
    calm(relay.address())
    relay.announce(".")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        relay.write_config(doors(KEPT, f'{{ kind = "frames"; listen = "127.0.0.1:{taken.getsockname()[1]}"; }}'))
        relay.reload()
        relay.wait_stat("reload_failures", 1)
    assert clients.listing(relay.address())


@pytest.mark.parametrize("what", ["missing", "folder", "binary", "unreadable_include"])
def test_a_file_that_cannot_be_read_changes_nothing(start, calm, what):
    relay = start(doors(KEPT))
    calm(relay.address())
    relay.announce(".")
    relay.config_file.unlink()
    if what == "folder":
        relay.config_file.mkdir()
    elif what == "binary":
        relay.config_file.write_bytes(bytes(range(256)) * 1000)
    elif what == "unreadable_include":
        relay.config_file.write_text('@include "/no/such/file"\n')

    relay.reload()

    relay.wait_stat("reload_failures", 1)


def test_an_empty_file_is_the_default_and_then_the_old_one_again(start, closing):
    """An empty file is a relay with its doors on the default ports; it may not be what was meant, but it is valid."""
    relay = start(doors(KEPT))
    first = relay.address()
    relay.announce(".")
    relay.write_config("")
    relay.reload()
    wait_for(lambda: relay.stat("reloads") + relay.stat("reload_failures") >= 1, "it was read")
    if relay.stat("reloads"):
        since = relay.log.mark()
        reload(relay, doors(KEPT))
        first = parse_address(relay.log.wait(r"frames: listening .*address=(127\.\S+)", since)[1])
    with connect(first) as sock:
        sock.sendall(b"LIST\n")
        assert read_to_end(sock).startswith(b"OK")
