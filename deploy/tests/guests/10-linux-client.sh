#!/usr/bin/env bash
# Linux's own NFS client, in clear and with both kinds of TLS: what it writes is at the origin, what it reads back
# comes out of the cache, and who should not get in does not.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/guests.sh"
size=$(((8 << 20) + 4097))

# both_ways SECURITY
both_ways() {
    local security=$1 checksum
    in_client "$(mount_command "$security")"
    checksum=$(use_linux_mount "$size")
    expect_equal "sha256 at the origin" "$(sha256_of "$export_dir/file")" "$checksum"
    make_file "$size" "$export_dir/of-the-origin"
    expect_equal "sha256 of the origin's file" "$(in_client 'sha256sum </mnt/of-the-origin')" \
        "$(sha256_of "$export_dir/of-the-origin")"
    in_client 'umount /mnt'
    expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
    echo "Linux client, xprtsec=$security: intact at origin and client"
}

# sealed_by_tls SECURITY — nothing else went out to the client.
sealed_by_tls() {
    expect_more "tls_handshakes" "$(counter tls_handshakes)" 0
    expect_equal "tls_handshakes_failed" "$(counter tls_handshakes_failed)" 0
    expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
    expect_more "tx_payload_sealed_bytes" "$(counter tx_payload_sealed_bytes)" "$size"
    expect_audited "client $GUEST_CLIENT_ADDR:[0-9]+: $1, suite Aes[0-9]+Gcm"
}

guest_lab_with client --client-tls none
both_ways none
expect_more "tx_payload_attached_bytes" "$(counter tx_payload_attached_bytes)" "$size"
expect_clean_drain

guest_lab_with client --client-tls tls
both_ways tls
sealed_by_tls tls
expect_refused none "a client in clear where TLS is required"
in_client 'start-tlshd other-ca.pem'
expect_refused tls "a server whose CA the client does not trust"
in_client 'start-tlshd ca.pem'
expect_mounts tls "the CA is trusted again"
expect_clean_drain

guest_lab_with client --client-tls mtls
both_ways mtls
sealed_by_tls mtls
expect_refused none "a client in clear where a certificate is required"
expect_refused tls "a client that keeps its certificate to itself"
in_client 'start-tlshd ca.pem other.pem other-key.pem'
expect_refused mtls "a client with a certificate of another CA"
expect_audited "client $GUEST_CLIENT_ADDR:[0-9]+: refused: .*certificate is refused"
in_client 'start-tlshd ca.pem client.pem client-key.pem'
expect_mounts mtls "the certificate is of the right CA again"
expect_clean_drain
