# SPDX-License-Identifier: MIT
"""A crowd of MJPEG viewers, in a process of its own so that it is not what is slow.

Usage: http_crowd.py HOST PORT TARGET COUNT SECONDS

COUNT viewers come within SECONDS, each from one of 200 addresses. When each has seen a whole picture
it says `served COUNT worst MS`; when its standard input ends they leave within SECONDS.
"""
import selectors
import socket
import sys
import time

PATIENCE = 60


def viewer(host, port, number):
    sock = socket.socket()
    sock.bind((f"127.0.3.{1 + number % 200}", 0))
    sock.setblocking(False)
    sock.connect_ex((host, port))
    return sock


def main(host, port, target, count, seconds):
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    found = selectors.DefaultSelector()
    begin = time.monotonic()
    came, got, waited, socks = {}, {}, [], []

    def look(timeout):
        for key, mask in found.select(timeout):
            sock = key.fileobj
            if mask & selectors.EVENT_WRITE:
                sock.sendall(request)
                found.modify(sock, selectors.EVENT_READ)
                continue
            data = sock.recv(1 << 16)
            if not data:
                sys.exit(f"a viewer was closed: {got.get(sock, b'')[:200]!r}")
            if sock in came:
                got[sock] = got.get(sock, b"") + data
                if b"\xff\xd9\r\n--" in got[sock]:
                    waited.append(time.monotonic() - came.pop(sock))
                    del got[sock]

    while len(waited) < count:
        now = time.monotonic()
        if now - begin > PATIENCE:
            sys.exit(f"only {len(waited)} of {count} were served")
        while len(socks) < min(count, int((now - begin) * count / seconds) + 1):
            sock = viewer(host, port, len(socks))
            socks.append(sock)
            came[sock] = time.monotonic()
            found.register(sock, selectors.EVENT_WRITE)
        look(0.001)
    print(f"served {count} worst {max(waited) * 1000:.0f}", flush=True)
    sys.stdin.read()

    begin = time.monotonic()
    while socks:
        while len(socks) > max(0, count - (time.monotonic() - begin) * count / seconds):
            found.unregister(socks[-1])
            socks.pop().close()
        look(0.001)
    print("gone", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
