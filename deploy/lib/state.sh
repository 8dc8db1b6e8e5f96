# shellcheck shell=bash
# The state directory and its lock. The directory itself is what is locked, so that `down` can remove
# every trace. Needs STATE_DIR and report.sh.

LOCK_FD=

# lock_lab — waits until no other command changes the lab; held until this script ends.
lock_lab() {
    local announced=
    while :; do
        mkdir -p "$STATE_DIR"
        chmod 0755 "$STATE_DIR"
        exec {LOCK_FD}<"$STATE_DIR" || continue
        if ! flock --nonblock "$LOCK_FD"; then
            [[ -n $announced ]] || say "another lab command is at work; waiting for it"
            announced=1
            flock "$LOCK_FD"
        fi
        # While we waited, `down` may have removed the directory we locked.
        [[ /proc/$$/fd/$LOCK_FD -ef $STATE_DIR ]] && return
        exec {LOCK_FD}<&-
    done
}

# remember KEY VALUE / recall KEY — small facts that outlive a command.
remember() { printf '%s\n' "$2" >"$STATE_DIR/$1"; }
recall() { cat "$STATE_DIR/$1" 2>/dev/null; }

# Gives the lock up together with the directory.
remove_state() { rm -rf -- "$STATE_DIR"; }

# The lab counts as up once `up` has finished.
lab_is_up() { [[ -e $STATE_DIR/up ]]; }

require_up() { lab_is_up || fail "the lab is not up; start it with: deploy/lab up"; }
