# SPDX-License-Identifier: MIT
"""Tokens: one rule at every door, the right answer to each wrong one, and no secret anywhere.

Addresses give nothing here but to one network (127.0.0.9, where the healthy stream lives), so whoever else is let in
is let in by a token. Each test's strangers have an address of their own: wrong logins count by address.
"""
import hashlib
import json
import os
import re
import subprocess

import grpc
import pytest

import clients
import pictures
from grpc_client import channel, stubs
from support import binary, connect, read_to_end, wait_for

V1, V1_SERVICES = stubs("framerelay")
TOKEN, OTHER, ADMIN = "porch-token-4WnGQ2", "door-token-9fH1s", "admin-token-Zz81"
ACCESS = """
access = (
  { from = [ "127.0.0.9" ]; publish = [ "calm" ]; subscribe = [ "calm" ]; },
  { name = "porch-pi"; token_sha256 = "%s"; publish = [ "porch" ]; subscribe = [ "porch" ]; },
  { name = "door-pi"; token_sha256 = "%s"; publish = [ "door" ]; message = [ ]; }%s
);
"""
ADMIN_ROW = ', { token_sha256 = "%s"; subscribe = [ "*" ]; observe = true; admin = true; }'


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def conf(limits="", more=ADMIN_ROW % sha256(ADMIN), porch=TOKEN):
    return f"""
limits = {{ log_lines_per_second = 0; {limits} }};
log = {{ level = "debug"; }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "http"; listen = "127.0.0.1:0"; }},
  {{ kind = "grpc"; listen = "127.0.0.1:0"; }}
);
""" + ACCESS % (sha256(porch), sha256(OTHER), more)


@pytest.fixture
def relay(start, calm):
    program = start(conf())
    calm(program.address())
    yield program
    no_secret_in_the_log(program)


def no_secret_in_the_log(program):
    for secret in (TOKEN, OTHER, ADMIN):
        assert not program.log.find(re.escape(secret)), "a secret in the log"


def http(relay, target, token=None, source="127.0.0.1", method="GET", lines="", body=b"", authorization=None):
    """(status, head, body) of one request."""
    if token:
        authorization = f"Bearer {token}"
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    with connect(relay.address(door="http"), source=source) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{login}{length}{lines}Connection: close\r\n\r\n"
                     .encode() + body)
        head, _, rest = read_to_end(sock).partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), rest


def grpc_code(relay, call, token=None):
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with channel(relay.address(door="grpc")) as connection:
        stub = V1_SERVICES.FrameRelayStub(connection)
        try:
            call(stub, metadata)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def listed(stub, metadata):
    stub.ListStreams(V1.ListStreamsRequest(), metadata=metadata)


def test_the_frames_door(relay, closing):
    publisher = closing(clients.Publisher(relay.address(), "porch", token=TOKEN))
    viewer = closing(clients.Subscriber(relay.address(), "porch", token=TOKEN))
    publisher.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)
    for line, answer, reason in (
            (b"PUB porch\n", b"ERR 401 a login is needed: 127.0.0.1 may not publish porch; this row of access would "
                             b'allow it: { from = [ "127.0.0.1" ]; publish = [ "porch" ]; }\n', "auth_missing"),
            (b"SUB porch token=" + TOKEN[:-1].encode() + b"\n", b"ERR 401 this login is not known here", "auth_bad"),
            (b"SUB porch token=" + TOKEN.encode() + b"x\n", b"ERR 401 ", "auth_bad"),
            (b"PUB porch token=" + OTHER.encode() + b"\n", b"ERR 403 this login does not allow it", "auth_denied"),
            (b"LIST token=" + TOKEN.encode() + b"\n", b"ERR 403 ", "auth_denied"),
            (b"LIST\n", b"ERR 401 ", "auth_missing"),
            (b"PUB elsewhere\n", b"ERR 403 127.0.0.1 may not publish elsewhere", "access_denied")):
        before = relay.rejected(reason)
        assert clients.ask(relay.address(), line).startswith(answer), line
        assert relay.rejected(reason) == before + 1
    assert set(clients.listing(relay.address(), token=ADMIN)) >= {"porch"}


