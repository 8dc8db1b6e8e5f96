# shellcheck shell=bash
# What really is on the wires of the lab while files go through it. Needs lab.sh, and tls_sides.sh for a port.

# start_recording SIDE INTERFACE — client or origin. Its process is appended to recorders.
start_recording() {
    local attempt
    rm -f -- "$scratch/$1.frames"
    "$deploy/lab" "$1" -- python3 "$deploy/tests/wire.py" record "$2" "$scratch/$1.frames" &
    recorders+=($!)
    for ((attempt = 0; attempt < 100; attempt++)); do
        [[ ! -e $scratch/$1.frames ]] || return 0
        sleep 0.1
    done
    failure "nobody records what is on $2"
}

stop_recording() {
    local recorder
    for recorder in "${recorders[@]}"; do
        kill -s TERM "$recorder"
        wait "$recorder" || failure "a recording is not whole"
    done
    recorders=()
}

# expect_protected_wires CLIENT_MODE ORIGIN_MODE — a marked file goes both ways, over connections that are recorded
# from their beginning, and is seen on a wire exactly where there is no TLS.
expect_protected_wires() {
    local mark port=$NFS_PORT
    mark=mark-$RANDOM-$RANDOM-$RANDOM
    [[ $2 == none ]] || port=$TLS_ORIGIN_PORT
    recorders=()
    start_recording client "$CLIENT_TAP"
    start_recording origin "$ORIGIN_TAP"
    expect_clean_drain
    head -c $((1 << 20)) < <(yes "$mark") >"$scratch/marked"
    put "$scratch/marked" marked
    get marked "$scratch/received"
    expect_file "$scratch/received" "$scratch/marked"
    stop_recording
    rm -f -- "$export_dir/marked" "$scratch/received"
    python3 "$deploy/tests/wire.py" check "$scratch/client.frames" "$NFS_PORT" "$1" "$mark" ||
        failure "what is on the clients' wire is not what clients: $1 promises"
    python3 "$deploy/tests/wire.py" check "$scratch/origin.frames" "$port" "$2" "$mark" ||
        failure "what is on the origin's wire is not what origin: $2 promises"
}
