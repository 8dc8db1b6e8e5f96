# shellcheck shell=bash
# The virtual switch of --nic virtio: testpmd joins each of Wirepage's vhost-user sockets to a TAP.
# Needs topology.sh, processes.sh, namespaces.sh, cores.sh.

# Wirepage is the vhost-user server, so testpmd may come and go: it keeps trying to connect (client=1).
# --no-pci: the machine's own NICs are none of our business. --in-memory: nothing stays in hugetlbfs.
start_testpmd() {
    local core stdin=$STATE_DIR/testpmd.in
    core=$(testpmd_core)
    # testpmd ends when its standard input does: a FIFO that it opens for writing too never ends.
    [[ -p $stdin ]] || mkfifo -m 0600 "$stdin"
    start_process testpmd nsenter --net="/run/netns/$SWITCH_NAMESPACE" -- \
        env RUNTIME_DIRECTORY="$STATE_DIR" dpdk-testpmd --lcores "0@$core,1@$core" --no-pci --in-memory --no-telemetry \
        --vdev "net_vhost0,iface=$CLIENT_SOCKET,client=1" \
        --vdev "net_tap0,iface=$CLIENT_TAP" \
        --vdev "net_vhost1,iface=$ORIGIN_SOCKET,client=1" \
        --vdev "net_tap1,iface=$ORIGIN_TAP" \
        -- -i --auto-start --disable-link-check --forward-mode=io --total-num-mbufs=16384 <>"$stdin"
}

# Ports 0-1 and 2-3 forward to each other; the prompt comes when all have started.
testpmd_is_ready() { is_dead testpmd || { taps_exist && grep -q 'testpmd> ' "$(log_of testpmd)"; }; }

# wait_for_testpmd — and hand its TAPs out.
wait_for_testpmd() {
    wait_until 60 testpmd_is_ready && is_alive testpmd || return 1
    place_taps
}

# stop_testpmd SIGNAL
stop_testpmd() { stop_process testpmd "$1" 15 || true; }
