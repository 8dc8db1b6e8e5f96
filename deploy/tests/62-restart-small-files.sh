#!/usr/bin/env bash
# Each part is killed while eight clients create, write, read, rename and remove small files, 2,000 operations at
# least: none of them sees an error or a wrong byte, and the origin holds what it should.
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/faults.sh"
lab_with --nic virtio --tx attach
build_client mixed_files

for part in origin testpmd appliance; do
    begin_mixed_work 250
    restart_during_work "$part" --kill
    end_mixed_work
    echo "$part killed: nothing lost, nothing invented"
done
expect_nothing_held
expect_clean_drain
