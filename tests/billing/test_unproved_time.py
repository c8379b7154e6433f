"""Time is billed as far as a clock ran through it: nothing across a restart, nothing beyond the boot's own clock."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from billing.intake import take_rows
from billing.tables import cdrs, quarantine
from contract.transaction import Moment, StoppedReason, TransactionEvent
from tests.billing.stories import NOON, batch, charge, interrupted, rows_of


def codes(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(quarantine.c.code)).scalars())


def upload(connection: Connection, story: list[TransactionEvent]) -> int:
    """How many bills there are then."""
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON)
    return len(connection.execute(select(cdrs.c.cdr_id)).all())


def of_next_boot(event: TransactionEvent, monotonic_ms: int = 12_000) -> TransactionEvent:
    return replace(event, at=Moment(event.at.wall, event.at.clock_quality, "boot-2", monotonic_ms))


def test_an_end_after_a_power_cut_adds_no_time_and_is_billed(connection: Connection) -> None:
    story = charge(stopped_reason=StoppedReason.POWER_LOSS)

    assert upload(connection, [*story[:-1], of_next_boot(story[-1])]) == 1
    assert codes(connection) == []


def test_time_that_grew_across_a_restart_holds_the_bill(connection: Connection) -> None:
    story = charge()
    late = replace(of_next_boot(story[-1]), elapsed_ms=story[-1].elapsed_ms + 90_000)

    assert upload(connection, [*story[:-1], late]) == 0
    assert codes(connection) == ["time_unproved"]


def test_time_beyond_the_boots_own_clock_holds_the_bill(connection: Connection) -> None:
    story = charge()
    late = replace(story[-1], elapsed_ms=story[-1].elapsed_ms + 90_000)

    assert upload(connection, [*story[:-1], late]) == 0
    assert codes(connection) == ["time_unproved"]


def test_a_wall_clock_that_jumps_changes_no_bill(connection: Connection) -> None:
    story = charge()
    jumped = [
        replace(event, at=replace(event.at, wall=event.at.wall.replace(year=2031 if event.seq_no % 2 else 1999)))
        for event in story
    ]

    assert upload(connection, jumped) == 1
    assert codes(connection) == []


def test_a_part_that_names_another_order_is_written_down(connection: Connection) -> None:
    upload(connection, charge(transaction_id="foreign", order_id="other"))
    _, other = interrupted()
    assert other[0].continues is not None
    wrong = replace(other[0], continues=replace(other[0].continues, of_transaction_id="foreign"))

    assert upload(connection, [wrong, *other[1:]]) == 2
    assert codes(connection) == ["continues_otherwise"]
