# SPDX-License-Identifier: MIT
"""A slow viewer sees few pictures, but new ones: never old ones in slow motion.

The viewer reads at a fixed rate with a small receive buffer, as a thin line would. What it is offered
is many times that. Each picture takes its time on such a line, so its age when it is whole cannot be
less; but it must not have waited behind others in the queue or in the kernel. Measured without
sanitizers. The issue's figures are 0.5 s and 0.4 s; asserted is what a loaded machine can keep.
"""
import clients
from support import conf


def watch(start, closing, bytes_per_second, picture_bytes, fps, seconds):
    relay = start(conf(limits="queue_frames = 1;"), release=True)
    # The rate is the line's. What the receiver's kernel holds unread is a part of the line, so little of it.
    slow = closing(clients.Subscriber(relay.address(), "porch", receive_buffer=4096, bytes_per_second=bytes_per_second))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), fps=fps, stream="porch", size=picture_bytes))
    slow.wait_pictures(int(seconds * bytes_per_second / picture_bytes), patience=seconds * 6)
    camera.stop()
    ages = sorted(at - camera.sent_at[n] for n, at in zip(slow.numbers(), slow.arrived))
    quarter = len(ages) // 4
    in_order = [at - camera.sent_at[n] for n, at in zip(slow.numbers(), slow.arrived)]
    print(f"{bytes_per_second / 1e3:.0f} kB/s of {picture_bytes * fps / 1e6:.1f} MB/s: {len(ages)} pictures, "
          f"age median {ages[len(ages) // 2]:.3f} s, worst {ages[-1]:.3f} s")
    # slow motion would be ages that grow and grow
    assert max(in_order[-quarter:]) < max(in_order[:quarter]) + 0.5
    assert slow.numbers() == sorted(set(slow.numbers()))
    return ages


def test_200_kilobytes_a_second_of_50_kilobyte_pictures(start, closing):
    ages = watch(start, closing, 200_000, 50_000, 30, seconds=6)
    assert ages[len(ages) // 2] < 0.6
    assert ages[-1] < 1.0


def test_1_megabyte_a_second_of_5_5_offered(start, closing):
    ages = watch(start, closing, 1_000_000, 183_000, 30, seconds=5)
    assert ages[len(ages) // 2] < 0.5


def test_a_long_queue_is_emptied_of_what_is_too_old(start, closing):
    """With queue=64 and age_ms=300 a slow viewer skips rather than lags."""
    relay = start(conf())
    slow = closing(clients.Subscriber(relay.address(), "porch", receive_buffer=4096, bytes_per_second=200_000,
                                      queue=64, age_ms=300))
    camera = closing(clients.Camera(clients.Publisher(relay.address(), "porch"), stream="porch", size=50_000))
    slow.wait_pictures(12)
    camera.stop()
    ages = [at - camera.sent_at[n] for n, at in zip(slow.numbers(), slow.arrived)]
    assert relay.stat("frames_dropped_age") > 0
    assert sorted(ages)[len(ages) // 2] < 1.5
