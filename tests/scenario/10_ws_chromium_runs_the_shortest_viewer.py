# SPDX-License-Identifier: MIT
"""The viewer that docs/doors/http.md prints runs in a browser as it stands, in a page of another host that may.

Chromium offers permessage-deflate with every WebSocket and would fail on an answer that it did not ask for.
"""
import re

import pytest

import chromium
import clients
from support import ROOT, wait_for

CONF = """
limits = { log_lines_per_second = 0; };
doors = (
  { kind = "frames"; listen = "127.0.0.1:0"; },
  { kind = "http"; listen = "127.0.0.1:0"; %s }
);
"""
PAGE = """<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head><body style="margin: 0">
<img style="display: block; width: 320px; height: 240px"><script>%s</script></body></html>"""


@pytest.mark.parametrize("origins", ["", "allow_origins = [ ];"], ids=["allowed", "foreign"])
def test_it_shows_the_stream_as_it_moves(start, closing, tmp_path, origins):
    relay = start(CONF % origins)
    publisher = closing(clients.Publisher(relay.address(), "porch", records=1))
    publisher.send(chromium.coloured("red"))
    relay.wait_stat("frames_published", 1)
    host, port = relay.address(door="http")
    script = re.search(r"```js\n(.*?)```", (ROOT / "docs/doors/http.md").read_text(), re.S)[1]
    site = closing(chromium.Site({"/": PAGE % script.replace("relay.local:8080", f"{host}:{port}")}))
    browser = closing(chromium.Chromium(tmp_path))

    browser.open(site.origin + "/")
    if origins:
        wait_for(lambda: relay.rejected("origin_refused", "http") == 1, "the page is refused")
        assert relay.stat("subscribers") == 0
        return
    for colour in ("red", "green", "blue"):
        publisher.send(chromium.coloured(colour))
        wait_for(lambda: chromium.colour_at(browser.picture(), 160, 120) == colour, f"{colour} is shown")
