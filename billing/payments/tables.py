"""Where payments are kept: one row each with its wish and sight, and a story that only grows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from billing.tables import metadata

payments = Table(
    "payments",
    metadata,
    Column("payment_id", String(64), primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("order_id", String(64), nullable=False, index=True),
    Column("stage", String(20), nullable=False),  # billing.payments.store.Stage
    Column("body", Text, nullable=False),  # billing.payments.payment.Payment
    Column("due_ms", BigInteger, index=True),  # NULL: nothing is to be asked
    Column("created_ms", BigInteger, nullable=False),
)

payment_steps = Table(
    "payment_steps",
    metadata,
    Column("payment_id", ForeignKey("payments.payment_id"), primary_key=True),
    Column("step_no", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", String(40), nullable=False),  # request, outcome, webhook or decision
    Column("detail", Text, nullable=False),
)
