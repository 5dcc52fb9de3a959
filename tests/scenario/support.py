# SPDX-License-Identifier: MIT
"""Starts the real program, reads its log, and holds it to what every scenario must show at its end.

A test waits for events, never for time: for a line of the log, for a condition, for a client's own
news. Each wait has a generous deadline, so that a loaded machine makes a test slow but not red.
"""
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = float(os.environ.get("SCENARIO_PATIENCE", 30))  # seconds that any event may take on a loaded machine

SANITIZER = re.compile(r"(ERROR|WARNING|SUMMARY): \w*Sanitizer|runtime error:")
LISTENING = re.compile(r"^info\s+(?P<door>[\w-]+): listening .*\baddress=(?P<address>\S+)")
STAT = re.compile(r"^info\s+stats: (?P<name>\w+) (?:door=(?P<door>\S+) reason=(?P<reason>\S+) )?value=(?P<value>-?\d+)")
STATS_END = re.compile(r"^info\s+stats: end\b")
STOPPED = re.compile(r"^info\s+relay: stopped frames_alive=(?P<alive>\d+) accounting_error=(?P<errors>\d+)")


def binary(release=False):
    """Gives the program under test: with sanitizers, or, where time is measured, without."""
    names = ["FRAMERELAYD_RELEASE", "FRAMERELAYD"] if release else ["FRAMERELAYD"]
    found = next((os.environ[n] for n in names if os.environ.get(n)), None)
    path = pathlib.Path(found) if found else ROOT / "build-asan/framerelayd"
    assert path.is_file(), f"{path}: build the program, or name it in FRAMERELAYD"
    return str(path)


def wait_for(condition, what, patience=PATIENCE):
    """Waits until condition() gives something true, and returns that."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for: {what}"
        time.sleep(0.01)


def parse_address(text):
    """Turns an address of the log into what the clients connect to: (host, port), or a path."""
    if text.startswith("unix:"):
        return text[len("unix:"):]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def free_port():
    """A port for a listener that has to come back to it: free at every address, and below those that the kernel
    gives to clients."""
    dual = socket.has_dualstack_ipv6()
    while True:
        port = random.randrange(10_000, 30_000)
        try:
            with socket.create_server(("::" if dual else "", port), dualstack_ipv6=dual,
                                      family=socket.AF_INET6 if dual else socket.AF_INET):
                return port
        except OSError:
            pass


def connect(address, timeout=PATIENCE, source=None, receive_buffer=None):
    """Connects to an address; `source` is the address to come from (127.0.0.2 is another peer)."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            sock.bind((source, 0))
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def read_to_end(sock):
    """Reads what the other side sends until it closes; a reset counts as an end."""
    got = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionError:
            return got
        if not piece:
            return got
        got += piece


class Log:
    """The lines that a program has written so far, and who waits for the next one."""

    def __init__(self, stream):
        self.lines = []
        self.ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream):
        with stream:
            for line in iter(stream.readline, b""):
                with self._news:
                    self.lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def mark(self):
        """A place in the log: give it to wait() or find() to look only at what comes after it."""
        return len(self.lines)

    def find(self, pattern, since=0):
        """Gives the matches of all lines since the mark."""
        return [m for m in (re.search(pattern, line) for line in self.lines[since:]) if m]

    def wait(self, pattern, since=0, patience=PATIENCE):
        """Waits for a line that matches, and gives the match."""
        deadline = time.monotonic() + patience
        seen = since
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(f"no line /{pattern}/ in the log" + self.tail())
                self._news.wait(left)

    def finish(self):
        """Waits until the program has closed its end."""
        self._reader.join(PATIENCE)

    def tail(self, lines=60):
        return "".join(f"\n    {line}" for line in self.lines[-lines:])


