# shellcheck shell=bash
# What the fault tests are written in: parts killed in the middle of work, and networks that lose. Needs lab.sh.

# shellcheck source-path=SCRIPTDIR/../..
. "$deploy/lib/processes.sh"
. "$deploy/lib/namespaces.sh"

size_of() { stat --format=%s "$1" 2>/dev/null || echo 0; }

# begin_copy CMD… — a copy in the background; its process is $copy.
begin_copy() {
    "$deploy/lab" client -- "$@" >/dev/null &
    copy=$!
}

# begin_held_copy CMD… — one that stops itself in the middle (see hold.c), and is there on return.
begin_held_copy() {
    [[ -e $scratch/hold.so ]] || gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$scratch/hold.so" "$deploy/tests/hold.c"
    begin_copy env LD_PRELOAD="$scratch/hold.so" "$@"
    until [[ $(process_field "$copy" 1) == T ]]; do
        kill -0 "$copy" 2>/dev/null || failure "the copy ended before its middle"
        sleep 0.02
    done
}

# kill_during_copy PART — and let the held $copy go on once it is dead.
kill_during_copy() {
    local part=$1 killed restart began=$SECONDS back
    killed=$(pid_of "$part")
    "$deploy/lab" restart "$part" --kill &
    restart=$!
    while kill -0 "$killed" 2>/dev/null; do sleep 0.02; done
    kill -s CONT "$copy"
    wait "$restart" || failure "$part did not come back"
    back=$SECONDS
    wait "$copy" || failure "a copy did not outlive that $part was killed"
    echo "$part was back after $((back - began)) s, and the copy done $((SECONDS - back)) s later"
}

# begin_mixed_work OPERATIONS — eight clients on small files, until end_mixed_work; each is told how many restarts
# there were by the size of $control/restarts.
begin_mixed_work() {
    local client
    control=$scratch/control
    rm -rf -- "$control" "$export_dir/mixed"
    mkdir -p "$control/expected"
    : >"$control/restarts"
    workers=()
    for client in 1 2 3 4 5 6 7 8; do
        "$deploy/lab" client -- "$scratch/mixed_files" "$(url "")" "$client" "$1" "$control" &
        workers+=($!)
    done
    for client in 1 2 3 4 5 6 7 8; do
        until compgen -G "$export_dir/mixed/$client-*" >/dev/null; do
            kill -0 "${workers[client - 1]}" 2>/dev/null || failure "client $client ended without a file"
            sleep 0.02
        done
    done
}

# restart_during_work PART [--kill]
restart_during_work() {
    printf . >>"$control/restarts"
    lab restart "$@"
}

# end_mixed_work — every client ends well, and the origin holds what they say and nothing else.
end_mixed_work() {
    local worker
    touch "$control/enough"
    for worker in "${workers[@]}"; do wait "$worker" || failure "a client failed"; done
    diff --recursive --brief "$control/expected" "$export_dir/mixed" || failure "the origin holds something else"
}

# lose_packets NAMESPACE INTERFACE — 1 % of them from now on, each way; whole segments, not bursts of them.
lose_packets() {
    local -a lossy=(--match statistic --mode random --probability 0.01 --jump DROP)
    in_namespace "$1" ip link set dev "$2" gso_max_segs 1
    in_namespace "$1" iptables --append INPUT --in-interface "$2" "${lossy[@]}"
    in_namespace "$1" iptables --append OUTPUT --out-interface "$2" "${lossy[@]}"
}

# packets_lost NAMESPACE — so far.
packets_lost() {
    in_namespace "$1" iptables --list --verbose --exact --numeric | awk '$3 == "DROP" { sum += $1 } END { print sum + 0 }'
}

# lose_no_packets NAMESPACE
lose_no_packets() { in_namespace "$1" iptables --flush; }
