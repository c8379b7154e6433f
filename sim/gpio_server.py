"""The door through which a program on the simulated Pi reaches its GPIO lines: one Unix socket, fixed-size messages.

A request is 4 bytes (operation, pin, argument little-endian), an answer a signed 32-bit lgpio result. SEQPACKET
keeps messages whole. One thread per client blocks in `recv`: a read costs a round trip of some tens of microseconds.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import threading
from types import TracebackType

from sim.gpio_board import GpioBoard

REQUEST = struct.Struct("<BBH")
ANSWER = struct.Struct("<i")
CLAIM_INPUT, CLAIM_OUTPUT, FREE, READ, WRITE = range(1, 6)
MOST_CLIENTS = 16
BAD_OPERATION = -1


class GpioServer:
    """Serves a board on a socket path until `close`. Use it as a context manager where possible."""

    def __init__(self, board: GpioBoard, path: str) -> None:
        self.path = path
        self._board = board
        self._clients: dict[int, socket.socket] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.exists(path):
            os.unlink(path)  # left by a street that was killed
        self._listener.bind(path)
        self._listener.listen(MOST_CLIENTS)
        self._threads = [threading.Thread(target=self._accept, name="gpio-accept", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Hang up on every client, as when the chip goes away. The board itself stays as it is."""
        with self._lock:
            doomed = [self._listener, *self._clients.values()]
        for sock in doomed:
            _shut(sock)
        for thread in list(self._threads):
            thread.join(timeout=2.0)
        for sock in doomed:
            sock.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def __enter__(self) -> GpioServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                if len(self._clients) >= MOST_CLIENTS:
                    sock.close()
                    continue
                number = next(self._numbers)
                self._clients[number] = sock
                thread = threading.Thread(target=self._serve, args=(number, sock), name="gpio-client", daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, number: int, sock: socket.socket) -> None:
        try:
            while message := sock.recv(REQUEST.size + 1):
                if len(message) != REQUEST.size:
                    return
                sock.send(ANSWER.pack(self._answer(number, *REQUEST.unpack(message))))
        except OSError:
            return  # the client died; what follows is the same as when it leaves
        finally:
            self._board.forget(number)
            with self._lock:
                self._clients.pop(number, None)
            sock.close()

    def _answer(self, client: int, operation: int, pin: int, argument: int) -> int:
        if operation == READ:
            return self._board.read(client, pin)
        if operation == WRITE:
            return self._board.write(client, pin, bool(argument))
        if operation == CLAIM_INPUT:
            return self._board.claim_input(client, pin, argument)
        if operation == CLAIM_OUTPUT:
            return self._board.claim_output(client, pin, bool(argument))
        if operation == FREE:
            return self._board.free(client, pin)
        return BAD_OPERATION


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # was not connected any more
