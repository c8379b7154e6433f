"""Hosts, their bank accounts and closed months, and the payout runs. Agreements become append-only by trigger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.append_only import GUARD_FUNCTION_POSTGRESQL, guards_postgresql, guards_sqlite

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = (
    "agreements",
    "bank_accounts",
    "bank_account_ends",
    "host_months",
    "payout_sources",
    "payout_runs",
    "payouts",
    "payout_postings",
    "payout_steps",
)


def upgrade() -> None:
    _hosts()
    _payouts()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(GUARD_FUNCTION_POSTGRESQL)
    guards = guards_postgresql if op.get_bind().dialect.name == "postgresql" else guards_sqlite
    for table in APPEND_ONLY:
        for statement in guards(table):
            op.execute(statement)


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("host_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=70), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("vat_id", sa.String(length=20), nullable=True),
        sa.Column("vat_rate", sa.String(length=10), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name=op.f("pk_hosts")),
    )
    op.create_table(
        "bank_accounts",
        sa.Column("account_no", NUMBER, nullable=False),
        sa.Column("host_id", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=70), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("bic", sa.String(length=11), nullable=True),
        sa.Column("entered_ms", sa.BigInteger(), nullable=False),
        sa.Column("entered_by", sa.String(length=120), nullable=False),
        sa.Column("waits_until_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.host_id"], name=op.f("fk_bank_accounts_host_id_hosts")),
        sa.PrimaryKeyConstraint("account_no", name=op.f("pk_bank_accounts")),
    )
    op.create_index(op.f("ix_bank_accounts_host_id"), "bank_accounts", ["host_id"])
    account = op.f("fk_bank_account_ends_account_no_bank_accounts")
    op.create_table(
        "bank_account_ends",
        sa.Column("account_no", NUMBER, nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("by_whom", sa.String(length=120), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_no"], ["bank_accounts.account_no"], name=account),
        sa.PrimaryKeyConstraint("account_no", name=op.f("pk_bank_account_ends")),
    )
    op.create_table(
        "host_months",
        sa.Column("month_no", NUMBER, nullable=False),
        sa.Column("host_id", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("closing_minor", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.host_id"], name=op.f("fk_host_months_host_id_hosts")),
        sa.PrimaryKeyConstraint("month_no", name=op.f("pk_host_months")),
        sa.UniqueConstraint("host_id", "month", name=op.f("uq_host_months_host_id_month")),
    )


def _payouts() -> None:
    op.create_table(
        "payout_sources",
        sa.Column("source_no", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=70), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("bic", sa.String(length=11), nullable=True),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("source_no", name=op.f("pk_payout_sources")),
    )
    source = op.f("fk_payout_runs_source_no_payout_sources")
    op.create_table(
        "payout_runs",
        sa.Column("run_no", NUMBER, nullable=False),
        sa.Column("source_no", NUMBER, nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source_no"], ["payout_sources.source_no"], name=source),
        sa.PrimaryKeyConstraint("run_no", name=op.f("pk_payout_runs")),
    )
    op.create_table(
        "payouts",
        sa.Column("payout_id", sa.String(length=35), nullable=False),
        sa.Column("run_no", NUMBER, nullable=False),
        sa.Column("host_id", sa.String(length=40), nullable=False),
        sa.Column("account_no", NUMBER, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("through_month", sa.String(length=7), nullable=False),
        sa.ForeignKeyConstraint(["run_no"], ["payout_runs.run_no"], name=op.f("fk_payouts_run_no_payout_runs")),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.host_id"], name=op.f("fk_payouts_host_id_hosts")),
        sa.ForeignKeyConstraint(
            ["account_no"], ["bank_accounts.account_no"], name=op.f("fk_payouts_account_no_bank_accounts")
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payouts")),
    )
    op.create_index(op.f("ix_payouts_run_no"), "payouts", ["run_no"])
    op.create_index(op.f("ix_payouts_host_id"), "payouts", ["host_id"])
    op.create_table(
        "payout_postings",
        sa.Column("payout_id", sa.String(length=35), nullable=False),
        sa.Column("entry_no", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.payout_id"], name=op.f("fk_payout_postings_payout_id_payouts")
        ),
        sa.ForeignKeyConstraint(
            ["entry_no"], ["ledger_entries.entry_no"], name=op.f("fk_payout_postings_entry_no_ledger_entries")
        ),
        sa.PrimaryKeyConstraint("payout_id", "entry_no", name=op.f("pk_payout_postings")),
    )
    op.create_index(op.f("ix_payout_postings_entry_no"), "payout_postings", ["entry_no"])
    op.create_table(
        "payout_steps",
        sa.Column("payout_id", sa.String(length=35), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by_whom", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.payout_id"], name=op.f("fk_payout_steps_payout_id_payouts")),
        sa.PrimaryKeyConstraint("payout_id", "state", name=op.f("pk_payout_steps")),
    )
