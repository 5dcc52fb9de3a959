# SPDX-License-Identifier: MIT
"""Logins at the camera, and redirects: the right answer to each challenge, the password to nobody else, and never in the log.

The origins check what they are sent as RFC 7617 and RFC 7616 have it, with hashlib.
"""
import base64
import hashlib
import itertools
import re
import time

import pytest

import clients
import origins
import pictures
from support import conf, wait_for

JPEGS = [pictures.picture(n, "door", 160, 120) for n in range(3)]
USER, PASSWORD = "ana", "p%ss:w@rd/ü"
IN_URL = "ana:p%25ss%3Aw%40rd%2F%C3%BC@"
HASH = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def pull(url, more="", limits=""):
    return conf(f'sources = ( {{ kind = "http-pull"; stream = "door"; url = "{url}"; {more} }} );', limits=limits)


def with_login(origin, path="/stream?x=1"):
    return f"http://{IN_URL}127.0.0.1:{origin.port}{path}"


def stream(sock):
    return origins.multipart(sock, itertools.cycle(JPEGS), lambda: time.sleep(0.03))


def refuse(sock, *challenges):
    sock.sendall(origins.head("text/html", *[f"WWW-Authenticate: {c}" for c in challenges], "Content-Length: 4", "Connection: close",
                              status="401 Unauthorized") + b"who?")
    return False


