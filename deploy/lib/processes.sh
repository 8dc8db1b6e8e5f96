# shellcheck shell=bash
# The lab's own processes. Each is known by its pid and the time it was started, so that a pid the
# kernel has since given to someone else is never signalled. Needs STATE_DIR and report.sh.

log_of() { printf '%s/%s.log' "$STATE_DIR" "$1"; }

# process_field PID N — field N of /proc/PID/stat counted after the command name (1 = state), or failure.
process_field() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # The command name may hold spaces and parentheses; the last ")" ends it.
    read -ra fields <<<"${stat##*) }"
    printf '%s' "${fields[$2 - 1]}"
}

start_time_of() { process_field "$1" 20; }

# start_process NAME CMD… — starts CMD in a session of its own, in /, with its output in NAME.log.
# Standard input is this function's.
start_process() {
    local name=$1 pid log
    shift
    log=$(log_of "$name")
    [[ ! -e $log ]] || mv "$log" "$log.previous"
    # The lock must not be inherited: the lab is locked by commands, not by what they leave running.
    { cd / && exec setsid "$@"; } <&0 >"$log" 2>&1 {LOCK_FD}<&- &
    pid=$!
    printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$STATE_DIR/$name.pid"
}

# is_alive NAME — the recorded process runs (a zombie does not).
is_alive() {
    local pid started state
    read -r pid started 2>/dev/null <"$STATE_DIR/$1.pid" || return 1
    [[ $(start_time_of "$pid") == "$started" ]] || return 1
    state=$(process_field "$pid" 1) || return 1
    [[ $state != Z ]]
}

pid_of() {
    local pid started
    read -r pid started <"$STATE_DIR/$1.pid" && printf '%s' "$pid"
}

is_dead() { ! is_alive "$1"; }

# wait_until SECONDS CMD… — repeats CMD until it succeeds; fails when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# stop_process NAME SIGNAL SECONDS — signals it, waits, and kills it when the time is over.
# Fails (and says so) only when it had to be killed without being asked to.
stop_process() {
    local name=$1 signal=$2 patience=$3 asked=0
    if is_alive "$name"; then
        kill -s "$signal" "$(pid_of "$name")" 2>/dev/null || true
        if ! wait_until "$patience" is_dead "$name"; then
            say "$name did not stop within $patience s of SIG$signal; killing it"
            kill -s KILL "$(pid_of "$name")" 2>/dev/null || true
            wait_until 10 is_dead "$name" || say "$name cannot be killed"
            asked=1
        fi
    fi
    rm -f "$STATE_DIR/$name.pid"
    return "$asked"
}

# show_log NAME — the end of its log, for a failure report.
show_log() {
    local log
    log=$(log_of "$1")
    [[ -s $log ]] || return 0
    say "--- last lines of $1's log ---"
    tail -n 30 "$log" >&2
    say "---"
}
