#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every symbol that leaves an object file begins with fr_.

libconfig alone exports 55 names that a program could define by mistake, and then both link
without a word and one is called for the other.

Usage: names.py BUILD (a build without sanitizers). Prints a line for each name that does not;
exit status 1 if any, or if nothing has been built.
"""
import pathlib
import re
import subprocess
import sys

ALLOWED = re.compile(r"fr_\w+|main|LLVMFuzzerTestOneInput")
FOLDER = re.compile(r"(fr_\w+|framerelayd)\.dir")


def main(build):
    objects = [o for o in sorted(build.glob("CMakeFiles/*/**/*.o"))
               if FOLDER.fullmatch(o.relative_to(build / "CMakeFiles").parts[0])]
    if not objects:
        print(f"{build}: nothing has been built")
        return 1
    bad = 0
    for path in objects:
        symbols = subprocess.run(["nm", "--extern-only", "--defined-only", "--format=just-symbols", path],
                                 check=True, capture_output=True, text=True).stdout.split()
        for symbol in symbols:
            if not ALLOWED.fullmatch(symbol):
                name = path.relative_to(build / "CMakeFiles").as_posix()
                print(f"{name}: {symbol}: does not begin with fr_")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
