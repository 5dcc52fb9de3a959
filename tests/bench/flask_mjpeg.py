# SPDX-License-Identifier: MIT
"""A Flask generator that sends the newest picture to every viewer, as tutorials do; for relay_bench --flask.

A publisher's pictures are the body of one endless POST, each with its length before it (u32, little-endian). A
viewer is a thread of Flask's own server, which is what the tutorials run.
"""
import logging
import struct
import threading

import flask

app = flask.Flask(__name__)
news = threading.Condition()
newest = (0, b"")


@app.post("/streams/bench")
def publish():
    global newest
    body = flask.request.stream
    while head := body.read(4):
        jpeg = body.read(struct.unpack("<L", head)[0])
        with news:
            newest = (newest[0] + 1, jpeg)
            news.notify_all()
    return ""


def parts():
    yield b"--frame\r\n"
    seen = 0
    while True:
        with news:
            news.wait_for(lambda: newest[0] != seen)
            seen, jpeg = newest
        yield (b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)) + jpeg + b"\r\n--frame\r\n"


@app.get("/streams/bench.mjpg")
def watch():
    return flask.Response(parts(), mimetype="multipart/x-mixed-replace; boundary=frame")


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run(host="127.0.0.1", port=0, threaded=True)
