# SPDX-License-Identifier: MIT
"""Many subscribers read by one thread of this process, so that the test is not what is slow."""
import collections
import re
import select
import threading
import time

import clients
import pictures
import support

WHO = re.compile(rb"number=(\d{10})")


class Member:
    def __init__(self, sock):
        self.sock = sock
        self.pending = bytearray()
        self.length = None
        self.seen = []  # (number, when it was whole)
        self.open = True

    def read(self, chunk):
        """Takes what is there; notes each whole picture."""
        try:
            got = self.sock.recv_into(chunk)
        except BlockingIOError:
            return
        except ConnectionError:
            got = 0
        if got == 0:
            self.open = False
            return
        self.pending += chunk[:got]
        while True:
            if self.length is None:
                if len(self.pending) < 4:
                    return
                self.length = int.from_bytes(self.pending[:4], "little")
                del self.pending[:4]
            if len(self.pending) < self.length:
                return
            if self.length:
                now = time.monotonic()
                if len(self.seen) % 25 == 0:
                    pictures.check(bytes(self.pending[:self.length]))
                number = int(WHO.search(self.pending, 0, 200)[1])
                assert self.pending[self.length - 2:self.length] == b"\xff\xd9"
                self.seen.append((number, now))
            del self.pending[:self.length]
            self.length = None


class Crowd:
    def __init__(self, address, stream, count, source=None, **keys):
        self.members = []
        self.error = None
        self._stop = threading.Event()
        for _ in range(count):
            sock = support.connect(address, source=source)
            sock.sendall(clients.hello("SUB", stream, **keys))
            answer = clients.read_line(sock)
            assert answer.startswith("OK "), answer
            sock.setblocking(False)
            self.members.append(Member(sock))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        chunk = memoryview(bytearray(1 << 18))
        poll = select.epoll()
        by_fd = {m.sock.fileno(): m for m in self.members}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        try:
            while not self._stop.is_set() and by_fd:
                for fd, _ in poll.poll(0.1):
                    by_fd[fd].read(chunk)
                    if not by_fd[fd].open:
                        poll.unregister(fd)
                        del by_fd[fd]
        except Exception as error:
            self.error = error

    def numbers(self):
        return [[n for n, _ in m.seen] for m in self.members]

    def wait_number(self, number, patience=support.PATIENCE):
        def all_have():
            assert self.error is None, repr(self.error)
            return all(m.seen and m.seen[-1][0] >= number for m in self.members)
        support.wait_for(all_have, f"picture {number} at each of {len(self.members)}", patience)

    def ages(self, sent_at):
        found = sorted(at - sent_at[n] for m in self.members for n, at in m.seen)
        return collections.namedtuple("Ages", "p50 p99 worst")(
            found[len(found) // 2], found[len(found) * 99 // 100], found[-1])

    def close(self):
        self._stop.set()
        self._thread.join(support.PATIENCE)
        for member in self.members:
            member.sock.close()
