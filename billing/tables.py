"""Every table of the server, in SQLAlchemy Core.

Law:
- What a kiosk sent is kept as the exact text it sent and is never updated.
- Columns named `_ms` hold UTC milliseconds (billing.moments); money is integer minor units, energy integer Wh.
- A change here comes with a migration; a test compares the two.

The ledger of the money issue stands beside `cdrs` and refers to `cdrs.cdr_id`; nothing here keeps a balance.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _index_where(condition: str, name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


RowNumber = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER key

# --- the server itself ---------------------------------------------------------------------------------------
facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),  # epoch, directory_revision
    Column("value", String(200), nullable=False),
)

used_nonces = Table(
    "used_nonces",  # of several workers on PostgreSQL; one process remembers them by itself
    metadata,
    Column("nonce", String(40), primary_key=True),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

# --- kiosks and their keys -----------------------------------------------------------------------------------
kiosks = Table(
    "kiosks",
    metadata,
    Column("kiosk_id", String(64), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("place", String(200), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("max_power_w", Integer, nullable=False),  # of one EVSE; a register step beyond it is not believed
    Column("created_ms", BigInteger, nullable=False),
    Column("last_contact_ms", BigInteger),
    Column("last_rows_ms", BigInteger),  # when rows last arrived
    Column("arrival_age_ms", BigInteger),  # how old the newest event of the last upload was, by the kiosk's clock
    Column("boot_id", String(80)),
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

enrolment_failures = Table(
    "enrolment_failures",
    metadata,
    Column("failure_no", RowNumber, primary_key=True),
    Column("address", String(80), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
)

kiosk_keys = Table(
    "kiosk_keys",
    metadata,
    Column("public_key", String(64), primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False, index=True),
    Column("board_serial", String(80), nullable=False),
    Column("enrolled_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

boots = Table(
    "boots",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("boot_id", String(80), primary_key=True),
    Column("first_ms", BigInteger, nullable=False),
)

device_secrets = Table(
    "device_secrets",  # what the codes for phones on a kiosk's screen are made from; in its signed list too
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

code_guesses = Table(
    "code_guesses",  # short codes that were wrong, until they are forgotten
    metadata,
    Column("subject", String(80), primary_key=True),  # kiosk:ID or address:ADDRESS
    Column("wrong", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("rests_until_ms", BigInteger, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_no", RowNumber, primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("message", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("cleared_ms", BigInteger),
    Index(None, "kiosk_id", "code"),
)

# --- who may charge, and at what price -----------------------------------------------------------------------
accounts = Table(
    "accounts",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("group_id", String(64)),
    Column("cap_minor", BigInteger),  # most one order may cost with the server's consent; NULL: no cap
    Column("offline_cap_minor", BigInteger, nullable=False),  # most a kiosk may lend on its own
    Column("concurrent_limit", Integer, nullable=False),  # open transactions at one time
    Column("is_blocked", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("token_kind", String(20), nullable=False),
    Column("label", String(40), nullable=False),  # masked: enough to recognise, too little to copy
    Column("account_id", ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("is_blocked", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

vouchers = Table(
    "vouchers",
    metadata,
    Column("voucher_id", String(64), primary_key=True),
    Column("kiosk_id", String(64), nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("valid_until_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("order_id", String(64)),  # the order that asked for it or spent it
    Column("spent_ms", BigInteger),  # a Started with this voucher arrived
)

tariffs = Table(
    "tariffs",
    metadata,
    Column("tariff_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", Text, nullable=False),  # contract.tariff.Tariff, canonical
    Column("created_ms", BigInteger, nullable=False),
    Column("from_ms", BigInteger, nullable=False),  # in force from then on, until a higher version is
)

evse_offers = Table(
    "evse_offers",
    metadata,
    Column("offer_no", RowNumber, primary_key=True),  # append-only: the highest number is the current offer
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("tariff_id", String(36), nullable=False),
    Column("tariff_version", Integer, nullable=False),
    Column("parking_grace_s", Integer, nullable=False),
    Column("body", Text, nullable=False),  # contract.tariff.TariffOffer, canonical
    Column("body_hash", String(64), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Index(None, "kiosk_id", "evse_id", "body_hash"),
)

lists = Table(
    "lists",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),  # of the directory it was built from
    Column("content_hash", String(64), nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

list_changes = Table(
    "list_changes",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("base_version", Integer, nullable=False),
    Column("body", Text, nullable=False),  # contract.list_change.ListChange
)

# --- Asks and commands ---------------------------------------------------------------------------------------
asks = Table(
    "asks",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("transaction_id", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("token_hash", String(64), nullable=False, index=True),
    Column("status", String(20), nullable=False),
    Column("answer", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
)

disclaims = Table(
    "disclaims",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("transaction_id", String(64), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", String(64), primary_key=True),
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),  # contract.api.Command
    Column("queued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("answered_ms", BigInteger),
    Column("status", String(20)),
    Column("reason", Text),
    Column("transaction_id", String(64)),
    # Asked for at every poll and every few seconds, for ever: not through all that were ever sent.
    _index_where("answered_ms IS NULL", "ix_commands_waiting", "kiosk_id", "expires_ms"),
    _index_where("status IS NULL", "ix_commands_unanswered", "expires_ms"),
)

# --- what kiosks uploaded ------------------------------------------------------------------------------------
transactions = Table(
    "transactions",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("transaction_id", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False, index=True),
    Column("receipt_key", String(64), nullable=False, index=True),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("first_received_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger, index=True),  # the kiosk's wall time; NULL until Started arrived
    Column("token_hash", String(64), index=True),
    Column("account_id", String(64)),
    Column("ended_seq", Integer),  # NULL until Ended arrived
    Column("ended_ms", BigInteger),
)

events = Table(
    "events",
    metadata,
    Column("event_key", String(150), primary_key=True),  # billing.keys.event_key: kiosk, transaction, seq_no
    Column("kiosk_id", String(64), nullable=False),
    Column("transaction_id", String(64), nullable=False),
    Column("seq_no", Integer, nullable=False),
    Column("event_type", String(20), nullable=False),
    Column("journal_no", BigInteger, nullable=False),
    Column("elapsed_ms", BigInteger, nullable=False),
    Column("import_wh", BigInteger, nullable=False),
    Column("time_use", String(10), nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("body", Text, nullable=False),  # exactly as received
    Column("received_ms", BigInteger, nullable=False),
    Index(None, "kiosk_id", "transaction_id", "seq_no"),
)

journal_rows = Table(
    "journal_rows",  # every kind but transaction
    metadata,
    Column("kiosk_id", String(64), primary_key=True),
    Column("journal_no", BigInteger, primary_key=True),
    Column("payload_hash", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_no", RowNumber, primary_key=True),
    Column("kiosk_id", String(64), nullable=False),
    Column("code", String(40), nullable=False),
    Column("subject_hash", String(64), nullable=False),  # of the row, or of the transaction's key
    Column("reason", Text, nullable=False),
    Column("holds_bill", Boolean, nullable=False),  # True: no CDR before an operator decided
    Column("transaction_id", String(64)),
    Column("seq_no", Integer),
    Column("journal_no", BigInteger),
    Column("body", Text),  # the row as received; NULL where a whole transaction is meant
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("kiosk_id", "code", "subject_hash"),
    Index(None, "kiosk_id", "transaction_id"),
)

cdrs = Table(
    "cdrs",
    metadata,
    Column("cdr_id", String(64), primary_key=True),
    Column("cdr_key", String(150), nullable=False, unique=True),  # event_key of the Ended it was rated from
    Column("kiosk_id", String(64), nullable=False),
    Column("transaction_id", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("energy_wh", BigInteger, nullable=False),
    Column("excl_vat_minor", BigInteger, nullable=False),
    Column("incl_vat_minor", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # OCPI's words, see billing.cdr
    Column("rated_ms", BigInteger, nullable=False),
    Column("credit_reference_id", String(64), unique=True),  # the CDR this one takes back; NULL: it is a bill
    Index(None, "kiosk_id", "transaction_id"),
)
