# shellcheck shell=bash
# Bringing the lab up, restarting its parts and taking it down. Needs everything else in lib/.

PARTS=(appliance testpmd origin tls-nfs tls-mount tls-portmap tls-origin)
# The part that is being brought up, for the report when it fails.
current_part=

# begin PART WHAT…
begin() {
    current_part=$1
    shift
    say "lab: $*"
}

parts_in_use() {
    printf '%s\n' origin appliance
    [[ $(recall nic) != virtio ]] || printf '%s\n' testpmd
    tls_parts
}

dead_parts() {
    local part
    for part in $(parts_in_use); do is_alive "$part" || printf '%s\n' "$part"; done
}

# Runs under errexit with report_failed_part as EXIT trap: any failure ends it there.
bring_up() {
    begin namespaces "network namespaces $CLIENT_NAMESPACE, $ORIGIN_NAMESPACE"
    create_namespaces
    begin origin "origin: NFS-Ganesha"
    create_export_dir
    start_origin
    begin tls-peer "TLS (clients: $(recall client-tls), origin: $(recall origin-tls))"
    start_origin_tls
    start_client_tls
    begin appliance "Wirepage ($(recall nic))"
    start_appliance
    connect_appliance
    begin origin "waiting for the origin to serve"
    wait_for_origin
    begin appliance "waiting for a NULL call through Wirepage"
    wait_for_service
}

# Wirepage has been started: gives its ports their other ends.
connect_appliance() {
    if [[ $(recall nic) == tap ]]; then
        wait_for_taps
        return
    fi
    wait_for_sockets
    is_alive testpmd && return
    begin testpmd "testpmd"
    start_testpmd
    wait_for_testpmd
    current_part=appliance
}

# Shows the log of the part that failed, and of any other that died meanwhile: it may be the reason.
report_failed_part() {
    local part
    say "error: ${current_part:-the lab} failed"
    show_log "$current_part"
    for part in "${PARTS[@]}"; do
        [[ $part == "$current_part" || ! -e $STATE_DIR/$part.pid ]] || is_alive "$part" || show_log "$part"
    done
}

# restart_part PART SIGNAL — its clients stay as they are.
restart_part() {
    begin "$1" "restarting $1 (SIG$2)"
    case $1 in
    appliance)
        stop_appliance "$2"
        start_appliance
        connect_appliance
        ;;
    origin)
        stop_ganesha "$2"
        start_origin
        wait_for_origin
        ;;
    testpmd)
        stop_testpmd "$2"
        start_testpmd
        wait_for_testpmd
        ;;
    esac
    wait_for_service
}

# Ends everything this lab started and removes what it made, but for the state directory, which is the lock.
# Fine with a lab that is half up or not at all.
take_down() {
    stop_appliance TERM
    stop_testpmd TERM
    stop_tls
    stop_ganesha TERM
    remove_namespaces
    remove_export_dir
    find "$STATE_DIR" -mindepth 1 -delete
}
