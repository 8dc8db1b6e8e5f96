#!/usr/bin/env bash
# The clients' network loses 1 % of all packets each way: 64 MiB go up and come down, and every byte is right.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
lab_with --nic virtio --tx attach
trap 'lose_no_packets "$CLIENT_NAMESPACE"; rm -rf -- "$scratch"' EXIT
lose_packets "$CLIENT_NAMESPACE" "$CLIENT_TAP"
copy_both_ways $((64 << 20))
expect_more "packets lost" "$(packets_lost "$CLIENT_NAMESPACE")" 100
expect_more "tcp_retransmissions" "$(counter tcp_retransmissions)" 100
expect_nothing_held
