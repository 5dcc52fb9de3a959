#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the checks of this folder, and says of each whether it passed.

Usage: run.py static                    what reads sources only
       run.py built RELEASE PROGRAM     what reads a build without sanitizers and its program
       run.py tidy CLANG_BUILD          clang-tidy
Ends with `lint: N passed, N failed`; exit status 1 if any failed.
"""
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def checks(group, args):
    """Gives {name: command} of a group."""
    def script(name, *rest):
        return [sys.executable, HERE / f"{name}.py", *rest]

    if group == "static":
        named = {n: script(n, ROOT) for n in ("layers", "headers", "sizes", "words", "rows", "format")}
        return named | {"cppcheck": script("tidy", "cppcheck", ROOT)}
    if group == "built":
        modules = sorted(pathlib.Path(args[0]).glob("framerelayd-*.so"))
        return {"names": script("names", args[0]), "docs": script("docs", ROOT, args[1]),
                "hardening": script("hardening", args[1], *modules)}
    if group == "tidy":
        return {"clang-tidy": script("tidy", "clang-tidy", ROOT, args[0])}
    sys.exit(__doc__)


def main(group, args):
    passed = failed = 0
    for name, command in checks(group, args).items():
        start = time.monotonic()
        good = subprocess.run(command).returncode == 0
        print(f"{'ok  ' if good else 'FAIL'} {name} ({time.monotonic() - start:.1f} s)", flush=True)
        passed += good
        failed += not good
    print(f"lint: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
