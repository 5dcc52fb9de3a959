# SPDX-License-Identifier: MIT
"""The viewer page in Chromium: what its tiles show, as text and as pixels."""
from selenium.webdriver.common.action_chains import ActionChains

import chromium
from support import PATIENCE, wait_for

TILES = """
return [...document.querySelectorAll('.tile')].map((tile) => {
	const text = (where) => tile.querySelector(where)?.textContent ?? '';
	const box = tile.querySelector('.screen').getBoundingClientRect();
	const all = tile.getBoundingClientRect();
	return {name: tile.dataset.name, kind: tile.dataset.kind, title: text('.title'), label: tile.getAttribute('aria-label'),
		veil: [text('.veil strong'), text('.veil span')].join(' ').trim(), message: text('.caption .message'),
		rate: text('.rate'), age: text('.age'), pixels: text('.pixels'), bytes: text('.bytes'),
		viewers: text('.viewers'), dropped: text('.dropped'), large: tile.classList.contains('large'),
		shown: tile.offsetParent !== null, focused: tile === document.activeElement,
		screen: [box.left, box.top, box.right, box.bottom], box: [all.left, all.top, all.right, all.bottom]};
});
"""


def conf(sources="", more="", port=0):
    return f"""
limits = {{ log_lines_per_second = 0; }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; }},
  {{ kind = "http"; listen = "127.0.0.1:{port}"; }}
);
sources = ( {sources} );
{more}
"""


def patterns(count, fps=10, sizes=("320x240",)):
    """Rows of moving pictures: cam1, cam2, …"""
    return ",\n".join(f'{{ kind = "pattern"; stream = "cam{n}"; size = "{sizes[n % len(sizes)]}"; fps = {fps}; quality = 70; }}'
                      for n in range(1, count + 1))


def milliseconds(text):
    """An age as the page says it, in ms; None where it says that it does not know."""
    number, _, unit = text.partition(" ")
    return float(number) * {"ms": 1, "s": 1000, "min": 60_000}[unit] if unit else None


class Page(chromium.Chromium):
    """The viewer page of a relay. `closing(Page(…))` closes the browser after the test."""

    def __init__(self, relay, folder, **options):
        super().__init__(folder, **options)
        host, port = relay.address(door="http")
        self.url = f"http://{host}:{port}/"
        self.cdp("Network.enable")
        self.open(self.url)

    def tiles(self):
        """Each stream's tile by its name, in the order of the page."""
        return {tile["name"]: tile for tile in self.run(TILES)}

    def wait_tile(self, name, patience=PATIENCE, **wanted):
        """Waits until a tile shows all of this, and gives it."""
        def found():
            tile = self.tiles().get(name)
            return tile if tile and all(tile[key] == value for key, value in wanted.items()) else None
        return wait_for(found, f"the tile of {name} with {wanted}", patience)

    def wait_live(self, count, patience=PATIENCE):
        wait_for(lambda: sum(tile["kind"] == "live" for tile in self.tiles().values()) == count,
                 f"{count} live tiles", patience)

    def screens(self):
        """Each tile's picture as it is painted now."""
        scale = self.run("return window.devicePixelRatio")
        window = self.picture()
        return {name: window.crop([round(edge * scale) for edge in tile["screen"]])
                for name, tile in self.tiles().items() if tile["shown"]}

    def colour(self, name):
        """The colour that a tile's picture has in its middle, as chromium.colour_at() says it."""
        screen = self.screens().get(name)
        return screen and chromium.colour_at(screen, screen.width // 2, screen.height // 3)

    def wait_all_move(self, count, patience=PATIENCE):
        """Waits until so many tiles have painted something else than at first."""
        before, moved = self.screens(), set()

        def all_moved():
            for name, picture in self.screens().items():
                if name in before and picture.tobytes() != before[name].tobytes():
                    moved.add(name)
            return len(moved) == count
        wait_for(all_moved, f"{count} tiles that move (only {sorted(moved)})", patience)

    def key(self, key):
        """Presses a key; one of selenium's Keys, or a character."""
        ActionChains(self.driver).send_keys(key).perform()

    def click(self, selector):
        """Clicks into the middle of the first such element, as a mouse does."""
        x, y = self.run("const b = document.querySelector(arguments[0]).getBoundingClientRect();"
                        "return [b.left + b.width / 2, b.top + b.height / 2]", selector)
        self.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def is_shown(self, selector):
        return self.run("const e = document.querySelector(arguments[0]); return e !== null && e.checkVisibility()", selector)
