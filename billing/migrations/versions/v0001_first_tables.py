"""The first tables: kiosks, directory, uploads, quarantine, CDRs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=True),
        sa.Column("cap_minor", sa.BigInteger(), nullable=True),
        sa.Column("offline_cap_minor", sa.BigInteger(), nullable=False),
        sa.Column("concurrent_limit", sa.Integer(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "cdrs",
        sa.Column("cdr_id", sa.String(length=64), nullable=False),
        sa.Column("cdr_key", sa.String(length=150), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("excl_vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("incl_vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cdr_id", name=op.f("pk_cdrs")),
        sa.UniqueConstraint("cdr_key", name=op.f("uq_cdrs_cdr_key")),
    )
    with op.batch_alter_table("cdrs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cdrs_kiosk_id_transaction_id"), ["kiosk_id", "transaction_id"], unique=False
        )

    op.create_table(
        "enrolment_failures",
        sa.Column("failure_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(length=80), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("failure_no", name=op.f("pk_enrolment_failures")),
    )
    with op.batch_alter_table("enrolment_failures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolment_failures_at_ms"), ["at_ms"], unique=False)

    op.create_table(
        "events",
        sa.Column("event_key", sa.String(length=150), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("seq_no", sa.Integer(), nullable=False),
        sa.Column("event_type", sa.String(length=10), nullable=False),
        sa.Column("journal_no", sa.BigInteger(), nullable=False),
        sa.Column("elapsed_ms", sa.BigInteger(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("time_use", sa.String(length=10), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_key", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_events_kiosk_id_transaction_id_seq_no"),
            ["kiosk_id", "transaction_id", "seq_no"],
            unique=False,
        )

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "journal_rows",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("journal_no", sa.BigInteger(), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kiosk_id", "journal_no", "payload_hash", name=op.f("pk_journal_rows")),
    )
    op.create_table(
        "kiosks",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("max_power_w", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_contact_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_rows_ms", sa.BigInteger(), nullable=True),
        sa.Column("arrival_age_ms", sa.BigInteger(), nullable=True),
        sa.Column("boot_id", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("kiosk_id", name=op.f("pk_kiosks")),
        sa.UniqueConstraint("name", name=op.f("uq_kiosks_name")),
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("holds_bill", sa.Boolean(), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("seq_no", sa.Integer(), nullable=True),
        sa.Column("journal_no", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("quarantine_no", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("kiosk_id", "code", "subject_hash", name=op.f("uq_quarantine_kiosk_id_code_subject_hash")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_quarantine_kiosk_id_transaction_id"), ["kiosk_id", "transaction_id"], unique=False
        )

    op.create_table(
        "tariffs",
        sa.Column("tariff_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tariff_id", "version", name=op.f("pk_tariffs")),
    )
    op.create_table(
        "vouchers",
        sa.Column("voucher_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("spent_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("voucher_id", name=op.f("pk_vouchers")),
    )
    op.create_table(
        "alarms",
        sa.Column("alarm_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_alarms_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("alarm_no", name=op.f("pk_alarms")),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarms_kiosk_id_code"), ["kiosk_id", "code"], unique=False)

    op.create_table(
        "asks",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_asks_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "transaction_id", name=op.f("pk_asks")),
    )
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asks_token_hash"), ["token_hash"], unique=False)

    op.create_table(
        "boots",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("boot_id", sa.String(length=80), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_boots_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "boot_id", name=op.f("pk_boots")),
    )
    op.create_table(
        "commands",
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_commands_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_commands")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commands_kiosk_id"), ["kiosk_id"], unique=False)

    op.create_table(
        "disclaims",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_disclaims_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "transaction_id", name=op.f("pk_disclaims")),
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_enrolment_codes_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_enrolment_codes")),
    )
    op.create_table(
        "evse_offers",
        sa.Column("offer_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("tariff_id", sa.String(length=36), nullable=False),
        sa.Column("tariff_version", sa.Integer(), nullable=False),
        sa.Column("parking_grace_s", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_evse_offers_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("offer_no", name=op.f("pk_evse_offers")),
    )
    with op.batch_alter_table("evse_offers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_evse_offers_kiosk_id_evse_id_body_hash"), ["kiosk_id", "evse_id", "body_hash"], unique=False
        )

    op.create_table(
        "kiosk_keys",
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("board_serial", sa.String(length=80), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_kiosk_keys_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("public_key", name=op.f("pk_kiosk_keys")),
    )
    with op.batch_alter_table("kiosk_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kiosk_keys_kiosk_id"), ["kiosk_id"], unique=False)

    op.create_table(
        "lists",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_lists_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", name=op.f("pk_lists")),
    )
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("token_kind", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_tokens_account_id_accounts")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_tokens")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_account_id"), ["account_id"], unique=False)

    op.create_table(
        "transactions",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("receipt_key", sa.String(length=64), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.Integer(), nullable=False),
        sa.Column("first_received_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("ended_seq", sa.Integer(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.kiosk_id"], name=op.f("fk_transactions_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("kiosk_id", "transaction_id", name=op.f("pk_transactions")),
    )
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transactions_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_transactions_receipt_key"), ["receipt_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_transactions_started_ms"), ["started_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_transactions_token_hash"), ["token_hash"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transactions_token_hash"))
        batch_op.drop_index(batch_op.f("ix_transactions_started_ms"))
        batch_op.drop_index(batch_op.f("ix_transactions_receipt_key"))
        batch_op.drop_index(batch_op.f("ix_transactions_order_id"))

    op.drop_table("transactions")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_account_id"))

    op.drop_table("tokens")
    op.drop_table("lists")
    with op.batch_alter_table("kiosk_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kiosk_keys_kiosk_id"))

    op.drop_table("kiosk_keys")
    with op.batch_alter_table("evse_offers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evse_offers_kiosk_id_evse_id_body_hash"))

    op.drop_table("evse_offers")
    op.drop_table("enrolment_codes")
    op.drop_table("disclaims")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commands_kiosk_id"))

    op.drop_table("commands")
    op.drop_table("boots")
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asks_token_hash"))

    op.drop_table("asks")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alarms_kiosk_id_code"))

    op.drop_table("alarms")
    op.drop_table("vouchers")
    op.drop_table("tariffs")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quarantine_kiosk_id_transaction_id"))

    op.drop_table("quarantine")
    op.drop_table("kiosks")
    op.drop_table("journal_rows")
    op.drop_table("facts")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_kiosk_id_transaction_id_seq_no"))

    op.drop_table("events")
    with op.batch_alter_table("enrolment_failures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enrolment_failures_at_ms"))

    op.drop_table("enrolment_failures")
    with op.batch_alter_table("cdrs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cdrs_kiosk_id_transaction_id"))

    op.drop_table("cdrs")
    op.drop_table("accounts")
