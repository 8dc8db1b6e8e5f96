#!/usr/bin/env bash
# The other way of sending, for comparison: under --tx copy the same files flow, and the counters tell.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx copy
copy_both_ways 1
copy_both_ways 65537
copy_both_ways $((16 << 20))
expect_more "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" $((32 << 20))
expect_equal "tx_payload_attached_bytes" "$(counter tx_payload_attached_bytes)" 0
