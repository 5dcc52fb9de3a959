# SPDX-License-Identifier: MIT
"""The command line explains itself, and what is wrong on it is said with what would be right.

Exit status 0 where it did what was asked, 2 where arguments or configuration are wrong, always with a
sentence on standard error that names the place. Nothing listens in any of these runs.
"""
import re
import subprocess

import pytest

import support


def run(*args, text=None):
    return subprocess.run([support.binary(), *map(str, args)], capture_output=True, text=True, timeout=60, input=text)


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for option in ("--publish", "--subscribe", "--source", "--check", "--print-config", "--version", "--output"):
        assert option in done.stdout


@pytest.mark.parametrize("table, kind, option", [
    ("door", "frames", "plain_stream"), ("source", "pattern", "fps"), ("source", "files", "loop"),
    ("source", "frames-pull", "address"), ("sink", "frames-push", "hello"), ("sink", "record", "keep_bytes"),
])
def test_help_of_a_kind(table, kind, option):
    done = run("--help", table, kind)
    assert done.returncode == 0, done.stderr
    assert option in done.stdout


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert re.search(r"framerelayd \d+\.\d+", done.stdout)
    assert "libevent" in done.stdout
    assert "frames" in done.stdout


@pytest.mark.parametrize("args, said", [
    (["--pubish", "x"], "pubish"),
    (["--publish"], "publish"),
    (["-c"], "c"),
    (["--fps", "many", "--source", "pattern"], "fps"),
    (["--size", "640", "--source", "pattern"], "size"),
    (["--quality", "101", "--source", "pattern"], "quality"),
    (["--source", "nosuch"], "nosuch"),
    (["--publish", "localhost:99999/x", "--source", "pattern"], "99999"),
    (["--publish", "localhost/a.b", "--source", "pattern"], r"a\.b"),
    (["--subscribe", "localhost/x", "--to", "smoke:localhost:1"], "smoke"),
    (["--subscribe", "localhost/x", "--count", "-3"], "count"),
    (["--help", "door", "nosuch"], "nosuch"),
    (["--subscribe", "localhost/x", "--output", "/dev/stdout"], "/dev/stdout.*standard output"),
    (["--subscribe", "localhost/x", "--output", "pictures/"], "pictures/"),
    (["-c", "/no/such/file.conf"], "/no/such/file.conf"),
    (["surplus"], "surplus"),
])
def test_what_is_wrong_is_named(args, said):
    done = run(*args)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert re.search(said, done.stderr), done.stderr
    assert done.stdout == ""
    assert not support.SANITIZER.search(done.stderr)


GOOD = """
doors = ( { kind = "frames"; listen = "127.0.0.1:0"; } );
streams = ( { name = "porch"; title = "현관"; number = 1; from = [ "192.168.1.23" ]; } );
sources = ( { kind = "pattern"; stream = "test"; size = "320x240"; fps = 15; } );
"""

