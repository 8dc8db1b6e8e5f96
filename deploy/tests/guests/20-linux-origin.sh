#!/usr/bin/env bash
# Linux's own nfsd as the origin, in clear and with both kinds of TLS: files arrive there and come back, keys are
# renewed by reconnecting (nfsd would hang on a KeyUpdate), and an origin that cannot prove who it is gets nothing.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/guests.sh"

# Files up to this size are sure to be in the lab's cache of 96 MiB when they have been read.
CACHED_BYTES_MAX=$((16 << 20))

# both_ways SIZE — a file up to nfsd, and back; then one that was made there.
both_ways() {
    local reads
    make_file "$1" "$scratch/sent"
    put "$scratch/sent" file
    expect_equal "sha256 at the origin" "$(in_origin 'sha256sum </export/file')" "$(sha256_of "$scratch/sent")"
    get file "$scratch/received"
    expect_file "$scratch/received" "$scratch/sent"
    reads=$(counter origin_reads)
    get file "$scratch/received"
    expect_file "$scratch/received" "$scratch/sent"
    (($1 > CACHED_BYTES_MAX)) || expect_equal "origin_reads of a second read" "$(counter origin_reads)" "$reads"
    in_origin "rm /export/file && head -c $1 /dev/urandom >/export/of-the-origin"
    get of-the-origin "$scratch/received"
    expect_equal "sha256 of the origin's file" "$(sha256_of "$scratch/received")" \
        "$(in_origin 'sha256sum </export/of-the-origin')"
    expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
    expect_nothing_held
    echo "$1 bytes: intact at origin and client"
}

# sealed_by_tls BYTES — what went up to the origin. Handshakes may fail: on a busy machine nfsd, emulated, gives one up
# before it is done, and Wirepage tries again.
sealed_by_tls() {
    expect_more "tx_payload_sealed_bytes" "$(counter tx_payload_sealed_bytes)" $(($1 - 1))
    expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
    expect_audited "origin $GUEST_ORIGIN_ADDR:$NFS_PORT: tls, suite Aes[0-9]+Gcm, .*certificate .*origin.example"
}

# expect_unserved WHAT
expect_unserved() {
    local output
    if output=$(lab client -- timeout 60 nfs-ls "$(url "")" 2>&1); then failure "served: $1"; fi
    echo "not served: $1: $output"
}

size=$(((8 << 20) + 4097))

echo "nfsd in clear"
guest_lab_with origin --origin-tls none
both_ways "$size"
expect_clean_drain

echo "nfsd with TLS and certificates both ways"
guest_lab_with origin --origin-tls mtls
both_ways "$size"
sealed_by_tls "$size"
expect_clean_drain

echo "nfsd shows a certificate of another CA, and then its own"
make_file 1000000 "$scratch/sent"
in_origin 'start-tlshd ca.pem other.pem other-key.pem'
lab restart appliance
put "$scratch/sent" waiting &
copy=$!
refused() { grep -Eq "audit: origin $GUEST_ORIGIN_ADDR:$NFS_PORT: refused: .*certificate is refused" "$STATE_DIR/appliance.log"; }
wait_until 60 refused || failure "an origin of another CA is not refused"
in_origin 'test ! -s /export/waiting'
in_origin 'start-tlshd ca.pem origin.pem origin-key.pem'
wait "$copy" || failure "the copy that waited for the origin failed"
expect_equal "sha256 at the origin" "$(in_origin 'sha256sum </export/waiting')" "$(sha256_of "$scratch/sent")"
expect_clean_drain

echo "nfsd with TLS, keys worn out after 100 records"
printf '[tls]\nrekey_after = 100\n' >"$scratch/rekey.toml"
guest_lab_with origin --origin-tls tls --config "$scratch/rekey.toml"
both_ways $((64 << 20))
sealed_by_tls $((64 << 20))
# 4096 full records each way.
expect_more "tls_connections_retired" "$(counter tls_connections_retired)" 40
expect_equal "tls_key_updates" "$(counter tls_key_updates)" 0
expect_clean_drain

echo "nfsd wants a certificate, and Wirepage has none"
in_origin "start-nfsd mtls $WIREPAGE_ORIGIN_ADDR $MOUNT_PORT"
expect_unserved "Wirepage without a certificate, by an nfsd that wants one"
