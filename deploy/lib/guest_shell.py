#!/usr/bin/env python3
"""guest_shell.py SOCKET SECONDS <SCRIPT - runs a bash script in the guest behind the control socket.

Prints what the script printed, on either stream, and ends with its exit status; with 255 if there is no answer
within SECONDS.
"""

import secrets
import socket
import sys
import time


class Port:
    """The host's end of a guest's control port."""

    def __init__(self, path: str, seconds: float):
        self.deadline = time.monotonic() + seconds
        self.received = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)

    def receive(self) -> None:
        self.socket.settimeout(max(0.01, self.deadline - time.monotonic()))
        received = self.socket.recv(1 << 16)
        if not received:
            raise ConnectionError("the guest is gone")
        self.received += received

    def line(self) -> bytes:
        while b"\n" not in self.received:
            self.receive()
        line, self.received = self.received.split(b"\n", 1)
        return line

    def exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            self.receive()
        return self.received[:count]

    def run(self, script: bytes) -> tuple[int, bytes]:
        # The answer to an earlier script, which nobody waited for to the end, may still be on the way.
        token = secrets.token_hex(8).encode()
        self.socket.sendall(b"%s %d\n%s" % (token, len(script), script))
        while True:
            head = self.line().split()
            if len(head) == 3 and head[0] == token:
                return int(head[1]), self.exactly(int(head[2]))


def main() -> int:
    path, seconds = sys.argv[1], float(sys.argv[2])
    try:
        status, output = Port(path, seconds).run(sys.stdin.buffer.read())
    except OSError as error:
        print(f"guest at {path}: {error or 'no answer'}", file=sys.stderr)
        return 255
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
