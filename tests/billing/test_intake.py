"""Whatever is uploaded, in any order and any number of times, becomes the same tables once."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import replace
from itertools import pairwise

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from billing import keys
from billing.intake import take_rows
from billing.plausible import doubts_about
from billing.rating import rate
from billing.tables import alarms, cdrs, events, journal_rows, quarantine, transactions
from contract.api import Row, RowBatch, RowKind
from contract.codec import to_bytes
from contract.metering import Quality
from contract.records import GUESSING, AuditRecord
from contract.tariff import TariffOffer
from contract.transaction import ClockQuality, Moment, StoppedReason, TransactionEvent
from tests.billing.conftest import undone
from tests.billing.stories import NOON, OFFER, TARIFF, batch, charge, rows_of


def count(connection: Connection, table: object) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def codes(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(quarantine.c.code)).scalars())


def upload(connection: Connection, story: list[TransactionEvent]) -> None:
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON)


def test_a_whole_charge_becomes_one_cdr_at_the_contracts_price(connection: Connection) -> None:
    story = charge(minutes=5, wh_per_minute=150)
    answer = take_rows(connection, "hk-07", batch(rows_of(story)), NOON)

    assert answer.acknowledged == tuple(range(1, len(story) + 1))
    assert answer.quarantined == () and answer.epoch
    cdr = connection.execute(select(cdrs)).one()
    assert (cdr.energy_wh, cdr.currency, cdr.incl_vat_minor) == (750, "EUR", story[-1].total_incl_vat_minor)
    assert cdr.incl_vat_minor == 101  # 0.75 kWh × 0.54 + 0.60


def test_a_batch_sent_twice_changes_nothing(connection: Connection) -> None:
    rows = batch(rows_of(charge()))
    first = take_rows(connection, "hk-07", rows, NOON)
    before = connection.execute(select(events)).all(), connection.execute(select(cdrs)).all()
    second = take_rows(connection, "hk-07", rows, NOON)

    assert first == second
    assert before == (connection.execute(select(events)).all(), connection.execute(select(cdrs)).all())


def test_of_a_long_batch_that_is_partly_here_each_event_is_kept_once_and_other_bytes_are_kept_aside(
    connection: Connection,
) -> None:
    story = charge(minutes=58)
    rows = rows_of(story)
    other = rows_of([replace(story[5], elapsed_ms=story[5].elapsed_ms + 1)])[0]
    take_rows(connection, "hk-07", batch(rows[:30]), NOON)
    take_rows(connection, "hk-07", batch([other, *rows[10:], rows[40]]), NOON)

    kept = connection.execute(select(events.c.body).order_by(events.c.seq_no)).scalars().all()
    assert list(kept) == [row.body for row in rows]
    assert count(connection, cdrs) == 1 and codes(connection) == ["other_bytes"]


def test_a_kiosk_that_lost_its_newest_rows_is_billed_to_the_last_one_that_was_acknowledged(
    connection: Connection,
) -> None:
    story = charge(minutes=6, wh_per_minute=150)
    upload(connection, story[:6])
    lost_after = story[2]
    forgotten = replace(
        story[-1], seq_no=3, meter=replace(lost_after.meter), elapsed_ms=lost_after.elapsed_ms, final=False
    )
    for _ in range(2):
        upload(connection, [forgotten])

    cdr = connection.execute(select(cdrs)).one()
    assert cdr.energy_wh == story[5].meter.import_wh - story[0].meter.import_wh
    assert codes(connection) == ["other_bytes"]


def test_a_contradicting_end_moves_no_end_that_is_known(connection: Connection) -> None:
    story = charge(minutes=6, wh_per_minute=150)
    upload(connection, story)
    upload(connection, [replace(story[-1], seq_no=3, meter=story[2].meter, elapsed_ms=story[2].elapsed_ms)])

    assert connection.execute(select(cdrs)).one().energy_wh == story[-1].meter.import_wh - story[0].meter.import_wh


def test_without_the_event_key_a_repeated_batch_is_billed_twice(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "event_key", lambda *_: uuid.uuid4().hex)
    rows = batch(rows_of(charge()))
    take_rows(connection, "hk-07", rows, NOON)
    take_rows(connection, "hk-07", rows, NOON)

    assert count(connection, cdrs) == 2


def test_nothing_is_rated_while_an_event_is_missing(connection: Connection) -> None:
    rows = rows_of(charge())
    take_rows(connection, "hk-07", batch(rows[:2] + rows[3:]), NOON)
    assert count(connection, cdrs) == 0

    take_rows(connection, "hk-07", batch([rows[2]]), NOON)
    assert count(connection, cdrs) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_repetition_and_splitting_gives_the_same_tables(engine: Engine, data: st.DataObject) -> None:
    stories = [
        charge(transaction_id=f"t{n}", receipt_id=f"r{n}", order_id=f"o{n}", minutes=n + 1, parked_minutes=n * 6)
        for n in range(3)
    ]
    late = replace(stories[0][1], seq_no=len(stories[0]))  # an event after Ended, always kept aside
    rows = [row for story in stories for row in rows_of(story, 100 * len(story))] + rows_of([late], 999)
    rows.append(Row(1000, RowKind.TRANSACTION, "{"))
    sent = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=8))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=6)))

    def run(batches: list[list[Row]]) -> list[list[tuple[object, ...]]]:
        with undone(engine) as connection:
            for part in batches:
                answer = take_rows(connection, "hk-07", batch(part), NOON)
                assert answer.acknowledged == tuple(row.journal_no for row in part)
            tables = (events, transactions, cdrs, quarantine)
            found = [
                sorted(
                    tuple(row) for row in connection.execute(select(*[c for c in table.c if c.name != "quarantine_no"]))
                )
                for table in tables
            ]
        return found

    bounds = [0, *cuts, len(sent)]
    shuffled = run([sent[a:b] for a, b in pairwise(bounds)])

    assert shuffled == run([rows])
    assert len(shuffled[2]) == 3 and len(shuffled[3]) == 2


def test_other_bytes_under_a_known_key_are_kept_aside_and_the_first_stand(connection: Connection) -> None:
    story = charge()
    upload(connection, story)
    other = replace(story[2], meter=replace(story[2].meter, import_wh=story[2].meter.import_wh + 7))
    answers = [take_rows(connection, "hk-07", batch(rows_of([other], 77)), NOON) for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0].acknowledged == (77,)
    assert answers[0].quarantined[0].journal_no == 77 and "other bytes" in answers[0].quarantined[0].reason
    assert codes(connection) == ["other_bytes"]
    assert count(connection, cdrs) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"event_type":"Started"}',
        '{"a":"\\ud800"}',
        "\ud800",
        '{"a":"\\u0000"}',
        "[" * 5000,
        "x" * 70_000,
    ],
)
def test_a_malformed_row_is_acknowledged_and_kept_with_its_reason(connection: Connection, body: str) -> None:
    answer = take_rows(connection, "hk-07", batch([Row(5, RowKind.TRANSACTION, body)]), NOON)

    assert answer.acknowledged == (5,)
    assert answer.quarantined[0].reason
    assert codes(connection) == ["malformed"]


def test_an_escaped_backslash_before_a_u_is_no_surrogate(connection: Connection) -> None:
    story = charge()
    odd = replace(story[0], meter=replace(story[0].meter, serial="C:\\udev\\u0000x"))
    upload(connection, [odd, *story[1:]])

    assert codes(connection) == []


def test_an_event_after_ended_revives_nothing(connection: Connection) -> None:
    story = charge()
    upload(connection, story)
    late = replace(story[1], seq_no=len(story))
    answer = take_rows(connection, "hk-07", batch(rows_of([late], 50)), NOON)

    assert answer.acknowledged == (50,) and answer.quarantined[0].journal_no == 50
    assert codes(connection) == ["after_ended"]
    assert count(connection, events) == len(story)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_of_two_events_that_say_ended_the_lower_is_the_end(connection: Connection, order: list[int]) -> None:
    story = charge()
    second_end = replace(story[-1], seq_no=len(story))
    parts = [rows_of(story), rows_of([second_end], 50)]
    for part in order:
        take_rows(connection, "hk-07", batch(parts[part]), NOON)

    assert connection.execute(select(transactions.c.ended_seq)).scalar_one() == len(story) - 1
    assert codes(connection) == ["after_ended"]
    assert count(connection, cdrs) == 1


@pytest.mark.parametrize(("quality", "doubts"), [(Quality.STALE, []), (Quality.GOOD, ["impossible_step"])])
def test_what_fills_a_hole_before_the_end_of_a_power_cut_steps_as_far_as_the_end_may(
    quality: Quality, doubts: list[str]
) -> None:
    *story, end = charge(stopped_reason=StoppedReason.POWER_LOSS)
    end = replace(end, meter=replace(end.meter, import_wh=end.meter.import_wh + 2_000))
    filling = replace(story[-1], meter=replace(end.meter, quality=quality))

    assert [doubt.code for doubt in doubts_about([*story[:-1], filling, end], 11_000)] == doubts


def test_a_register_that_starts_at_zero_is_not_billed(connection: Connection) -> None:
    story = charge()
    upload(connection, [replace(story[0], meter=replace(story[0].meter, import_wh=0)), *story[1:]])

    assert codes(connection) == ["impossible_step"]
    assert count(connection, cdrs) == 0


def test_a_register_that_falls_is_not_billed(connection: Connection) -> None:
    story = charge()
    upload(connection, [*story[:2], replace(story[2], meter=replace(story[2].meter, import_wh=1)), *story[3:]])

    assert "meter_backwards" in codes(connection)
    assert count(connection, cdrs) == 0


def test_an_offer_the_server_never_made_is_not_billed(connection: Connection) -> None:
    upload(connection, charge(offer=TariffOffer(replace(TARIFF, version=9), 600)))
    upload(connection, charge(offer=replace(OFFER, parking_grace_s=1)))
    upload(connection, charge(evse_id=7))

    assert codes(connection) == ["unknown_offer"] * 3
    assert count(connection, cdrs) == 0


def test_a_kiosk_price_that_differs_is_written_down_and_the_servers_stands(connection: Connection) -> None:
    upload(connection, charge(total_incl_vat_minor=1))

    assert codes(connection) == ["kiosk_price"]
    assert connection.execute(select(cdrs.c.incl_vat_minor)).scalar_one() == 101


def test_energy_after_the_last_durable_reading_of_a_power_cut_is_believed(connection: Connection) -> None:
    story = charge(stopped_reason=StoppedReason.POWER_LOSS)
    ended = replace(
        story[-1],
        meter=replace(story[-1].meter, import_wh=story[-1].meter.import_wh + 300),
        total_incl_vat_minor=None,
    )
    upload(connection, [*story[:-1], ended])

    assert codes(connection) == []
    assert connection.execute(select(cdrs.c.energy_wh)).scalar_one() == 1050


def test_two_orders_with_one_receipt_id_are_not_both_billed(connection: Connection) -> None:
    upload(connection, charge(receipt_id="AA" * 16))
    upload(connection, charge(receipt_id="aa" * 16))

    assert codes(connection) == ["shared_receipt"]
    assert count(connection, cdrs) == 1


def test_other_kinds_of_rows_are_kept_once(connection: Connection) -> None:
    rows = batch([Row(n, RowKind.AUDIT, f'{{"n":{n}}}') for n in range(3)])
    take_rows(connection, "hk-07", rows, NOON)
    take_rows(connection, "hk-07", rows, NOON)

    assert count(connection, journal_rows) == 3


def test_rating_twice_gives_the_same_cdr(connection: Connection) -> None:
    story = charge()
    upload(connection, story)
    first = rate(connection, "hk-07", story[0].transaction_id, NOON)

    assert first is not None and first == rate(connection, "hk-07", story[0].transaction_id, NOON)
    assert count(connection, cdrs) == 1


def test_the_engine_refuses_rows_of_a_kiosk_that_does_not_exist(engine: Engine) -> None:
    """Foreign keys are on: the gate lets nobody through who is not enrolled, and the tables check again."""
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)), engine.begin() as connection:
        take_rows(connection, "nobody", batch(rows_of(charge())), NOON)


def test_guessing_at_a_kiosk_is_an_alarm_and_the_same_row_again_is_none(connection: Connection) -> None:
    moment = Moment(NOON, ClockQuality.SYNCHRONISED, "boot-1", 0)
    record = AuditRecord("card reader", f"{GUESSING}5 wrong tokens, the card reader rests 8 s", moment, 1)
    row = Row(900, RowKind.AUDIT, to_bytes(record).decode())
    for _ in range(2):
        take_rows(connection, "hk-07", RowBatch("", (row,)), NOON)
    found = connection.execute(select(alarms.c.code, alarms.c.times, alarms.c.message)).all()

    assert [(one.code, one.times) for one in found] == [("guessing", 1)]
    assert found[0].message == "Somebody is guessing at EVSE 1: 5 wrong tokens, the card reader rests 8 s"
