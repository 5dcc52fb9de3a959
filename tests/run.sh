#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Installs what the tests need, builds, and runs all of them.
#
#   tests/run.sh          what must pass before a change is taken; fuzzing 10 s a target
#   tests/run.sh --all    the long ones too: fuzzing 60 s a target, valgrind, TSan three times,
#                         all scenarios three times, the long ones at their full length, and the
#                         cameras of a machine of our own (tests/camera-vm)
#                         Where time is short: FUZZ_SECONDS a target, ROUNDS of scenarios.
#
# Each stage goes on where another failed. What each said is in build-results/. The last line is
# `N passed, N failed`, summed over ctest, cmocka, pytest, fuzzing and the checks of the sources; a
# skip is a failure, and so is a runner that found nothing to run. Before it stands what each stage
# took.
set -u

root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root" || exit 1
results="$root/build-results"
python=/usr/bin/python3
jobs="$(nproc 2>/dev/null || echo 2)"
all=no
passed=0
failed=0
began=$SECONDS
times=
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

case "${1:-}" in
"") ;;
--all)
    all=yes
    export SCENARIO_LONG=yes
    ;;
*)
    echo "usage: tests/run.sh [--all]" >&2
    exit 2
    ;;
esac

# The sanitizers of clang 14 cannot place their shadows where the kernel spreads addresses over
# more than 28 bits; setarch asks for none of that, where it is allowed.
if [ -z "${FR_TESTS_AGAIN:-}" ] && [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 32)" -gt 28 ] &&
    setarch "$(uname -m)" -R true 2>/dev/null; then
    FR_TESTS_AGAIN=yes exec setarch "$(uname -m)" -R bash "$root/tests/run.sh" "$@"
fi

# add KIND FILE: adds what a runner did to the sum.
add() {
    local p f
    read -r p f < <("$python" tests/tally.py "$1" "$2")
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-1}))
    echo "-- ${p:-0} passed, ${f:-1} failed"
}

# stage NAME COMMAND...: runs one stage and says how long it took.
stage() {
    local name="$1" start=$SECONDS bad=$failed
    shift
    echo
    echo "== $name"
    "$@"
    echo "-- $name: $((SECONDS - start)) s"
    times+="$(printf '%5d s  %s' $((SECONDS - start)) "$name")"
    [ $failed = $bad ] || times+="  ($((failed - bad)) failed)"
    times+=$'\n'
}

# must COMMAND...: a step that is no test; it counts only where it fails.
must() {
    "$@" && return
    failed=$((failed + 1))
    echo "FAIL $*"
    return 1
}

