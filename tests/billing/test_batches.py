"""An upload is read by the faster of two readers only where both would say the same."""

from __future__ import annotations

import pytest

from billing.api.batches import read_batch
from billing.read_events import event_of
from contract.codec import WireError, from_bytes, to_bytes
from contract.transaction import TransactionEvent
from tests.billing.stories import batch, charge, rows_of

EVENT = to_bytes(charge()[1]).decode()
STRANGE = [
    "-0",
    "1e400",
    str(2**63),
    str(2**64),
    "1.0",
    "NaN",
    "-Infinity",
    '"\\ud800"',
    '"\\u0000"',
    "01",
    "[1,]",
    "\x01",
]


@pytest.mark.parametrize("number", STRANGE)
def test_an_event_is_refused_in_the_contracts_words_or_read_as_it_says(number: str) -> None:
    text = EVENT.replace('"elapsed_ms":60000', f'"elapsed_ms":{number}')
    assert text != EVENT
    try:
        expected: object = from_bytes(TransactionEvent, text)
    except WireError as error:
        expected = str(error)
    try:
        found: object = event_of(text)
    except WireError as error:
        found = str(error)

    assert found == expected


def test_a_key_that_stands_twice_counts_as_the_contract_says() -> None:
    text = EVENT[:-1] + ',"seq_no":7}'

    assert event_of(text) == from_bytes(TransactionEvent, text)


@pytest.mark.parametrize("number", [str(2**64), "1e3", "-1", "NaN"])
def test_a_row_without_a_number_to_acknowledge_is_named(number: str) -> None:
    data = to_bytes(batch(rows_of(charge()))).replace(b'"journal_no":2,', f'"journal_no":{number},'.encode())
    assert f":{number},".encode() in data

    with pytest.raises(WireError, match=r"^RowBatch\.rows\[1\]\.journal_no: want a whole number from 0 to 2\^53$"):
        read_batch(data)


def test_one_row_that_cannot_be_read_does_not_hold_up_its_neighbours() -> None:
    sent = batch(rows_of(charge()))
    data = to_bytes(sent).replace(b'"kind":"transaction"', b'"kind":18446744073709551616', 1)

    read, unreadable = read_batch(data)

    assert len(read.rows) == len(sent.rows) - 1
    assert [bad.text.count("18446744073709551616") for bad in unreadable] == [1]