class Program:
    """One run of framerelayd. The fixture `start` makes it, and checks it when the test is over."""

    def __init__(self, folder, args=(), config=None, release=False, under=(), env=None, stdin=None,
                 stdout=None, cwd=None, pass_fds=()):
        self.folder = pathlib.Path(folder)
        self.release = release
        self.announced = []
        self.expected_status = 0
        self.checked = False
        self.stopping = False
        command = [binary(release), *map(str, args)]
        self.config_file = None
        if config is not None:
            self.config_file = self.folder / "relay.conf"
            self.write_config(config)
            command += ["-c", str(self.config_file)]
        self.command = command
        self.process = subprocess.Popen(
            [*under, *command], stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout, stderr=subprocess.PIPE,
            cwd=cwd or self.folder, pass_fds=pass_fds, env={**os.environ, **(env or {})})
        self.log = Log(self.process.stderr)

    @property
    def pid(self):
        return self.process.pid

    def write_config(self, text):
        self.config_file.write_text(text)
        self.config_file.chmod(0o600)

    def signal(self, number):
        """Sends a signal once the program is ready for it: before, it would just end of it."""
        status = pathlib.Path(f"/proc/{self.pid}/status")

        def is_caught():
            if self.process.poll() is not None:
                return True
            caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.M)
            return caught and int(caught[1], 16) >> (number - 1) & 1
        wait_for(is_caught, f"it is ready for signal {number}")
        self.stopping = self.stopping or number in (signal.SIGTERM, signal.SIGINT)
        self.process.send_signal(number)

    # --- where it listens

    def addresses(self, door="frames", count=1):
        """Waits until the program has said `count` addresses of this door, and gives all it said."""
        def said():
            found = [m for m in self.log.find(LISTENING) if m["door"] == door]
            assert not self.log.ended or len(found) >= count, "it has ended" + self.log.tail()
            return found if len(found) >= count else None
        return [parse_address(m["address"]) for m in wait_for(said, f"{count} listening {door}")]

    def address(self, number=0, door="frames"):
        """Where to connect to the door: number 0 is its first listener in the log."""
        return self.addresses(door, number + 1)[number]

    # --- what it counted

    def stats(self):
        """Asks for the counters: {name: value}, and {(door, reason): value} for refusals."""
        since = self.log.mark()
        self.signal(signal.SIGUSR1)
        self.log.wait(STATS_END, since)
        values = {}
        for match in self.log.find(STAT, since):
            key = (match["door"], match["reason"]) if match["door"] else match["name"]
            values[key] = int(match["value"])
        return values

    def stat(self, key):
        """One counter; what is 0 need not be printed."""
        return self.stats().get(key, 0)

    def rejected(self, reason, door="frames"):
        return self.stat((door, reason))

    def wait_stat(self, key, least, patience=PATIENCE):
        """Waits until a counter has come to `least`."""
        return wait_for(lambda: self.stat(key) >= least, f"{key} >= {least}", patience)

    # --- what it costs

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # --- how it ends

    def announce(self, pattern):
        """Says that error lines like this belong to the test."""
        self.announced.append(pattern)

    def reload(self):
        self.signal(signal.SIGHUP)

    def terminate(self):
        self.signal(signal.SIGTERM)

    def kill(self):
        """Ends it at once, with no last words; nothing is checked then."""
        self.process.kill()
        self.process.wait()
        self.log.finish()
        self.checked = True

    def wait(self, patience=PATIENCE):
        """Waits for its end. Gives the exit status."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it is still there after {patience:.0f} s" + self.log.tail()) from None
        self.log.finish()
        return status

    def stop(self):
        """Ends it in good order, and checks what must hold at the end of every test."""
        self.checked = True
        if self.process.poll() is None and not self.stopping:
            self.terminate()
        if self.stopping:
            status = self.wait(2.5 if self.release else 5)
            assert self.log.find(STOPPED), "it has not said that it stopped" + self.log.tail()
        else:
            status = self.wait()
        assert status == self.expected_status, f"exit status {status}" + self.log.tail()
        for stopped in self.log.find(STOPPED):
            assert stopped["alive"] == "0", "pictures outlived their relay" + self.log.tail()
            assert stopped["errors"] == "0", "the books do not balance" + self.log.tail()
        self.check_log()

    def check_log(self):
        """No sanitizer has spoken, and no error but those that the test announced."""
        for line in self.log.lines:
            assert not SANITIZER.search(line), line + self.log.tail(200)
            if line.startswith("error "):
                assert any(re.search(p, line) for p in self.announced), f"not announced: {line}"

    def end(self):
        """Whatever happened: nothing stays behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.finish()


def conf(more="", door="", limits="", log_limit=False):
    """A configuration with one frames door on a port of the kernel's choice.

    The limit of log lines a second is off, so that a test may count on each line it waits for.
    """
    if not log_limit:
        limits = "log_lines_per_second = 0; " + limits
    return f"""
limits = {{ {limits} }};
doors = (
  {{ kind = "frames"; listen = "127.0.0.1:0"; {door} }}
);
{more}
"""
