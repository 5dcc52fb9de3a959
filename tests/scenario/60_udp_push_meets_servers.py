# SPDX-License-Identifier: MIT
"""Programs that take pictures and messages by UDP get a stream from the relay, unchanged: they count bytes, hang when a
datagram is lost and break on an empty one. Servers that lose, lie, are silent or gone harm nobody else."""
import struct

import pytest

import clients
import pictures
import udp
from support import conf, free_port, wait_for


def push(port, more="", kind="udp-push", stream="cam"):
    return f'sinks = ( {{ kind = "{kind}"; stream = "{stream}"; address = "127.0.0.1:{port}"; {more} }} );'


class Show:
    """A camera of the relay, and a server that its pictures are pushed to."""

    def __init__(self, start, closing, server, more="", limits=""):
        self.server = closing(server)
        self.relay = start(conf(push(server.port, more), limits=limits))
        self.camera = closing(clients.Publisher(self.relay.address(), "cam"))

    def show(self, jpeg):
        """One picture, and waits until the relay knows of its answer."""
        sent = self.relay.stat("frames_sent")
        self.camera.send(jpeg)
        self.relay.wait_stat("frames_sent", sent + 1)


@pytest.mark.parametrize("form", [{"header": "<q"}, {"header": "<i"}, {"whole": True}])
def test_each_form_is_byte_for_byte_what_the_server_reads(start, closing, form):
    more = {"<q": "", "<i": "header = 4;", None: "whole = true;"}[form.get("header")]
    show = Show(start, closing, udp.Server(**form), more)
    # Multiples of 1,024 among them: an empty datagram behind one would be read as the next header.
    jpegs = [pictures.picture(n, size=size) for n, size in enumerate([3000, 4096, 4096, 5120, 4097, 8191, 2900 + 1024, 60_416])]
    for jpeg in jpegs:
        show.show(jpeg)
    show.server.wait(len(jpegs))
    assert show.server.pictures == jpegs
    if not form.get("whole"):
        assert show.server.headers == [struct.pack(form["header"], len(jpeg)) for jpeg in jpegs]
    assert len(set(show.server.senders)) == 1
    assert show.relay.stat("udp_resends") == 0


def test_large_pictures_fit_into_a_default_receive_buffer(start, closing):
    show = Show(start, closing, udp.Server())
    jpegs = [pictures.picture(n, width=640, height=480, size=320_000) for n in range(5)]
    for jpeg in jpegs:
        show.show(jpeg)
    show.server.wait(5)
    assert pictures.number_of(show.server.pictures[-1]) == 4


@pytest.mark.parametrize("lost", [1, 3])
def test_a_server_that_lost_some_is_helped_over_it(start, closing, lost):
    """It shows one damaged picture, and the next one is right."""
    show = Show(start, closing, udp.Server(lose=range(6, 6 + lost)), limits="udp_ack_timeout_ms = 100;")
    jpegs = [pictures.picture(n, size=19_000) for n in range(3)]
    for jpeg in jpegs:
        show.show(jpeg)
    show.server.wait(3)
    assert show.server.pictures[0] != jpegs[0]
    assert show.server.pictures[1:] == jpegs[1:]
    assert lost <= show.relay.stat("udp_resends") <= 2 * lost + 2
    assert len(set(show.server.senders)) == 1


def test_a_server_that_never_answers_costs_nobody(start, closing, calm):
    """The last datagram again, 32 times; then from another port; the log says it once."""
    with udp.open_socket() as silent:
        port = silent.getsockname()[1]
        relay = start(conf(push(port), limits="udp_ack_timeout_ms = 10;"))
        bystanders = calm(relay.address(), size=20_000)
        camera = closing(clients.Publisher(relay.address(), "cam"))
        senders = {}
        jpeg = pictures.picture(1, size=3000)
        camera.send(jpeg)
        while len(senders) < 3:
            data, sender = silent.recvfrom(2048)
            senders.setdefault(sender, []).append(data)
            if sum(map(len, senders.values())) % 10 == 0:
                camera.send(jpeg)  # so that there is always a newest one
        first = next(iter(senders.values()))
        assert first == [struct.pack("<q", 3000), jpeg[:1024], jpeg[1024:2048], jpeg[2048:]] + [jpeg[2048:]] * 32
        bystanders.camera.wait_sent(60)
        assert relay.rejected("udp_silent", "udp-push") >= 2
        assert len(relay.log.find(r"^warning udp-push")) == 1


