"""Decisions of people about charges that nobody could settle by rule."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, String, Table, Text, exists, or_

from billing.decisions.choice import Choice
from billing.tables import metadata, transactions

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("kiosk_id", String(64), nullable=False),
    Column("transaction_id", String(64), nullable=False),
    Column("order_id", String(64), nullable=False, index=True),
    Column("choice", String(20), nullable=False),  # billing.decisions.choice.Choice
    Column("why", Text, nullable=False),
    Column("events", Integer, nullable=False),  # how many were here when it was asked: more of them is a new case
    Column("last_seq", Integer),  # of the reading that is billed; NULL: nothing is billed by it
    Column("amount_minor", BigInteger),  # what is billed, gross; NULL: nothing is billed by it
    Column("currency", String(3)),
    Column("until_ms", BigInteger),  # of a decision to wait
    Column("asked_by", String(80), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("needs_second", Integer, nullable=False),
    Column("decided_by", String(80)),  # who agreed or did not; NULL: it waits
    Column("decided_ms", BigInteger, index=True),
    Column("is_granted", Integer),
    Index(None, "kiosk_id", "transaction_id"),
)


def is_decided(of: Any = transactions) -> ColumnElement[bool]:
    """A person decided what is billed for it, if only nothing. `of` has a kiosk_id and a transaction_id."""
    d = decisions.c
    return exists().where(
        d.kiosk_id == of.c.kiosk_id,
        d.transaction_id == of.c.transaction_id,
        d.is_granted == 1,
        or_(
            *[d.choice == choice.value for choice in Choice if choice.bills]
        ),  # no IN: prepared statements have it, too
    )
