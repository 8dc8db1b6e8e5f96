# shellcheck shell=bash
# shellcheck disable=SC2034 # read by the files that source this one
# The lab's map: every name and address in it, once.
#
#   client namespace          switch namespace                        origin namespace
#   10.77.1.2 ── wpclient ── testpmd ── client.sock ── Wirepage ── origin.sock ── testpmd ── wporigin ── 10.77.2.2
#
# With --nic tap Wirepage owns wpclient and wporigin itself and there is no testpmd.
# A guest (deploy/guest-lab) is behind a TAP of its own, wpguest, in the client's or the origin's namespace, which
# routes between the two: 10.77.1.3 or 10.77.2.3.

# What `su` without `-` leaves out.
PATH=$PATH:/usr/sbin:/sbin

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STATE_DIR=/run/wirepage-lab

CLIENT_NAMESPACE=wirepage-client
ORIGIN_NAMESPACE=wirepage-origin
# Where TAPs are born, so that no interface ever shows up among the machine's own.
SWITCH_NAMESPACE=wirepage-switch

CLIENT_TAP=wpclient
ORIGIN_TAP=wporigin
GUEST_TAP=wpguest
CLIENT_SOCKET=$STATE_DIR/client.sock
ORIGIN_SOCKET=$STATE_DIR/origin.sock
CONTROL_SOCKET=$STATE_DIR/control.sock
EFFECTIVE_CONFIG=$STATE_DIR/wirepage.toml

# Wirepage's own addresses, and the hosts it serves.
WIREPAGE_CLIENT_ADDR=10.77.1.1
WIREPAGE_ORIGIN_ADDR=10.77.2.1
CLIENT_ADDR=10.77.1.2
ORIGIN_ADDR=10.77.2.2
PREFIX_LEN=24
CLIENT_NETWORK=10.77.1.0/24
GUEST_CLIENT_ADDR=10.77.1.3
GUEST_ORIGIN_ADDR=10.77.2.3

# Fixed, so that a neighbour's ARP entry outlives a restart of whatever owns the address.
WIREPAGE_CLIENT_MAC=02:57:50:00:01:01
WIREPAGE_ORIGIN_MAC=02:57:50:00:02:01
CLIENT_MAC=02:57:50:00:01:02
ORIGIN_MAC=02:57:50:00:02:02

NFS_PORT=2049
MOUNT_PORT=20048
