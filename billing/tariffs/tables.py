"""Drafts: what somebody typed and nobody is sold yet, one per tariff."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from billing.tables import metadata

tariff_drafts = Table(
    "tariff_drafts",
    metadata,
    Column("tariff_id", String(36), primary_key=True),
    Column("fields", Text, nullable=False),  # the form as it was typed, JSON: also a draft with a mistake is kept
    Column("edited_by", String(80), nullable=False),
    Column("edited_ms", BigInteger, nullable=False),
)
