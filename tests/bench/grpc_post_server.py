# SPDX-License-Identifier: MIT
"""The blog post's gRPC server, for grpc_bench.py: the newest picture, grey, as JPEG, in base64, for each request.

The post's server reads a camera with OpenCV in a loop and makes each reply in the call's own thread. Here the camera is
a socket: pictures with their length before them (u32, little-endian), decoded as OpenCV does with what a USB camera
sends; one that a newer one stands behind is left out, so that a loop that is late is never behind by more than one. All
else is the post's: ten threads, greyscale, quality 95, base64.
"""
import base64
import concurrent.futures
import select
import socket
import struct
import sys
import threading

import cv2
import grpc
import numpy

sys.path.insert(0, sys.argv[1])  # the stubs
import mainserver_pb2  # noqa: E402
import mainserver_pb2_grpc  # noqa: E402

captured = None  # the newest picture's pixels


def capture(listening):
    global captured
    sock = listening.accept()[0]
    while head := sock.recv(4, socket.MSG_WAITALL):
        jpeg = sock.recv(struct.unpack("<L", head)[0], socket.MSG_WAITALL)
        if select.select([sock], [], [], 0)[0]:
            continue
        captured = cv2.imdecode(numpy.frombuffer(jpeg, dtype="uint8"), cv2.IMREAD_COLOR)


class MainServer(mainserver_pb2_grpc.MainServerServicer):
    def getStream(self, request_iterator, context):
        for _ in request_iterator:
            grey = cv2.cvtColor(captured, cv2.COLOR_BGR2GRAY)
            _, jpeg = cv2.imencode(".jpg", grey, [int(cv2.IMWRITE_JPEG_QUALITY), 95])
            yield mainserver_pb2.Reply(datas=base64.b64encode(jpeg))


if __name__ == "__main__":
    camera = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=capture, args=(camera,), daemon=True).start()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=10))
    mainserver_pb2_grpc.add_MainServerServicer_to_server(MainServer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(camera.getsockname()[1], port, flush=True)
    server.wait_for_termination()
