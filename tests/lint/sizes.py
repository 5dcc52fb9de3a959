#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that no source is over 800 lines.

Files over 500 lines and functions over 60 are listed as notes: they need an argument, which is
for people to judge.

Usage: sizes.py ROOT. Prints a line for each file or function; exit status 1 if a file is too long.
"""
import pathlib
import re
import sys

FILE_MAX = 800
FILE_NOTE = 500
FUNCTION_NOTE = 60
NAME = re.compile(r"(\w+)\(")


def functions(lines):
    """Gives (name, first line, lines) of each function; the house format makes this easy."""
    head, start = None, None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            name = NAME.search(head or "")
            yield (name[1] if name else "?", start, number - start + 1)
            start = None
        elif start is None and line[:1].isalpha():
            head = line


def main(root):
    bad = 0
    for top in ("common", "daemon", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".js"):
                continue
            name = path.relative_to(root).as_posix()
            lines = path.read_text().splitlines()
            if len(lines) > FILE_MAX:
                print(f"{name}: {len(lines)} lines, at most {FILE_MAX}")
                bad = 1
            elif len(lines) > FILE_NOTE:
                print(f"note: {name}: {len(lines)} lines, over {FILE_NOTE}")
            if path.suffix == ".c":
                for function, start, length in functions(lines):
                    if length > FUNCTION_NOTE:
                        print(f"note: {name}:{start}: {function}: {length} lines, over {FUNCTION_NOTE}")
    return bad


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
