"""A link by which somebody chooses their own password: nobody types a password for somebody else.

A link works once, for three days; a newer one voids it. Resetting a password is the same link.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from billing.moments import to_ms
from billing.people import audit, persons, sessions
from billing.people.roles import Person
from billing.people.tables import invitations
from billing.people.tokens import new_token, token_hash

LIVES = timedelta(days=3)


def invite(connection: Connection, person_id: str, now: datetime, by: Person | str = audit.COMMAND_LINE) -> str:
    """The link's path. Earlier links of this person are void."""
    i = invitations.c
    connection.execute(delete(invitations).where(i.person_id == person_id, i.used_ms.is_(None)))
    token = new_token()
    values = {"token_hash": token_hash(token), "person_id": person_id, "expires_ms": to_ms(now + LIVES)}
    connection.execute(invitations.insert().values(values))
    audit.note(connection, by, "made a sign-up link", person_id, now)
    return f"/sign-up/{token}"


def invited(connection: Connection, token: str, now: datetime) -> persons.Entry | None:
    """Whom a link is for; None where it was used, is void or too old, or they are disabled."""
    i = invitations.c
    mine = select(i.person_id).where(i.token_hash == token_hash(token), i.used_ms.is_(None), i.expires_ms > to_ms(now))
    person_id = connection.execute(mine).scalar()
    entry = None if person_id is None else persons.find_person(connection, person_id)
    return None if entry is None or entry.is_disabled else entry


def take_up(connection: Connection, token: str, password_hash: str, now: datetime) -> persons.Entry | None:
    """Set the password and use the link up; every session of theirs ends. None as `invited`."""
    entry = invited(connection, token, now)
    if entry is None:
        return None
    used = update(invitations).where(invitations.c.token_hash == token_hash(token))
    connection.execute(used.values(used_ms=to_ms(now)))
    persons.set_password(connection, entry.person.person_id, password_hash)
    sessions.end_all(connection, persons.holder_of(entry.person.person_id), now)
    audit.note(connection, entry.person, "chose a password", entry.person.person_id, now)
    return entry
