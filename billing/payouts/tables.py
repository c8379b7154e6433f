"""Payout runs, their payouts, what each covers, and what became of it. All append-only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from billing.append_only import guard_when_created
from billing.tables import RowNumber, metadata

payout_sources = Table(
    "payout_sources",  # the operator's own account; the newest row counts
    metadata,
    Column("source_no", RowNumber, primary_key=True),
    Column("name", String(70), nullable=False),
    Column("iban", String(34), nullable=False),
    Column("bic", String(11)),
    Column("minimum_minor", BigInteger, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("set_by", String(120), nullable=False),
)

payout_runs = Table(
    "payout_runs",
    metadata,
    Column("run_no", RowNumber, primary_key=True),
    Column("source_no", ForeignKey("payout_sources.source_no"), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("file", Text, nullable=False),  # pain.001, as given to the bank
)

payouts = Table(
    "payouts",
    metadata,
    Column("payout_id", String(35), primary_key=True),  # the bank's EndToEndId
    Column("run_no", ForeignKey("payout_runs.run_no"), nullable=False, index=True),
    Column("host_id", ForeignKey("hosts.host_id"), nullable=False, index=True),
    Column("account_no", ForeignKey("bank_accounts.account_no"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("through_month", String(7), nullable=False),
)

payout_postings = Table(
    "payout_postings",
    metadata,
    Column("payout_id", ForeignKey("payouts.payout_id"), primary_key=True),
    Column("entry_no", ForeignKey("ledger_entries.entry_no"), primary_key=True, index=True),
)

payout_steps = Table(
    "payout_steps",
    metadata,
    Column("payout_id", ForeignKey("payouts.payout_id"), primary_key=True),
    Column("state", String(10), primary_key=True),  # billing.payouts.states.State: each is reached once
    Column("at_ms", BigInteger, nullable=False),
    Column("by_whom", String(120), nullable=False),
    Column("detail", Text, nullable=False),
)

PAYOUTS_APPEND_ONLY = (payout_sources, payout_runs, payouts, payout_postings, payout_steps)

for _table in PAYOUTS_APPEND_ONLY:
    guard_when_created(_table)
