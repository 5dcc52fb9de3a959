# SPDX-License-Identifier: MIT
"""Programs in a network of their own, where the machine allows that, and what else runs in there with them.

As a program, inside (see loopback()): `up`, `down`, or `mtu BYTES` of the loopback interface.
"""
import fcntl
import pathlib
import socket
import struct
import subprocess
import sys

ALONE = ("unshare", "-rn", sys.executable, str(pathlib.Path(__file__).with_name("own_network.py")))
SIOCSIFFLAGS, SIOCSIFMTU, IFF_UP = 0x8914, 0x8922, 1


def can_be_alone():
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


def inside(program):
    """What goes before a command that is to run in the network of a program started `under=ALONE`."""
    return ("nsenter", "-t", str(program.pid), "-U", "-n", "--preserve-credentials")


def loopback(program, *words):
    subprocess.run([*inside(program), sys.executable, __file__, *map(str, words)], check=True, timeout=60)


if __name__ == "__main__":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if sys.argv[1] == "mtu":
            fcntl.ioctl(sock, SIOCSIFMTU, struct.pack("16si12x", b"lo", int(sys.argv[2])))
        else:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP if sys.argv[1] == "up" else 0))
