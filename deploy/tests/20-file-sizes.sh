#!/usr/bin/env bash
# Files of every awkward size go to the origin and come back byte for byte; blocks are attached, never copied.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
copy_all_sizes
unaligned_io
expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
expect_more "tx_payload_attached_bytes" "$(counter tx_payload_attached_bytes)" $((256 << 20))
