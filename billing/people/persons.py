"""The list of people: added, found, disabled, given a password. Every change is noted in the audit log."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, literal, select, update

from billing.directory import NotKnown
from billing.moments import to_ms
from billing.people import audit, sessions
from billing.people.roles import Person, Role
from billing.people.tables import passkeys, people

_KNOWN = select(
    people, exists().where(passkeys.c.holder == literal("person:") + people.c.person_id).label("has_passkey")
)
LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,119}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as the list holds them."""

    person: Person
    login: str
    password_hash: str | None
    has_generator: bool
    has_passkey: bool
    is_disabled: bool

    @property
    def proofs(self) -> list[str]:
        """Second proofs that are set up, in words."""
        return ["code generator"] * self.has_generator + ["passkey"] * self.has_passkey


def holder_of(person_id: str) -> str:
    return f"person:{person_id}"


def login_of(typed: str) -> str:
    """As it is looked up: people write their mail address with capitals."""
    return typed.strip().lower()[:200]


def add_person(
    connection: Connection,
    login: str,
    name: str,
    role: Role,
    now: datetime,
    *,
    host_id: str | None = None,
    by: Person | str = audit.COMMAND_LINE,
) -> Person:
    """Raises ValueError. They cannot sign in before they took up an invitation (billing.people.invitations)."""
    login = login_of(login)
    if not LOGIN.fullmatch(login):
        raise ValueError(f"login {login!r}: want 2 to 120 of a-z, 0-9 and . _ @ + -, as a mail address")
    if not 1 <= len(name.strip()) <= 120 or not name.isprintable():
        raise ValueError(f"name {name!r}: want 1 to 120 printable characters")
    if (role is Role.HOST) != (host_id is not None):
        raise ValueError("a host wants --host, and nobody else has one")
    if find_login(connection, login) is not None:
        raise ValueError(f"login {login!r} is taken")
    person = Person(secrets.token_hex(8), name.strip(), role, host_id)
    values = {
        "person_id": person.person_id,
        "login": login,
        "name": person.name,
        "role": role.value,
        "host_id": host_id,
        "is_disabled": False,
        "created_ms": to_ms(now),
    }
    connection.execute(people.insert().values(values))
    audit.note(connection, by, f"added {login} as {role.value}", person.person_id, now)
    return person


def find_login(connection: Connection, login: str) -> Entry | None:
    return _entry(connection.execute(_KNOWN.where(people.c.login == login_of(login))).one_or_none())


def find_person(connection: Connection, person_id: str) -> Entry | None:
    return _entry(connection.execute(_KNOWN.where(people.c.person_id == person_id)).one_or_none())


def known_login(connection: Connection, login: str) -> Entry:
    """Raises NotKnown."""
    entry = find_login(connection, login)
    if entry is None:
        raise NotKnown(f"nobody signs in as {login!r}; kiosk-billing person list")
    return entry


def everybody(connection: Connection) -> list[Entry]:
    rows = connection.execute(_KNOWN.order_by(people.c.login)).all()
    return [entry for row in rows if (entry := _entry(row)) is not None]


def set_password(connection: Connection, person_id: str, password_hash: str) -> None:
    """`password_hash` is from billing.people.passwords, made before this transaction: it takes its time."""
    connection.execute(update(people).where(people.c.person_id == person_id).values(password_hash=password_hash))


def set_disabled(
    connection: Connection, login: str, now: datetime, *, disabled: bool, by: Person | str = audit.COMMAND_LINE
) -> None:
    """Whoever is disabled is signed out everywhere at once. Raises NotKnown; ValueError for the last administrator."""
    entry = known_login(connection, login)
    if disabled and entry.person.role is Role.ADMIN and not entry.is_disabled and _live_admins(connection) == 1:
        raise ValueError(f"{entry.login} is the last administrator; add another one first")
    mine = people.c.person_id == entry.person.person_id
    connection.execute(update(people).where(mine).values(is_disabled=disabled))
    if disabled:
        sessions.end_all(connection, holder_of(entry.person.person_id), now)
    word = "disabled" if disabled else "enabled"
    audit.note(connection, by, f"{word} {entry.login}", entry.person.person_id, now)


def _live_admins(connection: Connection) -> int:
    query = select(func.count()).where(people.c.role == Role.ADMIN.value, people.c.is_disabled.is_(False))
    return int(connection.execute(query).scalar_one())


def _entry(row: Row[Any] | None) -> Entry | None:
    if row is None:
        return None
    person = Person(row.person_id, row.name, Role(row.role), row.host_id)
    return Entry(person, row.login, row.password_hash, row.totp_secret is not None, row.has_passkey, row.is_disabled)
