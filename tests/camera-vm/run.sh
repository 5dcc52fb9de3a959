#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Shows pictures of Debian 12's own libcamera, 0.0.3, with two cameras that this machine need not have: a USB camera, whose
# MJPEG is passed through, and vimc of the kernel, whose pixels are encoded.
#
#   tests/camera-vm/run.sh [PROGRAM]       build-release/framerelayd, where none is named
#
# Cameras are the kernel's, so there is a kernel of our own, under qemu, which needs no right and no help of the machine's.
# Its disk is this machine's own `/`, which it can only read: it runs this clone, with the libraries that are installed here.
# What the checks are is said in checks.py. The USB camera is usb_camera.py.
#
# What is fetched and built for it is in build-vm/, 250 MB; without it the first run takes some minutes, each further one
# about one. Ends with `vm: N passed, N failed`; exit status 1 if any failed.
set -u -o pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
folder="$root/build-vm"
program="$(realpath "${1:-$root/build-release/framerelayd}")"
passed=0
failed=0

# Adds one check to the sum, and says so.
ok() {
    passed=$((passed + 1))
    echo "ok   $*"
}

fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

finish() {
    echo "vm: $passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
    exit
}

# Runs the machine until it has switched itself off. What its kernel says is in console.log.
run_machine() {
    local release
    release="$(cat "$folder/tree/complete")"
    timeout -k 5 400 qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1024 -nodefaults -no-reboot -display none \
        -kernel "$folder/tree/boot/vmlinuz-$release" -initrd "$folder/start.img" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
        -serial "file:$folder/console.log" -serial "file:$folder/said.log" \
        -append "console=ttyS0 panic=-1 FR_ROOT=\"$root\" FR_MACHINE=\"$folder\" FRAMERELAYD=\"$program\"" </dev/null
}

if [ ! -x "$program" ]; then
    fail "$program: build the program first"
    finish
fi
mkdir -p "$folder"
rm -f "$folder/console.log" "$folder/said.log"
if timeout -k 5 900 sh "$root/packaging/packages.sh" vm >"$folder/machine.log" 2>&1 &&
    timeout -k 5 900 "$here/machine.sh" "$folder" >>"$folder/machine.log" 2>&1; then
    ok "the camera module is built without a warning against libcamera 0.0.3"
else
    tail -n 60 "$folder/machine.log"
    fail "the machine and its camera module are built"
    finish
fi
if run_machine; then
    ok "the machine has started and has switched itself off"
else
    fail "the machine has started and has switched itself off"
fi
tr -d '\r' <"$folder/said.log"
passed=$((passed + $(grep -c '^ok ' "$folder/said.log")))
failed=$((failed + $(grep -c '^FAIL ' "$folder/said.log")))
if ! grep -q '^end of the checks' "$folder/said.log"; then
    tail -n 60 "$folder/console.log"
    fail "the checks came to their end"
fi
finish
