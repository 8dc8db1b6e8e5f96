#!/usr/bin/env bash
# Each part stops, or is killed, and comes back: files flow before and after, and nothing is lost. A copy under
# way outlives that its origin or the switch is stopped; 61-restart-copies is about parts that are killed.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
lab_with --nic virtio --tx attach
make_file $((2 << 20)) "$scratch/kept"
put "$scratch/kept" kept
make_file $((128 << 20)) "$export_dir/long"

# restart_during_copy PART — of which the second half is read while the part stops, or after.
restart_during_copy() {
    rm -f -- "$scratch/under-way"
    begin_held_copy nfs-cp "$(url long)" "$scratch/under-way"
    kill -s CONT "$copy"
    lab restart "$@"
    wait "$copy" || failure "the copy under way did not outlive: restart $*"
    expect_file "$scratch/under-way" "$export_dir/long"
}

# restart_between_copies PART HOW
restart_between_copies() {
    lab restart "$@"
    get kept "$scratch/received"
    expect_file "$scratch/received" "$scratch/kept"
    copy_both_ways 1000000
}

for part in origin testpmd; do restart_during_copy "$part"; done
for how in "" --kill; do
    for part in origin testpmd appliance; do restart_between_copies "$part" ${how:+"$how"}; done
done
