# SPDX-License-Identifier: MIT
"""A healthy stream beside the mischief: it must lose no picture, whatever the test does.

It comes from an address of its own, so that limits per address are the mischief's alone.
"""
import clients

SOURCE = "127.0.0.9"


class Bystanders:
    """One publisher at a steady rate and its subscribers, who want every picture."""

    def __init__(self, address, subscribers=3, fps=30, stream="calm", size=4000):
        self.source = None if isinstance(address, str) or ":" in address[0] else SOURCE
        self.subscribers = []
        self.camera = None
        self.finished = False
        try:
            for _ in range(subscribers):
                self.subscribers.append(clients.Subscriber(
                    address, stream, source=self.source, queue=64, age_ms=0, keep=False))
            publisher = clients.Publisher(address, stream, source=self.source)
            self.camera = clients.Camera(publisher, fps, stream, size=size)
            self.camera.wait_sent(3)
        except BaseException:
            self.close()
            raise

    def finish(self):
        """Ends the stream, and proves that each subscriber had each picture, once, in order."""
        if self.finished:
            return
        self.finished = True
        last = self.camera.stop()
        assert self.camera.failed is None, f"the bystander cannot publish: {self.camera.failed}"
        assert self.camera.publisher.ended is None, f"the bystander was sent away: {self.camera.publisher.ended}"
        for one in self.subscribers:
            one.wait_number(last)
            numbers = one.numbers()
            assert numbers == list(range(1, last + 1)), f"a bystander lost {last - len(numbers)} pictures of {last}"
            ages = clients.ages(self.camera, one)
        print(f"bystanders: {last} pictures, none lost, age p50 {ages.p50 * 1000:.1f} ms, "
              f"p99 {ages.p99 * 1000:.1f} ms, worst {ages.worst * 1000:.1f} ms")

    def close(self):
        if self.camera:
            self.camera.close()
        for one in self.subscribers:
            one.close()
