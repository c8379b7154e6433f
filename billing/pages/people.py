"""/operator/people and /operator/audit, for administrators: who is let in, and who did what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.directory import NotKnown
from billing.hosts.party import find_host
from billing.pages.operator_frame import operator_page
from billing.people import invitations, persons, second_proof
from billing.people.access import Person, Role, admin, checked_form, note
from billing.people.audit import deeds
from billing.people.persons import Entry

SHOWN = 200
ROLES = {
    Role.OPERATOR: "operator: kiosks, sessions, tariffs",
    Role.FINANCE: "finance: moves money besides",
    Role.ADMIN: "admin: everything, and who is let in",
    Role.HOST: "host: sees their own devices",
}

router = APIRouter(prefix="/operator")
Admin = Annotated[Person, Depends(admin)]


@router.get("/people")
async def get_people(request: Request, person: Admin, done: str = "") -> Response:
    said = {"disabled": "Signed out everywhere; nobody lets them in.", "enabled": "They can sign in again."}
    said["removed"] = "The second proof is removed; the next sign-in asks for a new one where the role needs it."
    return await _people_page(request, said=said.get(done, ""))


@router.post("/people")
async def post_person(request: Request, person: Admin) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    now = server.now()

    def add(connection: Connection) -> tuple[Person, str]:
        role, host_id = Role(fields.get("role", "")), fields.get("host_id", "").strip() or None
        name = fields.get("name", "").strip() or fields.get("login", "")
        if role is Role.HOST and host_id is not None:
            find_host(connection, host_id)
        added = persons.add_person(connection, fields.get("login", ""), name, role, now, host_id=host_id, by=person)
        return added, invitations.invite(connection, added.person_id, now, by=person)

    try:
        added, path = await server.write(add)
    except (ValueError, NotKnown) as error:
        return await _people_page(request, wrong=str(error), kept=fields, status=422)
    return await _people_page(request, link=_link(request, path), link_for=added.name)


@router.post("/people/{person_id}/{deed}")
async def post_deed(request: Request, person_id: str, deed: str, person: Admin) -> Response:
    server = server_of(request)
    await checked_form(request)
    now = server.now()
    entry = await server.read(lambda c: persons.find_person(c, person_id))
    if entry is None:
        raise HTTPException(404, "no such person")

    def work(connection: Connection) -> str:
        match deed:
            case "link":
                return invitations.invite(connection, person_id, now, by=person)
            case "disable" | "enable":
                persons.set_disabled(connection, entry.login, now, disabled=deed == "disable", by=person)
                return ""
            case "remove-second-proof":
                second_proof.remove_all(connection, person_id, now)
                note(connection, person, f"removed the second proof of {entry.login}", person_id, now)
                return ""
            case _:
                raise HTTPException(404, "no such deed")

    try:
        path = await server.write(work)
    except ValueError as error:
        return await _people_page(request, wrong=str(error), status=422)
    if path:
        return await _people_page(request, link=_link(request, path), link_for=entry.person.name)
    done = {"disable": "disabled", "enable": "enabled"}.get(deed, "removed")
    return RedirectResponse(f"/operator/people?done={done}", 303)


@router.get("/audit")
async def get_audit(request: Request, person: Admin, who: str = "", subject: str = "") -> Response:
    found = await server_of(request).read(lambda c: deeds(c, SHOWN, subject.strip(), who.strip()))
    heading = "Who did what" if found else "Nothing was noted"
    values: dict[str, object] = {"heading": heading, "deeds": found, "who": who, "subject": subject, "shown": SHOWN}
    return await operator_page(request, "audit", values)


def _link(request: Request, path: str) -> str:
    """Whole, to be sent; by the address this page was asked at where the settings name none."""
    return (server_of(request).settings.public_url or str(request.base_url)).rstrip("/") + path


async def _people_page(
    request: Request,
    *,
    said: str = "",
    wrong: str = "",
    link: str = "",
    link_for: str = "",
    kept: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    entries = await server_of(request).read(persons.everybody)
    values: dict[str, object] = {
        "heading": _heading(entries),
        "entries": entries,
        "roles": ROLES,
        "said": said,
        "wrong": wrong,
        "link": link,
        "link_for": link_for,
        "link_days": invitations.LIVES.days,
        "kept": kept or {},
    }
    return await operator_page(request, "people", values, status)


def _heading(entries: list[Entry]) -> str:
    live = [entry for entry in entries if not entry.is_disabled]
    return f"{len(live)} {'person is' if len(live) == 1 else 'people are'} let in"
