"""A stand-in for the `lgpio` module: the part of it that rpi-lgpio calls, answered by a simulated board.

It fails as the real one does (`lgpio.error`, negative numbers), also when the board is gone. It comes back by
itself when the board does; lines claimed before are then unclaimed, as after a reset of the chip.
Edge callbacks and PWM are not offered: the kiosk polls its inputs.

Environment: KIOSK_SIM_GPIO_SOCKET names the board's socket (sim/gpio_server.py has the protocol).
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from typing import NoReturn

SET_ACTIVE_LOW = 4
SET_PULL_UP = 32
SET_PULL_DOWN = 64
SET_PULL_NONE = 128
RISING_EDGE = 1
FALLING_EDGE = 2
BOTH_EDGES = 3
BAD_GPIO_NUMBER = -73
CANNOT_OPEN_CHIP = -78
GPIO_BUSY = -79
GPIO_NOT_ALLOCATED = -80

_TEXTS = {
    -5: "unknown handle",
    -73: "bad GPIO number",
    -76: "bad GPIO read",
    -77: "bad GPIO write",
    -78: "can not open gpiochip",
    -79: "GPIO busy",
    -80: "GPIO not allocated",
}
_LINES = 54
_REQUEST = struct.Struct("<BBH")
_ANSWER = struct.Struct("<i")
_CLAIM_INPUT, _CLAIM_OUTPUT, _FREE, _READ, _WRITE = range(1, 6)
_LG_INPUT = 0x100
_LG_OUTPUT = 0x200
_KERNEL_OUTPUT = 0x2
_PATIENCE_S = 0.25  # for one answer
_RETRY_AFTER_S = 0.1  # between two tries to reach a board that is gone


class error(Exception):
    """As in lgpio: the text of the error."""


def error_text(errnum: int) -> str:
    return _TEXTS.get(errnum, "unknown error")


def _fail(code: int) -> NoReturn:
    raise error(error_text(code))


class _Link:
    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._not_before_s = 0.0
        self._lock = threading.Lock()
        self.modes: dict[int, int] = {}

    def ask(self, operation: int, pin: int, argument: int = 0) -> int:
        """One round trip. Raises `error` where lgpio would."""
        with self._lock:
            sock = self._socket or self._connect()
            try:
                sock.send(_REQUEST.pack(operation, pin, argument))
                answer = sock.recv(_ANSWER.size)
            except OSError:
                answer = b""
            if len(answer) != _ANSWER.size:
                self._drop()
                _fail(CANNOT_OPEN_CHIP)
        result = int(_ANSWER.unpack(answer)[0])
        if result < 0:
            _fail(result)
        return result

    def _connect(self) -> socket.socket:
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            _fail(CANNOT_OPEN_CHIP)
        self._not_before_s = now_s + _RETRY_AFTER_S
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(_PATIENCE_S)
        try:
            sock.connect(os.environ["KIOSK_SIM_GPIO_SOCKET"])
        except OSError:
            sock.close()
            _fail(CANNOT_OPEN_CHIP)
        self._socket = sock
        return sock

    def close(self) -> None:
        with self._lock:
            self._drop()
            self._not_before_s = 0.0

    def _drop(self) -> None:
        self.modes.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None


_link = _Link()


def gpiochip_open(gpiochip: int) -> int:
    try:
        _link.ask(_READ, 0)  # a line nobody else has: proves that the board answers
    except error as problem:
        if str(problem) == error_text(CANNOT_OPEN_CHIP):
            raise
    return gpiochip


def gpiochip_close(handle: int) -> int:
    _link.close()
    return 0


def gpio_get_chip_info(handle: int) -> tuple[int, int, str, str]:
    return 0, _LINES, "gpiochip0", "pinctrl-bcm2711"


def gpio_get_mode(handle: int, gpio: int) -> int:
    """Answered from what this process claimed, as only that is looked at by rpi-lgpio."""
    return _link.modes.get(gpio, 0)


def gpio_claim_input(handle: int, gpio: int, lFlags: int = 0) -> int:
    _link.ask(_CLAIM_INPUT, gpio, lFlags)
    _link.modes[gpio] = _LG_INPUT | lFlags
    return 0


def gpio_claim_output(handle: int, gpio: int, level: int = 0, lFlags: int = 0) -> int:
    _link.ask(_CLAIM_OUTPUT, gpio, int(bool(level)))
    _link.modes[gpio] = _LG_OUTPUT | _KERNEL_OUTPUT | lFlags
    return 0


def gpio_free(handle: int, gpio: int) -> int:
    _link.modes.pop(gpio, None)
    return _link.ask(_FREE, gpio)


def gpio_read(handle: int, gpio: int) -> int:
    return _link.ask(_READ, gpio)


def gpio_write(handle: int, gpio: int, level: int) -> int:
    return _link.ask(_WRITE, gpio, int(bool(level)))
