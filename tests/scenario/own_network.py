# SPDX-License-Identifier: MIT
"""Brings the loopback interface of a new network up, then becomes the command given.

Used behind `unshare -n`: own_network.py COMMAND...
"""
import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS = 0x8914
IFF_UP = 1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
