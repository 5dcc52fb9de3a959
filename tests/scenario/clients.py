# SPDX-License-Identifier: MIT
"""Foreign clients of the frames protocol, written from its description and from nothing of ours.

Plain Python with blocking sockets: a publisher writes from the test, a subscriber reads on a thread
of its own and keeps what came, with the time it came.
"""
import collections
import dataclasses
import struct
import threading
import time

import pictures
import support

FRAME, MESSAGE, DEMAND, PING, PONG, END, ERROR = range(1, 8)
RECORD = struct.Struct("<IBBHQQ")


def read_exactly(sock, size):
    """Reads so many bytes, or raises EOFError with what there was."""
    got = bytearray()
    while len(got) < size:
        piece = sock.recv(min(size - len(got), 1 << 20))
        if not piece:
            raise EOFError(bytes(got))
        got += piece
    return bytes(got)


def read_line(sock):
    """Reads one line, byte by byte: what follows it is not text."""
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            raise EOFError(line)
        line += byte
        assert len(line) < 4096, line
    return line.decode().rstrip("\n")


def hello(verb, stream=None, **keys):
    words = [verb] + ([stream] if stream else []) + [f"{k}={v}" for k, v in keys.items()]
    return (" ".join(words) + "\n").encode()


def record(kind, payload=b"", time_us=0, sequence=0, flags=0, channel=0):
    return RECORD.pack(20 + len(payload), kind, flags, channel, sequence, time_us) + payload


def plain(jpeg):
    return struct.pack("<L", len(jpeg)) + jpeg


@dataclasses.dataclass
class Record:
    """One record, or one plain picture (then only kind and payload are known)."""
    kind: int
    payload: bytes
    sequence: int = 0
    time_us: int = 0
    flags: int = 0
    channel: int = 0
    arrived: float = 0.0


def read_record(sock):
    length, kind, flags, channel, sequence, time_us = RECORD.unpack(read_exactly(sock, RECORD.size))
    assert length >= 20, length
    return Record(kind, read_exactly(sock, length - 20), sequence, time_us, flags, channel, time.monotonic())


def listing(address, **keys):
    """Asks LIST: {name: [state, size, fps]}."""
    with support.connect(address) as sock:
        sock.sendall(hello("LIST", **keys))
        answer, *lines = support.read_to_end(sock).decode().split("\n")
    assert answer == "OK", answer
    assert lines[-2:] == ["", ""], lines  # an empty line ends it
    return {line.split()[0]: line.split()[1:] for line in lines[:-2]}


def ask(address, data, source=None):
    """Sends bytes and gives everything that the relay says until it closes."""
    with support.connect(address, source=source) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass
        return support.read_to_end(sock)


class Reader:
    """A socket that is read on a thread until its end; `ended` says how that came."""

    def __init__(self, sock):
        self.sock = sock
        self.ended = None
        self._news = threading.Condition()
        self._thread = None

    def begin(self, name):
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            how = self.read()
        except EOFError as end:
            how = f"eof after {len(end.args[0])} bytes" if end.args and end.args[0] else "eof"
        except (OSError, ValueError) as error:
            how = f"{type(error).__name__}: {error}"
        with self._news:
            self.ended = how
            self._news.notify_all()

    def tell(self, change, *args):
        with self._news:
            change(*args)
            self._news.notify_all()

    def wait(self, condition, what, patience=support.PATIENCE):
        """Waits until condition() is true; says what is missing where the connection ends before."""
        deadline = time.monotonic() + patience
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"waited {patience:.0f} s for {what}"
                assert self.ended is None, f"{what}: the connection ended ({self.ended})"
                self._news.wait(left)

    def wait_end(self, patience=support.PATIENCE):
        """Waits for the end of the connection, and says how it came."""
        self._thread.join(patience)
        assert self.ended is not None, f"the connection is still open after {patience:.0f} s"
        return self.ended

    def close(self):
        try:
            self.sock.shutdown(2)
        except OSError:
            pass
        if self._thread:
            self._thread.join(support.PATIENCE)
        self.sock.close()


