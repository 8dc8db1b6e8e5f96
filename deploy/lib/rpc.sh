# shellcheck shell=bash
# A NULL call over TCP, spoken by bash itself: answered means that everything on the way works.

# rpc_null NAMESPACE ADDRESS PORT PROGRAM VERSION — succeeds when an accepted reply arrives within 3 s.
rpc_null() {
    local namespace=$1 address=$2 port=$3 program=$4 version=$5 xid call reply
    printf -v xid '%08x' $((RANDOM << 15 | RANDOM))
    # RFC 5531: record mark (last fragment, 40 bytes), xid, CALL, RPC version 2, program, version,
    # procedure 0, AUTH_NONE credential and verifier.
    printf -v call '80000028%s0000000000000002%08x%08x%040d' "$xid" "$program" "$version" 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    reply=$(timeout 3 nsenter --net="/run/netns/$namespace" -- bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit 1
        printf "$(sed "s/../\\\\x&/g" <<<"$3")" >&3
        head -c 28 <&3 | od -An -v -tx1 | tr -d " \n"
    ' bash "$address" "$port" "$call" 2>/dev/null) || return 1
    # Record mark of 24 bytes, our xid, REPLY, MSG_ACCEPTED, AUTH_NONE verifier, SUCCESS.
    [[ $reply == "80000018${xid}00000001$(printf '%032d' 0)" ]]
}
