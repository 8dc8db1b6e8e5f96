#!/usr/bin/env bash
# The second read of a file comes from the cache: hits, and not one READ at the origin.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
make_file $((8 << 20)) "$export_dir/read-twice"

reads=$(counter origin_reads)
misses=$(counter cache_misses)
get read-twice "$scratch/first"
expect_file "$scratch/first" "$export_dir/read-twice"
expect_more "cache_misses after the first read" "$(counter cache_misses)" "$misses"
expect_more "origin_reads after the first read" "$(counter origin_reads)" "$reads"

reads=$(counter origin_reads)
hits=$(counter cache_hits)
get read-twice "$scratch/second"
expect_file "$scratch/second" "$export_dir/read-twice"
expect_equal "origin_reads after the second read" "$(counter origin_reads)" "$reads"
expect_more "cache_hits after the second read" "$(counter cache_hits)" "$hits"
