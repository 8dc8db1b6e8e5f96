#!/usr/bin/env bash
# valgrind's memcheck over the tests of whatever hands memory around by pointers: the memory of `cache`, and ownership
# across the FFI in `dpdk`, both on ordinary memory.
set -euo pipefail

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR/../..
. "$deploy/lib/topology.sh"
. "$deploy/lib/report.sh"
. "$deploy/lib/rust.sh"
cd "$REPOSITORY"

# test_programs PACKAGE OPTION… — the paths of its tests, built.
test_programs() {
    local package=$1
    shift
    cargo test --locked --quiet --package "$package" "$@" --no-run --message-format=json |
        jq --raw-output 'select(.profile.test == true and .executable != null) | .executable'
}

# check_all PROGRAM… -- OPTION… — what a test leaves behind is of no interest: what it reads and writes is. A thread that
# polls must not starve the others, hence --fair-sched.
check_all() {
    local program
    local -a programs=()
    while [[ $1 != -- ]]; do programs+=("$1") && shift; done
    shift
    ((${#programs[@]} > 0)) || fail "no test was built"
    for program in "${programs[@]}"; do
        say "memcheck: $(basename "$program")"
        valgrind --quiet --error-exitcode=9 --leak-check=no --fair-sched=try \
            --suppressions="$deploy/tests/lib/memcheck.supp" "$program" --quiet --test-threads=1 "$@" </dev/null
    done
}

programs=$(test_programs cache --lib --test arena --test lookup --test outliving --test ownership --test slots --test threads)
# Those with thousands of turns have them to meet races, which memcheck does not look for; it knows no hugepages.
# shellcheck disable=SC2086 # one path a word
check_all $programs -- --skip lent_bytes_hold_still --skip pins_dropped_elsewhere --skip hugepage

programs=$(test_programs dpdk --test rings_on_ordinary_pages)
# shellcheck disable=SC2086
check_all $programs --
