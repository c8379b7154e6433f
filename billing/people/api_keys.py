"""Keys for programs: `Authorization: Bearer KEY` at /v1/operator. A key has a name, a role, and is shown once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from billing.directory import NotKnown
from billing.moments import to_ms
from billing.people import audit
from billing.people.roles import STAFF, Person, Role
from billing.people.tables import api_keys
from billing.people.tokens import new_token, token_hash

PREFIX = "kb_"  # so that scanners of source trees find one that was left there
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
USE_IS_NOTED_EVERY = timedelta(minutes=10)


def add_key(connection: Connection, name: str, role: Role, now: datetime) -> str:
    """The new key. Raises ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: want 1 to 80 of a-z, 0-9 and . _ -")
    if role not in STAFF:
        raise ValueError(f"role {role.value}: want one of {', '.join(sorted(STAFF))}")
    if connection.execute(select(api_keys.c.name).where(api_keys.c.name == name)).first() is not None:
        raise ValueError(f"there is or was a key {name!r}; take another name")
    key = PREFIX + new_token()
    values = {"key_hash": token_hash(key), "name": name, "role": role.value, "created_ms": to_ms(now)}
    connection.execute(api_keys.insert().values(values))
    audit.note(connection, audit.COMMAND_LINE, f"made a key for programs as {role.value}", f"key:{name}", now)
    return key


def revoke_key(connection: Connection, name: str, now: datetime) -> None:
    """Raises NotKnown."""
    live = update(api_keys).where(api_keys.c.name == name, api_keys.c.revoked_ms.is_(None))
    if connection.execute(live.values(revoked_ms=to_ms(now))).rowcount == 0:
        raise NotKnown(f"no live key {name!r}")
    audit.note(connection, audit.COMMAND_LINE, "revoked a key for programs", f"key:{name}", now)


def all_keys(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(api_keys).order_by(api_keys.c.name)).all())


def whose_key(connection: Connection, key: str) -> tuple[Person, int | None] | None:
    """The program as a person, and when it was last noted (ms)."""
    live = select(api_keys).where(api_keys.c.key_hash == token_hash(key), api_keys.c.revoked_ms.is_(None))
    row = connection.execute(live).one_or_none()
    return None if row is None else (Person(f"key:{row.name}", f"program {row.name}", Role(row.role)), row.used_ms)


def note_use(connection: Connection, key: str, now: datetime) -> None:
    connection.execute(update(api_keys).where(api_keys.c.key_hash == token_hash(key)).values(used_ms=to_ms(now)))
