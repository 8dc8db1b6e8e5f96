#!/usr/bin/env bash
# Linux on both sides, certificates both ways, keys renewed all the time: what Linux's client writes through Wirepage is
# at Linux's nfsd, and comes back.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/guests.sh"
printf '[tls]\nrekey_after = 100\n' >"$scratch/rekey.toml"
guest_lab_with both --client-tls mtls --origin-tls mtls --config "$scratch/rekey.toml"
in_client "$(mount_command mtls)"
checksum=$(use_linux_mount $((16 << 20)))
expect_equal "sha256 at the origin" "$(in_origin 'sha256sum </export/file')" "$checksum"
in_client 'umount /mnt'
expect_audited "client $GUEST_CLIENT_ADDR:[0-9]+: mtls, .*certificate .*client.example"
expect_audited "origin $GUEST_ORIGIN_ADDR:$NFS_PORT: tls, .*certificate .*origin.example"
# 1024 full records each way on each side.
expect_more "tls_connections_retired" "$(counter tls_connections_retired)" 20
expect_equal "tls_key_updates" "$(counter tls_key_updates)" 0
expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
expect_clean_drain
