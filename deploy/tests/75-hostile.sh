#!/usr/bin/env bash
# Somebody on the clients' network attacks in every way he knows, while others copy files: they arrive intact, and
# afterwards the appliance holds nothing of it, least of all memory.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab_with --nic virtio --tx attach

# What the process may grow by, hugepages not counted: tables and buffers that are made when first needed.
RSS_GROWTH_KIB_MAX=$((8 << 10))

# VmRSS leaves hugepages out.
appliance_rss_kib() {
    local pid
    read -r pid _ <"$STATE_DIR/appliance.pid"
    sed -n 's/^VmRSS:\s*\([0-9]*\) kB$/\1/p' "/proc/$pid/status"
}

# A machine of his own, as far as addresses tell.
ATTACKER_ADDR=10.77.1.66
lab client -- ip address replace "$ATTACKER_ADDR/$PREFIX_LEN" dev "$CLIENT_TAP"

attack() {
    lab client -- timeout 120 python3 "$deploy/tests/attacker.py" "$1" "$ATTACKER_ADDR" "$WIREPAGE_CLIENT_ADDR" "$NFS_PORT"
}

serial=0

# Copies in both directions, again and again, until the attacker has done his worst.
copy_during() {
    local attacker copies=0 name
    attack "$1" >"$scratch/attack" 2>&1 &
    attacker=$!
    while :; do
        name=copy-$((serial += 1))
        lab client -- timeout 60 nfs-cp "$scratch/sent" "$(url "$name")" >/dev/null ||
            failure "$1: a copy did not get through"
        expect_file "$export_dir/$name" "$scratch/sent"
        rm -f -- "$scratch/received"
        lab client -- timeout 60 nfs-cp "$(url kept)" "$scratch/received" >/dev/null ||
            failure "$1: a copy did not come back"
        expect_file "$scratch/received" "$scratch/sent"
        copies=$((copies + 1))
        kill -0 "$attacker" 2>/dev/null || break
    done
    wait "$attacker" || failure "the attacker did not finish: $(<"$scratch/attack")"
    echo "$(<"$scratch/attack"); $copies copies each way: intact"
}

make_file $((3 << 20)) "$scratch/sent"
put "$scratch/sent" kept
# Everything that is made when first needed is made.
for kind in garbage bombs; do copy_during "$kind"; done
before=$(appliance_rss_kib)
for kind in scan flood bombs garbage idle; do copy_during "$kind"; done
after=$(appliance_rss_kib)
echo "resident memory beside hugepages: $before KiB before, $after KiB after"
((after <= before + RSS_GROWTH_KIB_MAX)) || failure "the appliance grew from $before to $after KiB"

nothing_is_held() { lab stats | jq --exit-status '.pinned_bytes == 0 and .wire_references == 0' >/dev/null; }
for ((attempt = 0; attempt < 100; attempt++)); do
    nothing_is_held && break
    sleep 0.1
done
nothing_is_held || failure "something of it is held still: $(lab stats)"
lab client -- ip address del "$ATTACKER_ADDR/$PREFIX_LEN" dev "$CLIENT_TAP"
lab restart appliance 2>&1 | tee "$scratch/restart"
grep -Eq 'leaked_references"?[=:] ?0\b' "$scratch/restart" || failure "the appliance's last line does not say that nothing leaked"
