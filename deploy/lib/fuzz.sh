# shellcheck shell=bash
# The fuzzer: building, running and reporting. Needs REPOSITORY, report.sh and rust.sh.

FUZZ_PACKAGE=$REPOSITORY/appliance/fuzz
# Bytes of an input at most: beyond, they repeat more than they add.
FUZZ_INPUT_MAX=4096
# Seconds that one input may take, and MiB that all of it may.
FUZZ_INPUT_SECONDS=20
FUZZ_MEMORY_MIB=1024
# Counters at every edge of the control flow, and what comparisons compare. LLVM's pass is in every rustc; only the
# option of its own that nightly has for it is not.
FUZZ_RUSTFLAGS="-Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares"

is_one_of() {
    local wanted=$1 each
    shift
    for each in "$@"; do [[ $each != "$wanted" ]] || return 0; done
    return 1
}

# Every target has a corpus; a test holds the two against each other.
fuzz_targets() { (cd "$FUZZ_PACKAGE/corpus" && printf '%s\n' *); }

fuzz_dir() { printf '%s' "$(target_dir)/fuzz"; }
fuzz_host() { rustc -vV | sed -n 's/^host: //p'; }

build_fuzzer() {
    # With --target the flags are for the fuzzer alone, not for build scripts and macros that run here.
    RUSTFLAGS=$FUZZ_RUSTFLAGS cargo build --locked --quiet --package fuzz --features libfuzzer --profile fuzz \
        --manifest-path "$REPOSITORY/Cargo.toml" --target "$(fuzz_host)" --target-dir "$(fuzz_dir)"
}

# fuzzer TARGET OPTION… DIRECTORY…
fuzzer() {
    local target=$1
    shift
    WIREPAGE_FUZZ_TARGET=$target "$(fuzz_dir)/$(fuzz_host)/fuzz/fuzz" -max_len="$FUZZ_INPUT_MAX" \
        -timeout="$FUZZ_INPUT_SECONDS" -rss_limit_mb="$FUZZ_MEMORY_MIB" "$@"
}

# keep_discoveries TARGET — adds to its corpus what reaches new code; how often it does so is not looked at, or the
# corpus would be ten times as large.
keep_discoveries() {
    local log
    log=$(fuzz_dir)/$1.merge.log
    fuzzer "$1" -set_cover_merge=1 -use_counters=0 "$FUZZ_PACKAGE/corpus/$1" "$(fuzz_dir)/corpus/$1" >"$log" 2>&1 ||
        fail "adding to the corpus of $1 failed (log: $log)"
}

# run_fuzzer TARGET SECONDS — one line of result; the log when it failed.
run_fuzzer() {
    local target=$1 seconds=$2 work status=0
    work=$(fuzz_dir)
    local log=$work/$target.log found=$work/corpus/$target seeds=$FUZZ_PACKAGE/corpus/$target
    local -a limits=(-max_total_time="$seconds")
    ((seconds > 0)) || limits=(-runs=0)
    mkdir -p "$found"
    fuzzer "$target" "${limits[@]}" -artifact_prefix="$work/$target-" -print_final_stats=1 "$found" "$seeds" \
        >"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        say "fuzz $target: FAILED (log: $log)"
        grep --extended-regexp 'panicked at|^[a-z].*assert|ERROR: |Test unit written' -A 3 "$log" | head -n 40 >&2 || true
        return 1
    fi
    printf 'fuzz %s: %s executions, coverage %s\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
}
