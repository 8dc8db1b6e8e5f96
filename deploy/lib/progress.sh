# shellcheck shell=bash
# Progress of a copy, seen from the size of the file that grows.

PROGRESS_LABEL_WIDTH=20
PROGRESS_BAR_WIDTH=40

# show_progress LABEL FILE SIZE PID EACH… — until the process ends: a bar on a terminal, else a line a second.
# EACH is a command run along with every look.
show_progress() {
    local label=$1 file=$2 size=$3 pid=$4 said=-1 started=$SECONDS
    shift 4
    while kill -0 "$pid" 2>/dev/null; do
        if [[ -t 1 ]]; then
            printf '\r'
            progress_line "$label" "$file" "$size"
        elif ((SECONDS - started > said)); then
            said=$((SECONDS - started))
            progress_line "$label" "$file" "$size"
            printf '\n'
        fi
        "$@"
        sleep 0.2
    done
    [[ ! -t 1 ]] || printf '\r'
    progress_line "$label" "$file" "$size"
    printf '\n'
}

progress_line() {
    local label=$1 file=$2 size=$3 done_bytes filled bar
    done_bytes=$(stat --format=%s "$file" 2>/dev/null) || done_bytes=0
    filled=$((done_bytes * PROGRESS_BAR_WIDTH / size))
    printf -v bar '%*s' "$filled" ''
    printf '%-*s [%-*s] %3d %%  %s of %s' "$PROGRESS_LABEL_WIDTH" "$label" "$PROGRESS_BAR_WIDTH" "${bar// /#}" \
        $((done_bytes * 100 / size)) "$(in_mib "$done_bytes")" "$(in_mib "$size")"
}

in_mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
