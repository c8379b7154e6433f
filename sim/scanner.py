"""A serial QR scanner: it sends each code it sees as one line."""

from __future__ import annotations

from sim.serial_device import SerialDevice


class QrScanner:
    """`path` is where the kiosk finds it. It hears nothing: scanners of this kind need no commands."""

    def __init__(self, path: str, ending: bytes = b"\r\n") -> None:
        self._device = SerialDevice(path)
        self._ending = ending

    def scan(self, text: str) -> None:
        """A person holds this code in front of the scanner."""
        self.send_bytes(text.encode() + self._ending)

    def send_bytes(self, data: bytes) -> None:
        """Anything: a torn line, noise."""
        self._device.send(data)

    def unplug(self) -> None:
        self._device.unplug()

    def plug(self) -> None:
        self._device.plug()

    def close(self) -> None:
        self._device.close()
