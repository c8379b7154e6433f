"""Whose decision a command carries out: `--by` names a person of the list, held to what they may do on the pages.

Law:
- It is the login of a person who is let in and whose role moves money; anybody else is refused, and who may is named.
- The decision bears the person's name, as on the page: who asked on one does not agree on the other.
- The audit log says that it came by the command line: there nobody proved who they are.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from billing.cli_base import MayNot
from billing.people import audit, persons
from billing.people.roles import Person

MOST_NAMED = 8


def decider(connection: Connection, login: str) -> Person:
    """Who decides about money. Raises MayNot."""
    entry = persons.find_login(connection, login)
    if entry is None:
        raise MayNot(f"--by {login!a}: nobody signs in as that; {_who_may(connection)}")
    if entry.is_disabled:
        raise MayNot(f"--by {entry.login}: is disabled; {_who_may(connection)}")
    if not entry.person.moves_money:
        raise MayNot(f"--by {entry.login}: the role {entry.person.role.value} moves no money; {_who_may(connection)}")
    return entry.person


def note_by(connection: Connection, person: Person, what: str, subject: str, now: datetime) -> None:
    """In the audit log, under the person's name."""
    audit.note(connection, person, f"{what} (by the {audit.COMMAND_LINE})", subject, now)


def _who_may(connection: Connection) -> str:
    known = [one.login for one in persons.everybody(connection) if one.person.moves_money and not one.is_disabled]
    if not known:
        return "nobody of the roles finance and admin is let in; kiosk-billing person add LOGIN --role finance"
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"money is moved by the roles finance and admin: {', '.join(known[:MOST_NAMED])}{more}"
