#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a small Debian with a new libcamera, its virtual cameras, and our camera module built there:
#
#   tests/camera-virtual/tree.sh build-virtual
#
# Its packages come from where this machine's own do. What is there already, and still right, is
# kept. Needs root: the programs run in it by chroot.
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
mkdir -p "$1"
tree="$(cd "$1" && pwd)/tree"
exec 9>"$1/lock"
flock 9 # tests run side by side

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
        trixie "$tree" "deb $mirror trixie main" "deb $mirror trixie-backports main" || return 1
    mkdir -p "$tree/usr/share/libcamera/pipeline/virtual"
    cp "$here/virtual.yaml" "$tree/usr/share/libcamera/pipeline/virtual/"
    : >"$tree/complete"
}

# A mirror may have a bad minute.
[ -e "$tree/complete" ] || make_tree || { sleep 10; make_tree; }

# The sources are copied; where none has changed the module is as it should be.
source="$tree/opt/source"
module="$tree/opt/framerelayd/framerelayd-camera.so"
changed=no
module_files="$(cd "$root" && echo daemon/sources/camera/module/*)"
for file in daemon/sources/camera/camera.h common/base/cause.h tests/camera-virtual/udmabuf.c $module_files; do
    cmp -s "$root/$file" "$source/$file" && continue
    mkdir -p "$source/${file%/*}"
    cp "$root/$file" "$source/$file"
    changed=yes
done
[ $changed = yes ] || [ ! -e "$module" ] || exit 0
rm -f "$module"
mkdir -p "${module%/*}"
# shellcheck disable=SC2016 # the shell in there expands it
chroot "$tree" sh -eu -c '
    cd /opt/source
    g++ -std=c++17 -O1 -Wall -Wextra -Wshadow -Wpedantic -Werror -fPIC -shared -I. \
        $(pkg-config --cflags libcamera | sed "s/-I/-isystem /g") daemon/sources/camera/module/*.cpp \
        -o /opt/framerelayd/new.so $(pkg-config --libs libcamera)
    gcc -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fPIC -shared tests/camera-virtual/udmabuf.c \
        -o /opt/framerelayd/udmabuf.so'
mv "${module%/*}/new.so" "$module"
