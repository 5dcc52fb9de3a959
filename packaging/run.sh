#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what is needed, builds the relay and runs it with the arguments given.
#
#   packaging/run.sh
#   packaging/run.sh -c conf/relay.conf
#
# Paths in the arguments are the caller's. Once all is in place it only asks ninja whether a file
# has changed, and starts.
set -eu

root="$(cd "$(dirname "$0")/.." && pwd)"
build="$root/build"

sh "$root/packaging/packages.sh" run

# A build folder that came along when the clone was copied or moved belongs to another place.
if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build"
fi
log="$build/run.log"
mkdir -p "$build"
if [ ! -f "$build/build.ninja" ]; then
    echo "Building framerelayd ..." >&2
    cmake -S "$root" -B "$build" -G Ninja -DFR_TESTS=OFF </dev/null >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
cmake --build "$build" </dev/null >"$log" 2>&1 || { cat "$log" >&2; exit 1; }

exec "$build/framerelayd" "$@"
