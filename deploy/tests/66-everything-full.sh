#!/usr/bin/env bash
# Everything that can be full is: blocks pinned by readers that take nothing, over a cache of 256 blocks; then the
# transmit rings, while the switch stands still (the packet pools hold more than rings and stacks can have out). Others'
# copies go on and every file is right; afterwards nothing is held.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
printf '[cache]\nsize_mib = 16\n' >"$scratch/config.toml"
lab_with --config "$scratch/config.toml"
size=$((24 << 20))
make_file "$size" "$scratch/sent"
make_file "$size" "$export_dir/large"

# A machine of their own, as far as addresses tell.
STALLED_ADDR=10.77.1.67
STALLED_READERS=64
switch=$(pid_of testpmd)
lab client -- ip address replace "$STALLED_ADDR/$PREFIX_LEN" dev "$CLIENT_TAP"
restore() {
    kill -s CONT "$switch" 2>/dev/null || true
    [[ -z $readers ]] || kill "$readers" 2>/dev/null || true
    lab client -- ip address del "$STALLED_ADDR/$PREFIX_LEN" dev "$CLIENT_TAP" 2>/dev/null || true
    rm -rf -- "$scratch"
}
readers=
trap restore EXIT

"$deploy/lab" client -- python3 -B "$deploy/tests/stalled_readers.py" "$STALLED_ADDR" "$WIREPAGE_CLIENT_ADDR" "$NFS_PORT" \
    "$MOUNT_PORT" large "$STALLED_READERS" >"$scratch/readers" 2>&1 &
readers=$!
# All that one address may pin: a quarter of the cache.
blocks_are_pinned() { (($(counter pinned_bytes) >= 4 << 20)); }
wait_until 20 blocks_are_pinned || failure "the readers pin nothing: $(<"$scratch/readers") $(counter pinned_bytes)"
echo "$(counter pinned_bytes) bytes pinned by readers that take nothing"

put "$scratch/sent" beside-readers
expect_file "$export_dir/beside-readers" "$scratch/sent"
get large "$scratch/received"
expect_file "$scratch/received" "$export_dir/large"
echo "copies beside them: intact; $(counter stalled_clients_closed) of them disconnected, $(counter cache_evictions) evictions"
kill "$readers"
wait "$readers" 2>/dev/null || true

# Eight copies each way, and nobody takes a frame or gives a buffer back.
copies=()
for client in 1 2 3 4 5 6 7 8; do
    begin_copy nfs-cp "$scratch/sent" "$(url "up-$client")"
    copies+=("$copy")
    begin_copy nfs-cp "$(url large)" "$scratch/down-$client"
    copies+=("$copy")
done
while (($(size_of "$export_dir/up-8") == 0 || $(size_of "$scratch/down-8") == 0)); do sleep 0.02; done
full=$(counter tx_ring_full)
for pause in 1 2 3; do
    kill -s STOP "$switch"
    sleep 1
    kill -s CONT "$switch"
    sleep 0.3
done
for copy in "${copies[@]}"; do wait "$copy" || failure "a copy did not outlive that the switch stood still"; done
echo "transmit rings found full: $(($(counter tx_ring_full) - full)) times; frames dropped on receipt: $(counter rx_dropped_frames)"
for client in 1 2 3 4 5 6 7 8; do
    expect_file "$export_dir/up-$client" "$scratch/sent"
    expect_file "$scratch/down-$client" "$export_dir/large"
done
echo "copies across three standstills: intact"
expect_nothing_held
expect_clean_drain
