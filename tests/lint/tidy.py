#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs cppcheck and clang-tidy over the C of common/ and daemon/.

Usage: tidy.py cppcheck ROOT
       tidy.py clang-tidy ROOT BUILD (a build with clang: its compile_commands.json is read)
Prints what they find; exit status 1 if anything.
"""
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

# What the analyzer, which sees one source at a time, is told about the functions of others.
KNOWN = "tests/lint/analyzer.h"


def system_header(name):
    """Gives the path of a header that cppcheck must see: without the macros in it, it is lost."""
    lines = subprocess.run(["cc", "-E", "-x", "c", "-"], input=f"#include <{name}>\n", check=True,
                           capture_output=True, text=True).stdout
    return re.search(rf'^# \d+ "(/.*/{name})"', lines, re.M)[1]


def cppcheck(root):
    done = subprocess.run(
        ["cppcheck", "-q", "-j2", "--enable=warning,performance,portability", "--inline-suppr",
         "--std=c11", "--error-exitcode=1", "--suppress=missingIncludeSystem", "--suppress=missingInclude",
         "--suppress=unknownMacro", "--template={file}:{line}: {id}: {message}", "-I", ".", "-D_GNU_SOURCE",
         "-D__linux__", f"--include={system_header('sys/queue.h')}",
         f"--include={system_header('uthash.h')}", '-DFR_VERSION="0"', "common", "daemon"],
        cwd=root, capture_output=True, text=True)
    print(done.stdout + done.stderr, end="")
    return 1 if done.returncode != 0 else 0


def clang_tidy(root, build):
    sources = {e["file"] for e in json.loads((build / "compile_commands.json").read_text())}
    sources = sorted(s for s in sources if re.match(r"(common|daemon)/.*\.c$", s[len(str(root)) + 1:]))
    if not sources:
        print(f"{build}: no sources")
        return 1

    def one(source):
        command = ["clang-tidy", "-p", build, "--quiet", "--warnings-as-errors=*", source]
        if (root / KNOWN).exists() and not source.endswith("/cause.c"):
            command += [f"--extra-arg=-include{root / KNOWN}"]
        return subprocess.run(command, capture_output=True, text=True)

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in pool.map(one, sources):
            if done.returncode != 0:
                print(done.stdout.replace(f"{root}/", ""), end="")
                bad = 1
    return bad


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[2]).resolve()
    if sys.argv[1] == "cppcheck":
        sys.exit(cppcheck(where))
    sys.exit(clang_tidy(where, pathlib.Path(sys.argv[3]).resolve()))
