# SPDX-License-Identifier: MIT
"""The blog post's gRPC client, for grpc_bench.py: a new call for each picture, on one connection, as fast as it goes.

It shows nothing: it writes down when which reply came, and every reply that it has not had before, when its input ends.
"""
import pickle
import sys
import threading
import time
import zlib

import grpc

sys.path.insert(0, sys.argv[1])  # the stubs
import mainserver_pb2  # noqa: E402
import mainserver_pb2_grpc  # noqa: E402

arrivals, replies = [], {}


def watch(stub):
    while True:
        try:
            for reply in stub.getStream(iter([mainserver_pb2.Request(msg="give me the stream!!")])):
                at, key = time.monotonic(), zlib.crc32(reply.datas)
                arrivals.append((at, key))
                replies.setdefault(key, reply.datas)
        except grpc.RpcError:
            time.sleep(0.01)  # it has not begun, or is over


if __name__ == "__main__":
    channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[2]}")
    threading.Thread(target=watch, args=(mainserver_pb2_grpc.MainServerStub(channel),), daemon=True).start()
    sys.stdin.read()
    pickle.dump((list(arrivals), dict(replies)), sys.stdout.buffer)