# build FOLDER TARGET OPTION...: configures and builds; quiet unless it fails.
build() {
    local folder="$1" target="$2" log="$results/$1.log"
    shift 2
    command -v ccache >/dev/null && set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache
    if [ -f "$folder/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        rm -rf "$folder" # the clone was copied or moved
    fi
    if cmake -S . -B "$folder" -G Ninja -DFR_WERROR=ON -DFR_TESTS=ON "$@" >"$log" 2>&1 &&
        cmake --build "$folder" -j "$jobs" --target "$target" >>"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $folder"
    else
        failed=$((failed + 1))
        grep -E -A8 'error|FAILED|Error' "$log" | head -60
        echo "FAIL $folder (all of it: $log)"
    fi
}

# run_ctest NAME FOLDER OPTION...: runs tests of a build.
run_ctest() {
    local name="$1" folder="$2"
    shift 2
    rm -f "$results/$name.xml"
    ctest --test-dir "$folder" --output-on-failure --output-junit "$results/$name.xml" --no-tests=error -j "$jobs" \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 "$@" \
        >"$results/$name.log" 2>&1 || sed '/ Passed /d;/^ *Start /d' "$results/$name.log" | tail -200
    add ctest "$results/$name.xml"
}

# run_said NAME COMMAND...: runs a runner that ends with a line of its own.
run_said() {
    local log="$results/$1.log"
    shift
    "$@" 2>&1 | tee "$log"
    add said "$log"
}

# run_pytest NAME OPTION...
run_pytest() {
    local name="$1" parallel=()
    shift
    "$python" -c 'import xdist' 2>/dev/null && parallel=(-n $((jobs + 1))) # most of their time they wait
    rm -f "$results/$name.xml"
    "$python" -m pytest -q -p no:cacheprovider --junitxml "$results/$name.xml" "${parallel[@]}" "$@" \
        </dev/null 2>&1 | tee "$results/$name.log" | tail -n 200
    add pytest "$results/$name.xml"
}

lint() {
    run_said lint "$python" tests/lint/run.py static
    run_pytest lint-tests tests/lint
}

lint_built() {
    run_said lint-built "$python" tests/lint/run.py built build-release build-release/framerelayd
}

lint_tidy() {
    run_said lint-tidy "$python" tests/lint/run.py tidy build-asan
}

run_tsan() {
    build build-tsan thread_tests -DCMAKE_C_COMPILER=clang -DFR_SANITIZE=thread
    TSAN_OPTIONS=halt_on_error=1 run_ctest tsan build-tsan -L threads "$@"
}

scenarios() {
    FRAMERELAYD="$root/build-asan/framerelayd" \
        FRAMERELAYD_RELEASE="$root/build-release/framerelayd" run_pytest "$1" tests/scenario
}

# Each unit and loop test once more, without sanitizers, under valgrind; but not the listener's,
# where descriptors run out: valgrind needs some itself, and time is counted.
run_valgrind() {
    local logs="$results/valgrind" program p f
    rm -rf "$logs"
    mkdir -p "$logs"
    # shellcheck disable=SC2016 # the inner shell expands it
    for program in build-release/tests/unit/* build-release/tests/loop/*; do
        [ "${program##*/}" = loop-common-net-listener ] || printf '%s\0' "$program"
    done | xargs -0 -P "$jobs" -n 1 bash -c '
        timeout 600 valgrind -q --fair-sched=try --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,possible \
            --errors-for-leak-kinds=definite "$1" >"$0/${1##*/}.log" 2>&1 && mv "$0/${1##*/}.log" "$0/${1##*/}.ok"
        true' "$logs"
    tail -n 100 "$logs"/*.log 2>/dev/null
    p="$(find "$logs" -name '*.ok' | wc -l)"
    f="$(find "$logs" -name '*.log' | wc -l)"
    echo "valgrind: $p passed, $f failed"
}

mkdir -p "$results"
stage "packages" must sh packaging/packages.sh run test
stage "lint" lint
stage "build with ASan and UBSan (clang)" build build-asan all -DCMAKE_C_COMPILER=clang -DFR_SANITIZE=address
stage "build for release (gcc)" build build-release all -DCMAKE_C_COMPILER=gcc
stage "lint of what was built" lint_built
stage "unit, loop and corpus tests" run_ctest asan build-asan -L '^(unit|loop|fuzz)$'
stage "TSan" run_tsan
stage "Debian with a new libcamera" must tests/camera-virtual/tree.sh build-virtual
stage "scenarios" scenarios scenarios
stage "clang-tidy" lint_tidy
if [ $all = no ]; then
    stage "fuzzing, 10 s a target" run_said fuzz tests/fuzz/run.sh 10
else
    stage "cameras of a virtual machine" run_said vm tests/camera-vm/run.sh
    stage "fuzzing, ${FUZZ_SECONDS:-60} s a target" run_said fuzz tests/fuzz/run.sh "${FUZZ_SECONDS:-60}"
    stage "valgrind" run_said valgrind run_valgrind
    stage "TSan, three times" run_tsan --repeat until-fail:3
    for round in $(seq 2 "${ROUNDS:-3}"); do
        stage "scenarios, round $round" scenarios "scenarios-$round"
    done
fi

echo
printf '%s%5d s  all stages\n' "$times" $((SECONDS - began))
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
