"""Tables of drivers who have an account with a mail address. What was charged and paid stands elsewhere and stays."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from billing.tables import metadata

drivers = Table(
    "drivers",
    metadata,
    Column("driver_id", String(32), primary_key=True),
    Column("mail", String(120), unique=True),  # lower case; NULL once the account was deleted
    Column("language", String(8), nullable=False),
    Column("household_id", String(64), index=True),  # is the group of their accounts' cards
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
)

driver_accounts = Table(
    "driver_accounts",  # an account the operator gave cards to belongs to one driver at most
    metadata,
    Column("account_id", ForeignKey("accounts.account_id"), primary_key=True),
    Column("driver_id", ForeignKey("drivers.driver_id"), nullable=False, index=True),
    Column("claimed_ms", BigInteger, nullable=False),
)

account_claims = Table(
    "account_claims",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

driver_orders = Table(
    "driver_orders",  # orders paid by phone that somebody keeps in their history
    metadata,
    Column("link_id", String(64), primary_key=True),
    Column("driver_id", ForeignKey("drivers.driver_id"), nullable=False, index=True),
    Column("kept_ms", BigInteger, nullable=False),
)

mail_links = Table(
    "mail_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("mail", String(120), nullable=False),
    Column("language", String(8), nullable=False),
    Column("next", Text, nullable=False),
    Column("household_id", String(64)),  # an invitation into it
    Column("invited_by", ForeignKey("drivers.driver_id")),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("used_ms", BigInteger),
)
