"""Mails that wait to be sent. A text may carry a link that lets somebody in, so it is sealed, and gone once sent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from billing.tables import RowNumber, metadata

mails = Table(
    "mails",
    metadata,
    Column("mail_no", RowNumber, primary_key=True),
    Column("seal_name", String(32), nullable=False, unique=True),
    Column("sealed", Text, nullable=False),  # billing.mail.outbox.Mail; "" once it is sent or given up
    Column("due_ms", BigInteger, index=True),  # NULL: nothing more is done with it
    Column("expires_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("outcome", String(200), nullable=False),  # "" until sent or given up
)
