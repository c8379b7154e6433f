"""Tariffs that come into force later, and drafts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tariffs") as table:
        table.add_column(sa.Column("from_ms", sa.BigInteger(), nullable=True))
    op.execute("UPDATE tariffs SET from_ms = created_ms")
    with op.batch_alter_table("tariffs") as table:
        table.alter_column("from_ms", existing_type=sa.BigInteger(), nullable=False)
    op.create_table(
        "tariff_drafts",
        sa.Column("tariff_id", sa.String(length=36), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("edited_by", sa.String(length=80), nullable=False),
        sa.Column("edited_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tariff_id", name=op.f("pk_tariff_drafts")),
    )


def downgrade() -> None:
    op.drop_table("tariff_drafts")
    with op.batch_alter_table("tariffs") as table:
        table.drop_column("from_ms")
