#!/usr/bin/env bash
# Every path of this repository that the README names exists.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
status=0
named=$(grep -oE '\b(dpdk|appliance|cache|bench|deploy)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]' README.md | sort -u)
[[ -n $named ]] || status=1
while read -r path; do
    [[ -e $path ]] || {
        echo "README.md names $path, which does not exist"
        status=1
    }
done <<<"$named"
exit "$status"
