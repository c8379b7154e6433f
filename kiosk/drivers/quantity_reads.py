"""Reading a device's quantities in blocks, and learning which blocks it grants.

Law: a refused block is split, down to the single quantity; one refused alone is one this device has not, and it
is missing, not zero. What was learned is kept, so a device is asked the wrong way once only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from kiosk.drivers.block_reads import Block, plan, split
from kiosk.drivers.modbus_bus import Seat
from kiosk.drivers.modbus_errors import Refused
from kiosk.drivers.register_map import Quantity, RegisterMap


@dataclass(frozen=True, slots=True)
class Sample:
    """A quantity's exact value in its unit, None where the device has none, and when it was asked (kiosk s)."""

    quantity: Quantity
    value: Decimal | None
    asked_s: float


class QuantityReads:
    """The reads that bring these quantities of one device."""

    def __init__(self, seat: Seat, register_map: RegisterMap, quantities: Iterable[Quantity]) -> None:
        self._seat = seat
        self._plan = plan(quantities, register_map.longest_block, register_map.gap_limit)
        self._blocks = self._plan
        self._absent: tuple[Quantity, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What the next read will ask for."""
        return self._blocks

    def forget(self) -> None:
        """Another device may be there now: ask the best way again."""
        self._blocks = self._plan
        self._absent = ()

    async def read(self) -> dict[str, Sample]:
        """Every quantity by name. Raises BusError; Refused where the device grants none of them."""
        samples: dict[str, Sample] = {}
        granted: list[Block] = []
        absent = list(self._absent)
        waiting = list(self._blocks)
        asked_s = 0.0
        refusal: Refused | None = None
        while waiting:
            block = waiting.pop(0)
            try:
                answer = await self._seat.read(block.function_code, block.address, block.count)
            except Refused as error:
                if not error.is_about_the_block:
                    raise
                refusal = error
                parts = split(block)
                waiting[:0] = parts
                if not parts:
                    absent.extend(block.quantities)
                continue
            granted.append(block)
            asked_s = answer.asked_s
            for quantity in block.quantities:
                value = quantity.decode(block.cut(answer.registers, quantity))
                samples[quantity.name] = Sample(quantity, value, asked_s)
        if refusal is not None and not granted:
            raise refusal
        self._blocks, self._absent = tuple(granted), tuple(absent)
        for quantity in self._absent:
            samples[quantity.name] = Sample(quantity, None, asked_s)
        return samples