class Subscriber(Reader):
    """Subscribes to a stream and keeps what comes: `pictures`, and with records=1 all `records`."""

    def __init__(self, address, stream="cam", *, silent=False, source=None, receive_buffer=None,
                 bytes_per_second=None, keep=True, **keys):
        """With silent=True no hello is said: a listener with role = "subscribe" asks for none."""
        super().__init__(support.connect(address, source=source, receive_buffer=receive_buffer))
        self.with_records = keys.get("records") == 1
        self.rate = bytes_per_second
        self.keep = keep
        self.pictures = []
        self.records = []
        self.arrived = []
        self.last = None
        self.answer = None
        try:
            if not silent:
                self.sock.sendall(hello("SUB", stream, **keys))
                self.answer = read_line(self.sock)
            if silent or self.answer.startswith("OK "):
                self.sock.settimeout(None)
                self.begin(f"subscriber of {stream}")
        except BaseException:
            self.sock.close()
            raise

    def take(self, size):
        """Reads at the rate this subscriber has, where it has one."""
        if self.rate is None:
            return read_exactly(self.sock, size)
        got = b""
        while len(got) < size:
            piece = read_exactly(self.sock, min(size - len(got), max(self.rate // 100, 512)))
            got += piece
            self._due = max(getattr(self, "_due", 0), time.monotonic() - 0.05) + len(piece) / self.rate
            time.sleep(max(0, self._due - time.monotonic()))
        return got

    def read(self):
        while True:
            if self.with_records:
                head = self.take(RECORD.size)
                length, kind, flags, channel, sequence, time_us = RECORD.unpack(head)
                assert length >= 20, length
                payload = self.take(length - 20)
                one = Record(kind, payload, sequence, time_us, flags, channel, time.monotonic())
                if kind == PING:
                    self.send(record(PONG, payload + struct.pack("<Q", time.monotonic_ns() // 1000)))
            else:
                length, = struct.unpack("<L", self.take(4))
                if length == 0:
                    return "length 0"
                one = Record(FRAME, self.take(length), arrived=time.monotonic())
            self.tell(self._add, one)
            if one.kind in (END, ERROR):
                return f"{'END' if one.kind == END else 'ERROR'} {one.payload.decode()}"

    def _add(self, one):
        self.last = one
        self.records.append(one if self.keep else dataclasses.replace(one, payload=b""))
        if one.kind == FRAME:
            self.pictures.append(one.payload if self.keep else pictures.check(one.payload))
            self.arrived.append(one.arrived)

    def send(self, data):
        self.sock.sendall(data)

    def wait_pictures(self, count, patience=support.PATIENCE):
        self.wait(lambda: len(self.pictures) >= count, f"{count} pictures", patience)
        return self.pictures

    def wait_number(self, number, patience=support.PATIENCE):
        """Waits for a picture with this number, or a later one."""
        def come():
            if not self.pictures:
                return False
            last = self.pictures[-1]
            return (pictures.number_of(last) if self.keep else last[1]) >= number
        self.wait(come, f"picture {number}", patience)

    def wait_record(self, kind, count=1, patience=support.PATIENCE):
        """Waits for so many records of this kind, and gives them."""
        self.wait(lambda: len(self.of(kind)) >= count, f"{count} records of type {kind}", patience)
        return self.of(kind)

    def of(self, kind):
        return [r for r in self.records if r.kind == kind]

    def numbers(self):
        """The numbers of all pictures, each proven whole."""
        if self.keep:
            return [pictures.number_of(p) for p in self.pictures]
        return [number for _, number in self.pictures]


class Publisher(Reader):
    """Publishes a stream: plain (no stream named), after a hello, or with records=1."""

    def __init__(self, address, stream=None, *, source=None, answer_pings=True, **keys):
        super().__init__(support.connect(address, source=source))
        self.with_records = keys.get("records") == 1
        self.answer_pings = answer_pings
        self.records = []
        self.said = b""
        self.answer = None
        try:
            if stream:
                self.sock.sendall(hello("PUB", stream, **keys))
                self.answer = read_line(self.sock)
            if not stream or self.answer.startswith("OK "):
                self.sock.settimeout(None)
                self.begin(f"publisher of {stream}")
        except BaseException:
            self.sock.close()
            raise

    def read(self):
        while True:
            if not self.with_records:
                piece = self.sock.recv(4096)
                if not piece:
                    return "eof"
                self.said += piece
                continue
            one = read_record(self.sock)
            if one.kind == PING and self.answer_pings:
                self.send_bytes(record(PONG, one.payload + struct.pack("<Q", time.monotonic_ns() // 1000)))
            self.tell(self.records.append, one)
            if one.kind in (END, ERROR):
                return f"{'END' if one.kind == END else 'ERROR'} {one.payload.decode()}"

    def send_bytes(self, data):
        self.sock.sendall(data)

    def send(self, jpeg, time_us=0):
        self.send_bytes(record(FRAME, jpeg, time_us) if self.with_records else plain(jpeg))

    def message(self, text):
        self.send_bytes(record(MESSAGE, text.encode()))

    def wait_record(self, kind, count=1, patience=support.PATIENCE):
        self.wait(lambda: len(self.of(kind)) >= count, f"{count} records of type {kind}", patience)
        return self.of(kind)

    def of(self, kind):
        return [r for r in self.records if r.kind == kind]

    def demands(self):
        """What the relay asked for so far: [(subscribers, pictures per 1,000 s)]."""
        return [struct.unpack("<II", r.payload[:8]) for r in self.of(DEMAND)]

    def wait_demand(self, subscribers, patience=support.PATIENCE):
        self.wait(lambda: self.demands() and self.demands()[-1][0] == subscribers,
                  f"demand of {subscribers}", patience)

    def end(self):
        """Says that this was all, and closes."""
        self.send_bytes(record(END) if self.with_records else struct.pack("<L", 0))
        self.close()


class Camera:
    """A publisher on a thread: numbered pictures at a steady rate, until it is stopped."""

    def __init__(self, publisher, fps=30, stream="cam", **form):
        self.publisher = publisher
        self.sent_at = {}
        self.sent = 0
        self.failed = None
        self._form = dict(form, stream=stream)
        self._period = 1 / fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                jpeg = pictures.picture(self.sent + 1, **self._form)
                self.sent_at[self.sent + 1] = time.monotonic()
                self.publisher.send(jpeg)
                self.sent += 1
                due = max(due + self._period, time.monotonic() - 1)
                self._stop.wait(max(0, due - time.monotonic()))
        except OSError as error:
            self.failed = error

    def wait_sent(self, count, patience=support.PATIENCE):
        support.wait_for(lambda: self.sent >= count or self.failed, f"{count} pictures sent", patience)
        assert not self.failed, self.failed

    def stop(self):
        """Stops it. Gives the number of the last picture."""
        self._stop.set()
        self._thread.join(support.PATIENCE)
        return self.sent

    def close(self):
        self.stop()
        self.publisher.close()


Ages = collections.namedtuple("Ages", "p50 p99 worst")


def ages(camera, subscriber):
    """How old its pictures were when a subscriber had them whole, in seconds."""
    found = sorted(at - camera.sent_at[n] for n, at in zip(subscriber.numbers(), subscriber.arrived))
    return Ages(found[len(found) // 2], found[len(found) * 99 // 100], found[-1])
