#!/usr/bin/env bash
# Files through every way to speak TLS on either side: four pairs of modes, all sixteen with `deploy/test --long`.
# What TLS promises with each: nothing but its records on the wire, no copy of file data but the sealed one. Then keys
# renewed in time, and nobody in clear.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$deploy/lib/tls_sides.sh"
# shellcheck source-path=SCRIPTDIR
. "$deploy/tests/lib/capture.sh"

pairs=('tls none' 'none tls' 'mtls mtls' 'direct direct')
if [[ -n ${WIREPAGE_TEST_LONG:-} ]]; then
    pairs=()
    for client in none tls mtls direct; do
        for origin in none tls mtls direct; do pairs+=("$client $origin"); done
    done
fi

# no_file_data_is_copied CLIENT_MODE — toward clients in that mode.
no_file_data_is_copied() {
    expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
    [[ $1 != none ]] || return 0
    expect_more "tx_payload_sealed_bytes" "$(counter tx_payload_sealed_bytes)" $((8 << 20))
    expect_more "tls_handshakes" "$(counter tls_handshakes)" 0
    expect_equal "tls_handshakes_failed" "$(counter tls_handshakes_failed)" 0
    expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
}

# nobody_in_clear — past tls-peer, nobody gets in where an export wants TLS.
nobody_in_clear() {
    if lab client -- timeout 20 nfs-ls \
        "nfs://$WIREPAGE_CLIENT_ADDR/export?nfsport=$NFS_PORT&mountport=$MOUNT_PORT" >"$scratch/output" 2>&1; then
        failure "a client in clear was let in where TLS is required"
    fi
    lab client -- nfs-ls "$(url "")" >/dev/null || failure "after that, a client with TLS is not let in"
}

for pair in "${pairs[@]}"; do
    read -r client origin <<<"$pair"
    echo "clients: $client, origin: $origin"
    lab_with --client-tls "$client" --origin-tls "$origin"
    copy_both_ways $(((8 << 20) + 4097))
    no_file_data_is_copied "$client"
    [[ $origin == none ]] ||
        expect_more "TLS connections to the origin" "$(grep -c "TLS 1.3," "$STATE_DIR/tls-origin.log")" 0
    [[ $client == none ]] || nobody_in_clear
    expect_nothing_held
    expect_protected_wires "$client" "$origin"
done
expect_clean_drain

for rekey in update reconnect; do
    printf '[tls]\nrekey = "%s"\nrekey_after = 100\n[origin]\nrekey = "%s"\n' "$rekey" "$rekey" >"$scratch/rekey.toml"
    lab_with --client-tls tls --origin-tls tls --config "$scratch/rekey.toml"
    copy_both_ways $((64 << 20))
    renewals=tls_key_updates
    [[ $rekey == update ]] || renewals=tls_connections_retired
    # 4096 full records each way on each side: about 40 renewals of each, more than either side has alone.
    expect_more "$renewals with rekey = $rekey" "$(counter "$renewals")" 82
    no_file_data_is_copied tls
    expect_clean_drain
done
