# SPDX-License-Identifier: MIT
"""A real nginx in front opens nothing to the world: who asks is its client, not itself.

nginx is told where its clients are from as a balancer tells it (the PROXY protocol), so one machine has clients in
the home network and outside. The lines in its `location` are those of docs/doors/http.md.
"""
import hashlib
import json
import re
import subprocess

import pytest

import clients
import pictures
import websocket_bytes
from support import ROOT, connect, free_port, read_to_end, wait_for

HOME, OUTSIDE, ANOTHER = "192.168.1.7", "203.0.113.9", "203.0.113.10"
TOKEN = "outside-token"
DOCUMENT = (ROOT / "docs/doors/http.md").read_text()
LOCATION = re.search(r"```nginx\n(location .*?\n\})\n```", DOCUMENT, re.S)[1]
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log error;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  set_real_ip_from 127.0.0.1;
  real_ip_header proxy_protocol;
%s
}
"""
SERVER = "  server { listen 127.0.0.1:%d proxy_protocol; %s }\n"
RELAY = """
limits = { log_lines_per_second = 0; max_connections_per_address = 4; max_pre_auth_per_address = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; trusted_proxies = [ "127.0.0.1" ]; hosts = [ "cams.example.org" ]; },
  { kind = "http"; listen = "127.0.0.1:0"; hosts = [ "cams.example.org" ]; }
);
access = (
  { from = [ "private", "link" ]; publish = [ "*" ]; subscribe = [ "*" ]; observe = true; },
  { token_sha256 = "%s"; subscribe = [ "*" ]; observe = true; }
);
""" % hashlib.sha256(TOKEN.encode()).hexdigest()


class Nginx:
    """nginx with one port for each door of the relay."""

    def __init__(self, folder, doors):
        self.ports = [free_port() for _ in doors]
        servers = "".join(
            SERVER % (port, LOCATION.replace("127.0.0.1:8080", "{}:{}".format(*door)))
            for port, door in zip(self.ports, doors))
        (folder / "nginx.conf").write_text(NGINX % servers)
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"],
                                        stderr=subprocess.DEVNULL)

        def answers():
            try:
                with connect(("127.0.0.1", self.ports[-1])):
                    return True
            except OSError:
                return False
        wait_for(answers, "nginx listens")

    def close(self):
        self.process.terminate()
        self.process.wait()

    def connect(self, client, door=0):
        sock = connect(("127.0.0.1", self.ports[door]))
        sock.sendall(f"PROXY TCP4 {client} 198.51.100.1 40000 80\r\n".encode())
        return sock

    def get(self, client, target, *lines, door=0):
        """(status, body)"""
        with self.connect(client, door) as sock:
            sock.sendall(request(target, *lines, "Connection: close"))
            head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
        return int(head.split()[1]), body


def request(target, *lines):
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: cams.example.org", *lines, "", ""]).encode()


@pytest.fixture
def relay(start, calm):
    program = start(RELAY)
    calm(program.address(), subscribers=1)
    return program


@pytest.fixture
def nginx(relay, closing, tmp_path):
    return closing(Nginx(tmp_path, relay.addresses("http", 2)))


def test_the_home_network_gets_in_and_the_world_needs_a_login(relay, nginx):
    login = f"Authorization: Bearer {TOKEN}"
    assert nginx.get(HOME, "/streams")[0] == 200
    status, body = nginx.get(OUTSIDE, "/streams")
    assert status == 401
    assert f"a login is needed: {OUTSIDE} may not observe" in json.loads(body)["error"]["reason"]
    relay.log.wait(rf"reason=auth_missing peer={OUTSIDE}")
    assert nginx.get(OUTSIDE, "/streams", login)[0] == 200
    assert nginx.get(OUTSIDE, "/streams/calm.jpg", login)[0] == 200
    assert nginx.get(HOME, "/status")[0] == 403  # a proxy's loopback is nobody's


def test_a_forged_header_gets_nothing(relay, nginx):
    for forged in (HOME, "127.0.0.1", f"{HOME}, 127.0.0.1", "::1", "unknown", ""):
        assert nginx.get(OUTSIDE, "/streams", f"X-Forwarded-For: {forged}")[0] == 401, forged
    assert nginx.get(OUTSIDE, "/streams", "Forwarded: for=127.0.0.1")[0] == 401
    for door in relay.addresses("http", 2):  # past nginx, from an address that is no proxy's
        for line, status in ((None, b"200"), ("X-Forwarded-For: 192.168.1.7", b"401"), ("Forwarded: for=1.1.1.1", b"401")):
            with connect(door, source="127.0.0.2") as sock:
                sock.sendall(request("/streams", *([line] if line else []), "Connection: close"))
                assert read_to_end(sock).split()[1] == status


def test_a_proxy_that_is_not_trusted_is_named(nginx):
    status, body = nginx.get(HOME, "/streams", door=1)
    assert status == 401
    assert 'trusted_proxies = [ "127.0.0.1" ]' in json.loads(body)["error"]["reason"]


def test_limits_count_the_client(relay, nginx, closing):
    login = f"Authorization: Bearer {TOKEN}"
    viewers = []
    for _ in range(4):
        viewers.append(closing(nginx.connect(OUTSIDE)))
        viewers[-1].sendall(request("/streams/calm.mjpg", login))
        assert viewers[-1].recv(15) == b"HTTP/1.1 200 OK"
    assert nginx.get(OUTSIDE, "/streams", login)[0] == 429
    assert nginx.get(ANOTHER, "/streams", login)[0] == 200
    assert nginx.get(HOME, "/streams")[0] == 200
    assert relay.rejected("conn_limit_addr", "http") == 1


def test_wrong_logins_count_for_the_client(relay, nginx):
    for _ in range(10):
        assert nginx.get(OUTSIDE, "/streams", "Authorization: Bearer wrong")[0] == 401
    assert nginx.get(OUTSIDE, "/streams", f"Authorization: Bearer {TOKEN}")[0] == 429
    assert nginx.get(ANOTHER, "/streams", f"Authorization: Bearer {TOKEN}")[0] == 200
    assert relay.rejected("auth_blocked", "http") == 1


def test_mjpeg_passes_picture_by_picture(relay, nginx, closing):
    """Each picture is there before the next one is sent: nothing waits in nginx until a buffer is full."""
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(0, "porch"))
    wait_for(lambda: nginx.get(HOME, "/streams/porch.jpg")[0] == 200, "the stream is live")
    viewer = closing(nginx.connect(HOME))
    viewer.sendall(request("/streams/porch.mjpg"))
    got = b""
    for number in range(1, 6):
        jpeg = pictures.picture(number, "porch")
        publisher.send(jpeg)
        while jpeg not in got:
            got += viewer.recv(65536)


def test_a_websocket_passes_both_ways(relay, nginx, closing):
    publisher = closing(clients.Publisher(relay.address(), "porch"))
    publisher.send(pictures.picture(0, "porch"))
    wait_for(lambda: nginx.get(HOME, "/streams/porch.jpg")[0] == 200, "the stream is live")
    for client, login, status in ((OUTSIDE, b"", b"401"), (HOME, b"", b"101"),
                                  (OUTSIDE, f"Authorization: Bearer {TOKEN}\r\n".encode(), b"101")):
        sock = closing(nginx.connect(client))
        sock.sendall(websocket_bytes.request("/streams/porch/ws", key=b"AAAAAAAAAAAAAAAAAAAAAA==",
                                             host=b"cams.example.org", more=login))
        head = websocket_bytes.read_head(sock)
        assert head.split()[1] == status, head
        got = b""
        while status == b"101" and pictures.picture(0, "porch") not in got:
            got += sock.recv(65536)
    many = closing(nginx.connect(OUTSIDE))
    many.sendall(websocket_bytes.request("/ws", key=b"AAAAAAAAAAAAAAAAAAAAAA==", host=b"cams.example.org"))
    assert websocket_bytes.read_head(many).split()[1] == b"101"
    many.sendall(websocket_bytes.frame(1, b'{"subscribe":"porch","channel":7}'))
    assert b'"code":401' in many.recv(65536)  # each stream is asked for by itself