BROKEN = {
    "syntax": ('doors = (\n  { kind = "frames"; listen = }\n);\n', r":2: "),
    "trailing_comma": ('doors = (\n  { kind = "frames"; },\n);\n', r":[123]: .*comma"),
    "unknown_section": ('log = { };\ndors = ( );\n', r":2: .*dors.*doors"),
    "unknown_key": ('limits = {\n  max_frame_byte = 5;\n};\n', r":2: .*max_frame_byte\b.*max_frame_bytes"),
    "unknown_kind": ('doors = (\n  { kind = "fames"; }\n);\n', r":2: .*fames.*frames"),
    "out_of_range": ('limits = {\n  queue_frames = 65;\n};\n', r":2: .*queue_frames.*64"),
    "wrong_type": ('limits = {\n  queue_frames = "many";\n};\n', r":2: .*queue_frames"),
    "wraps": ('limits = {\n  max_frame_bytes = 4294967297;\n};\n', r":2: .*4294967297.*\bL\b"),
    "bad_address": ('doors = (\n  { kind = "frames"; listen = "nowhere:8000:1"; }\n);\n', r":2: .*listen"),
    "bad_name": ('streams = (\n  { name = "a.b"; }\n);\n', r":2: .*a\.b"),
    "bad_enum": ('doors = (\n  { kind = "frames"; takeover = "sometimes"; }\n);\n', r":2: .*takeover.*same"),
    "same_listener_twice": ('doors = (\n  { kind = "frames"; listen = "127.0.0.1:8000"; },\n'
                            '  { kind = "frames"; listen = "127.0.0.1:8000"; }\n);\n', r":[23]: .*8000"),
    "role_without_stream": ('doors = (\n  { kind = "frames"; role = "subscribe"; }\n);\n', r":2: .*stream"),
    "source_without_stream": ('sources = (\n  { kind = "pattern"; }\n);\n', r":2: .*stream"),
    "record_pattern": ('sinks = (\n  { kind = "record"; stream = "porch"; output = "%q.jpg"; }\n);\n', r":2: .*%q"),
    "record_outside": ('sinks = (\n  { kind = "record"; stream = "porch"; output = "a/../b.jpg"; }\n);\n', r":2: .*\.\."),
    "keep_without_files": ('sinks = (\n  { kind = "record"; stream = "porch"; output = "now.jpg"; keep_bytes = 5000; }\n);\n',
                           r":2: .*keep_bytes"),
    "push_id": ('sinks = (\n  { kind = "frames-push"; stream = "porch"; address = "a"; id = "xyz"; }\n);\n', r":2: .*\bid\b"),
    "push_without_address": ('sinks = (\n  { kind = "frames-push"; stream = "porch"; }\n);\n', r":2: .*address"),
}


def test_check_of_what_is_right(tmp_path):
    file = tmp_path / "good.conf"
    file.write_text(GOOD)
    done = run("-c", file, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text, said", BROKEN.values(), ids=BROKEN.keys())
def test_check_names_line_and_cure(tmp_path, text, said):
    file = tmp_path / "broken.conf"
    file.write_text(text)
    for args in (["-c", file, "--check"], ["-c", file]):
        done = run(*args)
        assert done.returncode == 2, (done.returncode, done.stderr)
        assert re.search(rf"broken\.conf{said}", done.stderr), done.stderr
        assert not support.SANITIZER.search(done.stderr)


def test_check_says_everything_that_is_wrong(tmp_path):
    file = tmp_path / "broken.conf"
    file.write_text('limits = {\n  queue_frames = 65;\n  nonsense = 1;\n};\nstreams = (\n  { name = "a.b"; }\n);\n')
    done = run("-c", file, "--check")
    assert done.returncode == 2
    for line in (2, 3, 6):
        assert re.search(rf"broken\.conf:{line}: ", done.stderr), done.stderr


@pytest.mark.parametrize("args", [
    [], ["--source", "pattern", "--fps", "5"], ["--publish", "example.net/porch", "--source", "pattern"],
    ["--subscribe", "example.net:9000/porch", "--output", "%06n.jpg"],
    ["--subscribe", "example.net/porch", "--to", "frames:127.0.0.1:8000"],
])
def test_a_printed_configuration_is_a_good_one(tmp_path, args):
    printed = run(*args, "--print-config")
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "printed.conf"
    file.write_text(printed.stdout)

    checked, again = run("-c", file, "--check"), run("-c", file, "--print-config")

    assert checked.returncode == 0, checked.stderr
    assert again.stdout == printed.stdout


def test_a_file_first_and_arguments_on_top(tmp_path):
    file = tmp_path / "good.conf"
    file.write_text(GOOD)
    printed = run("-c", file, "--source", "pattern", "--fps", "7", "--print-config")
    assert printed.returncode == 0, printed.stderr
    assert "porch" in printed.stdout and "320x240" in printed.stdout
    assert len(re.findall(r'kind\s*=\s*"pattern"', printed.stdout)) == 2
