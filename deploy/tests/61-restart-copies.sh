#!/usr/bin/env bash
# Each part is killed in the middle of a copy of 128 MiB to the origin, from it, and from the cache: the copy goes on
# when the part is back, and every byte is right.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
# A cache that holds a whole file of that size while it is new there.
printf '[eal]\nmemory_mib = 768\n[cache]\nsize_mib = 320\n' >"$scratch/config.toml"
lab_with --config "$scratch/config.toml"
size=$((128 << 20))
make_file "$size" "$scratch/sent"

build_client hard_copy

copy_up() {
    rm -f -- "$export_dir/up"
    begin_held_copy nfs-cp "$scratch/sent" "$(url up)"
    kill_during_copy "$1"
    expect_file "$export_dir/up" "$scratch/sent"
}

# copy_down PART NAME — a killed appliance breaks a reply off, which nfs-cp does not survive (see hard_mount.h).
copy_down() {
    local -a command=(nfs-cp "$(url "$2")")
    [[ $1 != appliance ]] || command=("$scratch/hard_copy" down "$(url "")" "$2")
    rm -f -- "$scratch/received"
    begin_held_copy "${command[@]}" "$scratch/received"
    kill_during_copy "$1"
    expect_file "$scratch/received" "$export_dir/$2"
}

for part in origin testpmd appliance; do
    copy_up "$part"
    make_file "$size" "$export_dir/down-$part"
    copy_down "$part" "down-$part"
    get "down-$part" "$scratch/received"
    reads=$(counter origin_reads)
    copy_down "$part" "down-$part"
    [[ $part == appliance ]] || expect_equal "READs at the origin of a file in the cache" "$(counter origin_reads)" "$reads"
    rm -f -- "$export_dir/down-$part"
    echo "$part killed during copies up, down and from the cache: intact"
done
expect_nothing_held
expect_clean_drain
