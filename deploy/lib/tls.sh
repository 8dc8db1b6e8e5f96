# shellcheck shell=bash
# TLS for whoever in the lab has none, and certificates for everybody. Needs topology.sh, processes.sh,
# state.sh, rust.sh.

CERTIFICATE_DIR=$STATE_DIR/tls

# TLS_PEER_BIN names a binary to use instead of one built from this repository.
tls_peer_binary() { realpath -m "${TLS_PEER_BIN:-$(target_dir)/release/tls-peer}"; }

build_tls_peer() {
    [[ -z ${TLS_PEER_BIN:-} ]] || return 0
    cargo build --quiet --release --locked --package tls-peer --manifest-path "$REPOSITORY/Cargo.toml" >&2
}

# The CA (ca.pem) and, each NAME.pem with NAME-key.pem: server (Wirepage toward its clients), origin, client
# (the lab's client, and Wirepage toward the origin), and those to be refused: revoked (by crl.pem), expired,
# other (of a CA nobody trusts). Those there already are kept: a restart of one part must not make strangers
# of the others.
make_certificates() {
    [[ ! -e $CERTIFICATE_DIR/crl.pem ]] || return 0
    rm -rf -- "$CERTIFICATE_DIR"
    "$(tls_peer_binary)" make-certs "$CERTIFICATE_DIR" \
        --server-name wirepage.example --server-ip "$WIREPAGE_CLIENT_ADDR" \
        --origin-name origin.example --origin-ip "$ORIGIN_ADDR" \
        --client-name client.example
}

# start_tls_peer NAME NAMESPACE connect|accept LISTEN TO MODE [OPTION…] — with the certificates that fit the role:
# connect is a client, accept stands before the origin. From a port below 1024, as NFS servers want it.
start_tls_peer() {
    local name=$1 namespace=$2 role=$3 listen=$4 to=$5 mode=$6
    local -a certificates=(--ca "$CERTIFICATE_DIR/ca.pem")
    shift 6
    if [[ $role == accept ]]; then
        certificates+=(--cert "$CERTIFICATE_DIR/origin.pem" --key "$CERTIFICATE_DIR/origin-key.pem")
    elif [[ $mode == *mtls ]]; then
        certificates+=(--cert "$CERTIFICATE_DIR/client.pem" --key "$CERTIFICATE_DIR/client-key.pem")
    fi
    start_process "$name" nsenter --net="/run/netns/$namespace" -- \
        "$(tls_peer_binary)" "$role" --listen "$listen" --to "$to" --mode "$mode" --bind-reserved \
        "${certificates[@]}" "$@" </dev/null
    wait_until 10 tls_peer_listens_or_died "$name" && is_alive "$name"
}

tls_peer_listens_or_died() { grep -qs 'listening on' "$(log_of "$1")" || is_dead "$1"; }
