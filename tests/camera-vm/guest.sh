#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs in the machine of run.sh, as its first program: loads the drivers, as a Debian does, and starts the checks. All that
# it says goes to the second serial line; what can be written is memory, in /run. FR_ROOT is the clone, FR_MACHINE what
# machine.sh made.
exec >/dev/ttyS1 2>&1
tree="$FR_MACHINE/tree"
bb="$tree/bin/busybox"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run HOME=/run PYTHONDONTWRITEBYTECODE=1
export FRAMERELAYD_CAMERA="$FR_MACHINE/framerelayd-camera.so"

"$bb" mount -t tmpfs shm /dev/shm 2>/dev/null || { mkdir /dev/shm && "$bb" mount -t tmpfs shm /dev/shm; }
"$bb" ifconfig lo 127.0.0.1 up

# libcamera sees only what udev has seen.
ln -s "$tree/bin/udevadm" /run/systemd-udevd
/run/systemd-udevd --daemon
for module in vhci-hcd firmware_node uvcvideo vimc; do
    "$tree/bin/modprobe" -d "$tree" "$module" || echo "FAIL the driver $module is loaded"
done
"$tree/bin/udevadm" settle -t 20

/usr/bin/python3 "$FR_ROOT/tests/camera-vm/checks.py"
"$bb" poweroff -f
