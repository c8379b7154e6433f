"""/operator/tariffs: every tariff with its versions, and where it is sold. For staff.

Staff may draft and try (billing.pages.tariff_drafts); what drivers are sold is decided by finance and admin.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection, select

from billing.api.gate import Server, server_of
from billing.directory import NotKnown, find_kiosk, set_offer
from billing.ocpi.fields import read_text
from billing.ocpi.tariff import read_tariff
from billing.ocpi.write import tariff_json
from billing.pages import tariff_view as view
from billing.pages.operator_frame import operator_page
from billing.pages.render import LANGUAGES
from billing.people.access import Person, checked_form, finance, note, staff
from billing.tables import kiosks
from billing.tariffs import versions
from billing.tariffs.checks import warnings_about
from billing.tariffs.form import LARGEST_FORM, fields_of
from contract.codec import WireError
from contract.currency import MINOR_DIGITS

LONGEST_NAME = re.compile(r"[A-Za-z0-9._-]{1,36}")
NAME_WANTED = "want 1 to 36 letters, digits, '.', '_' or '-'"

Staff = Annotated[Person, Depends(staff)]
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/tariffs", dependencies=[Depends(staff)])


@router.get("")
async def get_tariffs(request: Request) -> Response:
    return await _list(request, {})


async def _list(request: Request, more: dict[str, object], status: int = 200) -> Response:
    server = server_of(request)
    now = server.now()

    def look(c: Connection) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for name in versions.names(c):
            known, places = versions.versions_of(c, name, now), versions.offered_at(c, name)
            current = versions.in_force(known)
            coming = [one for one in known if one.validity is versions.Validity.SCHEDULED]
            found.append(
                {
                    "id": name,
                    "line": None if current is None else view.version_line(current, view.grace_of(places)),
                    "coming": [view.version_line(one) for one in reversed(coming)],
                    "draft": versions.draft_of(c, name),
                    "places": len(places),
                }
            )
        return found

    lines = await server.read(look)
    values: dict[str, Any] = {"tariffs": lines, "currencies": sorted(MINOR_DIGITS), "typed": {}, "wrong": {}, **more}
    values["mistakes"] = view.mistakes(values["wrong"])
    count = len(lines)
    heading = f"{count} tariff{'' if count == 1 else 's'}" if count else "No tariffs yet"
    return await operator_page(request, "tariffs", {**values, "heading": heading}, status)


@router.post("")
async def post_tariff(request: Request, person: Staff) -> Response:
    """A new tariff, or one from OCPI JSON, as a draft."""
    server = server_of(request)
    fields = await checked_form(request, LARGEST_FORM)
    now = server.now()
    tariff_id, text = fields.get("id", "").strip(), fields.get("json", "").strip()
    drafted = {"currency": fields.get("currency", "EUR"), "cases": "1", "from": ""}
    wrong = {}
    try:
        if text:
            read = read_tariff(read_text(text))
            tariff_id, drafted = tariff_id or read.id, fields_of(read)
        if LONGEST_NAME.fullmatch(tariff_id) is None:
            wrong["id"] = NAME_WANTED
    except WireError as error:
        wrong["json"] = str(error)

    def keep(c: Connection) -> bool:
        known = versions.versions_of(c, tariff_id, now)
        if known and not text:
            return False
        if known and known[0].tariff.currency != drafted["currency"]:
            return False
        versions.save_draft(c, tariff_id, drafted, person.name, now)
        note(c, person, "drafted a tariff", tariff_id, now)
        return True

    if not wrong and not await server.write(keep):
        wrong["id"] = "there is one of this name; open it for its next version, or keep its currency"
    if wrong:
        return await _list(request, {"typed": fields, "wrong": wrong}, 422)
    return RedirectResponse(f"{view.path_of(tariff_id)}/draft", 303)


@router.get("/{tariff_id}")
async def get_tariff(request: Request, tariff_id: str) -> Response:
    return await _one(request, tariff_id, {})


async def _one(request: Request, tariff_id: str, more: dict[str, object], status: int = 200) -> Response:
    server = server_of(request)
    now = server.now()
    known = await server.read(lambda c: versions.versions_of(c, tariff_id, now))
    draft = await server.read(lambda c: versions.draft_of(c, tariff_id))
    if not known and draft is None:
        raise HTTPException(404, "no such tariff")
    if not known:
        return RedirectResponse(f"{view.path_of(tariff_id)}/draft", 303)
    places = await server.read(lambda c: versions.offered_at(c, tariff_id))
    sites = await server.read(lambda c: c.execute(select(kiosks.c.kiosk_id, kiosks.c.name)).all())
    names = await server.read(versions.names)
    grace_s = view.grace_of(places)
    shown = versions.in_force(known) or known[0]
    values: dict[str, Any] = {
        "tariff_id": tariff_id,
        "lines": [view.version_line(one, grace_s) for one in known],
        "words": view.words_in_all(shown.tariff, grace_s),
        "words_of": shown.tariff.version,
        "warnings": warnings_about(shown.tariff, [(view.place_of(p), p.offer) for p in places if not p.is_offline]),
        "draft": draft,
        "sold_at": [view.place_line(one) for one in places],
        "needs_clock": shown.tariff.needs_clock,
        "kiosks": sites,
        "others": [name for name in names if name != tariff_id],
        "wrong": {},
        "typed": {},
        **more,
    }
    values["mistakes"] = view.mistakes(values["wrong"])
    heading = f"{tariff_id}, version {shown.tariff.version} is {shown.validity.value.lower()}"
    return await operator_page(request, "tariff", {**values, "heading": heading}, status)


@router.get("/{tariff_id}/{version}.json")
async def get_json(request: Request, tariff_id: str, version: int, ocpi: str = "2.2.1") -> Response:
    server = server_of(request)
    now = server.now()
    known = await server.read(lambda c: versions.versions_of(c, tariff_id, now))
    found = next((one for one in known if one.tariff.version == version), None)
    if found is None:
        raise HTTPException(404, "no such version")
    try:
        body = _json(server, found, ocpi)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    return Response(body, media_type="application/json")


def _json(server: Server, version: versions.Version, ocpi: str) -> str:
    words = {code: ". ".join(view.words_of(version.tariff, code)) for code in LANGUAGES}
    return tariff_json(
        version.tariff,
        server.settings.country_code,
        server.settings.party_id,
        version.created,
        from_=version.from_,
        until=version.until,
        ocpi=ocpi,
        alt_text=words,
    )


@router.post("/{tariff_id}/offer")
async def post_offer(request: Request, tariff_id: str, person: Finance) -> Response:
    """Sell it at an EVSE, in place of what is sold there."""
    server = server_of(request)
    fields = await checked_form(request)
    now = server.now()
    numbers = {}
    wrong = {}
    for name, least, most in (("evse", 1, 99), ("grace_min", 0, 1440)):
        text = fields.get(name, "").strip()
        if not text.isdecimal() or not least <= int(text[:6]) <= most:
            wrong[name] = f"want a number from {least} to {most}"
        else:
            numbers[name] = int(text)

    def offer(c: Connection) -> None:
        kiosk_id = find_kiosk(c, fields.get("kiosk", ""))
        set_offer(
            c,
            kiosk_id,
            numbers["evse"],
            tariff_id,
            now,
            parking_grace_s=60 * numbers["grace_min"],
            offline_tariff_id=fields.get("offline") or None,
        )
        note(c, person, f"offered at {kiosk_id} EVSE {numbers['evse']}", tariff_id, now)

    if not wrong:
        try:
            await server.write(offer)
        except (NotKnown, ValueError) as error:
            wrong["offline" if "offline" in str(error) else "kiosk"] = str(error)
    if wrong:
        return await _one(request, tariff_id, {"wrong": wrong, "typed": fields}, 422)
    return RedirectResponse(f"{view.path_of(tariff_id)}#places", 303)
