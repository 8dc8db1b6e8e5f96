#!/usr/bin/env bash
# Under load the server's certificate is renewed and one client's revoked: that client's sessions end and it does not
# come back; another's copy goes on over the sessions that it has.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
# shellcheck source-path=SCRIPTDIR/..
for part in report processes state rust tls; do . "$deploy/lib/$part.sh"; done

SIZE=$((48 << 20))
pki=$scratch/pki
jobs_of_test=()
end_jobs() {
    ((${#jobs_of_test[@]} > 0)) || return 0
    kill -s TERM "${jobs_of_test[@]}" 2>/dev/null || true
    wait "${jobs_of_test[@]}" 2>/dev/null || true
    jobs_of_test=()
}
trap 'end_jobs; rm -rf -- "$scratch"' EXIT

# in_pki FILE COMMAND… — the output of COMMAND takes FILE's place at once.
in_pki() {
    local file=$pki/$1
    shift
    "$@" >"$file.new"
    mv "$file.new" "$file"
}

# The list of the CA, with the certificates named in it.
revocation_list() {
    local name
    : >"$pki/index"
    echo 01 >"$pki/number"
    cat >"$pki/ca.conf" <<CONF
[ca]
default_ca = ours
[ours]
database = $pki/index
crlnumber = $pki/number
crl_extensions = extensions
default_md = sha256
[extensions]
authorityKeyIdentifier = keyid
CONF
    local -a ca=(openssl ca -config "$pki/ca.conf" -keyfile "$pki/ca-key.pem" -cert "$pki/ca.pem")
    for name in "$@"; do "${ca[@]}" -revoke "$pki/$name.pem" >&2; done
    "${ca[@]}" -gencrl -crldays 10
}

# A certificate of the CA for Wirepage, and in server-key.pem.new its key.
server_certificate() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/server-key.pem.new" \
        -subj /CN=wirepage.example -addext "subjectAltName=DNS:wirepage.example,IP:$WIREPAGE_CLIENT_ADDR" \
        -addext extendedKeyUsage=serverAuth 2>/dev/null |
        openssl x509 -req -CA "$pki/ca.pem" -CAkey "$pki/ca-key.pem" -set_serial 0x4e4557 -days 10 -copy_extensions copy 2>/dev/null
}

shown_serial() {
    lab client -- timeout 20 openssl s_client -connect "$WIREPAGE_CLIENT_ADDR:$NFS_PORT" -CAfile "$pki/ca.pem" \
        -cert "$pki/client.pem" -key "$pki/client-key.pem" </dev/null 2>/dev/null | openssl x509 -noout -serial
}

# tunnel ADDRESS CERTIFICATE — NFS and MOUNT of Wirepage at a loopback address of the client's, through TLS with this
# certificate.
tunnel() {
    local address=$1 certificate=$2 program port
    for program in nfs mount; do
        [[ $program == nfs ]] && port=$NFS_PORT || port=$MOUNT_PORT
        "$deploy/lab" client -- "$(tls_peer_binary)" connect --listen "$address:$port" --to "$WIREPAGE_CLIENT_ADDR:$port" \
            --mode mtls --ca "$pki/ca.pem" --cert "$pki/$certificate.pem" --key "$pki/$certificate-key.pem" \
            --program "$program" --bind-reserved >"$scratch/$certificate-$program.log" 2>&1 </dev/null &
        jobs_of_test+=($!)
        await_line 'listening on' "$scratch/$certificate-$program.log"
    done
}

# await_line WORDS FILE
await_line() {
    local attempt
    for ((attempt = 0; attempt < 200; attempt++)); do
        ! grep -qs -- "$1" "$2" || return 0
        sleep 0.1
    done
    failure "no \"$1\" in $(cat "$2")"
}

sessions_of() { grep -c 'TLS 1.3' "$scratch/$1-nfs.log" || true; }

# begin_read ADDRESS NAME — a copy of the big file, held in the middle; its process is $copy.
begin_read() {
    begin_held_copy nfs-cp "nfs://$1/export/big?nfsport=$NFS_PORT&mountport=$MOUNT_PORT" "$scratch/$2" 2>/dev/null
    jobs_of_test+=("$copy")
}

build_tls_peer
"$(tls_peer_binary)" make-certs "$pki" --server-name wirepage.example --server-ip "$WIREPAGE_CLIENT_ADDR" \
    --client-name client.example
in_pki list.pem revocation_list
cat >"$scratch/mtls.toml" <<TOML
[[export]]
path = "/export"
security = "mtls"
clients = ["$CLIENT_NETWORK"]
[tls]
certificate = "$pki/server.pem"
key = "$pki/server-key.pem"
client_ca = "$pki/ca.pem"
crl = "$pki/list.pem"
TOML
lab_with --config "$scratch/mtls.toml"
make_file "$SIZE" "$export_dir/big"
tunnel 127.0.0.2 client
tunnel 127.0.0.3 revoked
begin_read 127.0.0.2 client
trusted=$copy
begin_read 127.0.0.3 revoked
sessions=$(sessions_of client)
failed=$(counter tls_handshakes_failed)

in_pki list.pem revocation_list revoked
in_pki server.pem server_certificate
mv "$pki/server-key.pem.new" "$pki/server-key.pem"
kill -s HUP "$(pid_of appliance)"
await_line 'audit:.*not trusted any more' "$(log_of appliance)"
kill -s CONT "$copy" "$trusted"

wait "$trusted" || failure "the copy of the client that is trusted was broken off"
expect_file "$scratch/client" "$export_dir/big"
expect_equal "sessions of the client that is trusted" "$(sessions_of client)" "$sessions"
expect_equal "serial of the certificate shown now" "$(shown_serial)" "serial=4E4557"
for ((attempt = 0; attempt < 100; attempt++)); do
    (($(counter tls_handshakes_failed) == failed)) || break
    sleep 0.1
done
expect_more "handshakes refused, of the one that is not" "$(counter tls_handshakes_failed)" "$failed"
(($(stat --format=%s "$scratch/revoked") < SIZE)) || failure "the client that was revoked has got everything"
end_jobs
expect_clean_drain
