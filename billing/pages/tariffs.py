"""/operator/tariffs: versions with validity, the draft of the next one, what it would cost, publishing. For staff.

Staff may draft and try; what drivers are sold is decided by finance and admin.
"""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection, select

from billing.api.gate import Server, server_of
from billing.directory import NotKnown, find_kiosk, load_tariff, set_offer
from billing.ocpi.fields import read_text
from billing.ocpi.tariff import read_tariff
from billing.ocpi.write import tariff_json
from billing.pages import tariff_view as view
from billing.pages.operator_frame import operator_page
from billing.pages.render import LANGUAGES
from billing.people.access import Person, checked_form, finance, note, staff
from billing.tables import kiosks
from billing.tariffs import versions
from billing.tariffs.again import priced_again
from billing.tariffs.checks import warnings_about
from billing.tariffs.form import Drafted, fields_of, moved, read_form, with_case
from billing.tariffs.trial import MADE_UP, NotASession, made_up, past, priced, recent
from contract.codec import WireError
from contract.currency import MINOR_DIGITS
from contract.price import Price
from contract.restrictions import WEEKDAYS
from contract.tariff import Tariff

LARGEST_FORM, MOST_FIELDS = 60_000, 400
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
    return RedirectResponse(f"{_path(tariff_id)}/draft", 303)


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
        return RedirectResponse(f"{_path(tariff_id)}/draft", 303)
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
        "sold_at": [_place(one) for one in places],
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


def _place(one: versions.Offered) -> dict[str, object]:
    offline = one.offer.offline_tariff
    return {
        "name": view.place_of(one),
        "kiosk_id": one.kiosk_id,
        "version": one.offer.tariff.version if not one.is_offline else (offline.version if offline else 0),
        "as": "in place of " + one.offer.tariff.id + " while the clock is not known" if one.is_offline else "",
        "grace_min": f"{one.offer.parking_grace_s / 60:g} min",
        "zone": one.offer.time_zone,
        "offline": "" if offline is None or one.is_offline else f"{offline.id}, version {offline.version}",
    }


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
    return RedirectResponse(f"{_path(tariff_id)}/draft", 303)


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
    drafted = read_form(draft.fields, tariff_id, next_version)
    grace_s, current = view.grace_of(places), versions.in_force(known)
    old = None if current is None else current.tariff
    values: dict[str, Any] = {
        "tariff_id": tariff_id,
        "version": next_version,
        "current": None if current is None else view.version_line(current, grace_s),
        "fields": draft.fields,
        "edited": f"{draft.edited_by}, {view.at_text(draft.edited)}",
        "wrong": drafted.wrong,
        "mistakes": view.mistakes(drafted.wrong),
        "cases": view.case_views(draft.fields),
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
    if drafted.tariff is None:
        return {}
    found = {}
    for number, element in enumerate(drafted.tariff.elements):
        for part in element.price_components:
            unit = {"ENERGY": "/kWh", "FLAT": ""}.get(part.type.value, "/h")
            found[f"e{number}.{part.type}"] = f"{part.price.normalize():f}{unit}"
    return found


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
        return RedirectResponse(f"{_path(tariff_id)}/publish", 303)
    anchor = {"try": "#trial", "again": "?again=1#again", "save": "?said=Saved"}.get(verb, "#prices")
    return RedirectResponse(f"{_path(tariff_id)}/draft{anchor}", 303)


@router.get("/{tariff_id}/publish")
async def get_publish(request: Request, tariff_id: str, person: Staff) -> Response:
    """What publishing will do, before it is done."""
    server = server_of(request)
    now = server.now()
    drafted = await server.read(lambda c: _drafted(c, tariff_id))
    if drafted is None:
        raise HTTPException(404, "no draft of such a tariff")
    if drafted.tariff is None:
        return RedirectResponse(f"{_path(tariff_id)}/draft", 303)
    places = await server.read(lambda c: versions.offered_at(c, tariff_id))
    known = await server.read(lambda c: versions.versions_of(c, tariff_id, now))
    current = versions.in_force(known)
    is_later = drafted.from_ is not None and drafted.from_ > now
    values = {
        "tariff_id": tariff_id,
        "version": drafted.tariff.version,
        "is_later": is_later,
        "from_text": view.at_text(drafted.from_) if is_later and drafted.from_ is not None else "at once",
        "sold_at": [_place(one) for one in places],
        "current": None if current is None else view.version_line(current, view.grace_of(places)),
        "words": view.words_in_all(drafted.tariff, view.grace_of(places)),
        "warnings": _warnings(drafted, places),
        "may": person.moves_money,
        "coming": [view.version_line(one) for one in known if one.validity is versions.Validity.SCHEDULED],
        "heading": f"Publish {tariff_id}, version {drafted.tariff.version}?",
    }
    return await operator_page(request, "tariff_publish", values)


def _drafted(c: Connection, tariff_id: str) -> Drafted | None:
    draft = versions.draft_of(c, tariff_id)
    return None if draft is None else read_form(draft.fields, tariff_id, versions.next_version(c, tariff_id))


@router.post("/{tariff_id}/publish")
async def post_publish(request: Request, tariff_id: str, person: Finance) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    now = server.now()

    def publish(c: Connection) -> str:
        drafted = _drafted(c, tariff_id)
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
        return RedirectResponse(f"{_path(tariff_id)}/draft?said={quote(str(error))}", 303)
    return RedirectResponse(_path(tariff_id) + (f"/{back}" if back else ""), 303)


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
    return RedirectResponse(f"{_path(tariff_id)}#places", 303)


def _path(tariff_id: str) -> str:
    return f"/operator/tariffs/{quote(tariff_id, safe='')}"
