#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets and runs each for some seconds, two at a time, on top of its corpus.
#
#   tests/fuzz/run.sh SECONDS [TARGET...]      a target is the X of tests/fuzz/X_fuzz.c
#
# An input that breaks a target is left in build-fuzz/findings/; once the fault is mended it belongs
# in tests/fuzz/corpus/X/. What is learnt is kept in build-fuzz/corpus/, never in the tree.
# Ends with `fuzz: N passed, N failed`; exit status 1 if any failed.
set -u

seconds="$1"
shift
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="$root/build-fuzz"
findings="$build/findings"

# A build folder that came along when the clone was copied or moved belongs to another place.
if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build"
fi
mkdir -p "$findings" "$build/logs"
log="$build/logs/build.log"
ccache=
command -v ccache >/dev/null && ccache=-DCMAKE_C_COMPILER_LAUNCHER=ccache
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DFR_FUZZ=ON -DFR_WERROR=ON $ccache \
    >"$log" 2>&1 || { cat "$log"; exit 1; }
cmake --build "$build" -j2 --target fuzz_targets >"$log" 2>&1 || { tail -n 60 "$log"; exit 1; }

# Runs one target; leaves what it said in its log, and `ok` or `FAIL` in its result.
fuzz_one() {
    learnt="$build/corpus/$1"
    log="$build/logs/$1.log"
    dictionary=
    [ -f "$root/tests/fuzz/$1.dict" ] && dictionary="-dict=$root/tests/fuzz/$1.dict"
    mkdir -p "$learnt"
    result=FAIL
    if [ -n "$(ls -A "$root/tests/fuzz/corpus/$1" 2>/dev/null)" ]; then
        "$build/tests/fuzz/$1_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
            -print_final_stats=1 -artifact_prefix="$findings/$1-" ${dictionary:+"$dictionary"} \
            "$learnt" "$root/tests/fuzz/corpus/$1" >"$log" 2>&1 && result=ok
    else
        echo "tests/fuzz/corpus/$1: no seeds" >"$log"
    fi
    echo "$result" >"$build/logs/$1.result"
}

# Says how one target went.
report_one() {
    log="$build/logs/$1.log"
    result="$(cat "$build/logs/$1.result")"
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    echo "$result $1 (${runs:-0} runs)"
    if [ "$result" = ok ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 40 "$log"
    fi
}

if [ $# = 0 ]; then
    for file in "$root"/tests/fuzz/*_fuzz.c; do
        name="$(basename "$file" _fuzz.c)"
        [ -f "$file" ] && set -- "$@" "$name"
    done
fi
passed=0
failed=0
while [ $# -gt 0 ]; do
    first="$1"
    second="${2:-}"
    shift
    fuzz_one "$first" &
    if [ -n "$second" ]; then
        shift
        fuzz_one "$second" &
    fi
    wait
    report_one "$first"
    [ -n "$second" ] && report_one "$second"
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
