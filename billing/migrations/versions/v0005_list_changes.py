"""What changed between two versions of a kiosk's list, so that a kiosk in contact fetches only that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_changes",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_list_changes_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "version", name=op.f("pk_list_changes")),
    )


def downgrade() -> None:
    op.drop_table("list_changes")
