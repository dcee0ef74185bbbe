#!/bin/sh
# Set-up: a virtual environment in the tree, the locked packages by hash, this package itself, its compiled modules where there is
# a C compiler; with `peers` also the programs of other projects that tests and benchmarks need, with `demo` a DHCP client. Safe to run again: what stands is left alone.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stamp=.venv/.set-up
# The second line: clients, relays and servers of DHCP, and what reads their packets.
peers="unbound dnsdist pebble knot-dnsutils bind9-dnsutils dnsperf curl dnsmasq-base faketime iproute2 nsd knot bind9 bind9-utils knot-resolver pdns-recursor knot-dnssecutils ldnsutils dns-root-data ngtcp2-client
 tshark strace gcc libc6-dev python3-dev isc-dhcp-client isc-dhcp-relay udhcpc dhcpcd-base ndisc6 kea-dhcp4-server kea-admin systemd"

# Programs of HTTP/3, for `make interop` only.
programs="chromium caddy ngtcp2-server"

# A DHCP client for the household of the demo.
visitors="udhcpc iproute2"

say() { printf 'set-up: %s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    say "Python 3.11 or newer is needed; on Debian or Ubuntu: apt-get install python3 python3-venv"
    return 1
}

is_debian() { command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# apt-get that starts no daemon: policy-rc.d says no to every start while it runs, unless the machine has its own rule.
install_debian() {
    rule=/usr/sbin/policy-rc.d
    ours=no
    if [ ! -e "$rule" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$rule" && chmod 755 "$rule" && ours=yes
    fi
    status=0
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; then
        apt-get update -qq >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || status=$?
    fi
    [ "$ours" = no ] || rm -f "$rule"
    return "$status"
}

make_environment() {
    python=$(find_python)
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if is_root && is_debian; then
            say "installing python3-venv"
            install_debian python3-venv || install_debian "python$version-venv"
        else
            say "this Python lacks venv; on Debian or Ubuntu: sudo apt-get install python3-venv (or python$version-venv)"
            exit 1
        fi
    fi
    [ -x .venv/bin/python ] || "$python" -m venv .venv
}

fingerprint() { cat requirements/*.txt pyproject.toml tools/setup.sh | cksum; }

install_packages() {
    make_environment
    pip=".venv/bin/python -m pip --disable-pip-version-check"
    say "installing the locked packages"
    $pip install -q --require-hashes -r requirements/base.txt -r requirements/development.txt
    if ! $pip install -q --require-hashes -r requirements/fast.txt; then
        say "the optional fast set could not be installed; everything works without it, slower"
    fi
    $pip install -q --no-build-isolation --no-deps -e .
    fingerprint >"$stamp"
}

# Those of the named packages that are not installed.
lacking() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
    done
}

install_visitors() {
    is_debian && is_root || return 0
    # shellcheck disable=SC2086 # a list of words
    missing=$(lacking $visitors)
    # shellcheck disable=SC2086 # a list of words
    [ -z "$missing" ] || install_debian $missing || say "no DHCP client: the demo says what it leaves out"
}

install_peers() {
    is_debian || { say "no Debian here: tests that need $peers will say which is missing"; return 0; }
    # shellcheck disable=SC2086 # a list of words
    missing=$(lacking $peers)
    [ -n "$missing" ] || return 0
    if is_root; then
        say "installing peers for the tests:$missing"
        # shellcheck disable=SC2086 # a list of words
        install_debian $missing || say "not all could be installed; tests that need them will say which is missing"
    else
        say "for the tests against real peers: sudo apt-get install$missing"
    fi
}

if [ ! -f "$stamp" ] || [ "$(fingerprint)" != "$(cat "$stamp")" ]; then
    install_packages
fi
case "${1:-}" in
peers) install_peers ;;
demo) install_visitors ;;
interop)
    install_peers
    # shellcheck disable=SC2086 # a list of words
    peers="$programs" && install_peers && [ -z "$(lacking $programs)" ] && : >.venv/bin/interop
    ;;
esac
# After the peers, which have a compiler. What is built already of the same sources is left alone; without a compiler it goes on.
.venv/bin/python hatch_build.py
