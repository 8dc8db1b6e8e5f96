# shellcheck shell=bash
# The origin: NFS-Ganesha in the origin namespace, exporting a fresh directory of this machine.
# Needs topology.sh, processes.sh, state.sh, rpc.sh, namespaces.sh.

NFS_PROGRAM=100003
NFS_VERSION=3

export_dir() { recall export-dir; }

# A directory on a file system whose files can be opened by handle, as Ganesha's VFS module does.
# WIREPAGE_LAB_EXPORT_PARENT names another place for it; not below /run, of which Ganesha sees nothing.
# Open to every user: which user may do what is then decided by the files a test makes.
create_export_dir() {
    local dir
    dir=$(mktemp -d "${WIREPAGE_LAB_EXPORT_PARENT:-/var/tmp}/wirepage-lab.XXXXXX")
    chmod 0777 "$dir"
    remember export-dir "$dir"
}

remove_export_dir() {
    local dir
    dir=$(export_dir) || return 0
    [[ $dir != */wirepage-lab.?????? ]] || rm -rf -- "$dir"
    rm -f "$STATE_DIR/export-dir"
}

# write_ganesha_config DIRECTORY [CORE_OPTION [EXPORT_OPTION]] — exports DIRECTORY as /export; further blocks come from
# standard input.
write_ganesha_config() {
    cat >"$STATE_DIR/ganesha.conf" - <(cat <<CONF
NFS_CORE_PARAM {
    Protocols = 3, 4;
    NFS_Port = $NFS_PORT;
    MNT_Port = $MOUNT_PORT;
    Enable_NLM = false;
    Enable_RQUOTA = false;
    Enable_UDP = false;
    mount_path_pseudo = true;
    ${2:-}
}
NFSv4 {
    # No client has state to reclaim; a grace period would answer JUKEBOX after every restart.
    Graceless = true;
    RecoveryRoot = $STATE_DIR/ganesha;
}
EXPORT {
    Export_Id = 1;
    Path = $1;
    Pseudo = /export;
    Access_Type = RW;
    Squash = No_Root_Squash;
    Transports = TCP;
    SecType = sys, none;
    ${3:-}
    # Changes made beside NFS are seen at once.
    Attr_Expiration_Time = 0;
    FSAL { Name = VFS; }
}
CONF
    )
}

# Ganesha does not serve NFSv3 unless it can register with rpcbind, over a socket that no network namespace
# separates. So it gets an rpcbind of its own: in a mount namespace with an empty /run, which keeps it from
# touching the registrations of an NFS server this machine may really have, and in the switch's network
# namespace, so that the origin has nothing on port 111. D-Bus is out of reach the same way.
start_private_rpcbind() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    start_process rpcbind nsenter --net="/run/netns/$SWITCH_NAMESPACE" -- \
        unshare --mount --propagation slave bash -euc '
            state=$1 run=$1/private-run
            mkdir -p "$run"
            mount -t tmpfs -o mode=0755 tmpfs "$run"
            mkdir "$run${state#/run}" "$run/rpcbind"
            mount --bind "$state" "$run${state#/run}"
            mount --rbind "$run" /run
            exec rpcbind -f' bash "$STATE_DIR" </dev/null
    wait_until 10 private_rpcbind_listens && is_alive rpcbind
}

private_rpcbind_listens() { nsenter --mount --target "$(pid_of rpcbind)" test -S /run/rpcbind.sock || is_dead rpcbind; }

start_ganesha() {
    mkdir -p "$STATE_DIR/ganesha"
    write_ganesha_config "$(export_dir)" </dev/null
    start_private_rpcbind || {
        show_log rpcbind
        return 1
    }
    start_process origin \
        nsenter --net="/run/netns/$ORIGIN_NAMESPACE" --mount="/proc/$(pid_of rpcbind)/ns/mnt" -- \
        ganesha.nfsd -F -L STDOUT -f "$STATE_DIR/ganesha.conf" -p "$STATE_DIR/ganesha.pid" -N NIV_EVENT </dev/null
}

ganesha_answers() { rpc_null "$ORIGIN_NAMESPACE" 127.0.0.1 "$NFS_PORT" "$NFS_PROGRAM" "$NFS_VERSION"; }

ganesha_answers_or_died() { ganesha_answers || is_dead origin; }

# Ganesha also serves when it could not make sense of an export; then it serves nothing.
export_is_served() {
    in_namespace "$ORIGIN_NAMESPACE" timeout 20 \
        nfs-ls "nfs://127.0.0.1/export?nfsport=$NFS_PORT&mountport=$MOUNT_PORT" >/dev/null
}

wait_for_ganesha() {
    wait_until 60 ganesha_answers_or_died && is_alive origin && export_is_served
}

# stop_ganesha SIGNAL
stop_ganesha() {
    stop_process origin "$1" 20 || true
    stop_process rpcbind TERM 5 || true
}
