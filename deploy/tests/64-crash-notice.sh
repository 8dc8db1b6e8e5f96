#!/usr/bin/env bash
# Clients that wait for replies, with nothing of their own on the way, when the appliance is killed: they are told when
# it is back, and their copies go on.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
lab_with --nic virtio --tx attach
size=$((64 << 20))
make_file "$size" "$scratch/sent"
origin=$(pid_of origin)
trap 'kill -s CONT "$origin" 2>/dev/null; rm -rf -- "$scratch"' EXIT

# Every call that came has gone to the origin, which sleeps.
clients_wait() {
    local frames
    frames=$(counter rx_frames)
    sleep 0.5
    (($(counter calls_in_flight) >= 4 && $(counter rx_frames) == frames))
}

copies=()
for client in 1 2 3 4; do
    begin_held_copy nfs-cp "$scratch/sent" "$(url "sent-$client")"
    copies+=("$copy")
done
kill -s STOP "$origin"
kill -s CONT "${copies[@]}"
wait_until 20 clients_wait || failure "the clients do not come to wait for the origin"
lab restart appliance --kill
kill -s CONT "$origin"
for client in 1 2 3 4; do
    wait "${copies[client - 1]}" || failure "client $client did not go on"
    expect_file "$export_dir/sent-$client" "$scratch/sent"
done
expect_more "forgotten_probes" "$(counter forgotten_probes)" 3
expect_nothing_held
