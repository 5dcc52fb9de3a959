#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes what the machine of run.sh consists of: a kernel of Debian's with the drivers of two cameras, what it starts with,
# and our camera module, built against this machine's own libcamera.
#
#   tests/camera-vm/machine.sh build-vm
#
# The packages come from where this machine's own do. They are unpacked and not installed: a kernel beside the machine's own
# would be started with the next boot. What is there already, and still right, is kept.
set -eu -o pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
mkdir -p "$1"
folder="$(cd "$1" && pwd)"
tree="$folder/tree"

# One driver, vimc, is in no kernel of Debian's: it is built from Debian's sources, of which nothing else is kept.
unpack() {
    release="$(apt-cache show --no-all-versions linux-image-6.12-amd64 |
        sed -n 's/^Depends: linux-image-\([^ ]*\).*/\1/p')"
    [ -n "$release" ] || { echo "$0: apt knows no linux-image-6.12-amd64" >&2; return 1; }
    rm -rf "$folder/fetched" "$tree"
    mkdir -p "$folder/fetched" "$tree/sources"
    (cd "$folder/fetched" && apt-get -qq -o APT::Sandbox::User=root download busybox-static kmod udev \
        "linux-image-$release" "linux-headers-$release" "linux-headers-${release%-amd64}-common" \
        "linux-kbuild-${release%-amd64}" linux-source-6.12) || return 1
    dpkg-deb --fsys-tarfile "$folder"/fetched/linux-source-*.deb | tar -xO ./usr/src/linux-source-6.12.tar.xz |
        tar -xJ --strip-components=4 -C "$tree/sources" linux-source-6.12/drivers/media/test-drivers/vimc || return 1
    rm "$folder"/fetched/linux-source-*.deb
    for package in "$folder"/fetched/*.deb; do
        dpkg -x "$package" "$tree" || return 1
    done
    rm -r "$folder/fetched"
    ln -s kmod "$tree/bin/modprobe"
    ln -s kmod "$tree/bin/depmod"
    echo "$release" >"$tree/complete"
}

# is_older FILE OTHER...: is it missing, or made before one of the others?
is_older() {
    file="$1"
    shift
    for other in "$@"; do
        [ "$file" -nt "$other" ] || return 0
    done
    return 1
}

# In a place of its own, for a kernel's Makefiles take no path with a space; the headers name the one where they would be
# installed.
build_drivers() {
    place="$(mktemp -d /tmp/framerelayd-drivers-XXXXXX)"
    headers="$place/usr/src/linux-headers-$release"
    mkdir -p "$place/usr/lib" "$place/drivers"
    cp -a "$tree/usr/src" "$place/usr"
    cp -a "$tree"/usr/lib/linux-kbuild-* "$place/usr/lib"
    echo "include ${headers%-amd64}-common/Makefile" >"$headers/Makefile"
    cp -r "$tree/sources/vimc" "$here/firmware_node.c" "$place/drivers"
    echo "obj-m := firmware_node.o vimc/" >"$place/drivers/Kbuild"
    make -C "$headers" M="$place/drivers" CONFIG_VIDEO_VIMC=m CONFIG_DEBUG_INFO_BTF_MODULES= modules
    mkdir -p "$modules/extra"
    cp "$place/drivers/firmware_node.ko" "$place/drivers/vimc/vimc.ko" "$modules/extra"
    rm -r "$place"
    "$tree/bin/depmod" -b "$tree" "$release"
}

# What the kernel starts with: busybox, and the drivers of the file system that everything else is on.
build_start() {
    start="$folder/start"
    rm -rf "$start"
    mkdir -p "$start/dev" "$start/proc" "$start/sys" "$start/host"
    cp "$tree/bin/busybox" "$start"
    cp "$here/init" "$start"
    for module in 9pnet_virtio 9p; do
        "$tree/bin/modprobe" -d "$tree" -S "$release" --show-depends "$module" | sed -n 's/^insmod //p'
    done | while read -r path; do
        name="${path##*/}"
        [ ! -e "$start/${name%.xz}" ] || continue
        xz -dc "$path" >"$start/${name%.xz}"
        echo "/${name%.xz}" >>"$start/modules"
    done
    (cd "$start" && find . | "$tree/bin/busybox" cpio -o -H newc) >"$folder/start.img"
}

# A mirror may have a bad minute; or what apt knows is too old.
[ -e "$tree/complete" ] || unpack || { sleep 5; apt-get -qq update; unpack; }
release="$(cat "$tree/complete")"
modules="$tree/lib/modules/$release"
if is_older "$modules/extra/vimc.ko" "$here/firmware_node.c" "$here/machine.sh"; then
    build_drivers
fi
if is_older "$folder/start.img" "$here/init" "$modules/extra/vimc.ko"; then
    build_start
fi

# No warning of the C++ compiler is let through.
version="$(pkg-config --modversion libcamera)"
[ "$version" = 0.0.3 ] || { echo "$0: needs libcamera 0.0.3, as in Debian 12; this is $version" >&2; exit 1; }
mapfile -t sources < <(find "$root/daemon/sources/camera" -name '*.cpp')
# shellcheck disable=SC2046 # words
g++ -std=c++17 -O2 -Wall -Wextra -Wshadow -Wpedantic -Werror -fPIC -shared -I"$root" \
    $(pkg-config --cflags libcamera | sed 's/-I/-isystem /g') "${sources[@]}" \
    -o "$folder/framerelayd-camera.so" -Wl,-z,defs $(pkg-config --libs libcamera)
