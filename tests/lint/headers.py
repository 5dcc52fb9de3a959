#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every header compiles alone, and says `#pragma once`.

Usage: headers.py ROOT. Prints a line for each header that does not; exit status 1 if any.
"""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys

FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wstrict-prototypes", "-Wundef", "-Werror"]
PACKAGES = ["libevent_core", "libturbojpeg", "libconfig", "cmocka"]


def library_flags():
    """Gives the include folders of the libraries that are installed."""
    flags = []
    for package in PACKAGES:
        done = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True)
        if done.returncode == 0:
            flags += done.stdout.split()
    return flags


def check(root, header, compiler):
    """Gives what is wrong with one header: its name and the compiler's first error, or None."""
    name = header.relative_to(root).as_posix()
    if "\n#pragma once\n" not in header.read_text():
        return f"{name}: no `#pragma once`"
    done = subprocess.run(compiler + ["-x", "c", "-fsyntax-only", "-I", ".", "-"], cwd=root,
                          input=f'#include "{name}"\n', capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error:" in line]
        return f"{name}: does not compile alone: {(errors or ['?'])[0]}"
    return None


def main(root):
    compiler = [shutil.which("clang") or "cc"] + FLAGS + library_flags()
    headers = [h for top in ("common", "daemon", "tests/support")
               for h in sorted((root / top).rglob("*.h"))]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        findings = [f for f in pool.map(lambda h: check(root, h, compiler), headers) if f]
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
