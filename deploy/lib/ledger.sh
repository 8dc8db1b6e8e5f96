# shellcheck shell=bash
# What each step moved, from the appliance's counters before and after. Needs progress.sh (in_mib) and `lab`.

LEDGER_FORMAT='%-20s %9s %7s %6s %6s %6s %6s %10s %10s %10s\n'
ledger_rows=()
ledger_label=
ledger_before=
ledger_started=
ledger_pinned_bytes=0

now_ms() { date +%s%3N; }

ledger_open() {
    ledger_label=$1
    ledger_before=$(lab stats)
    ledger_started=$(now_ms)
    ledger_pinned_bytes=0
}

# ledger_look — notes the most that was seen pinned while the step runs.
ledger_look() {
    local pinned
    pinned=$(lab stats | jq .pinned_bytes)
    ((pinned <= ledger_pinned_bytes)) || ledger_pinned_bytes=$pinned
}

# ledger_close BYTES — the step is over; BYTES is what the user asked to be moved.
ledger_close() {
    local bytes=$1 elapsed_ms row
    elapsed_ms=$(($(now_ms) - ledger_started))
    row=$(jq --raw-output --slurp '
        .[0] as $before | .[1] as $after
        | def moved(key): $after[key] - $before[key];
        [moved("cache_hits"), moved("cache_misses"), moved("origin_reads"), moved("origin_writes"),
         moved("tx_payload_attached_bytes"), moved("tx_payload_copied_bytes")] | @tsv' \
        <(printf '%s' "$ledger_before") <(lab stats))
    local -a moved
    read -ra moved <<<"$row"
    # shellcheck disable=SC2059 # the format is a constant of this file
    ledger_rows+=("$(printf "$LEDGER_FORMAT" "$ledger_label" "$(in_mib "$bytes")" \
        "$((elapsed_ms / 1000)).$((elapsed_ms % 1000 / 100)) s" "${moved[@]:0:4}" \
        "$(in_mib "${moved[4]}")" "$(in_mib "${moved[5]}")" "$(in_mib "$ledger_pinned_bytes")")")
}

ledger_print() {
    # shellcheck disable=SC2059 # the format is a constant of this file
    printf "$LEDGER_FORMAT" step data time hits misses READs WRITEs attached copied pinned
    printf '%s\n' "${ledger_rows[@]}"
    printf '\nhits and misses: cache blocks. READs and WRITEs: calls to the origin.\n'
    printf 'attached: file data sent by reference from the cache. copied: file data copied on its way out.\n'
    printf 'pinned: the most seen held at one time for calls and replies under way.\n'
}
