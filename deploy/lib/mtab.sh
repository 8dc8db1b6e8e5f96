# shellcheck shell=bash
# /etc/mtab, where Ganesha looks for the file system an export lies on. Installed systems have it; a machine made
# with debootstrap, or a container, may not.

mtab_exists() { [[ -e /etc/mtab ]]; }

provide_mtab() { mtab_exists || ln -s ../proc/self/mounts /etc/mtab; }
