#!/usr/bin/env bash
# A vhost-user backend cannot reach an arena that is not EAL's: refused at start, with the reason, and cleaned up.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
lab down
printf '[cache]\narena = "hugepages"\n' >"$scratch/config.toml"
status=0
lab up --config "$scratch/config.toml" >"$scratch/output" 2>&1 || status=$?
cat "$scratch/output"
((status != 0)) || failure "the lab came up with an arena that cannot work"
grep -q 'appliance failed' "$scratch/output" || failure "the report does not name the part that failed"
grep -q 'arena' "$scratch/output" || failure "the report does not say that it is the arena"
[[ ! -e $STATE_DIR ]] || failure "a lab that did not come up left $STATE_DIR behind"
