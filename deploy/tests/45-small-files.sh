#!/usr/bin/env bash
# 2,000 small files created, listed, read, renamed and removed; the origin is looked at after each step.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
count=2000
build_client small_files

step() { lab client -- "$scratch/small_files" "$(url "")" "$1" "$count"; }
at_origin() { find "$export_dir/small-files" -name "$1" | wc -l; }

step create
expect_equal "files at the origin after create" "$(at_origin 'file-*')" "$count"
expect_equal "content at the origin" "$(cat "$export_dir/small-files/file-1234")" "content of small file 1234"
step list
step read
step rename
expect_equal "files at the origin after rename" "$(at_origin 'renamed-*')" "$count"
expect_equal "old names at the origin after rename" "$(at_origin 'file-*')" 0
step list-renamed
step remove
[[ ! -e $export_dir/small-files ]] || failure "the directory is still at the origin"
