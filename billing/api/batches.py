"""Reading a batch row by row: one bad row must not hold up its neighbours for ever."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson

from billing.received import Unreadable
from contract.api import ROWS_PER_BATCH, Row, RowBatch
from contract.codec import WireError, from_wire

JOURNAL_NOS = range(2**53)


def read_batch(data: bytes) -> tuple[RowBatch, tuple[Unreadable, ...]]:
    """The readable rows, and those that are none but have a journal_no to acknowledge.

    Raises WireError where the batch itself is no batch.
    """
    faultless = _faultless(data)
    if faultless is not None:
        return faultless, ()
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError(f"RowBatch: not JSON: {error}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("rows"), list):
        raise WireError("RowBatch.rows: want a list")
    if len(parsed["rows"]) > ROWS_PER_BATCH:
        raise WireError(f"RowBatch.rows: want at most {ROWS_PER_BATCH}")
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    for place, item in enumerate(parsed["rows"]):
        where = f"RowBatch.rows[{place}]"
        journal_no = item.get("journal_no") if isinstance(item, dict) else None
        if type(journal_no) is not int or journal_no not in JOURNAL_NOS:
            raise WireError(f"{where}.journal_no: want a whole number from 0 to 2^53")
        try:
            rows.append(from_wire(Row, item, where))
        except WireError as error:
            unreadable.append(Unreadable(journal_no, json.dumps(item), str(error)))
    envelope = from_wire(RowBatch, {**parsed, "rows": []})
    return replace(envelope, rows=tuple(rows)), tuple(unreadable)


def _faultless(data: bytes) -> RowBatch | None:
    """As most are, by a reader that is several times as fast; None: look at it row by row."""
    try:
        batch = from_wire(RowBatch, orjson.loads(data))
    except ValueError:  # both readers' own, and WireError
        return None
    is_fit = len(batch.rows) <= ROWS_PER_BATCH and all(row.journal_no in JOURNAL_NOS for row in batch.rows)
    return batch if is_fit else None
