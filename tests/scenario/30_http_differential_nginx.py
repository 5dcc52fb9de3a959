# SPDX-License-Identifier: MIT
"""The same bytes to nginx and to us: what we carry out is never more than what nginx carries out.

nginx stands for the proxy that may be in front of the relay. Where the two disagree about where a
request ends, a second one can be hidden in the first (request smuggling). So what counts is which
requests of the bytes were carried out until the connection was closed: ours must be a beginning of
nginx's. `pytest -s` prints the table.
"""
import concurrent.futures
import itertools
import re
import shutil
import subprocess

from support import connect, free_port, read_to_end, wait_for

CONF = """
limits = {
  log_lines_per_second = 0; accept_rate = 0; accept_rate_per_address = 0;
  http_header_timeout_ms = 500; http_body_timeout_ms = 500; keep_alive_timeout_ms = 500;
};
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; }
);
"""

# It reads bodies whole, as it does in front of a program, and what it lets through is answered as we do.
NGINX_CONF = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log crit;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s;
  large_client_header_buffers 4 16k;
  server {
    listen 127.0.0.1:PORT;
    location / { proxy_pass http://unix:FOLDER/behind.sock; proxy_http_version 1.1; }
  }
  server {
    listen unix:FOLDER/behind.sock;
    location = /healthz { return 200 "ok\\n"; }
    location = /streams/a/messages { return 200 '{"published":1}'; }
    location / { return 404; }
  }
}
"""

HOST = b"Host: localhost\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
REFUSED = {400, 405, 408, 411, 413, 414, 417, 421, 431, 500, 501, 505}


def get(lines=HOST, target=b"/healthz", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + lines + b"\r\n"


def post(lines, body=b"", version=b"HTTP/1.1"):
    return b"POST /streams/a/messages " + version + b"\r\n" + JSON + lines + b"\r\n" + body


def chunked(body, lines=b""):
    return post(b"Transfer-Encoding: chunked\r\n" + lines, body)


CHUNKED = b"5\r\n12345\r\n0\r\n\r\n"

# The 24 of the measurement that a common HTTP library failed.
MALFORMED = {
    "TE: gzip, chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
    "two lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"12345"),
    "length +5": post(b"Content-Length: +5\r\n", b"12345"),
    "length -1": post(b"Content-Length: -1\r\n", b"12345"),
    "length 5, 5": post(b"Content-Length: 5, 5\r\n", b"12345"),
    "length of 20 digits": post(b"Content-Length: 99999999999999999999\r\n", b"12345"),
    "length and chunked": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\n", CHUNKED, b"HTTP/1.0"),
    "chunk size 0x5": chunked(b"0x5\r\n12345\r\n0\r\n\r\n"),
    "chunk size of 17 digits": chunked(b"10000000000000005\r\n12345\r\n0\r\n\r\n"),
    "space before the colon": get(b"Host : localhost\r\n"),
    "folded line": get(HOST + b"X: 1\r\n 2\r\n"),
    "no Host": get(b""),
    "two Hosts": get(HOST + b"Host: other\r\n"),
    "NUL in a header": get(HOST + b"X: a\0b\r\n"),
    "NUL in the target": get(target=b"/health\0z"),
    "path upwards": get(target=b"/../../etc/passwd"),
    "path upwards, encoded": get(target=b"/%2e%2e/%2e%2e/etc/passwd"),
    "bare line feeds": get().replace(b"\r\n", b"\n"),
    "HTTP/0.9": b"GET /healthz\r\n",
    "HTTP/2.0": get(version=b"HTTP/2.0"),
    "method in lower case": get(method=b"get"),
    "header of 8 MB": get(HOST + b"X: " + b"a" * (8 << 20) + b"\r\n"),
    "200,000 header lines": get(HOST + b"X: 1\r\n" * 200_000),
}

# Where a body ends.
BODIES = {
    "a length": post(b"Content-Length: 5\r\n", b"12345"),
    "chunked": chunked(CHUNKED),
    "chunked, any letter case": post(b"Transfer-Encoding: ChUnKeD\r\n", CHUNKED),
    "GET with a length": get(HOST + b"Content-Length: %d\r\n" % len(SECOND)) + SECOND,
    "GET with chunks": get(HOST + b"Transfer-Encoding: chunked\r\n") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(SECOND), SECOND),
    "length 0 and a body": post(b"Content-Length: 0\r\n", b"12345"),
    "no length and a body": post(b"", b"12345"),
    "CL.TE": post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nG"),
    "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"5c\r\n12345\r\n0\r\n\r\n"),
    "TE: identity": post(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"12345"),
    "TE: identity alone": post(b"Transfer-Encoding: identity\r\n", b"12345"),
    "TE: chunked, chunked": post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKED),
    "TE: chunked, identity": post(b"Transfer-Encoding: chunked, identity\r\n", CHUNKED),
    "TE: xchunked": post(b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    "TE: \"chunked\"": post(b"Transfer-Encoding: \"chunked\"\r\n", CHUNKED),
    "TE: chunked;q=1": post(b"Transfer-Encoding: chunked;q=1\r\n", CHUNKED),
    "TE with a tab": post(b"Transfer-Encoding:\tchunked\r\n", CHUNKED),
    "TE with VT": post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKED),
    "TE with a NUL": post(b"Transfer-Encoding: chunked\0\r\n", CHUNKED),
    "TE with a high byte": post(b"Transfer-Encoding: chunked\xff\r\n", CHUNKED),
    "TE twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "TE twice, one unknown": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", CHUNKED),
    "TE, space before the colon": post(b"Transfer-Encoding : chunked\r\n", CHUNKED),
    "TE with an underscore": post(b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", b"12345"),
    "TE behind a bare CR": post(b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"12345"),
    "TE behind a bare LF": post(b"X: y\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "TE folded": post(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", b"12345"),
    "TE empty": post(b"Transfer-Encoding:\r\nContent-Length: 5\r\n", b"12345"),
    "length with leading zeros": post(b"Content-Length: 0005\r\n", b"12345"),
    "length in hexadecimal": post(b"Content-Length: 0x5\r\n", b"12345"),
    "length with a space inside": post(b"Content-Length: 5 5\r\n", b"12345"),
    "length with spaces around": post(b"Content-Length: \t 5 \t\r\n", b"12345"),
    "length empty": post(b"Content-Length:\r\n", b"12345"),
    "length 5.0": post(b"Content-Length: 5.0\r\n", b"12345"),
    "length of 19 digits": post(b"Content-Length: 9223372036854775808\r\n", b"12345"),
    "length twice, the same": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"12345"),
    "length, space before the colon": post(b"Content-Length : 5\r\n", b"12345"),
    "chunk size +5": chunked(b"+5\r\n12345\r\n0\r\n\r\n"),
    "chunk size -1": chunked(b"-1\r\n12345\r\n0\r\n\r\n"),
    "chunk size, none": chunked(b"\r\n12345\r\n0\r\n\r\n"),
    "chunk size with leading zeros": chunked(b"00000005\r\n12345\r\n0\r\n\r\n"),
    "chunk size behind a space": chunked(b" 5\r\n12345\r\n0\r\n\r\n"),
    "chunk size before a space": chunked(b"5 \r\n12345\r\n0\r\n\r\n"),
    "chunk size of 16 digits, over": chunked(b"8000000000000005\r\n12345\r\n0\r\n\r\n"),
    "chunk size, wraps 64 bits": chunked(b"ffffffffffffffff\r\n12345\r\n0\r\n\r\n"),
    "chunk ends without CRLF": chunked(b"5\r\n123450\r\n\r\n"),
    "chunk ends LF": chunked(b"5\r\n12345\n0\r\n\r\n"),
    "chunk size ends LF": chunked(b"5\n12345\r\n0\r\n\r\n"),
    "chunk size ends CR": chunked(b"5\r12345\r\n0\r\n\r\n"),
    "chunk longer than its size": chunked(b"4\r\n12345\r\n0\r\n\r\n"),
    "chunk shorter than its size": chunked(b"6\r\n12345\r\n0\r\n\r\n"),
    "chunk extension": chunked(b"5;a=b\r\n12345\r\n0;c\r\n\r\n"),
    "chunk extension with LF": chunked(b"5;a\nb\r\n12345\r\n0\r\n\r\n"),
    "chunk extension with a NUL": chunked(b"5;a\0b\r\n12345\r\n0\r\n\r\n"),
    "chunk extension of 1 MB": chunked(b"5;" + b"a" * (1 << 20) + b"\r\n12345\r\n0\r\n\r\n"),
    "last chunk 000": chunked(b"5\r\n12345\r\n000\r\n\r\n"),
    "no empty line behind the last chunk": chunked(b"5\r\n12345\r\n0\r\n"),
    "trailers": chunked(b"5\r\n12345\r\n0\r\nHost: evil.example\r\nAuthorization: x\r\n\r\n"),
    "trailer with a length": chunked(b"5\r\n12345\r\n0\r\nContent-Length: 99\r\n\r\n"),
    "trailer with a NUL": chunked(b"5\r\n12345\r\n0\r\nX: a\0b\r\n\r\n"),
    "trailer ends LF": chunked(b"5\r\n12345\r\n0\r\nX: y\n\r\n"),
    "trailers of 1 MB": chunked(b"5\r\n12345\r\n0\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"),
}

# Where a head ends, and whom it is for.
HEADS = {
    "plain": get(),
    "spaces between the words": get().replace(b" ", b"  ", 2),
    "space behind the version": get(version=b"HTTP/1.1 "),
    "tab between the words": get().replace(b" /", b"\t/", 1),
    "space in front": b" " + get(),
    "empty lines in front": b"\r\n\r\n" + get(),
    "many empty lines in front": b"\r\n" * 8 + get(),
    "line feed in front": b"\n" + get(),
    "no line end at all": b"GET /healthz HTTP/1.1",
    "CR alone ends the line": get().replace(b"\r\n", b"\r", 1),
    "CR CR LF": get().replace(b"\r\n", b"\r\r\n", 1),
    "HTTP/1.2": get(version=b"HTTP/1.2"),
    "HTTP/1.10": get(version=b"HTTP/1.10"),
    "HTTP/01.1": get(version=b"HTTP/01.1"),
    "HTTP/9.9": get(version=b"HTTP/9.9"),
    "HTTP/4294967295.255": get(version=b"HTTP/4294967295.255"),
    "http/1.1": get(version=b"http/1.1"),
    "HTTPS/1.1": get(version=b"HTTPS/1.1"),
    "a method of 1,000 letters": get(method=b"A" * 1000),
    "a method with a sign": get(method=b"GE!T"),
    "TRACE": get(method=b"TRACE"),
    "CONNECT": get(method=b"CONNECT", target=b"localhost:80"),
    "PRI": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "absolute target": get(target=b"http://localhost/healthz"),
    "absolute target of another host": get(target=b"http://other/healthz"),
    "absolute target, user": get(target=b"http://a@localhost/healthz"),
    "target without a slash": get(target=b"healthz"),
    "target with #": get(target=b"/healthz#a"),
    "target with a backslash": get(target=b"/..\\healthz"),
    "target with %00": get(target=b"/healthz%00"),
    "target with %2f": get(target=b"/..%2fhealthz"),
    "target with %zz": get(target=b"/%zz"),
    "target with a half %": get(target=b"/healthz%"),
    "target with DEL": get(target=b"/healthz\x7f"),
    "target with //": get(target=b"//healthz"),
    "target with a high byte": get(target=b"/\xc0\xae\xc0\xae/healthz"),
    "target with overlong UTF-8": get(target=b"/%c0%ae%c0%ae/healthz"),
    "target of 20,000 letters": get(target=b"/" + b"a" * 20_000),
    "header line without a colon": get(HOST + b"X\r\n"),
    "header line without a name": get(HOST + b": x\r\n"),
    "header's name with a space": get(HOST + b"X Y: z\r\n"),
    "header's name with a NUL": get(HOST + b"X\0: z\r\n"),
    "header's name with a high byte": get(HOST + b"X\xff: z\r\n"),
    "header with CR inside": get(HOST + b"X: a\rb\r\n"),
    "header with VT": get(HOST + b"X: a\x0bb\r\n"),
    "first header line folded": get(b" " + HOST),
    "Host empty": get(b"Host:\r\n"),
    "Host with a user": get(b"Host: a@localhost\r\n"),
    "Host with a path": get(b"Host: localhost/x\r\n"),
    "Host with two words": get(b"Host: localhost x\r\n"),
    "Host with a NUL": get(b"Host: local\0host\r\n"),
    "Host of 300 letters": get(b"Host: " + b"a" * 300 + b"\r\n"),
    "Host with a long port": get(b"Host: localhost:8080808080\r\n"),
    "Host twice, the same": get(HOST + HOST),
    "Host in HTTP/1.0, none": get(b"", version=b"HTTP/1.0"),
    "Expect: 100-continue": post(b"Content-Length: 5\r\nExpect: 100-continue\r\n", b"12345"),
    "Expect: something": get(HOST + b"Expect: something\r\n"),
    "Connection: close": get(HOST + b"Connection: close\r\n"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

GOOD = {"a length", "chunked", "chunk extension", "trailers", "plain", "empty lines in front", "absolute target",
        "Expect: 100-continue"}


class Nginx:
    """Debian's nginx in a folder of ours, on a port of loopback. One process; no service."""

    def __init__(self, folder):
        folder.mkdir()
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert program, "Debian's nginx is missing: packaging/packages.sh test"
        self.address = ("127.0.0.1", free_port())
        conf = NGINX_CONF.replace("PORT", str(self.address[1])).replace("FOLDER", str(folder))
        (folder / "nginx.conf").write_text(conf)
        self.process = subprocess.Popen([program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(self.is_there, "nginx answers")

    def is_there(self):
        assert self.process.poll() is None, "nginx has ended"
        try:
            connect(self.address).close()
        except ConnectionRefusedError:
            return False
        return True

    def close(self):
        self.process.terminate()
        self.process.wait(30)


def answers(data):
    """Takes what came apart: (status, body) of each answer."""
    while data:
        found = re.match(rb"HTTP/1\.[01] (\d{3}) ", data)
        if not found:  # HTTP/0.9
            yield 200, data
            return
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head, re.I)
        size = int(length[1]) if length else 0
        if found[1] != b"100":
            yield int(found[1]), data[:size]
        data = data[size:]


def verdict(address, data):
    """What a server made of the bytes, until it closed: what it carried out, and how it refused the rest."""
    with connect(address) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass
        found = list(answers(read_to_end(sock)))
    names = [(code, body.strip().decode() if code == 200 else str(code)) for code, body in found]
    return [name for code, name in names if code not in REFUSED], " ".join(name for _, name in names)


def say(found):
    return found[1] or "closed"


def compare(nginx, ours, cases):
    """Gives {name: (nginx's verdict, ours)}; many at once, for some end with a deadline."""
    def one(data):
        return verdict(nginx.address, data()), verdict(ours, data())
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return dict(zip(cases, pool.map(one, cases.values())))


def show(title, found):
    print(f"\n{title:<38} {'nginx':<36} framerelayd")
    for name, (theirs, ours) in found.items():
        print(f"{name:<38} {say(theirs):<36} {say(ours)}")


def is_laxer(theirs, ours):
    """Whether ours has carried out what nginx has not. A 404 where nginx found something is no more than nginx did."""
    return len(ours) > len(theirs) or any(o not in (t, "404") for t, o in zip(theirs, ours))


def laxer(found):
    return {name: (say(theirs), say(ours)) for name, (theirs, ours) in found.items() if is_laxer(theirs[0], ours[0])}


def test_nothing_is_carried_out_that_nginx_refuses(start, calm, closing, tmp_path):
    relay = start(CONF)
    calm(relay.address())
    nginx = closing(Nginx(tmp_path / "nginx"))
    ours = relay.address(door="http")

    for title, requests in (("malformed", MALFORMED), ("bodies", BODIES), ("heads", HEADS)):
        found = compare(nginx, ours, {name: (lambda r=r: r + SECOND) for name, r in requests.items()})
        show(title, found)
        print(f"{len(found)} compared, {len(laxer(found))} laxer")
        assert laxer(found) == {}
        # The two are comparable: what is good is carried out by both, and the second request with it.
        for name in GOOD & found.keys():
            assert found[name][0] == found[name][1] and len(found[name][1][0]) == 2, name


def test_no_pair_of_malformed_requests_is_read_differently(start, calm, closing, tmp_path):
    relay = start(CONF)
    calm(relay.address())
    nginx = closing(Nginx(tmp_path / "nginx"))

    pairs = {f"{a} + {b}": (lambda a=a, b=b: MALFORMED[a] + MALFORMED[b] + SECOND)
             for a, b in itertools.product(MALFORMED, repeat=2)}
    found = compare(nginx, relay.address(door="http"), pairs)
    same = sum(theirs[0] == ours[0] for theirs, ours in found.values())
    print(f"\n{len(found)} pairs compared: {same} the same, {len(found) - same - len(laxer(found))} stricter, "
          f"{len(laxer(found))} laxer")
    assert len(found) == len(MALFORMED) ** 2
    assert laxer(found) == {}
    # Not one of them is good, so nothing is carried out, nor is what stands behind them.
    assert {name for name, (_, ours) in found.items() if ours[0]} == set()
