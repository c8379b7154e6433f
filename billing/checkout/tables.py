"""Checkouts, bills, refunds by decision, and how much is held where."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from billing.tables import metadata

checkouts = Table(
    "checkouts",
    metadata,
    Column("link_id", String(64), primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False, index=True),
    Column("payment_id", String(64), nullable=False, unique=True),
    Column("start_id", String(64), nullable=False, index=True),
    Column("order_id", String(64), nullable=False, index=True),  # "" until the kiosk told it
    Column("stage", String(20), nullable=False),  # billing.checkout.checkout.Stage
    Column("body", Text, nullable=False),  # billing.checkout.checkout.Checkout
    Column("due_ms", BigInteger, index=True),  # when it is to be looked at; NULL: when something happens
    Column("begun_ms", BigInteger, nullable=False),
)

bills = Table(
    "bills",
    metadata,
    Column("order_id", String(64), primary_key=True),  # an order is billed once
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False),
    Column("due_ms", BigInteger, index=True),  # when it is to be looked at; NULL: when something arrives
    Column("noted_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, index=True),  # NULL: not yet
    Column("currency", String(3)),
    Column("total_minor", BigInteger),  # what was billed, gross; corrected by what came later
    Column("body", Text),  # billing.checkout.bills.Bill, once settled
)

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String(64), primary_key=True),
    Column("payment_id", ForeignKey("payments.payment_id"), nullable=False, index=True),
    Column("order_id", String(64), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("rule", String(20), nullable=False),  # billing.checkout.refunds.Rule
    Column("why", Text, nullable=False),
    Column("asked_by", String(80), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("needs_second", Integer, nullable=False),
    Column("decided_by", String(80)),  # who approved or refused; NULL: it waits
    Column("decided_ms", BigInteger),
    Column("is_granted", Integer),
)

hold_rules = Table(
    "hold_rules",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("evse_id", Integer, primary_key=True),  # 0: every EVSE of the kiosk
    Column("hold_minor", BigInteger, nullable=False),
)
