"""/operator/tariffs/NAME/draft: the next version as it is typed, what it would cost, publishing. For staff.

Staff may draft and try; what drivers are sold is decided by finance and admin.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import Server, server_of
from billing.directory import NotKnown, load_tariff
from billing.pages import tariff_view as view
from billing.pages.operator_frame import operator_page
from billing.people.access import Person, checked_form, finance, note, staff
from billing.tariffs import versions
from billing.tariffs.again import priced_again
from billing.tariffs.checks import warnings_about
from billing.tariffs.form import LARGEST_FORM, Drafted, fields_of, moved, read_form, with_case
from billing.tariffs.slips import slips
from billing.tariffs.trial import MADE_UP, NotASession, made_up, past, priced, recent
from contract.price import Price
from contract.restrictions import WEEKDAYS
from contract.tariff import Tariff

MOST_FIELDS = 400

Staff = Annotated[Person, Depends(staff)]
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/tariffs", dependencies=[Depends(staff)])


@router.post("/{tariff_id}/next")
async def post_next(request: Request, tariff_id: str, person: Staff) -> Response:
    """A draft of the next version, from the newest one."""
    server = server_of(request)
    await checked_form(request)
    now = server.now()

    def begin(c: Connection) -> bool:
        known = versions.versions_of(c, tariff_id, now)
        if known and versions.draft_of(c, tariff_id) is None:
            versions.save_draft(c, tariff_id, fields_of(known[0].tariff), person.name, now)
            note(c, person, "drafted a tariff", tariff_id, now)
        return bool(known)

    if not await server.write(begin):
        raise HTTPException(404, "no such tariff")
    return RedirectResponse(f"{view.path_of(tariff_id)}/draft", 303)


@router.get("/{tariff_id}/draft")
async def get_draft(request: Request, tariff_id: str, said: str = "", again: int = 0) -> Response:
    server = server_of(request)
    now = server.now()
    draft = await server.read(lambda c: versions.draft_of(c, tariff_id))
    if draft is None:
        raise HTTPException(404, "no draft of such a tariff")
    known = await server.read(lambda c: versions.versions_of(c, tariff_id, now))
    places = await server.read(lambda c: versions.offered_at(c, tariff_id))
    next_version = await server.read(lambda c: versions.next_version(c, tariff_id))
    drafted = read_form(draft.fields, tariff_id, next_version, now)
    grace_s, current, cases = view.grace_of(places), versions.in_force(known), view.case_views(draft.fields)
    old = None if current is None else current.tariff
    values: dict[str, Any] = {
        "tariff_id": tariff_id,
        "version": next_version,
        "current": None if current is None else view.version_line(current, grace_s),
        "fields": draft.fields,
        "edited": f"{draft.edited_by}, {view.at_text(draft.edited)}",
        "wrong": drafted.wrong,
        "mistakes": view.mistakes(drafted.wrong, len(cases)),
        "cases": cases,
        "odd": {} if drafted.tariff is None else slips(drafted.tariff, old),
        "dimensions": view.DIMENSIONS,
        "rules": view.RULES,
        "days": [day.value for day in WEEKDAYS],
        "net": _nets(drafted),
        "words": [] if drafted.tariff is None else view.words_in_all(drafted.tariff, grace_s),
        "warnings": _warnings(drafted, places),
        "said": said[:200],
        "recent": await server.read(recent),
        "trial": await server.read(lambda c: _trial(c, draft.fields, old, drafted.tariff, grace_s, server)),
        "again": None,
        "made_up": {name: draft.fields.get(f"t.{name}", text) for name, text in MADE_UP.items()},
    }
    new = drafted.tariff
    if again and old is not None and new is not None:
        found = await server.read(lambda c: priced_again(c, old, new, now))
        values["again"] = view.again_view(found, new.currency)
    return await operator_page(request, "tariff_draft", {**values, "heading": f"{tariff_id}, version {next_version}"})


def _warnings(drafted: Drafted, places: list[versions.Offered]) -> list[str]:
    if drafted.tariff is None:
        return []
    return warnings_about(drafted.tariff, [(view.place_of(p), p.offer) for p in places if not p.is_offline])


def _nets(drafted: Drafted) -> dict[str, str]:
    """The price without VAT beside each typed one, per kWh, hour or session."""
    units = {"ENERGY": "/kWh", "FLAT": ""}
    return {
        name: f"{part.price.normalize():f}{units.get(part.type.value, '/h')}" for name, part in drafted.parts.items()
    }


def _trial(
    c: Connection, fields: dict[str, str], old: Tariff | None, new: Tariff | None, grace_s: int, server: Server
) -> dict[str, Any]:
    """What the chosen session costs by the version in force and by the draft; `wrong` names what cannot be read."""
    name = (fields.get("t.name", "").strip() or fields.get("t.session", "")).strip()
    if not name and fields.get("t.session") is None:
        return {}
    try:
        if name and name != "made-up":
            usage = past(c, name)
        else:
            given = {key.removeprefix("t."): value for key, value in fields.items() if key.startswith("t.")}
            usage = made_up(given, grace_s, server.now())
    except NotKnown as error:
        return {"wrong": {"name": str(error)}}
    except NotASession as error:
        return {"wrong": {error.field: str(error)}}
    columns: dict[str, Price] = {}
    refused = {}
    for column, tariff in (("old", old), ("new", new)):
        if tariff is not None:
            try:
                columns[column] = priced(tariff, usage)
            except ValueError as error:
                refused[column] = str(error)
    before, after = columns.get("old"), columns.get("new")
    return {
        "label": usage.label,
        "wrong": {},
        "refused": refused,
        "rows": view.compared(before, after),
        "totals": view.totals(before, after),
        "traces": [(column, view.traced(price, usage), view.vat_text(price)) for column, price in columns.items()],
    }


@router.post("/{tariff_id}/draft")
async def post_draft(request: Request, tariff_id: str, person: Staff) -> Response:
    """Keep what was typed, mistakes and all; the button says what happens then."""
    server = server_of(request)
    fields = await checked_form(request, LARGEST_FORM, MOST_FIELDS)
    verb, _, number = fields.pop("act", "save").partition(":")
    place = int(number) if number.isdecimal() and len(number) < 3 else -1
    kept = {name: value.strip() for name, value in fields.items() if value.strip() or name.startswith("t.")}
    changed = {
        "add": lambda: with_case(kept),
        "remove": lambda: moved(kept, place, None),
        "up": lambda: moved(kept, place, place - 1),
    }.get(verb, lambda: kept)()
    now = server.now()

    def keep(c: Connection) -> bool:
        known = versions.draft_of(c, tariff_id)
        if known is None:
            return False
        if verb == "discard":
            versions.discard_draft(c, tariff_id)
            note(c, person, "discarded the draft of a tariff", tariff_id, now)
            return True
        versions.save_draft(c, tariff_id, changed | {"currency": known.fields["currency"]}, person.name, now)
        return True

    if not await server.write(keep):
        raise HTTPException(404, "no draft of such a tariff")
    if verb == "discard":
        return RedirectResponse("/operator/tariffs", 303)
    if verb == "publish":
        return RedirectResponse(f"{view.path_of(tariff_id)}/publish", 303)
    anchor = {"try": "#trial", "again": "?again=1#again", "save": "?said=Saved"}.get(verb, "#prices")
    return RedirectResponse(f"{view.path_of(tariff_id)}/draft{anchor}", 303)


@router.get("/{tariff_id}/publish")
async def get_publish(request: Request, tariff_id: str, person: Staff) -> Response:
    """What publishing will do, before it is done."""
    server = server_of(request)
    now = server.now()
    drafted = await server.read(lambda c: _drafted(c, tariff_id, now))
    if drafted is None:
        raise HTTPException(404, "no draft of such a tariff")
    if drafted.tariff is None:
        return RedirectResponse(f"{view.path_of(tariff_id)}/draft", 303)
    places = await server.read(lambda c: versions.offered_at(c, tariff_id))
    known = await server.read(lambda c: versions.versions_of(c, tariff_id, now))
    current = versions.in_force(known)
    values = {
        "tariff_id": tariff_id,
        "version": drafted.tariff.version,
        "is_later": drafted.from_ is not None,
        "from_text": "at once" if drafted.from_ is None else view.at_text(drafted.from_),
        "sold_at": [view.place_line(one) for one in places],
        "current": None if current is None else view.version_line(current, view.grace_of(places)),
        "words": view.words_in_all(drafted.tariff, view.grace_of(places)),
        "odd": view.mistakes(
            slips(drafted.tariff, None if current is None else current.tariff), len(drafted.tariff.elements)
        ),
        "warnings": _warnings(drafted, places),
        "may": person.moves_money,
        "coming": [view.version_line(one) for one in known if one.validity is versions.Validity.SCHEDULED],
        "heading": f"Publish {tariff_id}, version {drafted.tariff.version}?",
    }
    return await operator_page(request, "tariff_publish", values)


def _drafted(c: Connection, tariff_id: str, now: datetime) -> Drafted | None:
    draft = versions.draft_of(c, tariff_id)
    return None if draft is None else read_form(draft.fields, tariff_id, versions.next_version(c, tariff_id), now)


@router.post("/{tariff_id}/publish")
async def post_publish(request: Request, tariff_id: str, person: Finance) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    now = server.now()

    def publish(c: Connection) -> str:
        drafted = _drafted(c, tariff_id, now)
        if drafted is None or drafted.tariff is None:
            return "draft"
        if str(drafted.tariff.version) != fields.get("version"):
            return "publish"  # somebody else published in between: look again
        load_tariff(c, drafted.tariff, now, drafted.from_)
        versions.discard_draft(c, tariff_id)
        when = "" if drafted.from_ is None else f" from {view.at_text(drafted.from_)}"
        note(c, person, f"published version {drafted.tariff.version}{when}", tariff_id, now)
        return ""

    try:
        back = await server.write(publish)
    except ValueError as error:
        return RedirectResponse(f"{view.path_of(tariff_id)}/draft?said={quote(str(error))}", 303)
    return RedirectResponse(view.path_of(tariff_id) + (f"/{back}" if back else ""), 303)
