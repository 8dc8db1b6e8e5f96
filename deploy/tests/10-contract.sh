#!/usr/bin/env bash
# What `deploy/lab` promises to whoever uses it.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach

status=0
lab client -- sh -c 'exit 37' || status=$?
expect_equal "exit status of a client command" "$status" 37
expect_equal "a pipeline's standard streams" "$(echo one two | lab client -- sh -c 'tr " " "\n" | wc -l')" 2
expect_equal "working directory" "$(cd "$scratch" && lab origin -- pwd)" "$scratch"
# shellcheck disable=SC2016 # expanded by the inner shell
expect_equal "addresses" "$(lab client -- sh -c 'echo "$WIREPAGE_ADDR $ORIGIN_ADDR"')" "$WIREPAGE_CLIENT_ADDR $ORIGIN_ADDR"
[[ -d $export_dir ]] || failure "EXPORT_DIR is not a directory of this machine"
[[ $(lab client -- readlink /proc/self/ns/net) != $(lab origin -- readlink /proc/self/ns/net) ]] ||
    failure "client and origin share a network namespace"
expect_equal "mount namespace" "$(lab client -- readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/mnt)"
[[ -z $(lab origin -- ss --no-header --listening --numeric --tcp 'sport = :111') ]] || failure "rpcbind at the origin"

lab stats >"$scratch/stats"
expect_equal "documents printed by stats" "$(jq --slurp length "$scratch/stats")" 1
for key in cache_hits cache_misses origin_reads origin_writes tx_payload_attached_bytes tx_payload_copied_bytes \
    tx_payload_sealed_bytes pinned_bytes wire_references leaked_references; do
    expect_equal "type of $key" "$(jq ".$key | type == \"number\" and . == floor" "$scratch/stats")" true
done

expect_equal "output of a second up" "$(lab up 2>&1)" ""
status=0
lab up --nic tap >"$scratch/output" 2>&1 || status=$?
expect_equal "exit status of up with other options" "$status" 2
[[ -s $scratch/output ]] || failure "up with other options says nothing"
lab config >"$scratch/config.toml"
lab up --config "$scratch/config.toml"
printf '[cache]\nsize_mib = 64\n' >"$scratch/smaller.toml"
status=0
lab up --config "$scratch/smaller.toml" >"$scratch/output" 2>&1 || status=$?
expect_equal "exit status of up with another configuration" "$status" 2
