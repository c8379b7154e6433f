"""Hosts, their bank accounts and their closed months. All but the host's own name and address is append-only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text, UniqueConstraint

from billing.append_only import guard_when_created
from billing.settlement.tables import agreements
from billing.tables import RowNumber, metadata

hosts = Table(
    "hosts",
    metadata,
    Column("host_id", String(40), primary_key=True),
    Column("name", String(70), nullable=False),  # as the bank prints it: at most 70
    Column("address", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("language", String(2), nullable=False),
    Column("vat_id", String(20)),
    Column("vat_rate", String(10)),  # per cent, paid on top; NULL: the host charges no VAT
    Column("created_ms", BigInteger, nullable=False),
)

bank_accounts = Table(
    "bank_accounts",
    metadata,
    Column("account_no", RowNumber, primary_key=True),
    Column("host_id", ForeignKey("hosts.host_id"), nullable=False, index=True),
    Column("holder", String(70), nullable=False),
    Column("iban", String(34), nullable=False),
    Column("bic", String(11)),
    Column("entered_ms", BigInteger, nullable=False),
    Column("entered_by", String(120), nullable=False),
    Column("waits_until_ms", BigInteger, nullable=False),
)

bank_account_ends = Table(
    "bank_account_ends",  # of the waiting: approved or withdrawn, once
    metadata,
    Column("account_no", ForeignKey("bank_accounts.account_no"), primary_key=True),
    Column("how", String(10), nullable=False),
    Column("by_whom", String(120), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

host_months = Table(
    "host_months",
    metadata,
    Column("month_no", RowNumber, primary_key=True),
    Column("host_id", ForeignKey("hosts.host_id"), nullable=False),
    Column("month", String(7), nullable=False),  # 2026-11, in the host's own time zone
    Column("opening_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("closing_minor", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # billing.hosts.party.Host as it was
    Column("closed_ms", BigInteger, nullable=False),
    Column("closed_by", String(120), nullable=False),
    UniqueConstraint("host_id", "month"),
)

HOSTS_APPEND_ONLY = (bank_accounts, bank_account_ends, host_months)

for _table in (*HOSTS_APPEND_ONLY, agreements):
    guard_when_created(_table)
