# shellcheck shell=bash
# 2 MiB hugepages. Needs report.sh.

# For Wirepage's EAL memory, a cache arena beside it, testpmd's buffers and the tests: 2 GiB.
HUGEPAGES_WANTED=${WIREPAGE_HUGEPAGES:-1024}
HUGEPAGES_COUNT=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
HUGETLBFS=/dev/hugepages

hugepages_are_reserved() {
    [[ -r $HUGEPAGES_COUNT ]] && (($(<"$HUGEPAGES_COUNT") >= HUGEPAGES_WANTED))
}

hugetlbfs_is_mounted() { grep -q '^[^ ]* [^ ]* hugetlbfs ' /proc/mounts; }

hugepages_are_ready() { hugepages_are_reserved && hugetlbfs_is_mounted; }

# Never lowers the number: others on this machine may use hugepages too.
reserve_hugepages() {
    hugepages_are_reserved && return
    [[ -e $HUGEPAGES_COUNT ]] || fail "this kernel has no 2 MiB hugepages ($HUGEPAGES_COUNT is missing)"
    say "reserving $HUGEPAGES_WANTED hugepages of 2 MiB"
    echo "$HUGEPAGES_WANTED" >"$HUGEPAGES_COUNT"
    if ! hugepages_are_reserved; then
        # Memory is there but scattered: have the kernel move pages together, then ask again.
        echo 1 >/proc/sys/vm/compact_memory 2>/dev/null || true
        echo "$HUGEPAGES_WANTED" >"$HUGEPAGES_COUNT"
    fi
    hugepages_are_reserved ||
        fail "the kernel found only $(<"$HUGEPAGES_COUNT") of $HUGEPAGES_WANTED hugepages of 2 MiB." \
            "Free memory (or reboot and run this early), or ask for fewer with WIREPAGE_HUGEPAGES=N"
}

mount_hugetlbfs() {
    hugetlbfs_is_mounted && return
    say "mounting hugetlbfs at $HUGETLBFS"
    mkdir -p "$HUGETLBFS"
    mount -t hugetlbfs -o pagesize=2M hugetlbfs "$HUGETLBFS"
}
