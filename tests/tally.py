#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what a runner did, so that all runners can be summed.

Usage: tally.py ctest FILE     what ctest --output-junit wrote; a cmocka program counts as its tests
       tally.py pytest FILE    what pytest --junitxml wrote
       tally.py said FILE      what a runner said: its last line `NAME: N passed, N failed`
Prints `PASSED FAILED`. A skip is a failure. So is a file that is missing, or without a single
test: a runner that did nothing has proven nothing.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

CMOCKA_PASSED = re.compile(r"^\[  PASSED  \] (\d+) test", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (\d+) test", re.M)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) test", re.M)


def ctest(path):
    passed = failed = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        is_cmocka = not case.get("name").startswith("fuzz/")
        ok = sum(map(int, CMOCKA_PASSED.findall(output))) if is_cmocka else 1
        bad = sum(map(int, CMOCKA_FAILED.findall(output) + CMOCKA_SKIPPED.findall(output)))
        if case.get("status") != "run":
            # It may have crashed in a test, in which case cmocka has not had the last word.
            ok, bad = ok if bad else 0, max(bad, 1)
        elif ok == 0:
            bad = max(bad, 1)
        passed, failed = passed + ok, failed + bad
    return passed, failed


def pytest(path):
    passed = failed = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
        passed, failed = passed + (not bad), failed + bad
    return passed, failed


def said(path):
    found = re.findall(r"^\w+: (\d+) passed, (\d+) failed$", path.read_text(), re.M)
    return tuple(map(int, found[-1])) if found else (0, 0)


def main(kind, path):
    try:
        passed, failed = {"ctest": ctest, "pytest": pytest, "said": said}[kind](path)
    except (OSError, xml.ParseError):
        passed, failed = 0, 0
    print(passed, failed if passed + failed > 0 else 1)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