@pytest.mark.parametrize("token", [b"", b"x" * 129, b"a\0b", b"a\tb"])
def test_what_can_be_no_token_is_told_so(relay, token):
    assert clients.ask(relay.address(), b"SUB porch token=" + token + b"\n").startswith(b"ERR 400 ")


def test_the_http_door(relay):
    jpeg = pictures.picture(1, "porch")
    status, head, _ = http(relay, "/streams/porch", method="POST", body=jpeg)
    assert status == 401
    assert 'WWW-Authenticate: Bearer realm="framerelayd"' in head  # no row has a user, so no browser asks for one
    status, _, body = http(relay, "/streams/porch", TOKEN, method="POST", body=jpeg)
    assert (status, json.loads(body)) == (200, {"published": 1})
    assert http(relay, "/streams/porch.jpg", TOKEN)[::2] == (200, jpeg)
    assert http(relay, "/streams/porch.jpg", authorization=f"bearer   {TOKEN}")[0] == 200
    for target, token, status, reason in (
            ("/streams/porch.jpg", None, 401, "auth_missing"), ("/streams/porch.jpg", TOKEN + "1", 401, "auth_bad"),
            ("/streams/porch.jpg", OTHER, 403, "auth_denied"), ("/streams", TOKEN, 403, "auth_denied"),
            ("/status", None, 401, "auth_missing"), ("/metrics", "wrong", 401, "auth_bad")):
        before = relay.rejected(reason, "http")
        assert http(relay, target, token)[0] == status, (target, token)
        assert relay.rejected(reason, "http") == before + 1
    assert http(relay, "/healthz", "wrong", source="127.0.0.3")[0] == 200  # nobody needs a login for it
    status, _, body = http(relay, "/status", ADMIN)
    assert status == 200
    for secret in (TOKEN, OTHER, ADMIN, sha256(TOKEN)):
        assert secret not in body.decode()


def test_a_token_of_a_megabyte_is_a_header_too_large(relay):
    assert http(relay, "/streams/porch.jpg", "x" * (1 << 20))[0] == 431


def test_a_websocket_before_it_is_one(relay):
    upgrade = ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
    # Nobody is told whether there is a stream whom it is kept from: there is none yet.
    assert http(relay, "/streams/porch/ws", TOKEN, lines=upgrade)[0] == 404
    assert http(relay, "/streams/porch/ws", lines=upgrade)[0] == 401
    assert http(relay, "/streams/porch/ws", OTHER, lines=upgrade)[0] == 403


def test_the_grpc_door(relay):
    code = grpc.StatusCode
    assert grpc_code(relay, listed) == code.UNAUTHENTICATED
    assert grpc_code(relay, listed, "wrong") == code.UNAUTHENTICATED
    assert grpc_code(relay, listed, TOKEN) == code.PERMISSION_DENIED
    assert grpc_code(relay, listed, ADMIN) == code.OK
    assert relay.rejected("auth_missing", "grpc") == relay.rejected("auth_bad", "grpc") == 1
    assert relay.rejected("auth_denied", "grpc") == 1


def test_ten_wrong_ones_and_no_login_from_there_is_looked_at(start, calm):
    relay = start(conf("auth_block_ms = 1500;"))
    calm(relay.address())
    for _ in range(10):
        assert http(relay, "/streams/porch.jpg", "wrong", "127.0.0.4")[0] == 401
    status, head, body = http(relay, "/streams/porch.jpg", TOKEN, "127.0.0.4")
    assert status == 429, body
    assert "Retry-After: 2\r\n" in head
    assert clients.ask(relay.address(), b"SUB porch token=" + TOKEN.encode() + b"\n", "127.0.0.4").startswith(b"ERR 429 ")
    assert relay.rejected("auth_blocked", "http") == relay.rejected("auth_blocked") == 1
    assert http(relay, "/streams", ADMIN, "127.0.0.5")[0] == 200  # another address
    assert http(relay, "/streams/calm", "wrong", "127.0.0.9")[0] in (200, 401)  # and who needs none
    wait_for(lambda: http(relay, "/streams", ADMIN, "127.0.0.4")[0] == 200, "the block is over")
    no_secret_in_the_log(relay)


