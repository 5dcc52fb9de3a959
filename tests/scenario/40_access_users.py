# SPDX-License-Identifier: MIT
"""People log in with a name and a password, as every browser and curl can, and nobody waits for a hash.

The hash is a slow one (yescrypt as Debian makes it), so passwords are looked at by a thread; a healthy stream
beside them loses nothing. Addresses give rights to one network alone, where that stream lives.
"""
import base64
import concurrent.futures
import json
import re
import subprocess

import pytest

import clients
import pictures
from support import binary, connect, read_to_end, wait_for

PASSWORD = "open sesame 4Wn"


def hashed(password, user="ana"):
    done = subprocess.run([binary(), "--hash-password", user], input=password + "\n", capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return re.search(r'password = "([^"]+)"', done.stdout)[1]


@pytest.fixture(scope="module")
def password_hash():
    return hashed(PASSWORD)


def conf(password, limits="", user="ana"):
    return f"""
limits = {{ log_lines_per_second = 0; {limits} }};
log = {{ level = "debug"; }};
doors = ( {{ kind = "frames"; listen = "127.0.0.1:0"; }}, {{ kind = "http"; listen = "127.0.0.1:0"; }} );
access = (
  {{ from = [ "127.0.0.9" ]; publish = [ "*" ]; subscribe = [ "*" ]; }},
  {{ user = "{user}"; password = "{password}"; publish = [ "porch" ]; subscribe = [ "*" ]; observe = true;
    admin = false; }},
  {{ user = "{user}"; password = "{password}"; from = [ "127.0.0.8" ]; admin = true; }}
);
"""


@pytest.fixture
def relay(start, calm, password_hash):
    program = start(conf(password_hash))
    calm(program.address())
    yield program
    assert not program.log.find(re.escape(PASSWORD))
    assert not program.log.find(re.escape(password_hash))


def basic(password, user="ana"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def http(relay, target, authorization=None, source="127.0.0.1", method="GET", body=b"", host="localhost", cut=None,
         origin=None):
    """(status, head, body); `cut`: sends the request in two pieces, the second after the first has been read."""
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    login += f"Origin: {origin}\r\n" if origin else ""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    request = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{login}{length}Connection: close\r\n\r\n".encode() + body
    with connect(relay.address(door="http"), source=source) as sock:
        sock.sendall(request[:cut])
        if cut is not None:
            sock.sendall(request[cut:])
        head, _, rest = read_to_end(sock).partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), rest


def test_a_browser_is_asked_and_let_in(relay):
    status, head, _ = http(relay, "/")
    assert status == 401
    assert 'WWW-Authenticate: Basic realm="framerelayd"\r\n' in head
    status, _, body = http(relay, "/", basic(PASSWORD))
    assert status == 200 and b"<title>" in body
    assert http(relay, "/streams/calm.jpg", basic(PASSWORD))[0] == 200
    assert http(relay, "/status", basic(PASSWORD))[0] == 403
    assert http(relay, "/status", basic(PASSWORD), "127.0.0.8")[0] == 200


@pytest.mark.parametrize("authorization", [
    basic("wrong"), basic(""), basic(PASSWORD, "bob"), basic(PASSWORD + " "), basic(PASSWORD[:-1]), "Basic", "Basic ???",
    "Digest username=ana"])
def test_what_is_wrong_is_401(relay, authorization):
    status, _, body = http(relay, "/streams", authorization, "127.0.0.3")
    assert status == 401
    assert "the login is wrong: 127.0.0.3 may not observe" in json.loads(body)["error"]["reason"]
    assert relay.rejected("auth_bad", "http") == 1


def test_a_picture_behind_the_login_is_published(relay):
    jpeg = pictures.picture(1, "porch", size=100_000)
    for cut in (None, 200, 5000):  # what comes while the password is looked at is kept
        status, _, body = http(relay, "/streams/porch", basic(PASSWORD), method="POST", body=jpeg, cut=cut)
        assert (status, json.loads(body)) == (200, {"published": 1})
    assert http(relay, "/streams/porch.jpg", basic(PASSWORD))[2] == jpeg


def test_requests_one_after_the_other_on_one_connection(relay):
    one = f"GET /streams HTTP/1.1\r\nHost: a\r\nAuthorization: {basic(PASSWORD)}\r\n"
    with connect(relay.address(door="http")) as sock:
        sock.sendall((3 * (one + "\r\n") + one + "Connection: close\r\n\r\n").encode())
        assert read_to_end(sock).count(b"HTTP/1.1 200 OK") == 4


def test_who_leaves_meanwhile_is_forgotten(relay):
    for number in range(20):
        with connect(relay.address(door="http"), source="127.0.0.6") as sock:
            sock.sendall(f"GET /streams HTTP/1.1\r\nHost: a\r\nAuthorization: {basic(f'x{number}')}\r\n\r\n".encode())
    wait_for(lambda: http(relay, "/streams", basic(PASSWORD))[0] == 200, "others are let in")


def test_many_at_once(relay):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        right = [pool.submit(http, relay, "/streams", basic(PASSWORD), "127.0.0.1") for _ in range(20)]
        wrong = [pool.submit(http, relay, "/streams", basic(f"wrong {n}"), "127.0.0.7") for n in range(20)]
        assert {one.result()[0] for one in right} == {200}
        codes = [one.result()[0] for one in wrong]
    assert codes.count(401) == 10 and codes.count(429) == 10, codes  # more are not even looked at


@pytest.mark.parametrize("origin", ["http://192.168.1.66", "http://nas", "http://10.0.0.1:8123"])
def test_a_page_of_the_network_does_not_act_for_who_has_logged_in(relay, origin):
    """A browser adds the password that it has to what any page asks for: `private` lets pages do what is their own network's."""
    jpeg = pictures.picture(1, "porch")
    for method, body in (("POST", jpeg), ("PUT", jpeg)):
        status, _, body = http(relay, "/streams/porch", basic(PASSWORD), method=method, body=body, origin=origin)
        assert status == 403 and origin in json.loads(body)["error"]["reason"]
        assert http(relay, "/streams/porch", source="127.0.0.9", method=method, body=jpeg, origin=origin)[0] == 200
    head = http(relay, "/streams", basic(PASSWORD), origin=origin)[1]
    assert "200 OK" in head and "Access-Control-Allow-Origin" not in head
    for authorization, source, status in ((basic(PASSWORD), "127.0.0.1", b"403"), (None, "127.0.0.9", b"101")):
        with connect(relay.address(door="http"), source=source) as sock:
            login = f"Authorization: {authorization}\r\n" if authorization else ""
            sock.sendall(f"GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{login}Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            assert sock.recv(12).split()[1] == status


def test_our_own_page_acts_for_who_has_logged_in(relay):
    jpeg = pictures.picture(1, "porch")
    assert http(relay, "/streams/porch", basic(PASSWORD), method="POST", body=jpeg, origin="http://localhost")[0] == 200


def test_another_name_of_this_machine_needs_a_login(relay):
    assert http(relay, "/streams/calm.jpg", source="127.0.0.9", host="cams.example.org")[0] == 401
    assert http(relay, "/streams/calm.jpg", basic(PASSWORD), host="cams.example.org")[0] == 200


def test_another_password_ends_what_the_old_one_began(relay, password_hash):
    with connect(relay.address(door="http")) as mjpeg:
        mjpeg.sendall(f"GET /streams/calm.mjpg HTTP/1.1\r\nHost: a\r\nAuthorization: {basic(PASSWORD)}\r\n\r\n".encode())
        assert mjpeg.recv(12) == b"HTTP/1.1 200"
        relay.write_config(conf(hashed("another")))
        relay.reload()
        read_to_end(mjpeg)
    assert http(relay, "/streams", basic(PASSWORD))[0] == 401
    assert http(relay, "/streams", basic("another"))[0] == 200


def check(file):
    done = subprocess.run([binary(), "-c", file, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert PASSWORD not in done.stderr
    return done.stderr


def test_what_check_says(tmp_path, password_hash):
    file = tmp_path / "relay.conf"
    file.touch(0o600)
    for row, words in ((f'user = "ana"; password = "{PASSWORD}";', "must be what --hash-password prints"),
                       ('user = "ana";', "must be what --hash-password prints"),
                       (f'password = "{password_hash}";', "whose? user is missing"),
                       (f'user = "a:b"; password = "{password_hash}";', "user = "),
                       (f'user = "ana"; password = "{password_hash}"; }}, {{ user = "ana"; password = "{hashed("x")}";',
                        "has another password")):
        file.write_text("access = ( { %s } );" % row)
        assert words in check(file)
    file.write_text('access = ( { user = "ana"; password = "%s"; } );' % password_hash)
    printed = subprocess.run([binary(), "-c", file, "--print-config"], capture_output=True, text=True, timeout=60)
    assert printed.returncode == 0
    assert 'user = "ana"; password = "***";' in printed.stdout
    assert password_hash not in printed.stdout
    for row in ('user = "ana"; password = "%s";' % password_hash, 'token_sha256 = "%s";' % ("0" * 64)):
        file.write_text("access = ( { %s } );" % row)
        for mode, words in ((0o644, "others can read it"), (0o660, "can write it")):
            file.chmod(mode)
            assert words in check(file)


@pytest.mark.parametrize("user, text", [("a:b", "x\n"), ("ana", ""), ("ana", "\n"), ("ana", "x" * 129 + "\n")])
def test_what_can_be_no_user_and_no_password(user, text):
    done = subprocess.run([binary(), "--hash-password", user], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
