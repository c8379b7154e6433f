"""The doors of the server: who is asking, and may they. The only file routes need of this room.

    router = APIRouter(prefix="/operator", dependencies=[Depends(staff)])
    async def post_refund(request: Request, person: Annotated[Person, Depends(finance)]) -> Response:
        fields = await checked_form(request)
        await server.write(lambda c: (refund(c, …), note(c, person, "refunded € 3.18", cdr_id, now)))

Pages are for people with a session, /v1/ is for programs with a key; neither opens the other's door.
"""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.moments import to_ms
from billing.people import api_keys
from billing.people.audit import note
from billing.people.cookies import SESSION
from billing.people.forms import checked_form, csrf_field
from billing.people.persons import Entry, find_person
from billing.people.roles import Person, Role
from billing.people.sessions import Session, Stage
from billing.people.visits import visit

__all__ = [
    "Forbidden", "NotSignedIn", "Person", "Role", "admin", "anybody", "checked_form", "csrf_field", "finance", "host",
    "note", "signed_in", "staff",
]  # fmt: skip


class NotSignedIn(Exception):
    """Nobody, or nobody any more. Pages lead to the sign-in page, /v1/ answers 401 (billing.app)."""


class Forbidden(Exception):
    """Somebody, but not one who may. `who` may: staff, finance, admin or host."""

    def __init__(self, who: str, message: str) -> None:
        super().__init__(message)
        self.who = who


async def staff(request: Request) -> Person:
    """The operator's staff, or a program with a key. Raises NotSignedIn, Forbidden."""
    person = await _who(request)
    if not person.is_staff:
        raise Forbidden("staff", "this page is for the operator's staff")
    return person


async def finance(request: Request) -> Person:
    """Who moves money: ADMIN and FINANCE. Raises NotSignedIn, Forbidden."""
    person = await staff(request)
    if not person.moves_money:
        raise Forbidden("finance", "money is moved by the roles finance and admin")
    return person


async def admin(request: Request) -> Person:
    """Who lets others in. Raises NotSignedIn, Forbidden."""
    person = await staff(request)
    if person.role is not Role.ADMIN:
        raise Forbidden("admin", "who is let in is decided by the role admin")
    return person


async def host(request: Request) -> Person:
    """A host; its `host_id` is set and every query filters by it. Raises NotSignedIn, Forbidden."""
    person = await _who(request)
    if person.role is not Role.HOST or person.host_id is None:
        raise Forbidden("host", "this page is for hosts")
    return person


async def anybody(request: Request) -> Person:
    """Staff or host, whoever is signed in. Raises NotSignedIn."""
    return await _who(request)


async def signed_in(request: Request) -> Person | None:
    """Whoever is fully signed in with a session; None for everybody else."""
    found = await session_of(request)
    if found is None or found[0].stage is not Stage.FULL:
        return None
    return found[1].person


async def session_of(request: Request) -> tuple[Session, Entry] | None:
    """The live session of a person, at whatever stage; None without one, or when they are disabled."""
    found = await visit(request, SESSION, "person:", _entry)
    if found is not None:
        request.state.person = found[1].person
    return found


def _entry(connection: Connection, person_id: str) -> Entry | None:
    entry = find_person(connection, person_id)
    return None if entry is None or entry.is_disabled else entry


async def _who(request: Request) -> Person:
    if request.url.path.startswith("/v1/"):
        person = await _program(request)
    else:
        person = await signed_in(request)
    if person is None:
        raise NotSignedIn
    return person


async def _program(request: Request) -> Person | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        return None
    server = server_of(request)
    now = server.now()
    found = await server.read(lambda c: api_keys.whose_key(c, key.strip()))
    if found is None:
        return None
    person, used_ms = found
    if used_ms is None or to_ms(now) - used_ms > api_keys.USE_IS_NOTED_EVERY // timedelta(milliseconds=1):
        await server.write(lambda c: api_keys.note_use(c, key.strip(), now))
    return person
