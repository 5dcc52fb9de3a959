#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a small Debian with a new libcamera, its virtual cameras, and our camera module built there:
#
#   tests/camera-virtual/tree.sh build-virtual
#
# Its packages come from where this machine's own do. A tree that is there already is kept; the
# module is built each time. Needs root: the programs run in it by chroot.
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
mkdir -p "$1"
tree="$(cd "$1" && pwd)/tree"

if [ "$(id -u)" != 0 ]; then
    echo "$0: needs root, for a chroot" >&2
    exit 1
fi

# Unpacking is most of the time; what a test does not look at is left out.
make_tree() {
    # shellcheck disable=SC2016 # apt expands it
    mirror="$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' |
        awk '$2 !~ /-/ && $3 == "Debian" { print $1; exit }')"
    [ -n "$mirror" ] || { echo "$0: apt knows no archive of Debian" >&2; exit 1; }
    rm -rf "$tree"
    mmdebstrap --quiet --mode=root --variant=apt --aptopt='APT::Default-Release "trixie-backports"' \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
        --dpkgopt=path-exclude='/usr/share/locale/*' --dpkgopt=force-unsafe-io \
        --include=g++,pkg-config,libcamera-dev,libcamera-ipa \
        trixie "$tree" "deb $mirror trixie main" "deb $mirror trixie-backports main"
    mkdir -p "$tree/usr/share/libcamera/pipeline/virtual"
    cp "$here/virtual.yaml" "$tree/usr/share/libcamera/pipeline/virtual/"
    : >"$tree/complete"
}

[ -e "$tree/complete" ] || make_tree

source="$tree/opt/source"
rm -rf "$source"
mkdir -p "$source/daemon/sources/camera" "$source/common/base" "$tree/opt/framerelayd"
cp "$root/daemon/sources/camera/camera.h" "$root/daemon/sources/camera/module.cpp" "$source/daemon/sources/camera/"
cp "$root/common/base/cause.h" "$source/common/base/"
cp "$here/udmabuf.c" "$source/"
# shellcheck disable=SC2016 # the shell in there expands it
chroot "$tree" sh -eu -c '
    cd /opt/source
    g++ -std=c++17 -O1 -Wall -Wextra -Wshadow -Wpedantic -Werror -fPIC -shared -I. \
        $(pkg-config --cflags libcamera | sed "s/-I/-isystem /g") daemon/sources/camera/module.cpp \
        -o /opt/framerelayd/framerelayd-camera.so $(pkg-config --libs libcamera)
    gcc -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fPIC -shared udmabuf.c -o /opt/framerelayd/udmabuf.so'
