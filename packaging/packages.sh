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

# Standard input is left alone: pictures may be waiting there. (sudo asks on the terminal.) What
# apt and dpkg do is not shown, what they complain of is.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@" </dev/null >/dev/null
    else
        sudo "$@" </dev/null >/dev/null
    fi
}

# A machine that has just started may be installing its updates.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

# An archive that does not answer need not be the one that is needed.
install_missing() {
    apt_get update || true
    # shellcheck disable=SC2086 # the list is words
    apt_get install -y --no-install-recommends $missing
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

# Tests start what they need themselves: a package's service (nginx on port 80) is not started.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'as_root rm -f $policy' EXIT
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
fi

# A mirror may have a bad minute.
install_missing || { sleep 5; install_missing; } || { sleep 20; install_missing; }
