"""Drivers with accounts, links by mail, and the mails that wait to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("mail_no", ROW_NUMBER, nullable=False),
        sa.Column("seal_name", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("mail_no", name=op.f("pk_mails")),
        sa.UniqueConstraint("seal_name", name=op.f("uq_mails_seal_name")),
    )
    op.create_index(op.f("ix_mails_due_ms"), "mails", ["due_ms"])
    op.create_table(
        "drivers",
        sa.Column("driver_id", sa.String(length=32), nullable=False),
        sa.Column("mail", sa.String(length=120), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("household_id", sa.String(length=64), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("driver_id", name=op.f("pk_drivers")),
        sa.UniqueConstraint("mail", name=op.f("uq_drivers_mail")),
    )
    op.create_index(op.f("ix_drivers_household_id"), "drivers", ["household_id"])
    op.create_table(
        "driver_accounts",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("driver_id", sa.String(length=32), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_driver_accounts_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["drivers.driver_id"], name=op.f("fk_driver_accounts_driver_id_drivers")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_driver_accounts")),
    )
    op.create_index(op.f("ix_driver_accounts_driver_id"), "driver_accounts", ["driver_id"])
    op.create_table(
        "account_claims",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_account_claims_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_account_claims")),
    )
    op.create_index(op.f("ix_account_claims_account_id"), "account_claims", ["account_id"])
    op.create_table(
        "driver_orders",
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("driver_id", sa.String(length=32), nullable=False),
        sa.Column("kept_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["driver_id"], ["drivers.driver_id"], name=op.f("fk_driver_orders_driver_id_drivers")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_driver_orders")),
    )
    op.create_index(op.f("ix_driver_orders_driver_id"), "driver_orders", ["driver_id"])
    op.create_table(
        "mail_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("mail", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("next", sa.Text(), nullable=False),
        sa.Column("household_id", sa.String(length=64), nullable=True),
        sa.Column("invited_by", sa.String(length=32), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["invited_by"], ["drivers.driver_id"], name=op.f("fk_mail_links_invited_by_drivers")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_links")),
    )
    op.create_index(op.f("ix_mail_links_expires_ms"), "mail_links", ["expires_ms"])


def downgrade() -> None:
    for name in ("mail_links", "driver_orders", "account_claims", "driver_accounts", "drivers", "mails"):
        op.drop_table(name)
