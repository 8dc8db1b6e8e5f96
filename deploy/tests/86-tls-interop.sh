#!/usr/bin/env bash
# TLS with OpenSSL at the other end: s_client's handshakes, and files through stunnel on both sides, as cloud NFS
# services have it.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
# shellcheck source-path=SCRIPTDIR/..
for part in report processes state tls tls_sides; do . "$deploy/lib/$part.sh"; done

STUNNEL_PORT=14049
tunnels=()
end_tunnels() { ((${#tunnels[@]} == 0)) || kill -s TERM "${tunnels[@]}" 2>/dev/null || true; }
trap 'end_tunnels; rm -rf -- "$scratch"' EXIT

# start_stunnel SIDE OPTION… — one service; client or origin says where it runs.
start_stunnel() {
    local side=$1 attempt
    shift
    printf '%s\n' 'foreground = yes' 'pid =' 'syslog = no' '[nfs]' 'sslVersionMin = TLSv1.3' "$@" >"$scratch/$side.conf"
    "$deploy/lab" "$side" -- stunnel "$scratch/$side.conf" >"$scratch/$side.log" 2>&1 </dev/null &
    tunnels+=($!)
    for ((attempt = 0; attempt < 100; attempt++)); do
        ! grep -q 'Configuration successful' "$scratch/$side.log" || return 0
        sleep 0.1
    done
    failure "stunnel does not start: $(cat "$scratch/$side.log")"
}

# hello INPUT OPTION… — what s_client says of a handshake with Wirepage, and the reply to what INPUT writes.
hello() {
    local input=$1
    shift
    "$input" | lab client -- timeout 20 openssl s_client -connect "$WIREPAGE_CLIENT_ADDR:$NFS_PORT" \
        -CAfile "$CERTIFICATE_DIR/ca.pem" -verify_return_error -verify_hostname wirepage.example "$@" 2>&1 |
        tr -d '\0' || true
}

# A NULL call of NFS whose xid is "wire", as its reply's; then time for the reply.
null_call() {
    # shellcheck disable=SC2059 # bytes
    printf "$(sed 's/../\\x&/g' <<<'80000028776972650000000000000002000186a300000003'"$(printf '%040d' 0)")"
    sleep 1
}
new_keys_and_null_call() {
    local command
    for command in K k K; do
        sleep 0.3
        echo "$command"
    done
    sleep 0.3
    null_call
}
nothing() { sleep 1; }

# expect_hello WORDS INPUT OPTION… — WORDS are in what s_client says.
expect_hello() {
    local words=$1 said
    shift
    said=$(hello "$@")
    grep -aq -- "$words" <<<"$said" || failure "s_client ${*:2} says no \"$words\": $said"
}

printf '[[export]]\npath = "/export"\nclients = ["%s"]\nsecurity = ["direct", "tls"]\n' "$CLIENT_NETWORK" >"$scratch/direct.toml"
lab_with --client-tls direct --origin-tls direct --config "$scratch/direct.toml"

for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
    expect_hello "New, TLSv1.3, Cipher is $suite" nothing -tls1_3 -ciphersuites "$suite"
done
expect_hello 'ALPN protocol: sunrpc' nothing -alpn sunrpc
expect_hello 'alert no application protocol' nothing -alpn h2
expect_hello 'alert protocol version' nothing -tls1_2
expect_hello 'alert certificate expired' nothing -cert "$CERTIFICATE_DIR/expired.pem" -key "$CERTIFICATE_DIR/expired-key.pem"
expect_hello 'alert unknown ca' nothing -cert "$CERTIFICATE_DIR/other.pem" -key "$CERTIFICATE_DIR/other-key.pem"
expect_hello 'wire' null_call -cert "$CERTIFICATE_DIR/client.pem" -key "$CERTIFICATE_DIR/client-key.pem"
expect_hello 'wire' new_keys_and_null_call
expect_hello 'Post-Handshake New Session Ticket' null_call -sess_out "$scratch/session"
expect_hello 'Reused, TLSv1.3' nothing -sess_in "$scratch/session"
echo early >"$scratch/early"
expect_hello 'Early data was not sent' nothing -sess_in "$scratch/session" -early_data "$scratch/early"
echo "OpenSSL's s_client: served and refused as it should be"

# stunnel in the place of both peers.
stop_process tls-origin TERM 5 || true
start_stunnel origin "accept = 0.0.0.0:$TLS_ORIGIN_PORT" "connect = 127.0.0.1:$NFS_PORT" \
    "cert = $CERTIFICATE_DIR/origin.pem" "key = $CERTIFICATE_DIR/origin-key.pem"
start_stunnel client 'client = yes' "accept = 127.0.0.1:$STUNNEL_PORT" "connect = $WIREPAGE_CLIENT_ADDR:$NFS_PORT" \
    "CAfile = $CERTIFICATE_DIR/ca.pem" 'verifyChain = yes' 'checkHost = wirepage.example'
url() { printf 'nfs://127.0.0.1/export/%s?nfsport=%s&mountport=%s' "$1" "$STUNNEL_PORT" "$MOUNT_PORT"; }
copy_both_ways 1
copy_both_ways $(((8 << 20) + 4097))
for side in client origin; do
    grep -q 'accepted connection' "$scratch/$side.log" || failure "nothing went through stunnel: $(cat "$scratch/$side.log")"
done
expect_equal "tx_payload_copied_bytes" "$(counter tx_payload_copied_bytes)" 0
expect_equal "tls_sessions_failed" "$(counter tls_sessions_failed)" 0
expect_clean_drain
