# shellcheck shell=bash
# Network namespaces and the interfaces in them. Needs topology.sh and processes.sh.

in_namespace() {
    local namespace=$1
    shift
    nsenter --net="/run/netns/$namespace" -- "$@"
}

namespace_exists() { [[ -e /run/netns/$1 ]]; }

create_namespaces() {
    local namespace
    for namespace in "$SWITCH_NAMESPACE" "$CLIENT_NAMESPACE" "$ORIGIN_NAMESPACE"; do
        namespace_exists "$namespace" || ip netns add "$namespace"
        ip -n "$namespace" link set lo up
        # Wirepage speaks IPv4; neighbour discovery would only be noise in captures.
        # shellcheck disable=SC2016 # expanded by the inner shell
        in_namespace "$namespace" bash -c '
            for scope in all default; do
                file=/proc/sys/net/ipv6/conf/$scope/disable_ipv6
                [[ ! -e $file ]] || echo 1 >"$file"
            done'
    done
}

interface_exists() { ip -n "$1" link show dev "$2" >/dev/null 2>&1; }

taps_exist() {
    interface_exists "$SWITCH_NAMESPACE" "$CLIENT_TAP" && interface_exists "$SWITCH_NAMESPACE" "$ORIGIN_TAP"
}

# place_tap INTERFACE NAMESPACE ADDRESS MAC — hands a TAP from the switch to the namespace whose host it is.
# Only once its owner has started the port: DPDK's TAP ioctls work in the namespace it was made in.
place_tap() {
    local interface=$1 namespace=$2 address=$3 mac=$4
    ip -n "$SWITCH_NAMESPACE" link set "$interface" netns "$namespace"
    ip -n "$namespace" link set "$interface" address "$mac"
    ip -n "$namespace" address replace "$address/$PREFIX_LEN" dev "$interface"
    ip -n "$namespace" link set "$interface" up
}

place_taps() {
    place_tap "$CLIENT_TAP" "$CLIENT_NAMESPACE" "$CLIENT_ADDR" "$CLIENT_MAC"
    place_tap "$ORIGIN_TAP" "$ORIGIN_NAMESPACE" "$ORIGIN_ADDR" "$ORIGIN_MAC"
}

# Ends what still runs inside (commands given to `lab client` or `lab origin`), then removes the namespaces.
remove_namespaces() {
    local namespace pid
    for namespace in "$CLIENT_NAMESPACE" "$ORIGIN_NAMESPACE" "$SWITCH_NAMESPACE"; do
        namespace_exists "$namespace" || continue
        for pid in $(ip netns pids "$namespace"); do kill -s TERM "$pid" 2>/dev/null || true; done
        if ! wait_until 3 namespace_is_empty "$namespace"; then
            for pid in $(ip netns pids "$namespace"); do kill -s KILL "$pid" 2>/dev/null || true; done
            wait_until 3 namespace_is_empty "$namespace" || say "something still runs in namespace $namespace"
        fi
        ip netns delete "$namespace" || say "cannot remove namespace $namespace"
    done
}

namespace_is_empty() { [[ -z $(ip netns pids "$1") ]]; }
