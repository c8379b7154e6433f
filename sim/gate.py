"""The cable to the server, which can be pulled: a TCP relay that passes bytes while it is open.

Shut, it hangs up on everyone and refuses new connections, as a router without its uplink does.
"""

from __future__ import annotations

import contextlib
import socket
import threading

CHUNK = 65_536
MOST_CONNECTIONS = 64
CONNECT_PATIENCE_S = 5.0


class Gate:
    """Listens on a loopback port of its own (`port`) and forwards to `server` (host, port)."""

    def __init__(self, server: tuple[str, int], port: int = 0) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._is_running = True
        self.is_open = True
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="gate", daemon=True)
        self._thread.start()

    def shut(self) -> None:
        """No network from now on."""
        self.is_open = False
        self._hang_up()

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self._is_running = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=2.0)
        self._listener.close()
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            for sock in pair:
                _shut(sock)

    def _accept(self) -> None:
        while self._is_running:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                is_full = len(self._pairs) >= MOST_CONNECTIONS
            if not self.is_open or is_full:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), name="gate-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server, CONNECT_PATIENCE_S)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        back = threading.Thread(target=_carry, args=(server, client), name="gate-back", daemon=True)
        back.start()
        _carry(client, server)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        client.close()
        server.close()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Bytes one way until either end is gone; then both are."""
    try:
        while data := source.recv(CHUNK):
            sink.sendall(data)
    except OSError:
        pass  # hung up on purpose, or by the other side: the same end
    _shut(source)
    _shut(sink)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
