# SPDX-License-Identifier: MIT
"""Web servers that a relay pulls from: what a test plays byte by byte, and real Flask programs."""
import contextlib
import pathlib
import socket
import subprocess
import textwrap
import threading

from support import Log


class Request:
    """One request as it came: method, target, headers by lower-case name."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert name.lower() not in self.headers, f"twice: {line}"
            self.headers[name.lower()] = value.strip()


class Origin:
    """Listens, reads requests, and lets `answer(sock, request)` answer each; it returns whether the connection is
    kept. `requests` are all that came, `open` the connections there are now, `most` the most at once."""

    def __init__(self, answer, port=0, host="127.0.0.1"):
        self.answer = answer
        self.requests = []
        self.open = self.most = self.accepted = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._socks = []
        self._listener = socket.create_server((host, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._socks.append(sock)
                    self.accepted += 1
                    self.open += 1
                    self.most = max(self.most, self.open)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            with contextlib.suppress(OSError), sock:
                self._answer_all(sock)
        finally:
            with self._lock:
                self.open -= 1

    def _answer_all(self, sock):
        got = b""
        while not self.closing.is_set():
            while b"\r\n\r\n" not in got:
                piece = sock.recv(65536)
                if not piece:
                    return
                got += piece
            head, _, got = got.partition(b"\r\n\r\n")
            request = Request(head)
            self.requests.append(request)
            if not self.answer(sock, request):
                return

    def hold(self, sock):
        """Waits until the other side closes."""
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                pass
        return False

    def drop(self):
        """Closes every connection."""
        with self._lock:
            socks, self._socks = self._socks, []
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()


def head(content_type, *lines, version="1.1", status="200 OK", eol=b"\r\n"):
    """The head of an answer."""
    every = [f"HTTP/{version} {status}", *([f"Content-Type: {content_type}"] if content_type else []), *lines, "", ""]
    return eol.join(line.encode() for line in every)


def multipart(sock, jpegs, wait, boundary="frame", more=""):
    """Sends parts with lengths, `wait()` seconds apart, until the other side goes."""
    sock.sendall(head(f"multipart/x-mixed-replace; boundary={boundary}", "Connection: close"))
    for jpeg in jpegs:
        part = f"--{boundary}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n{more}\r\n"
        sock.sendall(part.encode() + jpeg + b"\r\n")
        wait()
    return False


class Flask:
    """A Flask program of a blog, in a process of its own. `code` has `app`, and `jpegs`: files to send."""

    def __init__(self, folder, code, jpegs):
        folder = pathlib.Path(folder)
        folder.mkdir()
        for number, jpeg in enumerate(jpegs):
            (folder / f"{number}.jpg").write_bytes(jpeg)
        (folder / "origin.py").write_text(textwrap.dedent("""\
            import pathlib, time
            from flask import Flask, Response
            app = Flask(__name__)
            jpegs = [path.read_bytes() for path in sorted(pathlib.Path().glob("*.jpg"))]
            """) + textwrap.dedent(code) + "\napp.run(host='127.0.0.1', port=0, threaded=True)\n")
        self.process = subprocess.Popen(["/usr/bin/python3", "origin.py"], cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.log = Log(self.process.stderr)
        self.port = int(self.log.wait(r"Running on http://127\.0\.0\.1:(\d+)")[1])

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.finish()
