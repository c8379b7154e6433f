"""The proof over CDRs and ledger together: every CDR has its entries, and they are its amounts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from billing.ledger import book, check
from billing.settlement.entries import sale_key
from billing.settlement.sales import sold_in
from billing.tables import cdrs


def faults_of(connection: Connection) -> list[str]:
    """What `kiosk-billing ledger check` finds, each a sentence that names the row; an empty list means all is right."""
    return [*check.faults_of(connection), *_cdrs(connection)]


def _cdrs(connection: Connection) -> list[str]:
    found = []
    query = select(cdrs.c.cdr_id, cdrs.c.incl_vat_minor, cdrs.c.credit_reference_id).order_by(cdrs.c.rated_ms)
    for row in connection.execute(query).all():
        if row.credit_reference_id is not None:
            found += _credit(connection, row.cdr_id, row.credit_reference_id)
            continue
        sold = sold_in(connection, row.cdr_id)
        if sold is None:
            found.append(f"CDR {row.cdr_id}: {row.incl_vat_minor} billed and nobody's part of it written down")
            continue
        if sold.allocation.gross_minor != row.incl_vat_minor:
            found.append(f"CDR {row.cdr_id}: {row.incl_vat_minor} billed, {sold.allocation.gross_minor} allocated")
        entry = book.entry(connection, sale_key(row.cdr_id))
        owed = 0 if entry is None else sum(leg.amount for leg in entry.draft.legs if leg.account == sold.parties.owing)
        if owed != row.incl_vat_minor:
            found.append(f"CDR {row.cdr_id}: {row.incl_vat_minor} billed, {owed} in the ledger")
    return found


def _credit(connection: Connection, cdr_id: str, of_cdr: str) -> list[str]:
    key = sale_key(of_cdr)
    if book.entry(connection, key) is None or book.entry(connection, f"{key}#reversed") is not None:
        return []
    return [f"CDR {cdr_id}: takes back {of_cdr}, whose entry still stands"]
