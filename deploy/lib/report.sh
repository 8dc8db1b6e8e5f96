# shellcheck shell=bash
# What the scripts say goes to standard error: standard output belongs to results.

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE… — says it and ends the script with status 1.
fail() {
    say "error: $*"
    exit 1
}

# misuse MESSAGE… — the caller asked for something that cannot be done: status 2.
misuse() {
    say "error: $*"
    exit 2
}
