"""One request on a bus, and whether what came back can be its answer. No I/O but handing it to pymodbus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from kiosk.drivers.block_reads import ANSWER_OVERHEAD_CHARACTERS
from kiosk.drivers.bus_wire import EXCEPTION_CHARACTERS
from kiosk.drivers.modbus_errors import BusError, DoubtfulAnswer, Place, Refused

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_SEVERAL = 3, 4, 6, 16
WRITE_ANSWER_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """Registers, and the kiosk second the request went out: the device sampled them then or later."""

    registers: tuple[int, ...]
    asked_s: float


@dataclass(slots=True, eq=False)
class Request:
    """What is asked, and where its end is waited for. `values` only for a write."""

    place: Place
    function_code: int
    address: int
    count: int
    values: tuple[int, ...]
    done: asyncio.Future[Answer]

    @property
    def answer_characters(self) -> int:
        return ANSWER_OVERHEAD_CHARACTERS + 2 * self.count if not self.values else WRITE_ANSWER_CHARACTERS

    def __str__(self) -> str:
        if self.values:
            return f"the write of {', '.join(map(str, self.values))} to register {self.address}"
        return f"the read of {self.count} registers from {self.address} (function {self.function_code})"

    def fail(self, error: BusError) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    async def send(self, client: AsyncModbusSerialClient) -> ModbusPDU:
        unit = self.place.address
        if self.function_code == READ_HOLDING:
            return await client.read_holding_registers(self.address, count=self.count, device_id=unit)
        if self.function_code == READ_INPUT:
            return await client.read_input_registers(self.address, count=self.count, device_id=unit)
        if self.function_code == WRITE_ONE:
            return await client.write_register(self.address, self.values[0], device_id=unit)
        return await client.write_registers(self.address, list(self.values), device_id=unit)

    def check(self, reply: ModbusPDU, excess: int, is_owed: bool) -> None:
        """Raises unless `reply` can only be the answer to this."""
        place = self.place
        if reply.dev_id != place.address or reply.function_code & 0x7F != self.function_code:
            raise DoubtfulAnswer(place.unfitting(f"the answer is not one to {self}"))
        if excess and (is_owed or excess >= EXCEPTION_CHARACTERS):
            raise DoubtfulAnswer(place.unfitting(f"{excess} bytes came beyond the answer"))
        if isinstance(reply, ExceptionResponse):
            raise Refused(place.refused(str(self), reply.exception_code), reply.exception_code)
        if self.function_code in (READ_HOLDING, READ_INPUT):
            is_right = len(reply.registers) == self.count
        elif self.function_code == WRITE_ONE:
            is_right = reply.address == self.address and tuple(reply.registers) == self.values
        else:
            is_right = reply.address == self.address and reply.count == self.count
        if not is_right:
            raise DoubtfulAnswer(place.unfitting(f"the answer does not fit {self}"))
