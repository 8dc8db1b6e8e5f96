#!/usr/bin/env bash
# NFS-Ganesha 15 as the origin, which speaks RFC 9289 itself, and TLS from the first byte: neither end of that link is
# rustls' record layer. MOUNT goes through TLS there, too.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lab.sh"

printf '[origin]\nnfs_port = %s\nmount_security = "same"\n[tls]\nrekey_after = 100\n' "$NFS_PORT" >"$scratch/ganesha.toml"
for mode in tls mtls direct; do
    echo "origin: Ganesha itself, $mode"
    lab_with --client-tls "${mode/direct/tls}" --origin-tls "$mode" --config "$scratch/ganesha.toml"
    copy_both_ways 1
    copy_both_ways $(((16 << 20) + 4097))
    expect_more "connections renewed after 100 records" "$(counter tls_connections_retired)" 8
    expect_equal "tls_handshakes_failed" "$(counter tls_handshakes_failed)" 0
    expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
    expect_equal "origin_tls_refused" "$(counter origin_tls_refused)" 0
    expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
    expect_nothing_held
    expect_clean_drain
done
