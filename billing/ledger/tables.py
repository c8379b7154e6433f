"""The ledger's tables. Append-only: triggers refuse to change or delete a row, on SQLite and on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from billing.append_only import guard_when_created
from billing.tables import RowNumber, metadata

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("name", String(200), primary_key=True),  # billing.ledger.chart.Account.name
    Column("kind", String(30), nullable=False),
    Column("owner", String(120), nullable=False, index=True),
    Column("unit", String(10), nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("entry_no", RowNumber, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("what", Text, nullable=False),
    Column("subject", String(64), index=True),
    Column("reverses", ForeignKey("ledger_entries.key"), unique=True),  # an entry is taken back once
    Column("at_ms", BigInteger, nullable=False),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    Column("entry_no", ForeignKey("ledger_entries.entry_no"), primary_key=True),
    Column("leg_no", Integer, primary_key=True),
    Column("account", ForeignKey("ledger_accounts.name"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
)

ledger_holds = Table(
    "ledger_holds",
    metadata,
    Column("hold_id", String(64), primary_key=True),
    Column("subject", String(64), nullable=False, index=True),  # the order it is for
    Column("account", ForeignKey("ledger_accounts.name"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("placed_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

ledger_hold_ends = Table(
    "ledger_hold_ends",
    metadata,
    Column("hold_id", ForeignKey("ledger_holds.hold_id"), primary_key=True),  # a hold ends once
    Column("how", String(10), nullable=False),  # billing.ledger.holds.End
    Column("taken", BigInteger, nullable=False),
    Column("entry_key", ForeignKey("ledger_entries.key")),
    Column("at_ms", BigInteger, nullable=False),
)

APPEND_ONLY = (ledger_accounts, ledger_entries, ledger_postings, ledger_holds, ledger_hold_ends)

for _table in APPEND_ONLY:
    guard_when_created(_table)
