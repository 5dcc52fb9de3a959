#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the generated parts of the documents are what the program says today.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->` and equals the output of
`framerelayd --dump-docs NAME`.

Usage: docs.py ROOT PROGRAM [--write]. Prints a line for each part that is stale, or with --write
brings it up to date; exit status 1 if any is stale, or a page has lost its parts.
"""
import pathlib
import re
import subprocess
import sys

PART = re.compile(r"^<!-- generated: ([^\n>]+?) -->\n(.*?)^<!-- end -->$", re.M | re.S)
PAGES = ["docs/configuration.md", "docs/metrics.md", "docs/limits.md"]


def dump(program, name):
    """Gives what the program says, or None with its complaint printed."""
    done = subprocess.run([program, "--dump-docs", name], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{program} --dump-docs {name}: {done.stderr.strip()}")
        return None
    return done.stdout.strip("\n")


def main(root, program, write):
    bad = 0
    for page in PAGES:
        if not PART.search((root / page).read_text() if (root / page).is_file() else ""):
            print(f"{page}: has no generated part")
            bad = 1
    for path in sorted((root / "docs").rglob("*.md")):
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        for match in PART.finditer(text):
            now = dump(program, match[1])
            if now is None:
                bad = 1
            elif match[2].strip("\n") != now and write:
                block = f"<!-- generated: {match[1]} -->\n\n{now}\n\n<!-- end -->"
                text = text.replace(match[0], block)
            elif match[2].strip("\n") != now:
                print(f"{name}: {match[1]} is stale: run tests/lint/docs.py with --write")
                bad = 1
        if write:
            path.write_text(text)
    return bad


if __name__ == "__main__":
    args = [a for a in sys.argv[1:] if a != "--write"]
    sys.exit(main(pathlib.Path(args[0]), args[1], "--write" in sys.argv))