def test_a_token_that_is_taken_away_ends_what_it_began(start, calm, closing):
    relay = start(conf())
    calm(relay.address())
    publisher = closing(clients.Publisher(relay.address(), "porch", token=TOKEN, records=1))
    viewer = closing(clients.Subscriber(relay.address(), "porch", token=TOKEN, records=1))
    stays = closing(clients.Subscriber(relay.address(), "porch", token=ADMIN))
    publisher.send(pictures.picture(1, "porch"))
    viewer.wait_pictures(1)
    with connect(relay.address(door="http")) as mjpeg:
        mjpeg.sendall(f"GET /streams/porch.mjpg HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert mjpeg.recv(12) == b"HTTP/1.1 200"
        relay.write_config(conf(porch="another"))
        relay.reload()
        publisher.wait_end()
        viewer.wait_end()
        assert "401" in str(publisher.ended) and "401" in str(viewer.ended)
        read_to_end(mjpeg)
    assert stays.ended is None
    again = closing(clients.Publisher(relay.address(), "porch", token="another"))
    again.send(pictures.picture(2, "porch"))
    stays.wait_number(2)
    no_secret_in_the_log(relay)


def test_our_own_programs_log_in(relay, start, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    host, port = relay.address()
    publisher = start(args=["--publish", f"{host}:{port}/porch", "--source", "pattern", "--size", "64x48", "--always",
                            "--token-file", token])
    relay.log.wait(r"publisher connected .*stream=porch")
    output = tmp_path / "newest.jpg"
    viewer = start(args=["--subscribe", f"{host}:{port}/porch", "--output", output, "--count", "2",
                         "--token-file", token])
    viewer.wait()
    assert output.read_bytes().startswith(b"\xff\xd8")
    publisher.stop()
    without = start(args=["--subscribe", f"{host}:{port}/porch", "--count", "1"])
    without.expected_status = 1
    without.wait()
    assert without.log.find("a login is needed")
    listing = subprocess.run([binary(), "--subscribe", f"{host}:{port}", "--token-file", str(token)],
                             capture_output=True, text=True, timeout=60)
    assert listing.returncode == 1
    assert "403" in listing.stderr
    token.chmod(0o644)
    refused = subprocess.run([binary(), "--publish", f"{host}:{port}/porch", "--source", "pattern", "--token-file",
                              str(token)], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "others can read it" in refused.stderr
    for text in (listing.stderr, refused.stderr, *publisher.log.lines, *viewer.log.lines):
        assert TOKEN not in text


def test_new_token_makes_a_token_and_its_row(start, tmp_path):
    done = subprocess.run([binary(), "--new-token", "porch pi"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    _, token, _, row = done.stdout.splitlines()
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
    assert sha256(token) in row
    relay = start(conf(more=", " + row))
    with connect(relay.address()) as sock:
        sock.sendall(b"PUB porch-pi token=" + token.encode() + b"\n")
        assert clients.read_line(sock).startswith("OK porch-pi")
    wrong = subprocess.run([binary(), "--new-token", 'a"b'], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert os.path.getsize(relay.config_file) > 0


def test_a_row_with_the_token_itself_is_refused(tmp_path):
    file = tmp_path / "relay.conf"
    file.write_text('access = ( { token_sha256 = "%s"; } );' % TOKEN)
    done = subprocess.run([binary(), "-c", file, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "relay.conf:1: token_sha256: must be the 64 hex digits" in done.stderr
    assert TOKEN not in done.stderr
