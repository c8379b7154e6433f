"""Every table of the server in one MetaData: whoever creates or compares a database asks here."""

from __future__ import annotations

from billing.ledger.tables import APPEND_ONLY
from billing.payments.tables import payment_steps, payments
from billing.people.tables import audit_log, people
from billing.settlement.tables import agreements, sales
from billing.tables import metadata

assert all(
    table.metadata is metadata
    for table in (*APPEND_ONLY, payments, payment_steps, agreements, sales, people, audit_log)
)

__all__ = ["metadata"]
