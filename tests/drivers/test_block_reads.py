"""The planner against every way there is to cut the quantities into blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.drivers.block_reads import Block, plan, split
from kiosk.drivers.register_map import DataType, Quantity, SerialLine, load_all, load_map


@st.composite
def quantities(draw: st.DrawFn) -> list[Quantity]:
    """Up to eight quantities of two function codes, with gaps between them."""
    found: list[Quantity] = []
    for function_code in (3, 4):
        address = draw(st.integers(0, 20))
        for _ in range(draw(st.integers(0, 4))):
            kind = draw(st.sampled_from([DataType.INT16, DataType.FLOAT32, DataType.UINT64]))
            found.append(Quantity(f"q{len(found)}", "1", address, function_code, kind))
            address += kind.registers + draw(st.integers(0, 12))
    return found


def partitions(rows: Sequence[Quantity]) -> Iterator[list[list[Quantity]]]:
    """Every partition of the rows into groups, in any order and mixture."""
    if not rows:
        yield []
        return
    for rest in partitions(rows[1:]):
        yield [[rows[0]], *rest]
        for index in range(len(rest)):
            yield [*rest[:index], [rows[0], *rest[index]], *rest[index + 1 :]]


def is_legal(group: Sequence[Quantity], longest: int, gap: int) -> bool:
    if len({quantity.function_code for quantity in group}) > 1:
        return False
    rows = sorted(group, key=lambda quantity: quantity.address)
    if rows[-1].end - rows[0].address > longest:
        return False
    return all(after.address - before.end <= gap for before, after in zip(rows, rows[1:], strict=False))  # noqa: RUF007


@settings(deadline=None, max_examples=150)
@given(quantities(), st.integers(4, 40), st.integers(0, 10))
def test_no_other_way_needs_fewer_requests_or_fewer_registers(rows: list[Quantity], longest: int, gap: int) -> None:
    blocks = plan(rows, longest, gap)

    assert sorted(q.name for block in blocks for q in block.quantities) == sorted(q.name for q in rows)
    assert all(is_legal(block.quantities, longest, gap) for block in blocks)
    costs = [
        (len(groups), sum(max(q.end for q in group) - min(q.address for q in group) for group in groups))
        for groups in partitions(rows)
        if all(is_legal(group, longest, gap) for group in groups)
    ]
    assert (len(blocks), sum(block.count for block in blocks)) == min(costs, default=(0, 0))


@given(quantities())
def test_splitting_ends_at_single_quantities_and_loses_none(rows: list[Quantity]) -> None:
    for block in plan(rows, 125, 125):
        waiting: list[Block] = [block]
        ends: list[Quantity] = []
        while waiting:
            parts = split(taken := waiting.pop())
            waiting.extend(parts)
            ends.extend([] if parts else taken.quantities)

        assert sorted(ends, key=lambda quantity: quantity.address) == list(block.quantities)


def test_a_refused_block_is_split_at_its_widest_gap() -> None:
    meter = load_map("sdm630")
    (block,) = plan(meter.named(["voltage_l1", "voltage_l2", "energy_import"]), 80, 80)

    first, second = split(block)

    assert [quantity.name for quantity in first.quantities] == ["voltage_l1", "voltage_l2"]
    assert [quantity.name for quantity in second.quantities] == ["energy_import"]


def test_no_meter_needs_more_than_three_requests_for_all_it_has() -> None:
    for meter in load_all():
        blocks = plan(meter.quantities, meter.longest_block, meter.gap_limit)

        assert len(blocks) <= 3, meter.slug


def test_a_block_of_eighty_registers_takes_187_ms_at_9600_baud() -> None:
    block = Block((Quantity("a", "1", 0, 4, DataType.INT16), Quantity("b", "1", 79, 4, DataType.INT16)))

    assert round(block.wire_time_s(SerialLine(9600, "N")) * 1000, 1) == 187.5
