# shellcheck shell=bash
# A guest in the lab: a machine with a kernel of its own, emulated by QEMU, on the network of the clients or of the
# origin. Needs topology.sh, report.sh, processes.sh, state.sh, namespaces.sh, tls.sh, guest_image.sh.

GUESTS=(client origin)
# Seconds that a guest may take to start, and then anything that starts in it: emulated, and on a busy machine, many
# times what they take otherwise.
GUEST_START_SECONDS=180
GUEST_MEMORY_MIB=768

guest_address() { if [[ $1 == client ]]; then echo "$GUEST_CLIENT_ADDR"; else echo "$GUEST_ORIGIN_ADDR"; fi; }
guest_namespace() { if [[ $1 == client ]]; then echo "$CLIENT_NAMESPACE"; else echo "$ORIGIN_NAMESPACE"; fi; }
guest_socket() { printf '%s/guest-%s.sock' "$STATE_DIR" "$1"; }

# join_guest NAME — makes its TAP and has the namespace forward for it. Both ends think the other is on their link:
# the namespace answers ARP for either (proxy_arp), so that neither Wirepage nor the guest needs a route.
join_guest() {
    local namespace address
    namespace=$(guest_namespace "$1") address=$(guest_address "$1")
    interface_exists "$namespace" "$GUEST_TAP" || ip -n "$namespace" tuntap add dev "$GUEST_TAP" mode tap
    ip -n "$namespace" link set "$GUEST_TAP" up
    ip -n "$namespace" route replace "$address/32" dev "$GUEST_TAP"
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_namespace "$namespace" bash -euc '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv4/conf/all/proxy_arp
        echo 0 >"/proc/sys/net/ipv4/neigh/$1/proxy_delay"' bash "$GUEST_TAP"
}

# boot_guest NAME — unless it runs already.
boot_guest() {
    local name=$1
    ! is_alive "guest-$name" || return 0
    join_guest "$name"
    rm -f -- "$(guest_socket "$name")"
    # Emulated clocks are slow and jump: tsc=reliable and no_timer_check keep the kernel from giving up on them.
    start_process "guest-$name" nsenter --net="/run/netns/$(guest_namespace "$name")" -- "${QEMU[@]}" \
        -nodefaults -no-user-config -display none -no-reboot \
        -machine q35 -accel tcg,thread=multi -cpu max -smp 1 -m "$GUEST_MEMORY_MIB" \
        -kernel "$GUEST_KERNEL" -initrd "$GUEST_INITRD" -append "console=ttyS0 quiet panic=-1 \
            mitigations=off cryptomgr.notests=1 tsc=reliable no_timer_check \
            guest.address=$(guest_address "$name")/$PREFIX_LEN" \
        -serial stdio -device virtio-rng-pci \
        -netdev "tap,id=net,ifname=$GUEST_TAP,script=no,downscript=no" -device virtio-net-pci,netdev=net,romfile= \
        -chardev "socket,id=control,path=$(guest_socket "$name"),server=on,wait=off" \
        -device virtio-serial-pci -device virtserialport,chardev=control,name=control </dev/null
}

guest_listens_or_died() { [[ -S $(guest_socket "$1") ]] || is_dead "guest-$1"; }

wait_for_guest() {
    wait_until 20 guest_listens_or_died "$1" && is_alive "guest-$1" && guest_run "$1" "$GUEST_START_SECONDS" <<<true
}

# guest_run NAME SECONDS <SCRIPT — runs it there with bash; prints what it prints, ends as it ends.
guest_run() { python3 "$REPOSITORY/deploy/lib/guest_shell.py" "$(guest_socket "$1")" "$2"; }

# The lab's certificates become the guest's /etc/tls.
give_certificates() {
    {
        echo 'mkdir -p /etc/tls && base64 --decode <<END | tar --extract --no-same-owner --directory /etc/tls'
        tar --create --directory "$CERTIFICATE_DIR" . | base64
        echo END
    } | guest_run "$1" "$GUEST_START_SECONDS"
}

# start_client_guest SECURITY / start_origin_guest SECURITY — none, tls or mtls. A client without a certificate
# cannot be one of mtls; an nfsd always needs one.
start_client_guest() {
    local own=
    [[ $1 != mtls ]] || own="client.pem client-key.pem"
    [[ $1 == none ]] || start_guest_tls client "$own"
}

start_origin_guest() {
    { [[ $1 == none ]] || start_guest_tls origin "origin.pem origin-key.pem"; } &&
        guest_run origin "$GUEST_START_SECONDS" <<<"start-nfsd $1 $WIREPAGE_ORIGIN_ADDR $MOUNT_PORT"
}

start_guest_tls() {
    give_certificates "$1" && guest_run "$1" "$GUEST_START_SECONDS" <<<"start-tlshd ca.pem $2"
}

stop_guest() { stop_process "guest-$1" TERM 10 || true; }
