#!/bin/sh
# What the tests of sandboxes run against: container engines, bubblewrap, an SSH server, a browser. Installed where that
# is possible (root, on Debian or Ubuntu) and something is missing; quiet where it isn't, and tests that lack it are
# skipped then.
missing=""
need() { # need PROGRAM PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need dockerd docker.io
need iptables iptables
need runsc runsc
need podman podman
need bwrap bubblewrap
need sshd openssh-server
need chromium chromium
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
install() { # what is installed is not started: the tests start their own
    RUNLEVEL=1 apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1
}
echo "installing for the tests:$missing"
# shellcheck disable=SC2086 # a list of packages
if ! install $missing; then
    apt-get update >>"$log" 2>&1
    for package in $missing; do # one that is not there must not keep the others out
        install "$package" || echo "tests: $package can't be installed (see $log)" >&2
    done
fi
exit 0
