#!/usr/bin/env bash
# After work, an idle appliance holds no pins and no wire references; after SIGTERM it has leaked none.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
copy_both_ways $((4 << 20))

nothing_is_held() {
    lab stats >"$scratch/stats"
    jq --exit-status '.pinned_bytes == 0 and .wire_references == 0' "$scratch/stats" >/dev/null
}
# virtio gives transmitted buffers back late; an idle engine fetches them.
for ((attempt = 0; attempt < 100; attempt++)); do
    nothing_is_held && break
    sleep 0.1
done
nothing_is_held || failure "an idle appliance holds on to blocks: $(cat "$scratch/stats")"
expect_equal "leaked_references while running" "$(counter leaked_references)" 0

# Drain under load: a client is in the middle of a file.
make_file $((64 << 20)) "$export_dir/interrupted"
lab client -- timeout 60 nfs-cp "$(url interrupted)" "$scratch/interrupted" >/dev/null 2>&1 &
client=$!
sleep 0.3
lab restart appliance 2>&1 | tee "$scratch/restart"
grep -Eq 'leaked_references"?[=:] ?0\b' "$scratch/restart" || failure "the appliance's last line does not say that nothing leaked"
wait "$client" || true
copy_both_ways 100000
