# shellcheck shell=bash
# What the tests with guests are written in, on top of lab.sh.

# shellcheck source-path=SCRIPTDIR/../..
. "$deploy/lib/processes.sh"

# A busy machine emulates slowly; what a whole script may take is bounded by deploy/test.
export WIREPAGE_GUEST_SECONDS=${WIREPAGE_GUEST_SECONDS:-900}

guest_lab() { "$deploy/guest-lab" "$@"; }

# guest_lab_with GUESTS OPTIONS… — as lab_with.
guest_lab_with() {
    local status=0
    guest_lab up "$@" || status=$?
    if ((status == 2)); then
        guest_lab down
        guest_lab up "$@"
    elif ((status != 0)); then
        return "$status"
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    export_dir=$(lab client -- bash -c 'echo "$EXPORT_DIR"')
    # shellcheck disable=SC2016 # expanded by the inner shell
    wirepage_addr=$(lab client -- sh -c 'echo "$WIREPAGE_ADDR"')
}

# in_client SCRIPT, in_origin SCRIPT — run by bash in that guest; what fails in it fails the test.
in_client() { guest_lab client -- bash -euo pipefail -c "$1"; }
in_origin() { guest_lab origin -- bash -euo pipefail -c "$1"; }

# What somebody types on a Linux machine to mount Wirepage's /export on /mnt: mount_options SECURITY.
mount_command() { printf 'mount -t nfs -o vers=3,proto=tcp,nolock,xprtsec=%s %s:/export /mnt' "$1" "$WIREPAGE_CLIENT_ADDR"; }

expect_mounts() {
    in_client "$(mount_command "$1"); umount /mnt" || failure "xprtsec=$1 does not mount: $2"
}

# expect_refused SECURITY WHO — who does not get in, soon enough for somebody who waits before a terminal.
expect_refused() {
    local output
    if output=$(in_client "timeout 120 $(mount_command "$1")" 2>&1); then failure "let in: $2"; fi
    echo "refused: $2: $output"
}

# audited PATTERN — the audit log has such a line.
expect_audited() { grep -Eq "audit: $1" "$STATE_DIR/appliance.log" || failure "no line of the audit log is: $1"; }

# use_linux_mount SIZE — in the client's guest, on what is mounted at /mnt: a file, and a tree of small ones, written,
# and read back from the server and not from the guest's own cache. Prints the file's checksum; leaves it as /mnt/file.
use_linux_mount() {
    in_client "
        head -c $1 /dev/urandom >/run/file
        cp /run/file /mnt/file
        rm -rf /mnt/tree && cp -r /usr/lib/modules /mnt/tree
        sync && echo 3 >/proc/sys/vm/drop_caches
        cmp /run/file /mnt/file
        diff -r /usr/lib/modules /mnt/tree
        mv /mnt/tree /mnt/renamed && ln -s renamed /mnt/link && diff -r /usr/lib/modules /mnt/link/
        rm -r /mnt/link /mnt/renamed
        sha256sum </run/file"
}
