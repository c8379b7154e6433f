"""A receipt never says that a charge reached us before it was: where the kiosk's clock is ahead, it says that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from billing.intake import take_rows
from billing.pages.receipt_view import find_receipt
from tests.billing.stories import NOON, batch, charge, rows_of

RECEIPT_ID = "0123456789abcdef0123456789abcdef"


def notes(connection: Connection, language: str, minutes: int) -> tuple[str, ...]:
    """Of an offline charge of five minutes that arrived so long after its start."""
    arrived = NOON + timedelta(minutes=minutes)
    take_rows(connection, "hk-07", batch(rows_of(charge(receipt_id=RECEIPT_ID, offline=True))), arrived)
    receipt = find_receipt(connection, RECEIPT_ID, language, arrived + timedelta(minutes=1))
    assert receipt is not None
    return receipt.notes


def test_a_charge_that_arrived_later_says_when(connection: Connection) -> None:
    (note,) = notes(connection, "en", minutes=90)

    assert "It reached us on" in note and "clock" not in note


@pytest.mark.parametrize(
    ("language", "words"), [("en", "clock"), ("de", "Uhr der Ladestation"), ("ja", "充電機の時計")]
)
def test_a_charge_that_arrived_before_it_happened_tells_whose_clock_is_ahead(
    connection: Connection, language: str, words: str
) -> None:
    (note,) = notes(connection, language, minutes=-120)

    assert words in note and "{" not in note
