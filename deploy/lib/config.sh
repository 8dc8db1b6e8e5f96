# shellcheck shell=bash
# Wirepage's configuration in the lab: what the lab generates, below the caller's FILE, below the caller's
# explicit options. Needs topology.sh, cores.sh, state.sh, report.sh, tls_sides.sh.

client_device() {
    case $1 in
    virtio) printf 'net_virtio_user0,path=%s,server=1,queue_size=1024,mac=%s' "$CLIENT_SOCKET" "$WIREPAGE_CLIENT_MAC" ;;
    tap) printf 'net_tap0,iface=%s,mac=%s' "$CLIENT_TAP" "$WIREPAGE_CLIENT_MAC" ;;
    esac
}

origin_device() {
    case $1 in
    virtio) printf 'net_virtio_user1,path=%s,server=1,queue_size=1024,mac=%s' "$ORIGIN_SOCKET" "$WIREPAGE_ORIGIN_MAC" ;;
    tap) printf 'net_tap1,iface=%s,mac=%s' "$ORIGIN_TAP" "$WIREPAGE_ORIGIN_MAC" ;;
    esac
}

# A vhost-user backend only reaches EAL's own memory; behind TAPs the other kind of arena is put to work.
arena_for() { [[ $1 == tap ]] && printf hugepages || printf eal; }

# generate_config NIC TX CLIENT_TLS ORIGIN_TLS
generate_config() {
    local nic=$1 tx=$2 client_tls=$3 origin_tls=$4 origin_port=$NFS_PORT
    [[ $origin_tls == none ]] || origin_port=$TLS_ORIGIN_PORT
    cat <<TOML
[eal]
memory_mib = 512

[engine]
cores = [$(recall wirepage-core || wirepage_core)]
idle = "adaptive"
tx = "$tx"

[cache]
size_mib = 96
block_kib = 64
arena = "$(arena_for "$nic")"

[[port]]
name = "client"
device = "$(client_device "$nic")"
address = "$WIREPAGE_CLIENT_ADDR/$PREFIX_LEN"
mtu = 1500

[[port]]
name = "origin"
device = "$(origin_device "$nic")"
address = "$WIREPAGE_ORIGIN_ADDR/$PREFIX_LEN"
mtu = 1500

[listen]
port = "client"

[origin]
port = "origin"
address = "$ORIGIN_ADDR"
nfs_port = $origin_port
mount_port = $MOUNT_PORT
connections = 2
TOML
    origin_tls_config "$origin_tls"
    cat <<TOML

[[export]]
path = "/export"
security = "$client_tls"
coherence = "strict"
clients = ["$CLIENT_NETWORK"]

[control]
socket = "$CONTROL_SOCKET"
TOML
    client_tls_config "$client_tls"
}

merge_toml() { python3 "$REPOSITORY/deploy/lib/merge_toml.py" "$@"; }

# effective_config NIC TX CLIENT_TLS ORIGIN_TLS FILE — prints the configuration. Each may be empty: not given.
effective_config() {
    local nic=$1 tx=$2 file=$5 given asked_nic=$1
    local -a tls=("${3:-none}" "${4:-none}")
    if [[ -z $file ]]; then
        generate_config "${nic:-virtio}" "${tx:-attach}" "${tls[@]}"
        return
    fi
    given=$(cat -- "$file") || misuse "cannot read $file"
    # Without --nic the devices in FILE decide.
    if [[ -z $nic ]] && grep -Eq '^[[:space:]]*device[[:space:]]*=[[:space:]]*.net_tap' <<<"$given"; then nic=tap; fi
    merge_toml <(generate_config "${nic:-virtio}" attach "${tls[@]}") <(printf '%s\n' "$given") \
        <(explicit_options "$asked_nic" "$tx") || misuse "$file is not a TOML document"
}

# explicit_options NIC TX — what --nic and --tx, where given, say against FILE.
explicit_options() {
    local nic=$1 tx=$2
    [[ -z $tx ]] || printf '[engine]\ntx = "%s"\n' "$tx"
    [[ -z $nic ]] || printf '[[port]]\nname = "%s"\ndevice = "%s"\n' \
        client "$(client_device "$nic")" origin "$(origin_device "$nic")"
}

# nic_of CONFIG — virtio or tap. The lab wires up the two ports by the names it knows; a configuration that
# names others, or other addresses, could never be reached.
nic_of() {
    local config=$1 nic=virtio expected
    local -a needed=("$CLIENT_SOCKET," "$ORIGIN_SOCKET,")
    if grep -q '^device = "net_tap' <<<"$config"; then
        nic=tap
        needed=("iface=$CLIENT_TAP," "iface=$ORIGIN_TAP,")
    fi
    needed+=("$WIREPAGE_CLIENT_ADDR/$PREFIX_LEN" "$WIREPAGE_ORIGIN_ADDR/$PREFIX_LEN" "$CONTROL_SOCKET")
    # The origin may also be a guest.
    grep -qF -- "\"$GUEST_ORIGIN_ADDR\"" <<<"$config" || needed+=("\"$ORIGIN_ADDR\"")
    for expected in "${needed[@]}"; do
        grep -qF -- "$expected" <<<"$config" ||
            misuse "the lab needs $expected in its configuration; see: deploy/lab config"
    done
    printf '%s' "$nic"
}
