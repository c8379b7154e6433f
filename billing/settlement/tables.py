"""What was agreed for an EVSE, with whom, from when. Append-only: the newest row that has begun is in force."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from billing.tables import RowNumber, metadata

agreements = Table(
    "agreements",
    metadata,
    Column("agreement_no", RowNumber, primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("host_id", String(64), index=True),
    Column("body", Text, nullable=False),  # billing.settlement.agreement.Agreement
    Column("from_ms", BigInteger, nullable=False),
    Column("written_ms", BigInteger, nullable=False),
    Index(None, "kiosk_id", "evse_id", "from_ms"),
)

sales = Table(
    "sales",
    metadata,
    Column("cdr_id", String(64), primary_key=True),
    Column("kiosk_id", String(64), nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("order_id", String(64), nullable=False, index=True),
    Column("host_id", String(64)),
    Column("partner_id", String(64)),
    Column("started_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # billing.settlement.sales.Sold: the calculation, for whoever asks
    Index(None, "host_id", "started_ms"),
)
