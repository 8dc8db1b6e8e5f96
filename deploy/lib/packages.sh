# shellcheck shell=bash
# Debian packages: what building, the lab and its tests need. Needs report.sh.

PACKAGES=(
    build-essential pkg-config # cargo's linker; bindings and the small-file client of the tests are C
    libdpdk-dev                # what the appliance links
    libclang-dev               # bindgen reads DPDK's headers with it
    dpdk-dev                   # dpdk-testpmd, the lab's virtual switch
    nfs-ganesha nfs-ganesha-vfs rpcbind # the lab's origin
    libnfs-utils libnfs-dev    # the lab's clients
    iproute2 util-linux        # network namespaces
    iptables                   # packet loss between the kernel and our TCP, in tests
    jq python3                 # statistics; merging configurations
    openssl stunnel4           # another TLS implementation, for the tests
    valgrind                   # memcheck, for the tests; instruction counts
    ca-certificates curl       # fetching Rust and crates
)

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            printf '%s\n' "$package"
    done
}

packages_are_installed() { [[ -z $(missing_packages) ]]; }

install_packages() {
    local -a missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0
    command -v apt-get >/dev/null || fail "not a Debian system (no apt-get); install what these are there: ${missing[*]}"
    say "installing ${missing[*]}"
    local -a unwanted=()
    is_missing nfs-ganesha "${missing[@]}" && unwanted+=(nfs-ganesha.service nfs-ganesha-lock.service)
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' rpcbind 2>/dev/null) == installed ]] ||
        unwanted+=(rpcbind.socket rpcbind.service)
    apt_get update
    without_starting_services apt_get install --no-install-recommends "${missing[@]}"
    keep_services_off "${unwanted[@]}"
}

is_missing() {
    local wanted=$1 package
    shift
    for package in "$@"; do [[ $package != "$wanted" ]] || return 0; done
    return 1
}

# apt_get ARGUMENT… — asks nothing, and says something only when it fails.
apt_get() {
    local output
    output=$(DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet \
        -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@" 2>&1 </dev/null) && return
    say "$output"
    fail "apt-get $1 failed"
}

# The lab starts its own origin; a package must not start one on this machine's network.
without_starting_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
    "$@" || status=$?
    rm -f "$policy"
    return "$status"
}

# Services that only came with our packages shall not start with the next boot either.
keep_services_off() {
    [[ -d /run/systemd/system && $# -gt 0 ]] || return 0
    systemctl disable --now --quiet "$@" 2>/dev/null || true
}
