"""Tables of people, their sessions and proofs, and of what they did.

Law:
- No secret that lets somebody in stands here in clear: passwords as argon2, tokens as SHA-256 of enough chance. The one
  exception is the secret of a code generator, which must be known to be compared (decision 0080).
- `audit_log` only grows; triggers see to it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from billing.append_only import guard_when_created
from billing.tables import RowNumber, metadata

people = Table(
    "people",
    metadata,
    Column("person_id", String(32), primary_key=True),
    Column("login", String(120), nullable=False, unique=True),  # what is typed to sign in, lower case
    Column("name", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("host_id", String(64), index=True),  # whose devices a host sees
    Column("password_hash", String(200)),  # NULL until the invitation was taken up
    Column("totp_secret", String(64)),  # base32; NULL: no code generator enrolled
    Column("totp_step", BigInteger),  # of the last code taken: none at or before it is taken again
    Column("is_disabled", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("holder", String(80), nullable=False, index=True),  # person:ID or driver:ID
    Column("stage", String(20), nullable=False),  # billing.people.sessions.Stage
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("idle_ms", BigInteger, nullable=False),  # unseen for so long it is over
    Column("expires_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("address", String(80), nullable=False),
    Column("browser", String(200), nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.person_id"), nullable=False, index=True),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.person_id"), nullable=False, index=True),
    Column("used_ms", BigInteger),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("credential_id", String(400), primary_key=True),  # base64url
    Column("holder", String(80), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("label", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("attempt_no", RowNumber, primary_key=True),
    Column("subject", String(120), nullable=False),  # billing.people.pace: an account, a browser or an address
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "subject", "at_ms"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("audit_no", RowNumber, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("person_id", String(64), index=True),  # NULL: the command line, or nobody known
    Column("who", String(120), nullable=False),  # as they were called then
    Column("what", Text, nullable=False),
    Column("subject", String(200), nullable=False, index=True),
)

guard_when_created(audit_log)
