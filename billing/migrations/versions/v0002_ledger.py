"""The ledger: accounts, entries, postings, holds; append-only by triggers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ENTRY_NO = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_accounts")),
    )
    op.create_index(op.f("ix_ledger_accounts_owner"), "ledger_accounts", ["owner"])
    op.create_table(
        "ledger_entries",
        sa.Column("entry_no", ENTRY_NO, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=True),
        sa.Column("reverses", sa.String(length=200), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reverses"], ["ledger_entries.key"], name=op.f("fk_ledger_entries_reverses_ledger_entries")
        ),
        sa.PrimaryKeyConstraint("entry_no", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entries_key")),
        sa.UniqueConstraint("reverses", name=op.f("uq_ledger_entries_reverses")),
    )
    op.create_index(op.f("ix_ledger_entries_subject"), "ledger_entries", ["subject"])
    op.create_table(
        "ledger_postings",
        sa.Column("entry_no", ENTRY_NO, nullable=False),
        sa.Column("leg_no", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["ledger_accounts.name"], name=op.f("fk_ledger_postings_account_ledger_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["entry_no"], ["ledger_entries.entry_no"], name=op.f("fk_ledger_postings_entry_no_ledger_entries")
        ),
        sa.PrimaryKeyConstraint("entry_no", "leg_no", name=op.f("pk_ledger_postings")),
    )
    op.create_index(op.f("ix_ledger_postings_account"), "ledger_postings", ["account"])
    op.create_table(
        "ledger_holds",
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("placed_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["ledger_accounts.name"], name=op.f("fk_ledger_holds_account_ledger_accounts")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_ledger_holds")),
    )
    op.create_index(op.f("ix_ledger_holds_account"), "ledger_holds", ["account"])
    op.create_index(op.f("ix_ledger_holds_subject"), "ledger_holds", ["subject"])
    op.create_table(
        "ledger_hold_ends",
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_key"], ["ledger_entries.key"], name=op.f("fk_ledger_hold_ends_entry_key_ledger_entries")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["ledger_holds.hold_id"], name=op.f("fk_ledger_hold_ends_hold_id_ledger_holds")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_ledger_hold_ends")),
    )
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(statement)


def _guards(dialect: str) -> list[str]:
    """The guards as they were when these tables were made; later tables bring their own."""
    names = ("ledger_accounts", "ledger_entries", "ledger_postings", "ledger_holds", "ledger_hold_ends")
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
            for name in names
            for verb in ("UPDATE", "DELETE")
        ]
    function = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    return [function] + [
        f"CREATE TRIGGER {name}_{guard} FUNCTION refuse_change()"
        for name in names
        for guard in (
            f"no_change BEFORE UPDATE OR DELETE ON {name} FOR EACH ROW EXECUTE",
            f"no_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE",
        )
    ]


def downgrade() -> None:
    for name in ("ledger_hold_ends", "ledger_holds", "ledger_postings", "ledger_entries", "ledger_accounts"):
        op.drop_table(name)
