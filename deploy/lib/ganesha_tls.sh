# shellcheck shell=bash
# An origin that speaks RFC 9289 itself: NFS-Ganesha 15, which Debian has in its unstable release. It is unpacked
# beside this system, not installed in it, and runs in a chroot: its libraries are newer than this machine's.
# Needs topology.sh, processes.sh, state.sh, report.sh, packages.sh, apt_beside.sh, ganesha.sh, tls.sh.

GANESHA_TLS_DIR=$LAB_CACHE_DIR/nfs-ganesha-sid
GANESHA_TLS_ROOT=$GANESHA_TLS_DIR/root

ganesha_tls_is_unpacked() { [[ -d $GANESHA_TLS_ROOT ]]; }

# unpack_ganesha_tls — once; about 30 MB to fetch.
unpack_ganesha_tls() {
    local dir=$GANESHA_TLS_DIR package
    ! ganesha_tls_is_unpacked || return 0
    say "fetching NFS-Ganesha with TLS (Debian unstable) into $dir"
    rm -rf -- "$dir"
    prepare_apt_beside "$dir/apt" sid
    apt_beside "$dir/apt" install --download-only --no-install-recommends nfs-ganesha nfs-ganesha-vfs
    make_root "$dir/new"
    mkdir -p "$dir/new/srv"
    for package in "$dir"/apt/cache/archives/*.deb; do unpack_package "$package" "$dir/new"; done
    rm -rf -- "$dir/apt"
    mv "$dir/new" "$GANESHA_TLS_ROOT"
}

# write_ganesha_tls_config MODE — tls, mtls, or direct, which it speaks on the same port.
write_ganesha_tls_config() {
    local mode=${1/direct/tls}
    # The flusher is a privilege that it wants, for speed only, and that containers often lack.
    write_ganesha_config /srv 'allow_set_io_flusher_fail = true;' "XprtSec = $mode;" <<CONF
TLS_CONFIG {
    Enable_TLS = true;
    Enable_KTLS = false;
    TLS_CA_File = "$CERTIFICATE_DIR/ca.pem";
    TLS_Cert_File = "$CERTIFICATE_DIR/origin.pem";
    TLS_Key_File = "$CERTIFICATE_DIR/origin-key.pem";
}
CONF
}

# Ganesha 15.2 has manners that its clients must know:
# - It answers the AUTH_TLS probe only for a program that it serves on the port: NFS on 2049, MOUNT on 20048.
# - The first reply inside TLS may carry the probe's verifier again, which libnfs does not understand. For
#   libnfs, put `tls-peer connect --ping` between, or use TLS from the first byte, which it speaks on the same port.
# - An export with XprtSec refuses MOUNT in clear, too.
#
# start_ganesha_tls MODE — as start_ganesha, which also says why there is an rpcbind.
start_ganesha_tls() {
    mkdir -p "$STATE_DIR/ganesha"
    write_ganesha_tls_config "$1"
    start_private_rpcbind || {
        show_log rpcbind
        return 1
    }
    # The mounts are gone with the process: they are in a mount namespace of its own.
    # shellcheck disable=SC2016 # expanded by the inner shell
    start_process origin \
        nsenter --net="/run/netns/$ORIGIN_NAMESPACE" --mount="/proc/$(pid_of rpcbind)/ns/mnt" -- \
        unshare --mount bash -euc '
            root=$1 export=$2
            shift 2
            mount --bind "$export" "$root/srv"
            mount --rbind /dev "$root/dev"
            mount --rbind /run "$root/run"
            mount -t proc proc "$root/proc"
            exec chroot "$root" "$@"' bash "$GANESHA_TLS_ROOT" "$(export_dir)" \
        ganesha.nfsd -F -L STDOUT -f "$STATE_DIR/ganesha.conf" -p "$STATE_DIR/ganesha.pid" -N NIV_EVENT </dev/null
}

# It also serves when it could not make sense of an export; then it serves nothing.
wait_for_ganesha_tls() {
    wait_until 60 ganesha_answers_or_died && is_alive origin &&
        ! grep -q 'No export entries found' "$(log_of origin)"
}
