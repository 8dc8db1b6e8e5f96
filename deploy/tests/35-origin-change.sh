#!/usr/bin/env bash
# What changes at the origin, beside Wirepage, is seen by the next open.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
file=$export_dir/changing

# changed_to WHAT — two reads: the one that must notice, and the one that may come from the cache.
changed_to() {
    local round
    for round in first second; do
        get changing "$scratch/received"
        cmp -- "$file" "$scratch/received" || failure "$1: the $round read is not what the origin holds"
    done
    echo "$1: seen"
}

make_file 300000 "$file"
changed_to "new file"
make_file 300000 "$file"
changed_to "other bytes, same size, at once"
sleep 1.1
make_file 300000 "$file"
changed_to "other bytes, same size, a second later"
make_file 70000 "$file"
changed_to "shorter"
make_file 900000 "$file"
changed_to "longer"
printf 'changed' | dd of="$file" bs=1 seek=100000 conv=notrunc status=none
changed_to "a few bytes in the middle"
make_file 300000 "$file.new"
mv "$file.new" "$file"
changed_to "another file under the same name"
