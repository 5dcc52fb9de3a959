# SPDX-License-Identifier: MIT
"""Plays systemd where it starts a program with sockets that it holds itself (sd_listen_fds(3)).

As a program, activator.py NAMES FDS COMMAND…: puts the descriptors where they belong and becomes the command.
"""
import fcntl
import os
import socket
import sys


class Activator:
    """Sockets by name, held open from one start of the program to the next."""

    def __init__(self, **sockets):
        self.sockets = sockets

    def options(self, names=None):
        """What to give to start(), so that the program is handed these sockets."""
        held = self.sockets if names is None else {n: self.sockets[n] for n in names}
        fds = [s.fileno() for s in held.values()]
        return {"under": [sys.executable, __file__, ":".join(held), ",".join(map(str, fds))], "pass_fds": tuple(fds)}

    def port(self, name):
        return self.sockets[name].getsockname()[1]

    def close(self):
        for sock in self.sockets.values():
            sock.close()


def stream(path=None):
    if path:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        sock.listen(64)
        return sock
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def datagram():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def main(names, fds, *command):
    # First out of the way of each other, then where they belong.
    away = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds.split(",")]
    for n, fd in enumerate(away):
        os.dup2(fd, 3 + n, inheritable=True)
        os.close(fd)
    os.closerange(3 + len(away), 100)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(away)), "LISTEN_FDNAMES": names}
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
