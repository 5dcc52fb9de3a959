# SPDX-License-Identifier: MIT
"""What the README tells a newcomer to type works as it stands there.

The commands and the two scripts are cut out of README.md; only the folder of pictures and the relay's
host name are put in. They use the default port, so they run in a network of their own where the machine
allows that.
"""
import os
import re
import signal
import subprocess
import sys

import pytest

import networks
import pictures
import support

README = (support.ROOT / "README.md").read_text()


def block(language, having):
    """The code block of the README that has this text in it."""
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", README, re.S) if having in b]
    assert len(found) == 1, f"{len(found)} blocks of {language} with {having}"
    return found[0]


@pytest.fixture
def shell(tmp_path):
    """Runs lines in a folder that looks like the clone after its first build; ends all they started."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build/framerelayd").symlink_to(support.binary())
    (tmp_path / "conf").symlink_to(support.ROOT / "conf")
    alone = networks.can_be_alone()
    started = []

    def run(lines):
        # What goes on in the background is asked to end when the last line is done.
        script = f"{lines}\nstatus=$?\nkill $(jobs -p)\nwait\nexit $status\n"
        process = subprocess.Popen([*(networks.ALONE if alone else ()), "bash", "-c", script], cwd=tmp_path, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        started.append(process)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert not support.SANITIZER.search(err), err
        return out, err

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.jpg").write_bytes(pictures.picture(n, "mine", 160, 120))
    return folder


def test_three_commands(shell, mine, tmp_path):
    lines = block("sh", "--publish localhost/porch").replace("/home/me/pictures", str(mine)).replace("--fps 2", "--fps 10")

    shell(lines)

    arrived = sorted((tmp_path / "seen").glob("*.jpg"))
    assert len(arrived) == 10
    assert {p.read_bytes() for p in arrived} == {p.read_bytes() for p in mine.glob("*.jpg")}


def test_the_two_scripts(shell, mine, tmp_path):
    publish, watch = (block("python", text).replace("relay.local", "localhost") for text in ("struct.pack(", "SUB porch"))
    (tmp_path / "publish.py").write_text(
        f"import pathlib, time\ndef endless():\n    while True:\n        for p in sorted(pathlib.Path({str(mine)!r}).glob('*.jpg')):\n"
        "            yield p.read_bytes()\n            time.sleep(0.05)\npictures = endless()\n" + publish)
    (tmp_path / "watch.py").write_text(watch + "    print(len(jpeg)); seen = globals().get('seen', 0) + 1\n    if seen == 5: break\n")
    (tmp_path / "porch.conf").write_text('streams = ( { name = "porch"; from = [ "127.0.0.1", "::1" ]; } );\n'
                                         'doors = ( { kind = "frames"; listen = "[::]:8000"; } );\n')

    out, _ = shell("build/framerelayd -c porch.conf &\nfor i in $(seq 100); do build/framerelayd --subscribe localhost && break; sleep 0.1; done\n"
                   f"{sys.executable} publish.py &\n{sys.executable} watch.py")

    assert re.search(r"b'OK porch live=[01]\\n'", out), out
    sizes = {str(p.stat().st_size) for p in mine.glob("*.jpg")}
    assert len(re.findall(rf"^({'|'.join(sizes)})$", out, re.M)) == 5, out


def test_a_mode_is_a_configuration(shell):
    line = block("sh", "--print-config")
    out, _ = shell(line.strip() + " > saved.conf\nbuild/framerelayd -c saved.conf --check && cat saved.conf")
    assert "frames-push" in out and "porch" in out
