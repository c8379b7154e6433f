"""Who did what, when: written in the same transaction as the deed, and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.moments import from_ms, to_ms
from billing.people.roles import Person
from billing.people.tables import audit_log

COMMAND_LINE = "command line"
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the log."""

    number: int
    at: datetime
    who: str
    what: str
    subject: str


def note(connection: Connection, person: Person | str, what: str, subject: str, now: datetime) -> None:
    """Write it down. `person`: who did it, or a name where nobody is signed in (COMMAND_LINE).

    `what` is a short past-tense sentence for people ("refunded € 3.18"); `subject` the id of what it was done to.
    """
    known = person if isinstance(person, Person) else None
    values = {
        "at_ms": to_ms(now),
        "person_id": None if known is None else known.person_id,
        "who": (str(person) if known is None else known.name)[:120],
        "what": what,
        "subject": subject[:LONGEST_SUBJECT],
    }
    connection.execute(audit_log.insert().values(values))


def deeds(connection: Connection, most: int, subject: str | None = None, who: str | None = None) -> list[Deed]:
    """The newest first, at most so many."""
    a = audit_log.c
    query = select(audit_log).order_by(a.audit_no.desc()).limit(most)
    if subject:
        query = query.where(a.subject == subject)
    if who:
        query = query.where(a.who == who)
    rows = connection.execute(query).all()
    return [Deed(row.audit_no, from_ms(row.at_ms), row.who, row.what, row.subject) for row in rows]
