"""Settlement: agreements with hosts and partners, and the calculation of each sale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreements",
        sa.Column("agreement_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("written_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_agreements_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("agreement_no", name=op.f("pk_agreements")),
    )
    op.create_index(op.f("ix_agreements_host_id"), "agreements", ["host_id"])
    columns = ["kiosk_id", "evse_id", "from_ms"]
    op.create_index(op.f("ix_agreements_kiosk_id_evse_id_from_ms"), "agreements", columns)
    op.create_table(
        "sales",
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=True),
        sa.Column("partner_id", sa.String(length=64), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", name=op.f("pk_sales")),
    )
    op.create_index(op.f("ix_sales_order_id"), "sales", ["order_id"])
    op.create_index(op.f("ix_sales_host_id_started_ms"), "sales", ["host_id", "started_ms"])


def downgrade() -> None:
    op.drop_table("sales")
    op.drop_table("agreements")
