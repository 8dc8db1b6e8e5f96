#!/usr/bin/env bash
# Eight clients at once: each with files of its own, then all on one.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach

one_client() {
    make_file $((4 << 20)) "$scratch/sent-$1"
    put "$scratch/sent-$1" "client-$1"
    expect_file "$export_dir/client-$1" "$scratch/sent-$1"
    get "client-$1" "$scratch/received-$1"
    expect_file "$scratch/received-$1" "$scratch/sent-$1"
}

shared_file() {
    get shared "$scratch/shared-$1"
    expect_file "$scratch/shared-$1" "$export_dir/shared"
}

# at_once COMMAND — runs it eight times side by side, each with its number.
at_once() {
    local client pid
    local -a pids=()
    for client in 1 2 3 4 5 6 7 8; do
        "$1" "$client" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failure "a client failed in $1"; done
}

at_once one_client
make_file $((16 << 20)) "$export_dir/shared"
at_once shared_file
