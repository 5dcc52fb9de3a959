# SPDX-License-Identifier: MIT
"""Started as root, the relay gives every right of root up when its doors are open, and there is no way back.

Where the tests do not run as root themselves, each of these shows that the option then changes nothing. The program
without sanitizers runs: a sanitizer's look at the end is refused to a program that was root.
"""
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import tempfile

import pytest

import clients
import pictures
from support import wait_for

USER = "nobody"
ROOT = os.geteuid() == 0
ME = pwd.getpwnam(USER) if ROOT else pwd.getpwuid(os.geteuid())


@pytest.fixture
def open_folder():
    """A folder that the user may look into, as /etc/framerelayd is; pytest's own are root's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="framerelayd-user-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run(start, open_folder):
    """run(text): starts the relay with this file, which the user may read."""
    file = open_folder / "relay.conf"

    def begin(text, mode=0o640):
        write(text, mode)
        relay = start(args=["-c", file], release=True)
        relay.config_file = file
        return relay

    def write(text, mode=0o640):
        file.write_text(text)
        file.chmod(mode)
        if ROOT:
            os.chown(file, 0, ME.pw_gid if mode & 0o040 else 0)

    begin.write = write
    return begin


def low_port():
    """One below 1024 that is free; where they need no right, or we have none, any other."""
    while True:
        port = random.randrange(600, 1024) if ROOT else random.randrange(10_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            pass


def needs_right(port):
    return ROOT and port < int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())


def conf(port, user=USER, frames="", more=""):
    return f"""user = "{user}";
limits = {{ log_lines_per_second = 0; }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; {frames} }},
  {{ kind = "http"; listen = "127.0.0.1:{port}"; {more} }}
);
"""


def status(relay):
    """What the kernel says of each thread."""
    for task in pathlib.Path(f"/proc/{relay.pid}/task").iterdir():
        yield dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)


def is_up(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return sock.makefile("rb").read().endswith(b"ok\n")


def reload(relay, counter):
    before = relay.stat(counter)
    relay.reload()
    relay.wait_stat(counter, before + 1)


def test_it_is_the_user_in_every_thread_and_serves_what_it_opened(run, closing):
    port = low_port()
    relay = run(conf(port))
    relay.address(door="http")
    assert is_up(port)
    for one in status(relay):
        assert one["Uid"].split() == [str(ME.pw_uid)] * 4
        assert one["Gid"].split() == [str(ME.pw_gid)] * 4
        assert not ROOT or set(one["Groups"].split()) <= set(map(str, os.getgrouplist(USER, ME.pw_gid)))
        assert not ROOT or {one[f"Cap{kind}"].strip("0") for kind in ("Inh", "Prm", "Eff", "Amb")} == {""}
    assert not ROOT or relay.log.find("not root any more user=nobody")
    viewer = closing(clients.Subscriber(relay.address(), "porch"))
    camera = closing(clients.Publisher(relay.address(), "porch"))
    camera.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)


def test_a_reload_changes_what_needs_no_right(run):
    port = low_port()
    relay = run(conf(port))
    relay.address(door="http")
    run.write(conf(port, frames='takeover = "replace";'))
    reload(relay, "reloads")
    assert is_up(port)


def test_a_reload_that_needs_the_right_is_refused_and_says_so(run):
    port = low_port()
    relay = run(conf(port))
    relay.address(door="http")
    relay.announce("configuration refused")
    for text in (conf(port, more='takeover = "replace";'), conf(low_port())):
        run.write(text)
        if not needs_right(port):
            reload(relay, "reloads")
            continue
        since = relay.log.mark()
        reload(relay, "reload_failures")
        why = relay.log.wait("configuration refused.*why=(.*)", since)[1]
        assert "the right to listen there was given up after the start" in why or \
            "ports below 1024 need a right, which is given up after the start" in why
        assert is_up(port)


def test_what_it_writes_is_the_users(run, closing, open_folder):
    (open_folder / "pictures").mkdir()
    os.chown(open_folder / "pictures", ME.pw_uid, ME.pw_gid)
    relay = run(conf(low_port()) + f"""
        sources = ( {{ kind = "pattern"; stream = "test"; size = "160x120"; fps = 25; on_demand = false; }} );
        sinks = ( {{ kind = "record"; stream = "test"; output = "{open_folder}/pictures/now.jpg"; }} );""")
    written = open_folder / "pictures/now.jpg"
    wait_for(written.exists, "a picture is written")
    assert written.stat().st_uid == ME.pw_uid
    assert relay.stat("write_errors") == 0


def test_a_file_that_cannot_be_read_again_is_said_at_once(run):
    relay = run(conf(low_port()), mode=0o600)
    relay.address()
    if not ROOT:
        return
    relay.log.wait("warning relay: the configuration cannot be read again by this user.*user=nobody")
    relay.announce("configuration refused")
    reload(relay, "reload_failures")


def test_a_user_that_there_is_not_ends_the_start(run):
    relay = run(conf(low_port(), user="nobody-at-all"))
    if not ROOT:
        relay.address()
        return
    relay.expected_status = 1
    assert relay.wait() == 1
    relay.checked = True
    assert any('user = "nobody-at-all": there is no such user' in line for line in relay.log.lines), relay.log.tail()


def test_without_the_usual_user_it_says_that_it_stays_root(run):
    relay = run(conf(low_port(), user="framerelayd"))
    relay.address()
    try:
        pwd.getpwnam("framerelayd")
        said = "not root any more user=framerelayd"
    except KeyError:
        said = "info +relay: it runs as root, for there is no user framerelayd"
    if ROOT:
        relay.log.wait(said)


def test_root_stays_root_where_that_is_meant(run):
    relay = run(conf(low_port(), user="root"))
    relay.address()
    assert next(status(relay))["Uid"].split() == [str(os.geteuid())] * 4
    assert not any(re.search("as root|not root", line) for line in relay.log.lines)
