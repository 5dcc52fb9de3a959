#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that all C is as .clang-format has it.

Usage: format.py ROOT [--write]. Prints a line for each place that is not, or with --write puts
it right; exit status 1 if any.
"""
import pathlib
import shutil
import subprocess
import sys


def main(root, write):
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if program is None:
        print("clang-format is not installed")
        return 1
    files = [f for top in ("common", "daemon", "tests") for f in sorted((root / top).rglob("*"))
             if f.suffix in (".c", ".h", ".cpp", ".hpp")]
    mode = ["-i"] if write else ["--dry-run", "-Werror", "-ferror-limit=1"]
    done = subprocess.run([program, "--style=file"] + mode + files, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if "error:" in line:
            print(line.replace(f"{root}/", ""))
    return 1 if done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), "--write" in sys.argv))
