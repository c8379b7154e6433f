"""Credit CDRs, and an event type with a longer name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cdrs") as table:
        table.add_column(sa.Column("credit_reference_id", sa.String(length=64), nullable=True))
        table.create_unique_constraint(op.f("uq_cdrs_credit_reference_id"), ["credit_reference_id"])
    with op.batch_alter_table("events") as table:
        table.alter_column("event_type", existing_type=sa.String(length=10), type_=sa.String(length=20))
