# shellcheck shell=bash
# What the lab tests are written in: the lab, files through it, counters and expectations.
set -euo pipefail

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR/../..
. "$deploy/lib/topology.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/wirepage-test.XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT

lab() { "$deploy/lab" "$@"; }

# lab_with OPTIONS… — the lab with these options and an empty export; one that is up with others is taken down
# first.
lab_with() {
    local status=0
    lab up "$@" || status=$?
    if ((status == 2)); then
        lab down
        lab up "$@"
    elif ((status != 0)); then
        return "$status"
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    export_dir=$(lab client -- bash -c 'echo "$EXPORT_DIR"')
    find "$export_dir" -mindepth 1 -delete
    # shellcheck disable=SC2016 # expanded by the inner shell
    wirepage_addr=$(lab client -- sh -c 'echo "$WIREPAGE_ADDR"')
}

failure() {
    echo "FAILURE: $*"
    exit 1
}

expect_equal() { [[ $2 == "$3" ]] || failure "$1: expected '$3', found '$2'"; }
expect_more() { (($2 > $3)) || failure "$1: expected more than $3, found $2"; }
expect_file() { cmp -- "$1" "$2" || failure "$1 and $2 differ"; }

counter() { lab stats | jq --exit-status ".$1"; }

nothing_is_held() {
    lab stats >"$scratch/stats"
    jq --exit-status '.pinned_bytes == 0 and .wire_references == 0' "$scratch/stats" >/dev/null
}

# expect_nothing_held — by an appliance that has nothing to do. virtio gives transmitted buffers back late; an idle
# engine fetches them.
expect_nothing_held() {
    local attempt
    for ((attempt = 0; attempt < 100; attempt++)); do
        nothing_is_held && break
        sleep 0.1
    done
    nothing_is_held || failure "an idle appliance holds on to blocks: $(cat "$scratch/stats")"
    expect_equal "leaked_references while running" "$(counter leaked_references)" 0
}

# expect_clean_drain — restarts the appliance, which says on its way out that nothing leaked.
expect_clean_drain() {
    lab restart appliance 2>&1 | tee "$scratch/restart"
    grep -Eq 'leaked_references"?[=:] ?0\b' "$scratch/restart" || failure "the appliance's last line does not say that nothing leaked"
}

# url NAME — a file of the export, with the ports given, so that portmap is not asked.
url() { printf 'nfs://%s/export/%s?nfsport=%s&mountport=%s' "$wirepage_addr" "$1" "$NFS_PORT" "$MOUNT_PORT"; }

# make_file SIZE PATH — of bytes that no two files share.
make_file() { head -c "$1" /dev/urandom >"$2"; }

put() { lab client -- nfs-cp "$1" "$(url "$2")" >/dev/null; }

# get NAME PATH — nfs-cp refuses to overwrite.
get() {
    rm -f -- "$2"
    lab client -- nfs-cp "$(url "$1")" "$2" >/dev/null
}

sha256_of() { sha256sum <"$1"; }

# copy_both_ways SIZE — through Wirepage to the origin and back, judged at both ends.
copy_both_ways() {
    local size=$1 name=copy-$1
    make_file "$size" "$scratch/sent"
    put "$scratch/sent" "$name"
    expect_equal "sha256 of $size bytes at the origin" "$(sha256_of "$export_dir/$name")" "$(sha256_of "$scratch/sent")"
    get "$name" "$scratch/received"
    expect_equal "sha256 of $size bytes at the client" "$(sha256_of "$scratch/received")" "$(sha256_of "$scratch/sent")"
    rm -f -- "$export_dir/$name" "$scratch/received"
    echo "$size bytes: intact at origin and client"
}

# 1 byte, one short of a page, a cache block, one more than a block, and more than the whole cache.
copy_all_sizes() {
    local size cache_mib
    cache_mib=$(lab config | sed -n 's/^size_mib = //p')
    local -a sizes=(1 4095 65536 65537 $((128 << 20)))
    ((sizes[4] > cache_mib << 20)) || failure "the cache ($cache_mib MiB) is no smaller than the largest file"
    [[ -z ${WIREPAGE_TEST_LONG:-} ]] || sizes+=($((1 << 30)))
    for size in "${sizes[@]}"; do copy_both_ways "$size"; done
}

# build_client NAME — a client of ours over libnfs, deploy/tests/NAME.c, as $scratch/NAME.
build_client() {
    local -a flags
    read -ra flags <<<"$(pkg-config --cflags --libs libnfs)"
    gcc -O2 -Wall -Wextra -Werror -o "$scratch/$1" "$deploy/tests/$1.c" "${flags[@]}"
}

# unaligned_io — odd offsets and lengths across blocks: segments of odd length go out.
unaligned_io() {
    build_client unaligned
    lab client -- timeout 60 "$scratch/unaligned" "$(url "")"
    echo "odd offsets and lengths: intact"
}
