# shellcheck shell=bash
# An origin that speaks RFC 9289 itself: NFS-Ganesha 15, which Debian has in its unstable release. It is unpacked
# beside this system, not installed in it, and runs in a chroot: its libraries are newer than this machine's.
# Needs topology.sh, processes.sh, state.sh, report.sh, packages.sh, ganesha.sh, tls.sh.

GANESHA_TLS_DIR=${WIREPAGE_LAB_CACHE:-/var/cache/wirepage-lab}/nfs-ganesha-sid
GANESHA_TLS_ROOT=$GANESHA_TLS_DIR/root

# The mirror that this machine's own apt takes its release from serves unstable, too.
debian_mirror() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
    # shellcheck disable=SC2016 # expanded by apt-get
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
        awk -v codename="$codename" '$1 == codename && !found { print $2; found = 1 }' | grep .
}

# apt_beside ARGUMENT… — apt-get for a system below GANESHA_TLS_DIR that has no package yet; this machine's lists,
# caches and packages are not touched, its proxy and other network settings are used.
apt_beside() {
    local dir=$GANESHA_TLS_DIR/apt
    apt_get -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}

ganesha_tls_is_unpacked() { [[ -d $GANESHA_TLS_ROOT ]]; }

# unpack_ganesha_tls — once; about 30 MB to fetch.
unpack_ganesha_tls() {
    local dir=$GANESHA_TLS_DIR mirror package link
    ! ganesha_tls_is_unpacked || return 0
    say "fetching NFS-Ganesha with TLS (Debian unstable) into $dir"
    [[ $(dpkg --print-architecture) == amd64 ]] || fail "the TLS origin was only tried on amd64"
    debian_mirror >/dev/null || apt_get update
    mirror=$(debian_mirror) || fail "cannot tell from apt's sources which mirror has Debian; is this Debian?"
    rm -rf -- "$dir"
    mkdir -p "$dir"/apt/state/lists/partial "$dir"/apt/cache/archives/partial "$dir/new/srv"
    : >"$dir/apt/status"
    printf 'deb [signed-by=%s] %s sid main\n' /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" \
        >"$dir/apt/sources.list"
    apt_beside update
    apt_beside install --download-only --no-install-recommends nfs-ganesha nfs-ganesha-vfs
    # What maintainer scripts would do is not needed, but for the links of a merged /usr.
    for link in bin sbin lib lib64; do
        mkdir -p "$dir/new/usr/$link"
        ln -s "usr/$link" "$dir/new/$link"
    done
    mkdir -p "$dir"/new/{dev,etc,proc,run,tmp,var}
    ln -s ../run "$dir/new/var/run"
    ln -s ../proc/self/mounts "$dir/new/etc/mtab"
    for package in "$dir"/apt/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$dir/new"
    done
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
