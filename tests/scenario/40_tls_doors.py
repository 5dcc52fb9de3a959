# SPDX-License-Identifier: MIT
"""Doors with TLS: every protocol works inside it, plain and TLS are told apart, and what is wrong is told."""
import re
import socket
import ssl
import struct
import subprocess
import time

import grpc
import pytest

import clients
import grpc_client
import pictures
import support
from certificates import Certificates
from support import connect, read_to_end, wait_for

DOORS = """doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; tls = true; }},
  {{ kind = "http"; listen = "127.0.0.1:0"; tls = true; }},
  {{ kind = "grpc"; listen = "127.0.0.1:0"; tls = true; }},
  {{ kind = "frames"; listen = "127.0.0.1:0"; }}
);
limits = {{ log_lines_per_second = 0; {limits} }};
{more}
"""
PATTERN = 'sources = ( { kind = "pattern"; stream = "test"; size = "160x120"; fps = 25; on_demand = false; } );'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def conf(made, limits="", more="", section=None):
    return DOORS.format(limits=limits, more=more) + (section or made.section())


def s_client(address, *args, words=b""):
    """openssl s_client: gives what it says on both outputs."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", *args], input=words,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=support.PATIENCE, check=False)
    return done.stdout.decode(errors="replace")


def publish(sock, numbers, stream="porch"):
    for number in numbers:
        sock.sendall(clients.plain(pictures.picture(number, stream)))


def test_a_publisher_and_a_subscriber_see_nothing_of_it(start, made):
    relay = start(conf(made))
    viewer = made.connect(relay.address())
    viewer.sendall(clients.hello("SUB", "porch", records=1, queue=64))
    assert clients.read_line(viewer).startswith("OK porch")
    publisher = made.connect(relay.address())
    publisher.sendall(clients.hello("PUB", "porch"))
    assert clients.read_line(publisher).startswith("OK porch")

    publish(publisher, range(20))
    got = []
    while len(got) < 20:
        record = clients.read_record(viewer)
        if record.kind == clients.FRAME:
            got.append(record.payload)
    assert got == [pictures.picture(n, "porch") for n in range(20)]
    for sock in (viewer, publisher):
        sock.close()


def test_records_of_one_byte_and_of_16_kibibytes(start, made):
    """TLS-07: however the bytes are cut into records, the picture is the same."""
    relay = start(conf(made))
    viewer = connect(relay.address(1))
    viewer.sendall(clients.hello("SUB", "porch", records=1, queue=64))
    clients.read_line(viewer)
    publisher = made.connect(relay.address())
    whole = clients.hello("PUB", "porch") + clients.plain(pictures.picture(1, "porch"))
    for at in range(0, 1500):
        publisher.sendall(whole[at:at + 1])
    publisher.sendall(whole[1500:])
    publish(publisher, [2])
    got = []
    while len(got) < 2:
        record = clients.read_record(viewer)
        if record.kind == clients.FRAME:
            got.append(record.payload)
    assert got == [pictures.picture(n, "porch") for n in (1, 2)]
    publisher.close()
    viewer.close()


def test_curl_watches(start, made, tmp_path):
    relay = start(conf(made, more=PATTERN))
    for door in ("http", "frames"):
        host, port = relay.address(door=door)
        saved = tmp_path / f"{door}.jpg"
        done = subprocess.run(
            ["curl", "-sS", "--cacert", made.path("ca.pem"), "-o", saved, "-w", "%{http_code} %{http_version}",
             f"https://localhost:{port}/streams/test.jpg", "--resolve", f"localhost:{port}:{host}"],
            capture_output=True, timeout=support.PATIENCE, check=False)
        assert done.stdout == b"200 1.1", done.stderr
        assert saved.read_bytes()[:2] == b"\xff\xd8"


def test_grpc_over_tls(start, made):
    """Also on the port of the frames door, which hands it over."""
    messages, services = grpc_client.stubs("mainserver")
    relay = start(conf(made, more=PATTERN))
    for door in ("grpc", "frames"):
        host, port = relay.address(door=door)
        trusted = grpc.ssl_channel_credentials(made.path("ca.pem").read_bytes())
        with grpc.secure_channel(f"{host}:{port}", trusted) as channel:
            stub = services.MainServerStub(channel)
            replies = stub.getStream(iter([messages.Request(msg="test")]), timeout=support.PATIENCE)
            assert next(replies).datas


PLAIN = {
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", rb"HTTP/1.1 400 .*this is an HTTPS port"),
    "a hello": (b"SUB porch\n", rb"^ERR 400 this port speaks TLS\n"),
}


@pytest.mark.parametrize("door", ["frames", "http", "grpc"])
@pytest.mark.parametrize("what", sorted(PLAIN))
def test_who_speaks_plainly_is_told(start, made, door, what):
    relay = start(conf(made))
    words, answer = PLAIN[what]
    with connect(relay.address(door=door)) as sock:
        sock.sendall(words)
        got = read_to_end(sock)
    assert re.search(answer, got, re.S), got
    assert relay.rejected("tls_error", door) == 1
    relay.log.wait(r"rejected reason=tls_error .*on a port that speaks TLS")


def test_who_speaks_tls_to_a_plain_port_is_told(start, made):
    relay = start(conf(made))
    with connect(relay.address(1)) as sock:
        sock.sendall(bytes.fromhex("1603010200010001fc0303") + bytes(500))
        assert b"a TLS client on a plain port" in read_to_end(sock)
    assert relay.rejected("wrong_protocol") == 1


REFUSED = {
    "TLS 1.0": ("http", ("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "protocol version"),
    "TLS 1.1": ("http", ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "protocol version"),
    "no forward secrecy": ("http", ("-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256"), "handshake failure"),
    "no HTTP": ("http", ("-alpn", "h2"), "no application protocol"),
    "no h2": ("grpc", ("-alpn", "http/1.1"), "no application protocol"),
    "no ALPN": ("grpc", (), "no application protocol"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_not_spoken_gets_an_alert(start, made, what):
    """TLS-02."""
    relay = start(conf(made))
    door, args, alert = REFUSED[what]
    assert f"alert {alert}" in s_client(relay.address(door=door), *args)
    relay.wait_stat((door, "tls_error"), 1)


def test_renegotiation_and_early_data_are_off(start, made, tmp_path):
    """TLS-02: a ticket resumes a session, and nothing may come before its handshake."""
    relay = start(conf(made))
    address = relay.address(door="http")
    ticket = tmp_path / "ticket"
    said = s_client(address, "-tls1_2", words=b"R\n")
    assert "Secure Renegotiation IS supported" in said
    assert "no renegotiation" in said

    said = s_client(address, "-tls1_3", "-sess_out", str(ticket), "-ign_eof", words=b"GET /health HTTP/1.0\r\n\r\n")
    assert "Max Early Data: 0" in said
    said = s_client(address, "-tls1_3", "-sess_in", str(ticket), words=b"Q\n")
    assert "Reused, TLSv1.3" in said


def test_what_is_plain_goes_to_no_door_of_tls_alone(start, made):
    """A plain frames port hands HTTP and gRPC over to plain doors only."""
    relay = start(conf(made))
    plain = relay.address(1)
    for words in (b"GET /streams HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with connect(plain) as sock:
            sock.sendall(words)
            assert b"400" in read_to_end(sock).split(b"\n")[0]


def test_handshakes_have_a_deadline(start, made, calm):
    """TLS-01: silent, silent behind a ClientHello, a byte now and then."""
    relay = start(conf(made, limits="tls_handshake_timeout_ms = 1500;"))
    calm(relay.address(1))
    outgoing = ssl.MemoryBIO()
    engine = made.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        engine.do_handshake()
    hello = outgoing.read()
    for door in ("frames", "http", "grpc"):
        silent, waits, trickles = (connect(relay.address(door=door)) for _ in range(3))
        waits.sendall(hello[:-1])
        begun = time.monotonic()
        trickles.settimeout(0.1)
        for at in range(len(hello)):
            try:
                trickles.sendall(hello[at:at + 1])
                if trickles.recv(1) == b"":
                    break
            except TimeoutError:
                pass
            except ConnectionError:
                break
        assert time.monotonic() - begun > 1.4
        for sock in (silent, waits, trickles):
            sock.settimeout(support.PATIENCE)
            read_to_end(sock)
            sock.close()
        relay.wait_stat((door, "tls_timeout"), 3)


def test_a_flood_of_handshakes_is_bounded(start, made, calm):
    """TLS-01: above the rate they are closed before they cost anything; plain doors do not notice."""
    relay = start(conf(made, limits="tls_handshake_rate = 10; accept_rate_per_address = 0; accept_rate = 0;"))
    calm(relay.address(1))
    closed = 0
    for _ in range(100):
        with connect(relay.address(door="http")) as sock:
            sock.sendall(b"\x16")
            sock.settimeout(0.02)
            try:
                closed += sock.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                closed += 1
    refused = relay.rejected("tls_rate", "http")
    assert refused >= 20 and refused >= closed > 0, (refused, closed)


def test_an_end_inside_and_between_pictures(start, made):
    """TLS-03: a connection that is cut off is judged by what came."""
    relay = start(conf(made))
    for cut in (100, 0):
        publisher = made.connect(relay.address())
        publisher.sendall(clients.hello("PUB", "porch"))
        clients.read_line(publisher)
        publish(publisher, [1])
        if cut:
            publisher.sendall(clients.plain(pictures.picture(2, "porch"))[:-cut])
        socket.close(publisher.detach())
        relay.log.wait(r"publisher closed .*published=1 rejected=0 truncated=" + ("1" if cut else "0"))
    assert relay.rejected("truncated_frame") <= 1


def test_client_certificates(start, made):
    """TLS-06: none, one of another CA, a good one."""
    made.own("stranger")
    made.signed("client")
    relay = start(conf(made, section=made.section(more=f'client_ca = "{made.path("ca.pem")}";')))
    for client, alert in ((None, "certificate required"), ("stranger", "unknown ca")):
        with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
            sock = made.connect(relay.address(), client=client)
            sock.sendall(clients.hello("LIST"))
            sock.recv(1)
        assert alert.replace(" ", "_") in str(refused.value).lower().replace(" ", "_"), refused.value
    with made.connect(relay.address(), client="client") as sock:
        sock.sendall(clients.hello("LIST"))
        assert clients.read_line(sock) == "OK"
    assert relay.rejected("tls_error") == 2


def test_a_reload_takes_new_files_and_drops_nobody(start, made, calm, tmp_path):
    mine = Certificates(tmp_path / "mine")
    relay = start(conf(mine))
    calm(relay.address(1))
    old = mine.connect(relay.address())
    old.sendall(clients.hello("PUB", "porch"))
    clients.read_line(old)

    mine.own("other", "-addext", "subjectAltName=DNS:localhost")
    for suffix in ("pem", "key"):
        mine.path(f"other.{suffix}").replace(mine.path(f"server.{suffix}"))
    relay.reload()
    relay.wait_stat("reloads", 1)
    with pytest.raises(ssl.SSLCertVerificationError):
        mine.connect(relay.address())
    publish(old, [1])
    wait_for(lambda: relay.stat("frames_published") >= 1, "the old connection publishes on")

    relay.announce("configuration refused")
    mine.path("server.pem").write_text("nothing of use")
    relay.reload()
    relay.wait_stat("reload_failures", 1)
    relay.log.wait(r"configuration refused, the old one stays .*there is no certificate in it")
    context = ssl.create_default_context(cafile=str(mine.path("ca.pem")))
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connect(relay.address())) as sock:
        assert sock.version() == "TLSv1.3"
    publish(old, [2])
    wait_for(lambda: relay.stat("frames_published") >= 2, "it still does")
    old.close()


BAD = {
    "no file": (lambda m: None, "No such file"),
    "others can read the key": (lambda m: m.path("server.key").chmod(0o644), "others can read it"),
    "another's key": (lambda m: m.path("ca.key").replace(m.path("server.key")), "not the key of this certificate"),
    "no certificate": (lambda m: m.path("server.pem").write_text("x"), "there is no certificate in it"),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_check_and_start_refuse_bad_files(start, made, tmp_path, what):
    mine = Certificates(tmp_path / "mine")
    break_it, sentence = BAD[what]
    break_it(mine)
    section = mine.section() if what != "no file" else mine.section("none")
    for args in (["--check"], []):
        program = start(conf(mine, section=section), args=args)
        program.expected_status = 2
        assert program.wait() == 2
        program.log.wait(r"relay\.conf:\d+: tls: (certificate|key) = .*" + sentence)


def test_the_days_left_are_a_metric_and_a_warning(start, made, tmp_path):
    """TLS-05."""
    mine = Certificates(tmp_path / "mine")
    mine.own("server", days=6)
    relay = start(conf(mine))
    relay.log.wait(r"^warning tls: the certificate expires soon.* days=[56]$")
    assert 5 * 86400 < relay.stat("tls_certificate_expires_timestamp_seconds") - time.time() < 7 * 86400


def test_a_plain_relay_has_no_date(start):
    relay = start(support.conf())
    assert relay.stat("tls_certificate_expires_timestamp_seconds") == 0


def test_slow_viewers_get_the_newest(start, made, calm):
    """The queue is bounded in TLS as it is without: who reads late sees what is new."""
    relay = start(conf(made))
    calm(relay.address(1))
    publisher = made.connect(relay.address())
    publisher.sendall(clients.hello("PUB", "porch"))
    clients.read_line(publisher)
    slow = made.context().wrap_socket(connect(relay.address(), receive_buffer=4096), server_hostname="localhost")
    slow.sendall(clients.hello("SUB", "porch", records=1))
    clients.read_line(slow)
    filler = b"\xff\xfe" + struct.pack(">H", 60002) + bytes(60000)
    for number in range(200):
        jpeg = pictures.picture(number, "porch")
        publisher.sendall(clients.plain(jpeg[:2] + filler * 4 + jpeg[2:]))
    relay.wait_stat("frames_published", 200)
    seen = []
    while not seen or seen[-1] < 199:
        record = clients.read_record(slow)
        if record.kind == clients.FRAME:
            payload = record.payload[:2] + record.payload[2 + 4 * len(filler):]
            seen.append(next(n for n in range(200) if payload == pictures.picture(n, "porch")))
    assert seen == sorted(seen) and len(seen) < 100, len(seen)
    slow.close()
    publisher.close()
