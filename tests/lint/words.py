#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the text of the whole tree: what must not stand in it, and what each source must say.

Usage: words.py ROOT. Prints a line for each finding; exit status 1 if any.
"""
import pathlib
import re
import sys

# Split, so that this file does not find itself.
EVERYWHERE = [
    (re.compile(r"(?<![\w.<}$])/" r"(work|root)/"), "a path of somebody's machine"),
    (re.compile(r"\.\./" r"shared|\bshared/" r"design\b"), "a path outside the repository"),
    (re.compile(r"^(<<<<<<<|>>>>>>>) "), "a conflict that was not resolved"),
]
IN_CODE = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"), "a mark for later: do it now, or open an issue"),
    (re.compile(r"/\*\*" r"\s*\*/"), "an empty doc comment"),
]
IN_C = [
    # Debian's patch apart, libevent 2.1.12 uses memory after it has freed it (CVE-2026-63381).
    (re.compile(r"\bevbuffer_add_buffer_reference\s*\("), "use evbuffer_add_reference() with a count of our own"),
    (re.compile(r"\b(strcpy|strcat|vsprintf|gets|strtok)\s*\("), "a call without bounds, or with hidden state"),
]
IN_PAGE = [
    (re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b"), "text becomes markup or code"),
    (re.compile(r"<(script|style)>|\s(style|on[a-z]+)=[\"']"), "what the page's own policy forbids: inline script or style"),
]
CODE = {".c", ".h", ".cpp", ".hpp", ".def", ".py", ".sh", ".cmake", ".js", ".css", ".html"}
SPDX_IN = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".cmake", ".js", ".css"}
SKIP = re.compile(r"\.git|build.*|__pycache__|\.pytest_cache")


def sources(root):
    """Gives every text file of the tree, but what git and builds leave in it."""
    for path in sorted(root.iterdir()):
        if SKIP.fullmatch(path.name) and (path.is_dir() or path.name == ".git"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from sources(path)
        elif path.is_file() and b"\0" not in path.read_bytes():
            yield path


def findings(path):
    text = path.read_text(errors="replace")
    code = path.suffix in CODE or text.startswith("#!")
    if path.suffix in SPDX_IN and "SPDX-License-Identifier: MIT" not in "".join(text.splitlines()[:3]):
        yield 1, "no SPDX line"
    patterns = EVERYWHERE + (IN_CODE if code else []) + (IN_C if path.suffix in (".c", ".h") else [])
    patterns = patterns + (IN_PAGE if "daemon/page/" in path.as_posix() else [])
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in patterns:
            if pattern.search(line):
                yield number, what


def main(root):
    bad = 0
    for path in sources(root):
        if "tests/fuzz/corpus/" in path.as_posix():
            continue
        for number, what in findings(path):
            print(f"{path.relative_to(root).as_posix()}:{number}: {what}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
