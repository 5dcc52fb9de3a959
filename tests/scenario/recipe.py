# SPDX-License-Identifier: MIT
"""The two programs of the picamera documentation's "capturing to a network stream" recipe.

Written fresh, in the order in which the recipe reads and writes: its buffered files are part of what
goes over the wire (a small picture leaves with the next one's length).
"""
import hashlib
import io
import socket
import struct
import threading

from PIL import Image

import support


def client(address, captures, source=None):
    """The camera's side: sends each picture that `captures` yields, then length 0."""
    client_socket = support.connect(address, source=source)
    connection = client_socket.makefile("wb")
    try:
        stream = io.BytesIO()
        for capture in captures:
            stream.write(capture)
            connection.write(struct.pack("<L", stream.tell()))
            connection.flush()
            stream.seek(0)
            connection.write(stream.read())
            stream.seek(0)
            stream.truncate()
        connection.write(struct.pack("<L", 0))
    finally:
        connection.close()
        client_socket.close()


def server_loop(connection, seen):
    """The PC's side: opens and verifies each picture until length 0, and notes its size and sum."""
    while True:
        image_len = struct.unpack("<L", connection.read(struct.calcsize("<L")))[0]
        if not image_len:
            break
        image_stream = io.BytesIO()
        image_stream.write(connection.read(image_len))
        image_stream.seek(0)
        image = Image.open(image_stream)
        seen.append(("%dx%d" % image.size, hashlib.sha256(image_stream.getvalue()).hexdigest()))
        image.verify()


class Viewer:
    """The recipe's loop on a thread; `seen` grows, `error` is what it died of, `done` its clean end."""

    def __init__(self, open_connection):
        self.seen = []
        self.error = None
        self.done = False
        self._thread = threading.Thread(target=self._run, args=(open_connection,), daemon=True)
        self._thread.start()

    def _run(self, open_connection):
        try:
            with open_connection() as connection:
                server_loop(connection, self.seen)
            self.done = True
        except Exception as error:  # what the recipe's program would have ended with
            self.error = error

    def wait_seen(self, count):
        support.wait_for(lambda: len(self.seen) >= count or self.error, f"{count} pictures shown")
        assert not self.error, repr(self.error)

    def wait_done(self):
        self._thread.join(support.PATIENCE)
        assert not self.error, repr(self.error)
        assert self.done, "length 0 has not come"


class Server(Viewer):
    """The recipe's server: listens, takes one connection ever, and shows what comes."""

    def __init__(self, port=0):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # for a second run on the same port
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(0)
        self.port = self._socket.getsockname()[1]
        super().__init__(self._accept)

    def _accept(self):
        self._socket.settimeout(support.PATIENCE)
        self._accepted = self._socket.accept()[0]
        self._accepted.settimeout(support.PATIENCE)
        self._socket.close()
        return self._accepted.makefile("rb")

    def stop(self):
        """Somebody closes the PC's program while pictures come."""
        self._accepted.shutdown(socket.SHUT_RDWR)
        self._thread.join(support.PATIENCE)
        self._accepted.close()

    def close(self):
        self._socket.close()


def subscription(address):
    """The recipe's loop at the end of a connection that we made: a listener with role = "subscribe"."""
    return Viewer(lambda: support.connect(address).makefile("rb"))
