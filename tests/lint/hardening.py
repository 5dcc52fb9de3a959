#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that programs are built so that a mistake in them ends them, and that they cannot run another program.

Usage: hardening.py PROGRAM... (built without sanitizers; a loadable module is one too). Prints a
line for each thing that is missing; exit status 1 if any.
"""
import pathlib
import re
import subprocess
import sys

# Whatever of the C library makes a process or runs a program. Source: exec(3), posix_spawn(3), system(3), popen(3),
# wordexp(3), fork(2), clone(2).
RUNS = re.compile(r"(f?exec(l|le|lp|v|ve|veat|vp|vpe)|posix_spawnp?|system|popen|wordexp|v?fork|clone3?|daemon)")

ENTRIES_LEAST = 20  # that jumps may go to; a program without any guard has some four, which came from outside


def read(tool, *args):
    return subprocess.run([tool, *args], check=True, capture_output=True, text=True).stdout


def problems(program):
    """Gives what is wrong, a sentence each."""
    header = read("readelf", "-hW", program)
    segments = read("readelf", "-lW", program)
    dynamic = read("readelf", "-dW", program)
    imports = {name.partition("@")[0] for name in
               read("nm", "-D", "--undefined-only", "--format=just-symbols", program).split()}
    loads, stack = (re.findall(rf"^\s+{kind}(?:\s+0x[0-9a-f]+){{5}}\s([RWE ]{{3}})", segments, re.M)
                    for kind in ("LOAD", "GNU_STACK"))

    if not re.search(r"Type:\s+DYN", header):
        yield "is not position-independent (-pie)"
    if "INTERP" in segments and not re.search(r"FLAGS_1.*\bPIE\b", dynamic):
        yield "is not position-independent (-pie)"
    if "GNU_RELRO" not in segments or not re.search(r"FLAGS.*\b(BIND_)?NOW\b", dynamic):
        yield "its tables can be written after the start (-z relro -z now)"
    if stack != ["RW "]:
        yield "its stack can be executed (-z noexecstack)"
    if any("W" in load and "E" in load for load in loads):
        yield "a segment can be written and executed"
    if "R E" not in loads or "R  " not in loads:
        yield "code and constants share a segment (-z separate-code)"
    if "TEXTREL" in dynamic:
        yield "its code is written to at the start (TEXTREL)"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield "it looks for libraries where it was built (RPATH)"
    if "__stack_chk_fail" not in imports:
        yield "its stack is not guarded (-fstack-protector-strong)"
    if "INTERP" in segments and not any(re.fullmatch(r"__\w+_chk", name) for name in imports):
        yield "sizes are not checked (-D_FORTIFY_SOURCE)"
    # The mark of the whole file says nothing: where the C library's own beginning lacks it, so does the file.
    if "X86-64" in header and read("objdump", "-d", program).count("endbr64") < ENTRIES_LEAST:
        yield "jumps and returns are not guarded (-fcf-protection=full)"
    for name in sorted(filter(RUNS.fullmatch, imports)):
        yield f"it calls {name}(): no program is ever executed"


def main(programs):
    bad = 0
    for program in programs:
        for problem in problems(program):
            print(f"{pathlib.Path(program).name}: {problem}")
            bad = 1
    return bad or not programs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
