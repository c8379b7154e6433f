"""The second proof of staff and hosts: a code generator, and recovery codes for the day it is lost.

Law:
- A code is taken once, a recovery code too; taking one and noting it is one transaction.
- Who moves money has a second proof, always; nobody takes it away from them but for setting up another.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, func, select, update

from billing.enrolment import CODE_LETTERS
from billing.moments import to_ms
from billing.people import passkeys, sealed, sessions, totp
from billing.people.persons import holder_of
from billing.people.tables import people, recovery_codes

RECOVERY_CODES = 10
RECOVERY_LETTERS = 16  # 31^16 > 2^79


def enrol(connection: Connection, server_key: Ed25519PrivateKey, person_id: str, secret: str, step: int) -> list[str]:
    """Set the generator, whose code of `step` was just taken. New recovery codes; the former are void."""
    values = {"totp_secret": sealed.seal(server_key, base64.b32decode(secret), person_id), "totp_step": step}
    connection.execute(update(people).where(people.c.person_id == person_id).values(values))
    return new_recovery_codes(connection, person_id)


def remove(connection: Connection, person_id: str) -> None:
    connection.execute(update(people).where(people.c.person_id == person_id).values(totp_secret=None, totp_step=None))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))


def remove_all(connection: Connection, person_id: str, now: datetime) -> None:
    """For a lost phone: generator, recovery codes and passkeys. They are signed out everywhere."""
    remove(connection, person_id)
    passkeys.remove_all(connection, holder_of(person_id))
    sessions.end_all(connection, holder_of(person_id), now)


def take_code(connection: Connection, server_key: Ed25519PrivateKey, person_id: str, typed: str, now: datetime) -> str:
    """How it was proved: "code" or "recovery code"; "" for a wrong, old or used one."""
    p = people.c
    row = connection.execute(select(p.totp_secret, p.totp_step).where(p.person_id == person_id)).one_or_none()
    if row is None or row.totp_secret is None:
        return ""
    secret = base64.b32encode(sealed.unseal(server_key, row.totp_secret, person_id)).decode()
    step = totp.step_of_code(secret, typed, now, row.totp_step)
    if step is not None:
        connection.execute(update(people).where(p.person_id == person_id).values(totp_step=step))
        return "code"
    r = recovery_codes.c
    mine = update(recovery_codes).where(r.code_hash == _code_hash(typed), r.person_id == person_id, r.used_ms.is_(None))
    return "recovery code" if connection.execute(mine.values(used_ms=to_ms(now))).rowcount else ""


def new_recovery_codes(connection: Connection, person_id: str) -> list[str]:
    connection.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"code_hash": _code_hash(code), "person_id": person_id} for code in codes]
    connection.execute(recovery_codes.insert(), rows)
    return codes


def recovery_codes_left(connection: Connection, person_id: str) -> int:
    r = recovery_codes.c
    mine = select(func.count()).where(r.person_id == person_id, r.used_ms.is_(None))
    return int(connection.execute(mine).scalar_one())


def _new_code() -> str:
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(RECOVERY_LETTERS))
    return "-".join(letters[i : i + 4] for i in range(0, RECOVERY_LETTERS, 4))


def _code_hash(typed: str) -> str:
    """Case, spaces and dashes do not count."""
    letters = "".join(letter for letter in typed.upper()[:80] if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
