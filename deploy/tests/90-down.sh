#!/usr/bin/env bash
# `down` leaves nothing behind, whatever still runs inside, and does nothing the second time.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach
free_hugepages() { awk '/^HugePages_Free/ { print $2 }' /proc/meminfo; }
free_while_up=$(free_hugepages)
mapfile -t pids < <(cat "$STATE_DIR"/*.pid | cut -d ' ' -f 1)
expect_more "processes of the lab" "${#pids[@]}" 2
lab client -- sleep 1000 &
sleeper=$!

lab down
status=0
wait "$sleeper" || status=$?
expect_more "exit status of a command still running in a namespace" "$status" 128
for pid in "${pids[@]}"; do
    [[ ! -d /proc/$pid || $(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat") == Z ]] || failure "process $pid still runs"
done
for trace in "$STATE_DIR" "$export_dir" /run/netns/wirepage-*; do
    [[ ! -e $trace ]] || failure "$trace is still there"
done
for tap in "$CLIENT_TAP" "$ORIGIN_TAP"; do
    [[ ! -e /sys/class/net/$tap ]] || failure "interface $tap is still there"
done
if grep wirepage /proc/mounts; then failure "a mount is still there"; fi
if compgen -G '/dev/hugepages/*map_*' >/dev/null; then failure "hugepage files are still there"; fi
expect_more "free hugepages" "$(free_hugepages)" "$free_while_up"

lab down
