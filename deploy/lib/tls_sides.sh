# shellcheck shell=bash
# Which side of the lab speaks TLS, as its configuration says: tls-peer gives it to the client and to Debian 12's
# Ganesha, which have none. With TLS on Ganesha's own port, NFS_PORT, the origin is a newer one that speaks it itself.
# Needs topology.sh, state.sh, processes.sh, tls.sh, ganesha_tls.sh.

# Ganesha itself stays on NFS_PORT, in clear; this is tls-peer before it.
TLS_ORIGIN_PORT=12049
PORTMAP_PORT=111

# tls_modes CONFIG — prints how the first export's clients and the origin are spoken to: none, tls, mtls or direct;
# and the origin's address and port.
tls_modes() {
    python3 -c '
import sys, tomllib
config = tomllib.load(sys.stdin.buffer)
client = config["export"][0].get("security", "tls")
origin = config["origin"]
client = client if isinstance(client, str) else client[0]
print(client, origin.get("security", "none"), origin.get("address"), origin.get("nfs_port", 2049))
' <<<"$1" || misuse "the lab needs [origin] and an [[export]] in its configuration"
}

remember_tls_modes() {
    local client origin address port
    read -r client origin address port < <(tls_modes "$1")
    remember client-tls "$client"
    remember origin-tls "$origin"
    # A guest that is the origin (deploy/guest-lab) speaks for itself.
    [[ $origin == none || $address != "$ORIGIN_ADDR" || $port != "$NFS_PORT" ]] || remember ganesha-tls "$origin"
}

client_has_tls() { [[ $(recall client-tls) != none ]]; }
origin_has_tls() { [[ $(recall origin-tls) != none ]]; }
ganesha_has_tls() { recall ganesha-tls >/dev/null; }
# Whether tls-peer stands before the origin.
origin_has_peer() { origin_has_tls && ! ganesha_has_tls; }

# Where the lab's client finds Wirepage: behind TLS, at its own end of it.
client_target() { if client_has_tls; then printf 127.0.0.1; else printf '%s' "$WIREPAGE_CLIENT_ADDR"; fi; }

tls_parts() {
    ! client_has_tls || printf '%s\n' tls-nfs tls-mount tls-portmap
    ! origin_has_peer || printf '%s\n' tls-origin
}

prepare_tls() {
    client_has_tls || origin_has_tls || return 0
    build_tls_peer
    make_certificates
    ! ganesha_has_tls || unpack_ganesha_tls
}

start_origin() { if ganesha_has_tls; then start_ganesha_tls "$(recall ganesha-tls)"; else start_ganesha; fi; }
wait_for_origin() { if ganesha_has_tls; then wait_for_ganesha_tls; else wait_for_ganesha; fi; }

# NFS and MOUNT go through TLS. The portmapper has none: for it tls-peer is a plain relay, so that a URL
# needs no ports.
start_client_tls() {
    local mode
    client_has_tls || return 0
    mode=$(recall client-tls)
    start_tls_peer tls-nfs "$CLIENT_NAMESPACE" connect "127.0.0.1:$NFS_PORT" "$WIREPAGE_CLIENT_ADDR:$NFS_PORT" "$mode" &&
        start_tls_peer tls-mount "$CLIENT_NAMESPACE" connect "127.0.0.1:$MOUNT_PORT" \
            "$WIREPAGE_CLIENT_ADDR:$MOUNT_PORT" "$mode" --program mount &&
        start_tls_peer tls-portmap "$CLIENT_NAMESPACE" accept "127.0.0.1:$PORTMAP_PORT" \
            "$WIREPAGE_CLIENT_ADDR:$PORTMAP_PORT" tls --allow-plain
}

# On every address: the origin's own appears with the TAP, later.
start_origin_tls() {
    origin_has_peer || return 0
    start_tls_peer tls-origin "$ORIGIN_NAMESPACE" accept "0.0.0.0:$TLS_ORIGIN_PORT" "127.0.0.1:$NFS_PORT" \
        "$(recall origin-tls)"
}

stop_tls() {
    local part
    for part in tls-nfs tls-mount tls-portmap tls-origin; do stop_process "$part" TERM 5 || true; done
}

# The rest of [origin]: MOUNT stays in clear, as Linux serves it.
origin_tls_config() {
    [[ $1 != none ]] || return 0
    cat <<TOML
security = "$1"
ca = "$CERTIFICATE_DIR/ca.pem"
name = "origin.example"
mount_security = "none"
TOML
    [[ $1 != mtls ]] || cat <<TOML
certificate = "$CERTIFICATE_DIR/client.pem"
key = "$CERTIFICATE_DIR/client-key.pem"
TOML
}

client_tls_config() {
    [[ $1 != none ]] || return 0
    cat <<TOML

[tls]
certificate = "$CERTIFICATE_DIR/server.pem"
key = "$CERTIFICATE_DIR/server-key.pem"
client_ca = "$CERTIFICATE_DIR/ca.pem"
TOML
}
