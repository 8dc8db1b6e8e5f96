# shellcheck shell=bash
# Wirepage itself. Needs topology.sh, processes.sh, state.sh, rpc.sh, namespaces.sh, rust.sh.

# WIREPAGE_BIN names a binary to use instead of one built from this repository. A lab that is up keeps its own.
wirepage_binary() { recall wirepage-binary || realpath -m "${WIREPAGE_BIN:-$(target_dir)/release/wirepage}"; }

build_wirepage() {
    [[ -z ${WIREPAGE_BIN:-} ]] || return 0
    # Someone who watches a first build wants to see it move.
    local -a quiet=(--quiet)
    [[ ! -t 2 ]] || quiet=()
    cargo build "${quiet[@]}" --release --locked --package wirepage --manifest-path "$REPOSITORY/Cargo.toml" >&2
}

# It runs in the switch's network namespace, where its TAPs (--nic tap) are born.
start_appliance() {
    # A vhost-user server cannot take over the socket of one that was killed.
    rm -f "$CLIENT_SOCKET" "$ORIGIN_SOCKET" "$CONTROL_SOCKET"
    # DPDK keeps its runtime files under RUNTIME_DIRECTORY.
    start_process appliance nsenter --net="/run/netns/$SWITCH_NAMESPACE" -- \
        env RUNTIME_DIRECTORY="$STATE_DIR" "$(wirepage_binary)" run --config "$EFFECTIVE_CONFIG" </dev/null
}

# Behind virtio: it listens, and waits for testpmd. It makes the origin's socket once the client's is connected.
appliance_listens() { [[ -S $CLIENT_SOCKET ]] || is_dead appliance; }
wait_for_sockets() { wait_until 30 appliance_listens && is_alive appliance; }

# Behind TAPs: the control socket answers once the ports are started, and only then may the TAPs move.
appliance_owns_taps() { { taps_exist && appliance_stats >/dev/null 2>&1; } || is_dead appliance; }
wait_for_taps() {
    wait_until 30 appliance_owns_taps && is_alive appliance || return 1
    place_taps
}

# appliance_stats — one JSON object.
appliance_stats() { timeout 10 "$(wirepage_binary)" stats --socket "$CONTROL_SOCKET"; }

# A NULL call that a client makes through the appliance is answered.
appliance_serves() { rpc_null "$CLIENT_NAMESPACE" "$WIREPAGE_CLIENT_ADDR" "$NFS_PORT" "$NFS_PROGRAM" "$NFS_VERSION"; }
appliance_serves_or_died() { appliance_serves || is_dead appliance; }
wait_for_service() { wait_until 60 appliance_serves_or_died && is_alive appliance; }

# stop_appliance SIGNAL — SIGTERM drains; what it then says about what was left over is passed on.
stop_appliance() {
    local was_alive=0
    ! is_alive appliance || was_alive=1
    stop_process appliance "$1" 30 || true
    if ((was_alive)) && [[ $1 == TERM ]]; then
        say "appliance: $(drain_report)"
    fi
    rm -f "$CLIENT_SOCKET" "$ORIGIN_SOCKET" "$CONTROL_SOCKET"
}

# The line with the leak counter, or, when there is none, the last line whatever it is.
drain_report() {
    local log
    log=$(log_of appliance)
    grep leaked_references "$log" | tail -n 1 | grep . || tail -n 1 "$log" 2>/dev/null || true
}
