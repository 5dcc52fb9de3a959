#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages of the groups given (see packaging/dependencies), if any is missing.
#
#   packaging/packages.sh run test
#
# Asks for root, through sudo, only when there is something to install.
set -eu

list="$(dirname "$0")/dependencies"

# Prints the packages of one group.
packages_of() {
    sed -n "/^\[$1\]\$/,/^\[/p" "$list" | grep -v -e '^\[' -e '^#' -e '^$'
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Standard input is left alone: pictures may be waiting there. (sudo asks on the terminal.)
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@" </dev/null >&2
    else
        sudo "$@" </dev/null >&2
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"
}

install_missing() {
    # shellcheck disable=SC2086 # the list is words
    apt_get update && apt_get install -y --no-install-recommends $missing
}

missing=
for group in "$@"; do
    for package in $(packages_of "$group"); do
        is_installed "$package" || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo; as root: apt-get install$missing" >&2
    exit 1
fi
echo "Installing:$missing" >&2

# A mirror may have a bad minute.
install_missing || { sleep 5; install_missing; }
