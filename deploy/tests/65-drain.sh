#!/usr/bin/env bash
# After work, an idle appliance holds no pins and no wire references; after SIGTERM it has leaked none.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
copy_both_ways $((4 << 20))

expect_nothing_held

# Drain under load: a client is in the middle of a file.
make_file $((64 << 20)) "$export_dir/interrupted"
lab client -- timeout 60 nfs-cp "$(url interrupted)" "$scratch/interrupted" >/dev/null 2>&1 &
client=$!
sleep 0.3
expect_clean_drain
wait "$client" || true
copy_both_ways 100000
