# SPDX-License-Identifier: MIT
"""Chromium without a window, driven by Selenium: what it shows, what it says in its log, and what it costs."""
import http.server
import io
import json
import pathlib
import threading

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars"]
# A machine without a mouse counts as one that is touched.
MOUSE = "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230), "yellow": (230, 220, 40),
           "white": (250, 250, 250)}


class Chromium:
    """One browser with one tab. `closing(Chromium(tmp_path))` ends it after the test."""

    def __init__(self, folder, size=(1280, 800), *, dark=False, phone=False, arguments=()):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        self.downloads = pathlib.Path(folder) / "downloads"
        self.downloads.mkdir(exist_ok=True)
        for argument in [*ARGUMENTS, *([] if phone else [MOUSE]), *arguments, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={folder}/chromium"]:
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads),
                                                  "download.prompt_for_download": False})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(60)
        self.cdp("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], mobile=phone,
                 deviceScaleFactor=2 if phone else 1)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def close(self):
        self.driver.quit()

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, url):
        self.driver.get(url)

    def run(self, script, *arguments):
        """Runs a function's body in the page and gives what it returns."""
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script, *arguments):
        """Likewise for a body with `await` in it."""
        return self.driver.execute_async_script(
            "const args = [...arguments], done = args.pop(); (async (...args) => {" + script +
            "})(...args).then((value) => done({value}), (error) => done({error: String(error)}))", *arguments)

    def picture(self):
        """The window as it is shown."""
        return Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")

    def log(self):
        """What the browser has complained of since the last call."""
        return [line["message"] for line in self.driver.get_log("browser")]

    def requests(self):
        """The addresses that the tab has asked for since the last call, by the browser's own account."""
        found = []
        for line in self.driver.get_log("performance"):
            event = json.loads(line["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                found.append(event["params"]["request"]["url"])
        return [url for url in found if url.startswith("http")]  # the empty tab before has others

    def processes(self, kind):
        """The processes of this browser of one type: `renderer`, `gpu-process`, …; `` is the browser itself."""
        parents, found = {self.driver.service.process.pid}, []
        known = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                stat = (path / "stat").read_text().rpartition(")")[2].split()
                known[int(path.name)] = (int(stat[1]), (path / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                pass  # it has ended meanwhile
        grown = True
        while grown:
            more = {pid for pid, (parent, _) in known.items() if parent in parents} - parents
            grown = bool(more)
            parents |= more
        for pid in parents & known.keys():
            command = known[pid][1].replace("\0", " ")
            if (f"--type={kind}" in command) if kind else ("chromium" in command and "--type=" not in command):
                found.append(pid)
        return found

    def memory_bytes(self):
        """What all its renderers hold, garbage collected."""
        self.cdp("HeapProfiler.collectGarbage")
        total = 0
        for pid in self.processes("renderer"):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
        return total * 1024


def coloured(colour, width=320, height=240):
    """A JPEG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), COLOURS[colour]).save(file, "JPEG", quality=90)
    return file.getvalue()


def colour_at(image, x, y):
    """The colour of COLOURS that is nearest to a pixel; None when none is near."""
    pixel = image.getpixel((x, y))
    distance, name = min((max(abs(a - b) for a, b in zip(pixel, rgb)), name) for name, rgb in COLOURS.items())
    return name if distance < 40 else None


class Site:
    """Another host's web site: its pages are given as a dictionary of paths."""

    def __init__(self, pages, address="127.0.0.2"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass
        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://{address}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
