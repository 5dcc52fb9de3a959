# SPDX-License-Identifier: MIT
"""The sum at the end of tests/run.sh must not be kind: what did not run has not passed."""
import pathlib
import subprocess
import sys

import pytest

TALLY = pathlib.Path(__file__).resolve().parent.parent / "tally.py"
GOOD = "[==========] Running 3 test(s).\n[  PASSED  ] 3 test(s).\n"
BAD = "[  PASSED  ] 2 test(s).\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] x\n"
SKIP = "[  PASSED  ] 2 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n"


def tally(kind, path):
    return subprocess.run([sys.executable, TALLY, kind, path], check=True,
                          capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("name, status, output, sum_of", [
    ("unit/a", "run", GOOD, "3 0"),
    ("unit/a", "run", GOOD + GOOD, "6 0"),
    ("unit/a", "fail", BAD, "2 1"),
    ("unit/a", "run", SKIP, "2 1"),
    ("unit/a", "fail", GOOD, "0 1"),  # all passed, and then it leaked
    ("unit/a", "fail", "", "0 1"),    # crashed
    ("unit/a", "run", "", "0 1"),     # ran no test at all
    ("unit/a", "notrun", "", "0 1"),
    ("fuzz/a", "run", "corpus/a (3 bytes)\n", "1 0"),
    ("fuzz/a", "fail", "", "0 1"),
])
def test_ctest(tmp_path, name, status, output, sum_of):
    file = tmp_path / "a.xml"
    file.write_text(f'<testsuite><testcase name="{name}" status="{status}">'
                    f"<system-out>{output}</system-out></testcase></testsuite>")

    assert tally("ctest", file) == sum_of


def test_pytest_counts_a_skip_and_an_error_as_failures(tmp_path):
    file = tmp_path / "a.xml"
    file.write_text("<testsuites><testsuite><testcase name='a'/><testcase name='b'><skipped/></testcase>"
                    "<testcase name='c'><error/></testcase></testsuite></testsuites>")

    assert tally("pytest", file) == "1 2"


@pytest.mark.parametrize("kind, text", [
    ("pytest", "<testsuites><testsuite/></testsuites>"),
    ("ctest", "<testsuite/>"),
    ("ctest", "not xml"),
    ("said", "Segmentation fault\n"),
    ("said", "lint: 0 passed, 0 failed\n"),
])
def test_nothing_that_ran_is_a_failure(tmp_path, kind, text):
    file = tmp_path / "a"
    file.write_text(text)

    assert tally(kind, file) == "0 1"
    assert tally(kind, tmp_path / "missing") == "0 1"


def test_said_takes_the_last_line(tmp_path):
    file = tmp_path / "a"
    file.write_text("ok a\nlint: 4 passed, 1 failed\n")

    assert tally("said", file) == "4 1"