def is_basic(request):
    return request.headers.get("authorization") == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def digest_fields(request):
    text = request.headers.get("authorization", "")
    if not text.startswith("Digest "):
        return None
    return {m[1]: m[2] if m[2] is not None else m[3] for m in re.finditer(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', text)}


def is_digest(request, nonce, algorithm="MD5", qop="auth"):
    """Whether the request holds the right answer, of this nonce; gives its count, True without one."""
    f = digest_fields(request)
    if f is None or f["username"] != USER or f["nonce"] != nonce or f["uri"] != request.target:
        return False

    def h(*parts):
        return HASH[algorithm](":".join(parts).encode()).hexdigest()
    assert f.get("algorithm", "MD5") == algorithm
    ha1, ha2 = h(USER, f["realm"], PASSWORD), h(request.method, request.target)
    if qop is None:
        return f["response"] == h(ha1, nonce, ha2)
    assert len(f["cnonce"]) >= 16
    return f["response"] == h(ha1, nonce, f["nc"], f["cnonce"], f["qop"], ha2) and int(f["nc"], 16)


BOTH = ['Digest realm="cam era", nonce="n1", algorithm=SHA-256, qop="auth,auth-int", opaque="o"',
        'Digest realm="cam era", nonce="n1", algorithm=MD5, qop="auth,auth-int", opaque="o"', 'Basic realm="cam"']
LOGINS = {
    "basic": (['Basic realm="cam era"'], is_basic, "Basic"),
    "digest_md5": (['Digest realm="cam era", nonce="n1", qop="auth"'], lambda r: is_digest(r, "n1"), "Digest MD5"),
    "digest_sha256": (['Digest realm="c", nonce="n1", qop="auth", algorithm=SHA-256'], lambda r: is_digest(r, "n1", "SHA-256"),
                      "Digest SHA-256"),
    "digest_of_old": (['Digest realm="c", nonce="n1"'], lambda r: is_digest(r, "n1", qop=None), "Digest MD5"),
    "the_strongest": (BOTH, lambda r: is_digest(r, "n1", "SHA-256"), "Digest SHA-256"),
    "all_in_one_field": ([", ".join(reversed(BOTH))], lambda r: is_digest(r, "n1", "SHA-256"), "Digest SHA-256"),
}


def no_secret(relay):
    for line in relay.log.lines:
        assert not re.search(r"w@rd|w%40rd|p%|ana:|x=1", line), line


@pytest.mark.parametrize("challenges, is_right, name", LOGINS.values(), ids=LOGINS.keys())
def test_it_logs_in(start, closing, challenges, is_right, name):
    origin = closing(origins.Origin(lambda sock, r: stream(sock) if is_right(r) else refuse(sock, *challenges)))
    relay = start(pull(with_login(origin)))

    closing(clients.Subscriber(relay.address(), "door")).wait_pictures(3)

    assert len(origin.requests) == 2
    assert "authorization" not in origin.requests[0].headers, "nothing is said before it is asked for"
    relay.log.wait(rf'http-pull: connected .*login="{name}"')
    no_secret(relay)


def test_the_password_comes_from_a_file(start, closing, tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o640)
    origin = closing(origins.Origin(lambda sock, r: stream(sock) if is_basic(r) else refuse(sock, "Basic")))
    relay = start(pull(origin.url(), f'user = "{USER}"; password_file = "{tmp_path}/password";'))

    closing(clients.Subscriber(relay.address(), "door")).wait_pictures(3)
    no_secret(relay)


def test_a_password_that_others_can_read_is_refused(start, tmp_path):
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o644)
    relay = start(pull("http://127.0.0.1:1/", f'user = "{USER}"; password_file = "{tmp_path}/password";'))
    relay.announce("others can read it")
    relay.expected_status = 1

    relay.wait()
    assert relay.log.find(r"others can read it")


def test_a_wrong_password_is_said_and_not_tried_at_once_again(start, closing):
    origin = closing(origins.Origin(lambda sock, r: refuse(sock, 'Digest realm="c", nonce="n1", qop="auth"')))
    relay = start(pull(with_login(origin)))
    viewer = closing(clients.Subscriber(relay.address(), "door"))

    relay.log.wait(r'^warning http-pull: .*url=http://127.0.0.1:\d+/stream… .*reason=".*wrong user or password"')
    time.sleep(1)  # the first tries after other trouble would have come by now

    assert len(origin.requests) == 2
    assert viewer.pictures == []
    no_secret(relay)


def test_without_a_password_it_says_what_is_missing(start, closing):
    origin = closing(origins.Origin(lambda sock, r: refuse(sock, 'Basic realm="c"')))
    relay = start(pull(origin.url()))
    closing(clients.Subscriber(relay.address(), "door"))

    relay.log.wait(r'^warning http-pull: .*wants a login: set user and password_file')
    assert len(origin.requests) == 1


def test_nonces_are_counted_and_renewed(start, closing):
    """A picture asked again and again: each nonce is good for three, and its count goes up by one."""
    seen = {}

    def answer(sock, request):
        nonce = f"n{sum(len(counts) for counts in seen.values()) // 3}"
        count = is_digest(request, nonce)
        if not count:
            stale = ", stale=true" if digest_fields(request) else ""
            sock.sendall(origins.head(None, f'WWW-Authenticate: Digest realm="c", nonce="{nonce}", qop="auth"{stale}', "Content-Length: 0",
                                      status="401 No"))
            return True
        seen.setdefault(nonce, []).append(count)
        jpeg = JPEGS[len(seen[nonce]) - 1]
        sock.sendall(origins.head("image/jpeg", f"Content-Length: {len(jpeg)}") + jpeg)
        return True
    origin = closing(origins.Origin(answer))
    relay = start(pull(with_login(origin, "/shot.jpg"), "fps = 50;"))
    viewer = closing(clients.Subscriber(relay.address(), "door", queue=64, age_ms=0))

    viewer.wait_pictures(9)

    assert [seen[f"n{n}"] for n in range(3)] == [[1, 2, 3]] * 3
    assert not relay.log.find("^warning")


def test_an_origin_whose_nonces_are_always_stale_is_left_alone(start, closing):
    origin = closing(origins.Origin(lambda sock, r: refuse(sock, 'Digest realm="c", nonce="n", qop="auth", stale=true')))
    relay = start(pull(with_login(origin)))
    closing(clients.Subscriber(relay.address(), "door"))

    relay.log.wait(r"^warning http-pull: .*refuses the login")
    assert len(origin.requests) <= 5


def redirect(sock, location, status="302 Found"):
    sock.sendall(origins.head(None, *([f"Location: {location}"] if location else []), "Content-Length: 0", status=status))
    return False


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed_with_the_login_on_the_same_host(start, closing, status):
    def answer(sock, request):
        if request.target.startswith("/stream"):
            return redirect(sock, "../real/one?y", status)
        assert request.target == "/real/one?y"
        return stream(sock) if is_basic(request) else refuse(sock, "Basic")
    origin = closing(origins.Origin(answer))
    relay = start(pull(with_login(origin)))

    closing(clients.Subscriber(relay.address(), "door")).wait_pictures(3)

    assert not relay.log.find("^warning")


def test_another_host_does_not_get_the_login(start, closing):
    other = closing(origins.Origin(lambda sock, r: refuse(sock, 'Basic realm="give it to me"')))
    origin = closing(origins.Origin(lambda sock, r: redirect(sock, other.url("/x")) if is_basic(r) else refuse(sock, "Basic")))
    relay = start(pull(with_login(origin)))
    closing(clients.Subscriber(relay.address(), "door"))

    relay.log.wait(r"^warning http-pull: .*redirected to another host, which wants a login; it does not get this one")

    assert other.requests and not any("authorization" in r.headers for r in other.requests)


def test_another_host_without_a_login_is_taken(start, closing):
    other = closing(origins.Origin(lambda sock, r: stream(sock)))
    origin = closing(origins.Origin(lambda sock, r: redirect(sock, f"//127.0.0.1:{other.port}/x") if is_basic(r) else refuse(sock, "Basic")))
    relay = start(pull(with_login(origin)))

    closing(clients.Subscriber(relay.address(), "door")).wait_pictures(3)

    assert not any("authorization" in r.headers for r in other.requests)


NOWHERE = {
    "in_a_circle": ("/again", "redirected more than 5 times"),
    "to_https": ("https://127.0.0.1/", "https:// needs TLS"),
    "to_another_protocol": ("ftp://127.0.0.1/", "cannot follow"),
    "without_a_location": (None, "no Location"),
}


@pytest.mark.parametrize("location, sentence", NOWHERE.values(), ids=NOWHERE.keys())
def test_redirects_to_nowhere_are_said(start, closing, calm, location, sentence):
    origin = closing(origins.Origin(lambda sock, r: redirect(sock, location)))
    relay = start(pull(origin.url()))
    calm(relay.address(), subscribers=1)
    closing(clients.Subscriber(relay.address(), "door"))

    relay.log.wait(rf"^warning http-pull: .*{sentence}")
    wait_for(lambda: relay.stat("reconnects") >= 2, "it tries again")
    assert len(origin.requests) < 40
    assert len(relay.log.find("^warning http-pull")) == 1


def test_https_is_refused_in_the_configuration(start):
    relay = start(pull("https://ana:secret@127.0.0.1/"))
    relay.announce("https:// needs TLS")
    relay.expected_status = 2

    relay.wait()
    assert relay.log.find(r"relay.conf:\d+: url: https:// needs TLS, which this build does not have")
    assert not relay.log.find("secret")


def test_the_command_line_takes_an_address(start, closing):
    origin = closing(origins.Origin(lambda sock, r: stream(sock)))
    relay = start(conf())
    sender = start("doors = ( ); limits = { log_lines_per_second = 0; };",
                   args=["--publish", "%s:%d/far" % relay.address(), "--source", origin.url("/stream")])

    viewer = closing(clients.Subscriber(relay.address(), "far"))
    viewer.wait_pictures(3)

    assert all(picture in JPEGS for picture in viewer.pictures)
    sender.log.wait("http-pull: connected")
