#!/usr/bin/env bash
# A URL without ports makes the client ask the portmapper on 111; one with both ports does not.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
make_file 100000 "$scratch/sent"
base=nfs://$wirepage_addr/export
lab client -- nfs-cp "$scratch/sent" "$base/portmapped"
expect_file "$export_dir/portmapped" "$scratch/sent"
lab client -- nfs-cp "$base/portmapped" "$scratch/received"
expect_file "$scratch/received" "$scratch/sent"
lab client -- nfs-ls "$base" | grep -q portmapped || failure "nfs-ls does not list the file"
lab client -- nfs-cat "$base/portmapped?nfsport=$NFS_PORT&mountport=$MOUNT_PORT" >"$scratch/with-ports"
expect_file "$scratch/with-ports" "$scratch/sent"
