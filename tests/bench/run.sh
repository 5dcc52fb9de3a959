#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the relay for release and measures it against the ideal server: the table of
# docs/performance.md, in some nine minutes.
#
#   tests/bench/run.sh [FOLDER]     what was found goes to FOLDER too, as JSON (build-results)
#
# Leave the machine alone meanwhile: two cores are needed, and nobody else on them.
set -eu

root="$(cd "$(dirname "$0")/../.." && pwd)"
build="$root/build-release"
found="${1:-$root/build-results}"
mkdir -p "$found"
log="$found/bench-build.log"

sh "$root/packaging/packages.sh" run test
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
if ! { cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=gcc -DFR_TESTS=ON "${launcher[@]}" &&
    cmake --build "$build" --target framerelayd relay_bench encoder_bench fr_camera_fake; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi

# bench NAME OPTION...
bench() {
    "$build/tests/bench/relay_bench" --relay "$build/framerelayd" --json "$found/bench-$1.json" "${@:2}"
    echo
}

bench one --subscribers 1 --fps 30 --runs 9 --seconds 3
bench paced --subscribers 10,50,200 --fps 30 --runs 5 --seconds 2
bench flat-out --subscribers 10 --fps 0 --runs 7 --seconds 1.5
bench records --subscribers 10 --fps 30 --runs 3 --seconds 2 --publish-mode records
bench age --subscribers 50 --queue 64 --stalled 1 --runs 3 --seconds 5 --age
bench slow --subscribers 10 --slow 1 --slow-rate 1000000 --runs 3 --seconds 4 --size 183000
bench idle --idle 1000
bench mjpeg --mjpeg --flask "$root/tests/bench/flask_mjpeg.py" --subscribers 50,200 --runs 5 --seconds 2
"$root/tests/bench/renditions_bench.py" --relay "$build/framerelayd" --json "$found/bench-renditions.json"
echo
"$root/tests/bench/grpc_bench.py" --relay "$build/framerelayd" --json "$found/bench-grpc.json"
echo
"$build/tests/bench/encoder_bench"
"$root/tests/bench/publish_bench.py" "$build/framerelayd" --json "$found/bench-publish.json"
