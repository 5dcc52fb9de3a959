# SPDX-License-Identifier: MIT
"""The units that come with the program are good, and let it do next to nothing.

systemd-analyze looks at the files themselves; no systemd runs for that.
"""
import pathlib
import re
import subprocess

import pytest

import support

UNITS = support.ROOT / "packaging/systemd"
MOST = 1.5  # exposure that systemd-analyze may find, of 10


def analyze(*args):
    done = subprocess.run(["systemd-analyze", "--no-pager", *map(str, args)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path):
    """The units, with the program where it is: verify looks for it."""
    program = tmp_path / "framerelayd"  # a path without a space
    program.symlink_to(support.binary())
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.socket")]:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/framerelayd", str(program)))
    return tmp_path


@pytest.mark.parametrize("unit", ["framerelayd.service", "framerelayd.socket", "framerelayd-publish.service"])
def test_a_unit_is_free_of_faults(installed, unit):
    assert analyze("verify", "--man=no", "--recursive-errors=no", installed / unit) == (0, "")


def test_verify_finds_a_fault(installed):
    """Else the test above could not fail."""
    unit = installed / "framerelayd.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSistem=strict"))
    assert "ProtectSistem" in analyze("verify", "--man=no", "--recursive-errors=no", unit)[1]


def test_the_relay_may_do_next_to_nothing():
    status, text = analyze("security", "--offline=true", UNITS / "framerelayd.service")
    level = re.search(r"Overall exposure level for framerelayd\.service: ([\d.]+)", text)
    assert status == 0 and level, text
    print(text)
    assert float(level[1]) <= MOST


def test_every_line_of_the_relays_unit_is_said_why():
    """A comment stands above each block of lines; a block is short enough to be one thought."""
    lines = (UNITS / "framerelayd.service").read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines()
    since_comment = 0
    for line in filter(None, lines):
        since_comment = 0 if line.startswith("#") else since_comment + 1
        assert since_comment <= 6, line


def test_the_user_of_the_unit_is_made():
    text = (UNITS / "sysusers.conf").read_text()
    unit = (UNITS / "framerelayd.service").read_text()
    assert re.search(rf"^u {re.search(r'^User=(.*)$', unit, re.M)[1]} ", text, re.M)
    assert pathlib.Path(re.search(r"(/var/lib/\S+)", text)[1]).name == re.search(r"^StateDirectory=(.*)$", unit, re.M)[1]
