#!/usr/bin/env bash
# Ten minutes of random restarts of random parts, stopped or killed, while both networks lose 1 % of all packets and
# eight clients work on small files and two copy large ones: every file is right, and nothing is held or leaked.
# WIREPAGE_SOAK_SEED repeats the restarts of an earlier run, WIREPAGE_SOAK_SECONDS sets another length.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/faults.sh"
seed=${WIREPAGE_SOAK_SEED:-$RANDOM}
seconds=${WIREPAGE_SOAK_SECONDS:-600}
echo "WIREPAGE_SOAK_SEED=$seed"
RANDOM=$seed
lab_with --nic virtio --tx attach
build_client mixed_files
build_client hard_copy
trap 'lose_no_packets "$CLIENT_NAMESPACE"; lose_no_packets "$ORIGIN_NAMESPACE"; rm -rf -- "$scratch"' EXIT
lose_packets "$CLIENT_NAMESPACE" "$CLIENT_TAP"
lose_packets "$ORIGIN_NAMESPACE" "$ORIGIN_TAP"

# copy_until_enough NUMBER — large files up and down again, each another one.
copy_until_enough() {
    local sent=$scratch/large-$1 received=$scratch/back-$1 name=large-$1 copies=0
    until [[ -e $control/enough ]]; do
        make_file $((16 << 20)) "$sent"
        lab client -- "$scratch/hard_copy" up "$(url "")" "$name" "$sent"
        expect_file "$export_dir/$name" "$sent"
        lab client -- "$scratch/hard_copy" down "$(url "")" "$name" "$received"
        expect_file "$received" "$sent"
        copies=$((copies + 1))
    done
    echo "$copies large files up and down"
}

begin_mixed_work 250
copiers=()
for number in 1 2; do
    copy_until_enough "$number" &
    copiers+=($!)
done
parts=(origin testpmd appliance)
ways=('' --kill)
until ((SECONDS >= seconds)); do
    sleep "$((RANDOM % 12)).$((RANDOM % 10))"
    part=${parts[RANDOM % 3]} how=${ways[RANDOM % 2]}
    restart_during_work "$part" ${how:+"$how"}
done
echo "$(size_of "$control/restarts") restarts, $(packets_lost "$CLIENT_NAMESPACE") and $(packets_lost "$ORIGIN_NAMESPACE") packets lost"
end_mixed_work
for copier in "${copiers[@]}"; do wait "$copier" || failure "a client that copies failed"; done
expect_nothing_held
expect_clean_drain
