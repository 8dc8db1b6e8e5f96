#!/usr/bin/env bash
# Wirepage owns the TAPs itself and its cache lies in hugepages of its own: the same files, the same counters.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic tap
lab config | grep -q '^arena = "hugepages"' || failure "not the arena this test is about"
copy_all_sizes
unaligned_io
expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
expect_more "tx_payload_attached_bytes" "$(counter tx_payload_attached_bytes)" $((256 << 20))
expect_clean_drain
copy_both_ways 100000
