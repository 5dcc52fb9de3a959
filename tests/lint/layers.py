#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every #include "..." obeys tests/lint/layers.def.

Usage: layers.py ROOT. Prints a line for each include that does not; exit status 1 if any.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_table(path):
    """Gives {folder: folders it may include from}; refuses what could be a cycle."""
    table = {}
    for line in path.read_text().splitlines():
        folder, _, allowed = line.split("#")[0].strip().partition(":")
        if folder:
            later = [a for a in allowed.split() if a not in table]
            if later:
                sys.exit(f"{path}: {folder}: {' '.join(later)}: not on an earlier line")
            table[folder] = set(allowed.split())
    return table


def folder_of(file, table):
    """Gives (the folder that `file` belongs to, what it may include from).

    `daemon/doors/*` makes every folder in daemon/doors one of its own. A file in no
    folder of the table belongs to None and may include from anywhere.
    """
    best = (None, None)
    for row, allowed in table.items():
        match = re.match(re.escape(row).replace(r"\*", "[^/]+") + "/", file)
        if match and len(match[0]) > len(best[0] or ""):
            best = (match[0][:-1], allowed)
    return best


def main(root):
    table = read_table(root / "tests/lint/layers.def")
    bad = 0
    for top in ("common", "daemon"):
        for path in sorted((root / top).rglob("*.[ch]*")):
            name = path.relative_to(root).as_posix()
            here, allowed = folder_of(name, table)
            for target in INCLUDE.findall(path.read_text()):
                there, _ = folder_of(target, table)
                if here is not None and there != here and there not in allowed:
                    print(f"{name}: may not include {target}")
                    bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
