"""Checkouts, bills, refunds by decision, and how much is held where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checkouts",
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.String(length=64), nullable=False),
        sa.Column("start_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("begun_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_checkouts_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_checkouts")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_checkouts_payment_id")),
    )
    for column in ("kiosk_id", "start_id", "order_id", "due_ms"):
        op.create_index(op.f(f"ix_checkouts_{column}"), "checkouts", [column])
    op.create_table(
        "bills",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_bills_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_bills")),
    )
    for column in ("due_ms", "settled_ms"):
        op.create_index(op.f(f"ix_bills_{column}"), "bills", [column])
    op.create_table(
        "refunds",
        sa.Column("refund_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("needs_second", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("is_granted", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("fk_refunds_payment_id_payments")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refunds")),
    )
    for column in ("payment_id", "order_id"):
        op.create_index(op.f(f"ix_refunds_{column}"), "refunds", [column])
    op.create_table(
        "hold_rules",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("hold_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_hold_rules_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "evse_id", name=op.f("pk_hold_rules")),
    )


def downgrade() -> None:
    for table in ("hold_rules", "refunds", "bills", "checkouts"):
        op.drop_table(table)
