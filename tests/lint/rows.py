#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that what is in a table of plug-ins is also in the documents and in the tests.

A door has a page, docs/doors/<kind>.md, and a scenario with its kind in the file name. A source
and a sink have a heading `## kind` in docs/sources.md and docs/sinks.md.

Usage: rows.py ROOT. Prints a line for each row that lacks something; exit status 1 if any.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^[A-Z]+\((\w+), *\w+\)", re.M)


def kinds(root, table):
    """Gives the kinds in a table; in a row `_` stands for the `-` of the kind."""
    path = root / "daemon" / table / f"{table}.def"
    return [name.replace("_", "-") for name in ROW.findall(path.read_text())]


def missing_of_door(root, kind):
    if not (root / f"docs/doors/{kind}.md").is_file():
        yield f"no docs/doors/{kind}.md"
    words = re.compile(rf"\d+_(.*_)?{kind.replace('-', '_')}(_.*)?")
    if not any(words.fullmatch(s.stem) for s in (root / "tests/scenario").glob("*.py")):
        yield f"no tests/scenario/NN_{kind.replace('-', '_')}_*.py"


def missing_of_end(root, table, kind):
    page = root / f"docs/{table}.md"
    text = page.read_text() if page.is_file() else ""
    if not re.search(rf"^## `?{kind}`?$", text, re.M):
        yield f"no heading `## {kind}` in docs/{table}.md"


def main(root):
    bad = 0
    for table in ("doors", "sources", "sinks"):
        for kind in kinds(root, table):
            missing = missing_of_door(root, kind) if table == "doors" else missing_of_end(root, table, kind)
            for what in missing:
                print(f"daemon/{table}/{table}.def: {kind}: {what}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
