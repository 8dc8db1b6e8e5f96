#!/usr/bin/env bash
# Each part stops, or is killed, and comes back: files flow before and after, and nothing is lost.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
make_file $((2 << 20)) "$scratch/kept"
put "$scratch/kept" kept

for part in origin testpmd appliance; do
    for how in "" --kill; do
        # shellcheck disable=SC2086 # no option when empty
        lab restart "$part" $how
        get kept "$scratch/received"
        expect_file "$scratch/received" "$scratch/kept"
        copy_both_ways 1000000
        echo "restart $part $how: files flow"
    done
done
