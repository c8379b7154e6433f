"""Commands that wait, and starts without an answer, are found without looking through all that were ever sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDICES = {
    "ix_commands_waiting": (["kiosk_id", "expires_ms"], "answered_ms IS NULL"),
    "ix_commands_unanswered": (["expires_ms"], "status IS NULL"),
}


def upgrade() -> None:
    for name, (columns, condition) in INDICES.items():
        where = sa.text(condition)
        op.create_index(name, "commands", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in INDICES:
        op.drop_index(name, table_name="commands")
