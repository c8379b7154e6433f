"""Kiosks that upload as fast as they are answered: a process of its own beside the server it loads.

    python benchmarks/intake_client.py PORT CLIENTS ROWS_PER_POST CHARGES FIRST_KEY     one JSON line on standard output

Each client is one kiosk with one kept-alive connection. What can be made before the clock starts is made before.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.api import RowBatch, request_bytes
from contract.codec import to_bytes
from tests.billing.stories import charge, rows_of

BOARD, BOOT, PATH = "10000000abcdef01", "boot-1", "/v1/rows"
MINUTES = 58  # Started, an Updated a minute, Ended: sixty rows, a short charge
ROWS_PER_CHARGE = MINUTES + 2


def kiosk_key(number: int) -> Ed25519PrivateKey:
    """The same for whoever furnishes the database and for the kiosk itself."""
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


@dataclass
class Line:
    """A kept-alive connection that reads whole answers."""

    port: int
    kiosk_id: str
    key: Ed25519PrivateKey
    nonce: str = ""
    rest: bytes = b""
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._exchange(b"GET /v1/nonce HTTP/1.1\r\nHost: x\r\n\r\n")

    def post(self, body: bytes) -> None:
        signed = request_bytes("POST", PATH, self.kiosk_id, BOOT, BOARD, self.nonce, body)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nKiosk-Id: {self.kiosk_id}\r\n"
            f"Kiosk-Boot: {BOOT}\r\nKiosk-Serial: {BOARD}\r\nKiosk-Nonce: {self.nonce}\r\n"
            f"Kiosk-Signature: {self.key.sign(signed).hex()}\r\n\r\n"
        )
        self._exchange(head.encode() + body)

    def _exchange(self, request: bytes) -> None:
        self.socket.sendall(request)
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            self._more()
        head = self.rest[:end].decode()
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n"))
        }
        length = end + 4 + int(fields.get("content-length", 0))
        while len(self.rest) < length:
            self._more()
        answer, self.rest = self.rest[:length], self.rest[length:]
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")) or b'"quarantined":[]' not in answer[end:] + (
            b'"quarantined":[]' if answer.startswith(b"HTTP/1.1 204") else b""
        ):
            raise RuntimeError(answer[:300].decode())
        self.nonce = fields["kiosk-nonce"]

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise RuntimeError("the server hung up")
        self.rest += data


def bodies(charges: int, rows_per_post: int) -> list[bytes]:
    rows = rows_of([event for _ in range(charges) for event in charge(minutes=MINUTES)])
    return [
        to_bytes(RowBatch("", tuple(rows[start : start + rows_per_post])))
        for start in range(0, len(rows), rows_per_post)
    ]


def main() -> None:
    port, clients, rows_per_post, charges, first_key = (int(word) for word in sys.argv[1:6])
    lines = [Line(port, f"bench-{first_key + n}", kiosk_key(first_key + n)) for n in range(clients)]
    work = [bodies(charges // clients, rows_per_post) for _ in lines]
    took_s: list[list[float]] = [[] for _ in lines]
    errors: list[str] = []
    start = threading.Barrier(clients + 1)

    def run(number: int) -> None:
        start.wait()
        try:
            for body in work[number]:
                began_s = time.perf_counter()
                lines[number].post(body)
                took_s[number].append(time.perf_counter() - began_s)
        except (RuntimeError, OSError) as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    began_s = time.perf_counter()
    for thread in threads:
        thread.join()
    span_s = time.perf_counter() - began_s
    if errors:
        raise SystemExit(f"intake_client: {errors[0]}")
    each = sorted(second for one in took_s for second in one)
    rows = sum(len(one) for one in took_s) * rows_per_post
    print(json.dumps({"rows": rows, "rows_per_s": rows / span_s, "p99_s": each[int(len(each) * 0.99)]}))


if __name__ == "__main__":
    main()
