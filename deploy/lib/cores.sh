# shellcheck shell=bash
# Which CPUs the lab uses. testpmd polls and cannot idle: it gets the first CPU this shell may use; Wirepage
# gets the last; everything else goes where the kernel finds room.

# allowed_cores — the CPUs of this shell's affinity mask, one a line.
allowed_cores() {
    local ranges range first last
    ranges=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
    for range in ${ranges//,/ }; do
        first=${range%-*} last=${range#*-}
        seq "$first" "$last"
    done
}

testpmd_core() { allowed_cores | head -n 1; }
wirepage_core() { allowed_cores | tail -n 1; }
