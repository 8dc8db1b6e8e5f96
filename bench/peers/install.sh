#!/usr/bin/env bash
# Installs what `bench peers` compares Wirepage with, without starting any of it.
set -euo pipefail

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../deploy" && pwd)
# shellcheck source=../../deploy/lib/report.sh
. "$deploy/lib/report.sh"
# shellcheck source=../../deploy/lib/packages.sh
. "$deploy/lib/packages.sh"

PACKAGES=(nfs-ganesha nfs-ganesha-vfs nfs-ganesha-proxy-v4 stunnel4 haproxy)
install_packages
keep_services_off haproxy.service stunnel4.service
