# shellcheck shell=bash
# The Rust toolchain. Needs REPOSITORY and report.sh.

# What rustup installs is not on the PATH of every root shell.
PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin

required_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$REPOSITORY/Cargo.toml"; }

# The version that runs in this repository (rustup may choose by directory); empty when there is none.
installed_rust() { (cd "$REPOSITORY" && rustc --version 2>/dev/null) | cut -d ' ' -f 2; }

rust_is_ready() {
    local have
    command -v cargo >/dev/null || return 1
    have=$(installed_rust)
    [[ -n $have ]] && printf '%s\n%s\n' "$(required_rust)" "$have" | sort --version-sort --check=quiet
}

install_rust() {
    local want
    want=$(required_rust)
    if command -v rustup >/dev/null; then
        say "Rust ${want} or newer is needed; asking rustup for the stable toolchain"
        rustup toolchain install stable --profile minimal --component clippy --component rustfmt --no-self-update >&2
        rustup default stable >&2
    else
        say "Rust ${want} or newer is needed; installing it with rustup (https://rustup.rs) for this user"
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
            sh -s -- -y --quiet --no-modify-path --profile minimal --component clippy --component rustfmt >&2
    fi && rust_is_ready && return
    fail "no Rust $want or newer. Debian's own is too old; install one with rustup (https://rustup.rs):" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh — and run this again"
}

# Where cargo puts what it builds.
target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$REPOSITORY/target}"; }
