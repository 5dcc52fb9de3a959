# SPDX-License-Identifier: MIT
"""Foreign programs that speak pictures and messages by UDP, written after their description: a client that waits for
each answer, a server that counts bytes, and a path between them that loses, doubles and reorders, by a seed."""
import heapq
import random
import socket
import struct
import threading
import time

import support

ACK = b"get message!!!"
MESSAGE_ACK = b"get the msg"
CHUNK = 1024


def open_socket(source="127.0.0.1", timeout=support.PATIENCE, buffer=None):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.bind((source, 0))
    sock.settimeout(timeout)
    return sock


def datagrams(jpeg, header="<q"):
    """What the posts' client sends for a picture: an empty one at the end where the size is a multiple of 1,024."""
    yield struct.pack(header, len(jpeg))
    for i in range(len(jpeg) // CHUNK + 1):
        yield jpeg[CHUNK * i:CHUNK * (i + 1)]


class Client:
    """The camera's side: all of a picture back to back, then the answer is waited for."""

    def __init__(self, address, source="127.0.0.1", header="<q", whole=False, timeout=support.PATIENCE):
        self.address = address
        self.header = header
        self.whole = whole
        self.sock = open_socket(source, timeout)

    def send(self, jpeg):
        if self.whole:
            self.sock.sendto(jpeg, self.address)
            return
        for datagram in datagrams(jpeg, self.header):
            self.sock.sendto(datagram, self.address)

    def answer(self):
        """Waits for what comes back; it has to be the answer, from where the picture went."""
        text, sender = self.sock.recvfrom(1024)
        assert (text, sender) == (ACK, self.address), (text, sender)

    def show(self, jpeg):
        self.send(jpeg)
        self.answer()

    def hears_nothing(self, seconds=0.3):
        self.sock.settimeout(seconds)
        try:
            return self.sock.recvfrom(1024) is None
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(support.PATIENCE)

    def close(self):
        self.sock.close()


class Server:
    """The viewer's side, as the posts' server reads: a header, pieces while more than one is missing, one last piece."""

    def __init__(self, port=0, header="<q", whole=False, answers=True, delay=0, lose=()):
        self.header = header
        self.whole = whole
        self.answers = answers
        self.delay = delay
        self.lose = set(lose)  # numbers of datagrams that never arrived
        self.pictures = []
        self.headers = []
        self.senders = []
        self.received = 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _receive(self, size):
        while True:
            try:
                data, sender = self.sock.recvfrom(size)
            except TimeoutError:
                if self._stop:
                    raise EOFError from None
                continue
            self.received += 1
            if self.received in self.lose:
                continue
            return data, sender

    def _one(self):
        if self.whole:
            return self._receive(400_000)
        head, sender = self._receive(struct.calcsize(self.header))
        self.headers.append(head)
        total, = struct.unpack(self.header, head)
        got = b""
        while total - len(got) > CHUNK:
            data, sender = self._receive(CHUNK)
            got += data
        data, sender = self._receive(CHUNK)
        return got + data, sender

    def _run(self):
        try:
            while not self._stop:
                picture, sender = self._one()
                self.pictures.append(picture)
                self.senders.append(sender)
                time.sleep(self.delay)
                if self.answers:
                    self.sock.sendto(ACK, sender)
        except (EOFError, OSError):
            pass

    def wait(self, count):
        support.wait_for(lambda: len(self.pictures) >= count, f"{count} pictures at the server")

    def close(self):
        self._stop = True
        self._thread.join(support.PATIENCE)
        self.sock.close()


class Proxy:
    """Between a client and a server: of what goes to the server a seeded part is lost, doubled or delayed.

    What is delayed comes a few datagrams later, so that order is a matter of the seed and not of the machine.
    """

    def __init__(self, address, seed, loss=0.0, doubled=0.0, swapped=0.0):
        self.address = address
        self.random = random.Random(seed)
        self.loss, self.doubled, self.swapped = loss, doubled, swapped
        self.passed = self.lost = 0
        self.sock = open_socket(timeout=0.05, buffer=4 << 20)
        self.here = self.sock.getsockname()
        self._ways = {}
        self._held = []
        self._count = 0
        self._stop = False
        self._threads = [threading.Thread(target=self._run, daemon=True)]
        self._threads[0].start()

    def _way(self, client):
        """A socket of its own for each client, at its address, so that the relay sees as many senders."""
        if client not in self._ways:
            self._ways[client] = open_socket(client[0], timeout=0.05)
            back = threading.Thread(target=self._back, args=(client,), daemon=True)
            self._threads.append(back)
            back.start()
        return self._ways[client]

    def _back(self, client):
        way = self._ways[client]
        while not self._stop:
            try:
                self.sock.sendto(way.recv(2048), client)
            except TimeoutError:
                continue

    def _pass(self, data, client):
        self._way(client).sendto(data, self.address)
        self.passed += 1

    def _release(self, until):
        while self._held and self._held[0][0] <= until:
            self._pass(*heapq.heappop(self._held)[2:])

    def _run(self):
        while not self._stop:
            try:
                data, client = self.sock.recvfrom(65536)
            except TimeoutError:
                self._release(float("inf"))  # nobody waits behind them
                continue
            self._count += 1
            if self.random.random() < self.loss:
                self.lost += 1
            elif self.random.random() < self.swapped:
                heapq.heappush(self._held, (self._count + self.random.randrange(1, 4), self._count, data, client))
            else:
                self._pass(data, client)
                if self.random.random() < self.doubled:
                    self._pass(data, client)
            self._release(self._count)

    def close(self):
        self._stop = True
        for thread in self._threads:
            thread.join(support.PATIENCE)
        for sock in [self.sock, *self._ways.values()]:
            sock.close()
