"""A Modbus RTU device as it behaves on the wire.

Law:
- Silent to every address but its own, and to a frame whose check does not fit.
- Functions 3, 4, 6 and 16; exception 1 for any other, 2 for a register it does not have, 3 for a bad length.
- What the registers hold is asked of a source at the moment the request arrives, never remembered.

Frames: Modbus over Serial Line V1.02; functions: Modbus Application Protocol V1.1b3, section 6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_SEVERAL = 3, 4, 6, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class RegisterSource(Protocol):
    """What a device holds."""

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        """`count` registers (0 to 65535) from `address`; None where the device has not all of them."""

    def write(self, address: int, values: Sequence[int]) -> bool:
        """Take holding registers; False where there is no such register to write."""


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS (Modbus over Serial Line V1.02, appendix B)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(body: bytes) -> bytes:
    """Address, function and data with the check behind them."""
    return body + struct.pack("<H", crc16(body))


def request_length(data: bytes) -> int | None:
    """Bytes of the request that begins here; None while too little came to tell."""
    if len(data) < 2:
        return None
    if data[1] != WRITE_SEVERAL:
        return 8
    return 9 + data[6] if len(data) > 6 else None


@dataclass(slots=True)
class ModbusSlave:
    """One device. `delay_s` is asked for every answer: seconds between request and answer.

    `longest_block` is the most registers it gives at once; beyond it, exception 3.
    """

    address: int
    source: RegisterSource
    delay_s: Callable[[], float] = lambda: 0.0
    longest_block: int = 125
    requests: list[tuple[int, int, int]] = field(default_factory=list)  # function, address, count or value
    keeps_requests: int = 10_000

    def answer(self, request: bytes) -> bytes | None:
        """The answer frame to a request frame, or None for silence."""
        if len(request) < 8 or frame(request[:-2]) != request or request[0] not in (self.address, 0):
            return None
        function_code, address, count = request[1], *struct.unpack(">HH", request[2:6])
        if len(self.requests) < self.keeps_requests:
            self.requests.append((function_code, address, count))
        if function_code in (READ_HOLDING, READ_INPUT):
            body = self._read(function_code, address, count)
        elif function_code == WRITE_ONE:
            body = request[1:6] if self.source.write(address, (count,)) else _refusal(function_code, ILLEGAL_ADDRESS)
        elif function_code == WRITE_SEVERAL:
            body = self._write_several(request, address, count)
        else:
            body = _refusal(function_code, ILLEGAL_FUNCTION)
        return None if request[0] == 0 else frame(bytes([self.address]) + body)

    def _read(self, function_code: int, address: int, count: int) -> bytes:
        if not 1 <= count <= self.longest_block:
            return _refusal(function_code, ILLEGAL_VALUE)
        registers = self.source.read(function_code, address, count)
        if registers is None:
            return _refusal(function_code, ILLEGAL_ADDRESS)
        return bytes([function_code, 2 * count]) + struct.pack(f">{count}H", *registers)

    def _write_several(self, request: bytes, address: int, count: int) -> bytes:
        if request[6] != 2 * count or len(request) != 9 + request[6]:
            return _refusal(WRITE_SEVERAL, ILLEGAL_VALUE)
        values = struct.unpack(f">{count}H", request[7:-2])
        return request[1:6] if self.source.write(address, values) else _refusal(WRITE_SEVERAL, ILLEGAL_ADDRESS)


@dataclass(slots=True)
class Lagging:
    """A device on the line that, while `lags`, answers each request with its answer to the one before."""

    slave: ModbusSlave
    lags: Callable[[], bool]
    _held: bytes | None = None

    def delay_s(self) -> float:
        return self.slave.delay_s()

    def answer(self, request: bytes) -> bytes | None:
        fresh = self.slave.answer(request)
        if fresh is None:
            return None
        if not self.lags():
            self._held = None
            return fresh
        late, self._held = self._held, fresh
        return late


def _refusal(function_code: int, code: int) -> bytes:
    return bytes([function_code | 0x80, code])


@dataclass(slots=True)
class TableSource:
    """Registers in a table by (function code, address); holding registers in it can be written."""

    registers: dict[tuple[int, int], int]

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        keys = [(function_code, address + offset) for offset in range(count)]
        return [self.registers[key] for key in keys] if all(key in self.registers for key in keys) else None

    def write(self, address: int, values: Sequence[int]) -> bool:
        keys = [(READ_HOLDING, address + offset) for offset in range(len(values))]
        if any(key not in self.registers for key in keys):
            return False
        self.registers.update(zip(keys, values, strict=True))
        return True
