"""Which blocks to read so that the quantities asked for cost the fewest requests. Pure.

Law:
- A block is one request: one function code, at most `longest_block` registers.
- A block may span registers that no quantity names, but never more than `gap_limit` in a row: a device may
  refuse a whole block for one register it does not have.
- A refused block is split, at its widest gap first; a quantity refused alone does not exist in that device.
- Fewest requests first; among equals the fewest registers on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kiosk.drivers.register_map import Quantity, SerialLine

REQUEST_CHARACTERS = 8  # address, function, start, count, CRC
ANSWER_OVERHEAD_CHARACTERS = 5  # address, function, byte count, CRC


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the quantities (by address) that are cut out of its answer."""

    quantities: tuple[Quantity, ...]

    @property
    def function_code(self) -> int:
        return self.quantities[0].function_code

    @property
    def address(self) -> int:
        return self.quantities[0].address

    @property
    def count(self) -> int:
        return self.quantities[-1].end - self.address

    def cut(self, registers: Sequence[int], quantity: Quantity) -> Sequence[int]:
        """The registers of one of its quantities out of the whole answer."""
        start = quantity.address - self.address
        return registers[start : start + quantity.count]

    def wire_time_s(self, line: SerialLine) -> float:
        """Seconds on the wire at that speed: request, answer and the silence around them."""
        frames = REQUEST_CHARACTERS + ANSWER_OVERHEAD_CHARACTERS + 2 * self.count
        return line.wire_time_s(frames) + 2 * line.silence_s


def plan(quantities: Iterable[Quantity], longest_block: int, gap_limit: int) -> tuple[Block, ...]:
    """The fewest legal blocks that hold all of `quantities`, none of which overlap, by function code and address."""
    blocks: list[Block] = []
    wanted = sorted(set(quantities), key=lambda quantity: (quantity.function_code, quantity.address, quantity.count))
    for function_code in dict.fromkeys(quantity.function_code for quantity in wanted):
        alike = [quantity for quantity in wanted if quantity.function_code == function_code]
        blocks.extend(_plan_alike(alike, longest_block, gap_limit))
    return tuple(blocks)


def _plan_alike(alike: Sequence[Quantity], longest_block: int, gap_limit: int) -> list[Block]:
    """Cheapest cut of a sorted row: best[i] = (requests, registers, first of the last block) for the first i."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for stop in range(1, len(alike) + 1):
        choices: list[tuple[int, int, int]] = []
        end = alike[stop - 1].end
        for start in range(stop - 1, -1, -1):
            quantity = alike[start]
            if start < stop - 1 and alike[start + 1].address - quantity.end > gap_limit:
                break
            if end - quantity.address > longest_block:
                break
            requests, registers, _ = best[start]
            choices.append((requests + 1, registers + end - quantity.address, start))
        best.append(min(choices))
    blocks: list[Block] = []
    stop = len(alike)
    while stop:
        start = best[stop][2]
        blocks.append(Block(tuple(alike[start:stop])))
        stop = start
    return blocks[::-1]


def split(block: Block) -> tuple[Block, ...]:
    """Two smaller blocks for one that was refused; none where a single quantity was refused."""
    rows = block.quantities
    if len(rows) == 1:
        return ()
    gaps = [after.address - before.end for before, after in pairwise(rows)]
    middle = len(rows) // 2
    cut = max(range(len(gaps)), key=lambda index: (gaps[index], -abs(index + 1 - middle))) + 1
    return Block(rows[:cut]), Block(rows[cut:])
