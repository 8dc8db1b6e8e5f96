"""What is on a wire: records the frames of an interface, and judges the TCP streams in them.

    wire.py record INTERFACE FILE                      until SIGTERM; fails if the kernel dropped a frame
    wire.py check FILE PORT none|tls|mtls|direct MARK  the streams to and from PORT, judged by how TLS is to be used
"""

import signal
import socket
import struct
import sys

# linux/if_ether.h, linux/if_packet.h, asm/socket.h
ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 3, 263, 6, 33

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO = 1, 2
# The extension with which a server says that it speaks TLS 1.3 (RFC 8446, 4.2.1).
SELECTED_TLS_1_3 = bytes.fromhex("002b00020304")


def record(interface, path):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    wire.bind((interface, ETH_P_ALL))
    wire.settimeout(0.1)
    is_over = []
    signal.signal(signal.SIGTERM, lambda *_: is_over.append(True))
    with open(path, "wb") as file:
        file.flush()
        while True:
            try:
                frame = wire.recv(1 << 17)
            except TimeoutError:
                if is_over:
                    break
                continue
            file.write(struct.pack("!I", len(frame)) + frame)
    _, dropped = struct.unpack("II", wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    if dropped:
        sys.exit(f"{dropped} frames on {interface} came too fast to be recorded")


def frames(path):
    with open(path, "rb") as file:
        while head := file.read(4):
            yield file.read(struct.unpack("!I", head)[0])


def segments(path, port):
    """Each TCP segment to or from the port: connection, whether it comes from the port, sequence number, whether it
    is a SYN, payload."""
    for frame in frames(path):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        ip = frame[14:]
        tcp = ip[(ip[0] & 15) * 4 : struct.unpack("!H", ip[2:4])[0]]
        source, destination, sequence = struct.unpack("!HHI", tcp[:8])
        if port in (source, destination):
            from_server = source == port
            ends = ip[12:20] if from_server else ip[16:20] + ip[12:16]
            connection = (ends, destination if from_server else source)
            yield connection, from_server, sequence, bool(tcp[13] & 2), tcp[(tcp[12] >> 4) * 4 :]


def streams(path, port):
    """The two streams of each connection that was opened while we were recording: from the client, from the server."""
    starts, pieces = {}, {}
    for connection, from_server, sequence, is_syn, payload in segments(path, port):
        if is_syn:
            if not from_server:
                # A port may be used again.
                for side in (False, True):
                    starts.pop((connection, side), None)
                number = len(pieces)
                pieces[number] = {False: {}, True: {}}
                starts[connection] = number
            starts[connection, from_server] = sequence + 1
        elif payload and (connection, from_server) in starts:
            at = (sequence - starts[connection, from_server]) % (1 << 32)
            # Keep-alives and probes of closed windows lie before what was sent.
            if at < 1 << 31:
                known = pieces[starts[connection]][from_server]
                if len(payload) > len(known.get(at, b"")):
                    known[at] = payload
    for both in pieces.values():
        yield join(both[False]), join(both[True])


def join(pieces):
    stream = bytearray()
    for at, payload in sorted(pieces.items()):
        if at > len(stream):
            sys.exit(f"the recording has a hole at byte {len(stream)} of a stream")
        stream[at : at + len(payload)] = payload
    return bytes(stream)


def records(stream):
    """Type and body of each TLS record; what is no record is an error. The last one may have been cut off."""
    at = 0
    while at + 5 <= len(stream):
        kind, version, length = struct.unpack("!BHH", stream[at : at + 5])
        if kind not in range(CHANGE_CIPHER_SPEC, APPLICATION_DATA + 1) or version not in (0x0301, 0x0303):
            sys.exit(f"no TLS record at byte {at} of a stream: {stream[at:at + 16].hex()}")
        if length > (1 << 14) + 256:
            sys.exit(f"a record of {length} bytes")
        yield kind, stream[at + 5 : at + 5 + length]
        at += 5 + length


def check_side(stream, hello):
    """A hello, perhaps again, and from then on nothing but protected records; how many."""
    protected = 0
    for number, (kind, body) in enumerate(records(stream)):
        if number == 0 and (kind != HANDSHAKE or body[0] != hello):
            sys.exit(f"a stream begins with {body[:16].hex()} in a record of type {kind}")
        if number == 0 and hello == SERVER_HELLO and SELECTED_TLS_1_3 not in body:
            sys.exit("a server that does not speak TLS 1.3")
        if kind == APPLICATION_DATA:
            protected += 1
        elif protected or (kind == HANDSHAKE and body[0] != hello) or kind == ALERT:
            sys.exit(f"record {number} of a stream is of type {kind}, after {protected} protected ones")
    return protected


def take_probe(client, server):
    """What follows the probe and its answer (RFC 9289, 4.1)."""
    words = struct.unpack("!11I", client[:44])
    if words[0] != 0x80000028 or words[2:4] != (0, 2) or words[6:] != (0, 7, 0, 0, 0):
        sys.exit(f"no probe: {client[:44].hex()}")
    answer = bytes.fromhex("80000020") + client[4:8] + struct.pack("!4I", 1, 0, 0, 8) + b"STARTTLS" + bytes(4)
    if server[:36] != answer:
        sys.exit(f"no answer to a probe: {server[:36].hex()}")
    return client[44:], server[36:]


def check(path, port, mode, mark):
    mark = mark.encode()
    judged, protected, marked = 0, 0, 0
    for client, server in streams(path, int(port)):
        marked += (mark in client) + (mark in server)
        if not client or not server:
            continue
        # The lab looks with a NULL call in clear whether somebody is there.
        if mode != "none" and len(client) == 44 and len(server) == 28:
            continue
        judged += 1
        if mode == "none":
            continue
        if mode in ("tls", "mtls"):
            client, server = take_probe(client, server)
        protected += check_side(client, CLIENT_HELLO) + check_side(server, SERVER_HELLO)
    if not judged:
        sys.exit(f"no connection to port {port} was recorded")
    if mode == "none" and not marked:
        sys.exit(f"in clear on port {port}, and the mark is not seen: this check is worth nothing")
    if mode != "none" and (marked or any(mark in frame for frame in frames(path))):
        sys.exit(f"file data in clear on port {port}")
    if mode != "none" and protected < 32:
        sys.exit(f"{protected} protected records on port {port} cannot hold what was copied")
    print(f"port {port}, {mode}: {judged} connections, {protected} protected records, mark seen {marked} times")


if sys.argv[1] == "record":
    record(*sys.argv[2:])
else:
    check(*sys.argv[2:])
