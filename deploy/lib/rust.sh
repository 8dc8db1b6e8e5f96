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
    say "Rust $want or newer is needed; installing the stable toolchain with rustup for this user"
    if command -v rustup >/dev/null; then
        rustup toolchain install stable --profile minimal --component clippy --component rustfmt --no-self-update >&2 &&
            rustup default stable >&2
    else
        run_rustup_init
    fi && rust_is_ready && return
    fail "no Rust $want or newer, and installing it failed. Debian's own is too old:" \
        "install one with rustup (https://rustup.rs) and run this again"
}

# The installer that https://rustup.rs hands out, with the checksum published beside it.
run_rustup_init() {
    local dir url status=0
    url=${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/dist/$(uname -m)-unknown-linux-gnu/rustup-init
    dir=$(mktemp -d)
    fetch "$url" "$dir/rustup-init" && fetch "$url.sha256" "$dir/sha256" &&
        (cd "$dir" && printf '%s  rustup-init\n' "$(cut -d ' ' -f 1 sha256)" | sha256sum --check --quiet) &&
        chmod 0755 "$dir/rustup-init" &&
        "$dir/rustup-init" -y --quiet --no-modify-path --profile minimal --component clippy --component rustfmt >&2 ||
        status=$?
    rm -rf -- "$dir"
    return "$status"
}

fetch() { curl --proto '=https' --tlsv1.2 --silent --show-error --fail --location --output "$2" "$1"; }

# Where cargo puts what it builds.
target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$REPOSITORY/target}"; }

# need_build_space GIB — a compiler that runs out of disk space leaves errors that name anything but that.
need_build_space() {
    local dir free
    dir=$(target_dir)
    mkdir -p -- "$dir"
    free=$(df --output=avail --block-size=1G -- "$dir" | tail -n 1)
    ((free >= $1)) || fail "only ${free} GiB are free where $dir is, and builds and tests take $1 GiB:" \
        "make room, or set CARGO_TARGET_DIR to a folder on another disk"
}