def test_what_is_no_answer_or_comes_from_elsewhere_is_not_taken_for_one(start, closing):
    show = Show(start, closing, udp.Server(answers=False), limits="udp_ack_timeout_ms = 3600000;")
    show.camera.send(pictures.picture(1))
    show.server.wait(1)
    sender = show.server.senders[0]
    with udp.open_socket() as stranger:
        stranger.sendto(udp.ACK, sender)  # the kernel does not even show it to the relay
    for text in (b"", b"get message!!", b"get message!!!!", b"get the msg", bytes(64_000)):
        show.server.sock.sendto(text, sender)
    wait_for(lambda: show.relay.rejected("udp_answer", "udp-push") == 5, "each is counted")
    assert show.relay.stat("frames_sent") == 0
    for _ in range(2):  # the second one is one too many
        show.server.sock.sendto(udp.ACK, sender)
    wait_for(lambda: show.relay.rejected("udp_answer", "udp-push") == 6, "it is counted")
    assert show.relay.stat("frames_sent") == 1
    show.camera.send(pictures.picture(2))
    show.server.wait(2)
    assert show.server.pictures[1] == pictures.picture(2)


def test_nobody_listens_and_then_somebody_does(start, closing, calm):
    port = free_port()
    relay = start(conf(push(port)))
    bystanders = calm(relay.address(), size=20_000)
    camera = closing(clients.Publisher(relay.address(), "cam"))
    camera.send(pictures.picture(1))
    relay.log.wait(r"^warning udp-push: the other end takes no pictures, trying again .*nobody listens")
    server = closing(udp.Server(port))

    def sent():
        camera.send(pictures.picture(2))
        return server.pictures
    wait_for(sent, "a picture arrives")
    relay.log.wait(r"^info +udp-push: the other end takes pictures again")
    bystanders.camera.wait_sent(30)


def test_a_name_that_nobody_knows_is_said_once(start):
    relay = start(conf('sinks = ( { kind = "udp-push"; stream = "cam"; address = "no-such-host.invalid"; } );'))
    relay.log.wait(r"^warning udp-push: .*no-such-host\.invalid")


def test_a_picture_too_large_for_a_datagram_is_left_out_and_counted(start, closing):
    show = Show(start, closing, udp.Server(whole=True), "whole = true;")
    show.camera.send(pictures.picture(1, size=65_508))
    wait_for(lambda: show.relay.rejected("udp_too_large", "udp-push") == 1, "it is counted")
    show.show(pictures.picture(2, size=65_507))
    show.server.wait(1)
    assert show.server.pictures == [pictures.picture(2, size=65_507)]


def test_from_relay_to_relay(start, closing):
    far = start("""doors = ( { kind = "frames"; listen = "127.0.0.1:0"; }, { kind = "udp"; listen = "127.0.0.1:0"; },
                             { kind = "udp-messages"; listen = "127.0.0.1:0"; } );""")
    near = start(conf(f"""sinks = (
        {{ kind = "udp-push"; stream = "cam"; address = "127.0.0.1:{far.address(door="udp")[1]}"; }},
        {{ kind = "udp-message-push"; stream = "cam"; address = "127.0.0.1:{far.address(door="udp-messages")[1]}"; }} );"""))
    viewer = closing(clients.Subscriber(far.address(), "udp-127-0-0-1", records=1, queue=64))
    camera = closing(clients.Publisher(near.address(), "cam", records=1))
    for n in range(20):
        camera.send(pictures.picture(n, size=50_000 + 512 * n))
        viewer.wait_pictures(n + 1)
        camera.message(f"[0, 0, {n}, 1]")
    assert viewer.numbers() == list(range(20))
    assert [r.payload for r in viewer.wait_record(clients.MESSAGE, 20)] == [b"[0, 0, %d, 1]" % n for n in range(20)]


def test_messages_reach_a_server_that_answers(start, closing):
    with udp.open_socket() as server:
        relay = start(conf(push(server.getsockname()[1], kind="udp-message-push")))
        camera = closing(clients.Publisher(relay.address(), "cam", records=1))
        for n in range(3):
            camera.message(f"[{n}, 0, 0, 1]")
            data, sender = server.recvfrom(1024)
            assert data == b"[%d, 0, 0, 1]" % n
            server.sendto(udp.MESSAGE_ACK, sender)
    camera.message("[3, 0, 0, 1]")  # nobody is there any more
    relay.log.wait(r"^warning udp-message-push: the other end takes no messages")


@pytest.mark.parametrize("row,what", [("header = 5;", "header = 5: must be 8 or 4"), ("whole = 1;", "whole")])
def test_a_bad_row_is_told(start, row, what):
    relay = start(conf(push(9999, row)), args=["--check"])
    relay.expected_status = 2
    assert relay.wait() == 2
    assert relay.log.find(what)
