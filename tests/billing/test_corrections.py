"""A meter that told late: the bill is taken back and written anew, once, whatever order the rows arrive in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing.corrections import in_order, is_current
from billing.intake import take_rows
from billing.pages.operator_view import sessions
from billing.pages.receipt_parts import cdr_body
from billing.pages.receipt_view import find_receipt
from billing.pages.session_view import session_detail
from billing.settlement import proof
from billing.tables import cdrs, quarantine
from contract.transaction import TransactionEvent
from tests.billing.conftest import undone
from tests.billing.stories import NOON, batch, charge, corrected, interrupted, rows_of

LATER = NOON + timedelta(hours=3)
RECEIPT_ID = "0123456789abcdef0123456789abcdef"


def upload(connection: Connection, story: list[TransactionEvent]) -> None:
    take_rows(connection, "hk-07", batch(rows_of(story)), LATER)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def codes(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(quarantine.c.code)).scalars())


def amounts(connection: Connection) -> list[tuple[int, int]]:
    """(Wh, cents) of bill, credit and new bill."""
    return [(row.energy_wh, row.incl_vat_minor) for row in in_order(connection.execute(select(cdrs)))]


def test_a_late_reading_brings_a_credit_cdr_and_a_new_one(connection: Connection) -> None:
    story = corrected(charge(), more_wh=100)
    upload(connection, story)

    bill, credit, new = in_order(connection.execute(select(cdrs)))
    assert (bill.energy_wh, bill.incl_vat_minor) == (750, 101)
    assert (credit.energy_wh, credit.incl_vat_minor) == (-750, -101)
    assert (new.energy_wh, new.incl_vat_minor) == (850, 106)
    assert new.incl_vat_minor == story[-1].total_incl_vat_minor
    assert connection.execute(select(cdrs.c.cdr_id).where(is_current())).scalars().all() == [new.cdr_id]
    first, back, last = (json.loads(row.body) for row in (bill, credit, new))
    assert back["credit"] is True and back["credit_reference_id"] == first["id"]
    assert back["total_cost"]["incl_vat"] == "-" + first["total_cost"]["incl_vat"]
    assert back["rounded"]["incl_vat_minor"] == -101
    assert "credit" not in last and last["registers"]["end_wh"] == first["registers"]["end_wh"] + 100
    assert codes(connection) == []
    assert proof.faults_of(connection) == []


@given(st.permutations(range(8)), st.sets(st.integers(1, 7)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_arrival_is_no_matter(engine: Engine, order: list[int], cuts: set[int]) -> None:
    with undone(engine) as connection:
        rows = rows_of(corrected(charge(transaction_id="t", order_id="o", receipt_id=RECEIPT_ID), more_wh=100))
        assert len(rows) == 8
        shuffled = [rows[n] for n in order]
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 8], strict=True):
            take_rows(connection, "hk-07", batch(shuffled[begin:end]), LATER)

        assert amounts(connection) == [(750, 101), (-750, -101), (850, 106)]


def test_sent_again_it_changes_nothing(connection: Connection) -> None:
    story = corrected(charge(), more_wh=100)
    for _ in range(3):
        upload(connection, story)

    assert len(amounts(connection)) == 3


def test_a_correction_waits_for_the_whole_story(connection: Connection) -> None:
    rows = rows_of(corrected(charge(), more_wh=100))
    take_rows(connection, "hk-07", batch([*rows[:3], *rows[4:]]), LATER)
    assert amounts(connection) == []

    take_rows(connection, "hk-07", batch([rows[3]]), LATER)
    assert len(amounts(connection)) == 3


def test_a_correction_that_confirms_the_bill_leaves_it_alone(connection: Connection) -> None:
    upload(connection, corrected(charge(), more_wh=0))

    assert amounts(connection) == [(750, 101)]


@pytest.mark.parametrize(("more_wh", "serial"), [(100, "OTHER"), (50_000, "SDM-77120"), (-1, "SDM-77120")])
def test_a_correction_that_cannot_be_leaves_the_last_good_reading(
    connection: Connection, more_wh: int, serial: str
) -> None:
    story = corrected(charge(), more_wh=max(0, more_wh), serial=serial)
    if more_wh < 0:
        late = story[-1]
        story[-1] = replace(late, meter=replace(late.meter, import_wh=late.meter.import_wh + more_wh))
    upload(connection, story)

    assert amounts(connection) == [(750, 101)]
    assert codes(connection) == ["wrong_correction"]


def test_after_a_final_end_nothing_is_corrected(connection: Connection) -> None:
    story = corrected(charge(), more_wh=100)
    upload(connection, [*story[:-2], replace(story[-2], final=True), story[-1]])

    assert amounts(connection) == [(750, 101)]
    assert codes(connection) == ["after_ended"]


def test_a_second_correction_is_kept_aside(connection: Connection) -> None:
    story = corrected(charge(), more_wh=100)
    upload(connection, [*story, replace(story[-1], seq_no=story[-1].seq_no + 1)])

    assert len(amounts(connection)) == 3
    assert codes(connection) == ["after_ended"]


def test_the_receipt_shows_what_is_owed_and_how_it_changed(connection: Connection) -> None:
    story = corrected(charge(receipt_id=RECEIPT_ID), more_wh=100)
    upload(connection, story)

    receipt = find_receipt(connection, RECEIPT_ID, "en", LATER)
    assert receipt is not None
    assert (plain(receipt.total), plain(receipt.delivered)) == ("€ 1.06", "0.850 kWh")
    first, credit, new = receipt.history
    assert [plain(row.amount) for row in receipt.history] == ["€ 1.01", "−€ 1.01", "€ 1.06"]
    assert plain(first.what) == "Receipt, 0.750 kWh" and plain(new.what) == "This receipt, 0.850 kWh"
    assert "0.100 kWh more" in plain(credit.why)
    assert not receipt.notes and receipt.version.startswith("Version 2")
    documents = json.loads(cdr_body(connection, RECEIPT_ID) or "")
    assert [document.get("credit", False) for document in documents] == [False, True, False]
    (line,) = sessions(connection, LATER)
    assert (plain(line.amount), line.state) == ("€ 1.06", "Rated")
    detail = session_detail(connection, "hk-07", story[0].transaction_id, LATER)
    assert detail is not None
    assert [plain(one["amount"]) for one in detail["history"]] == ["€ 1.01", "−€ 1.01", "€ 1.06"]


# ---- an order of several transactions -------------------------------------------------------------------------------


def test_both_parts_of_an_interrupted_order_stand_on_one_receipt(connection: Connection) -> None:
    one, other = interrupted(receipt_id=RECEIPT_ID)
    upload(connection, one)
    between = find_receipt(connection, RECEIPT_ID, "en", LATER)
    assert between is not None and between.state == "finished"
    upload(connection, other)

    receipt = find_receipt(connection, RECEIPT_ID, "en", LATER)
    assert receipt is not None
    assert (plain(receipt.total), plain(receipt.delivered)) == ("€ 1.41", "1.500 kWh")
    assert sorted(what for what, _, _ in receipt.lines) == ["Energy", "Once per charge"], "the start fee once"
    assert len([name for name, _ in receipt.registers if "Register" in name]) == 4
    assert "went on by itself at" in receipt.notes[0]
    assert not any("ended because" in note for note in receipt.notes)
    assert codes(connection) == []
    assert amounts(connection) in ([(750, 101), (750, 40)], [(750, 40), (750, 101)])


@pytest.mark.parametrize("language", ["de", "ja"])
def test_the_notes_are_there_in_every_language(connection: Connection, language: str) -> None:
    one, other = interrupted(receipt_id=RECEIPT_ID)
    upload(connection, one)
    upload(connection, corrected(other, more_wh=50))

    receipt = find_receipt(connection, RECEIPT_ID, language, LATER)
    assert receipt is not None
    assert len(receipt.notes) == 1 and len(receipt.history) == 3
    assert not any("{" in note for note in receipt.notes)


def test_parts_may_arrive_the_wrong_way_round(connection: Connection) -> None:
    one, other = interrupted(receipt_id=RECEIPT_ID)
    upload(connection, other)
    upload(connection, one)

    receipt = find_receipt(connection, RECEIPT_ID, "en", LATER)
    assert receipt is not None
    assert plain(receipt.total) == "€ 1.41"
    assert codes(connection) == []
