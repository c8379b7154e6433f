"""/operator/hosts: hosts, their agreements and accounts. Looking is for staff; what moves money is for finance.

An agreement is written in two steps: the first answers what it would mean for a made-up use, the second writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection, select

from billing import directory
from billing.api.gate import server_of
from billing.directory import NotKnown
from billing.hosts import party, terms
from billing.hosts.bank import approve_account, enter_account
from billing.hosts.party import Host, WrongHost, find_host
from billing.hosts.told import tell_of_account
from billing.pages.host import signed_by
from billing.pages.host_texts import HOST
from billing.pages.host_view import statement_values
from billing.pages.operator_frame import operator_page
from billing.pages.operator_hosts_view import evse_choices, host_detail, host_lines, preview_words
from billing.pages.pdf import pdf_response
from billing.pages.render import html
from billing.people.access import Person, checked_form, finance, note, staff
from billing.settlement.allocation import Bearer
from billing.tables import kiosks

LONGEST_SAID = 300
SAMPLE_KWH, SAMPLE_MINUTES, SAMPLE_STARTS = "10", "60", "18:00"
ROWS_OF_HOURS = 3
Staff = Annotated[Person, Depends(staff)]
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/hosts", dependencies=[Depends(staff)])


@router.get("")
async def get_hosts(request: Request, said: str = "") -> Response:
    return await _hosts(request, {}, said[:LONGEST_SAID])


@router.post("")
async def post_host(request: Request, person: Staff) -> Response:
    server, now = server_of(request), server_of(request).now()
    fields = await checked_form(request)

    def add(connection: Connection) -> Host:
        host = _typed_host(fields)
        party.add_host(connection, host, now)
        note(connection, person, "added the host", host.host_id, now)
        return host

    try:
        host = await server.write(add)
    except WrongHost as error:
        return await _hosts(request, fields, "", error.fields, 422)
    return RedirectResponse(f"/operator/hosts/{quote(host.host_id, safe='')}", 303)


def _typed_host(fields: Mapping[str, str]) -> Host:
    """Raises WrongHost with all that is wrong, not only the first."""
    wrong: dict[str, str] = {}
    vat_rate = None
    try:
        vat_rate = party.rate_of(fields.get("vat_rate", ""))
    except WrongHost as error:
        wrong |= error.fields
    try:
        host = Host(
            fields.get("host_id", "").strip(),
            fields.get("name", "").strip(),
            fields.get("address", "").replace("\r\n", "\n").strip(),
            fields.get("currency", "EUR").strip().upper(),
            fields.get("time_zone", "").strip() or "UTC",
            fields.get("language", "en"),
            fields.get("vat_id", "").strip() or None,
            vat_rate,
        )
    except WrongHost as error:
        raise WrongHost(error.fields | wrong) from error
    if wrong:
        raise WrongHost(wrong)
    return host


@router.get("/{host_id}")
async def get_host(request: Request, host_id: str, said: str = "", refused: int = 0) -> Response:
    server = server_of(request)
    try:
        shown = await server.read(lambda c: host_detail(c, host_id, server.now()))
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    values = {**shown, "heading": shown["host"].name, "said": said[:LONGEST_SAID], "is_refused": bool(refused)}
    values["moves_money"] = request.state.person.moves_money
    return await operator_page(request, "host", values)


@router.get("/{host_id}/statements/{month}.pdf")
async def get_statement(request: Request, host_id: str, month: str) -> Response:
    """The host's own document, in the host's language."""
    server, now = server_of(request), server_of(request).now()

    def read(connection: Connection) -> dict[str, Any]:
        host = find_host(connection, host_id)
        shown = statement_values(connection, host, month, now, host.language)
        return {**shown, "words": HOST[host.language], "language": host.language}

    try:
        shown = await server.read(read)
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    values = {**shown, "operator_name": server.settings.operator_name}
    return await pdf_response(html("host_statement_pdf.html", values), f"{shown['number']}.pdf")


@router.post("/{host_id}/account")
async def post_account(request: Request, host_id: str, person: Finance) -> Response:
    """Entered by finance for a host; somebody else of finance has to agree."""
    known, now = server_of(request).settings, server_of(request).now()
    fields = await checked_form(request)

    def enter(connection: Connection) -> str:
        host = find_host(connection, host_id)
        holder, iban, bic = (fields.get(name, "") for name in ("holder", "iban", "bic"))
        account = enter_account(connection, host_id, holder, iban, bic, signed_by(person), now)
        note(connection, person, f"entered the account ending {account.ending}", host_id, now)
        tell_of_account(connection, known.server_key, known.operator_name, host, account, now)
        return f"Account ending {account.ending} entered; it waits for consent of somebody else"

    return await _done(request, host_id, enter)


@router.post("/{host_id}/account/approve")
async def post_approve(request: Request, host_id: str, person: Finance) -> Response:
    now = server_of(request).now()
    fields = await checked_form(request)
    number = fields.get("account", "")

    def approve(connection: Connection) -> str:
        account_no = int(number) if number.isdecimal() and len(number) < 12 else 0
        account = approve_account(connection, host_id, account_no, signed_by(person), now)
        note(connection, person, f"agreed to the account ending {account.ending}", host_id, now)
        return f"Account ending {account.ending} is paid from now on"

    return await _done(request, host_id, approve)


@router.get("/{host_id}/agree")
async def get_agree(request: Request, host_id: str, _person: Finance) -> Response:
    return await _agree(request, host_id, {})


@router.post("/{host_id}/agree")
async def post_agree(request: Request, host_id: str, person: Finance) -> Response:
    """`do`: preview or write."""
    server, now = server_of(request), server_of(request).now()
    fields = await checked_form(request)
    if fields.get("do") != "write":
        return await _agree(request, host_id, fields)

    def write(connection: Connection) -> str:
        host = find_host(connection, host_id)
        kiosk_id, evse_id = _evse(fields)
        terms.write_terms(connection, host, kiosk_id, evse_id, _terms(fields), _begins(fields), now)
        what = f"wrote an agreement for {kiosk_id} EVSE {evse_id} from {fields.get('begins')} on"
        note(connection, person, what, host_id, now)
        return f"Agreement for {kiosk_id} EVSE {evse_id} written, in force from {fields.get('begins')}"

    try:
        said = await server.write(write)
    except (ValueError, NotKnown) as error:
        return await _agree(request, host_id, fields, str(error), 422)
    return _back(host_id, said, False)


# ---- pieces --------------------------------------------------------------------------------------------------------


async def _hosts(
    request: Request,
    kept: Mapping[str, str],
    said: str = "",
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """`wrong`: why a field is not taken, by its name."""
    lines = await server_of(request).read(host_lines)
    heading = f"{len(lines)} host{'' if len(lines) == 1 else 's'}" if lines else "No hosts yet"
    values: dict[str, object] = {
        "hosts": lines,
        "heading": heading,
        "kept": dict(kept),
        "said": said,
        "wrong": wrong or {},
    }
    return await operator_page(request, "hosts", values, status)


async def _agree(
    request: Request, host_id: str, fields: Mapping[str, str], wrong: str = "", status: int = 200
) -> Response:
    """The form, and beside it what the typed terms would mean."""
    server, now = server_of(request), server_of(request).now()

    def look(connection: Connection) -> tuple[Host, list[tuple[str, str]], Any, str]:
        host = find_host(connection, host_id)
        choices = evse_choices(connection)
        if not fields:
            return host, choices, None, ""
        try:
            return host, choices, _preview(connection, host, fields, now), ""
        except (ValueError, NotKnown) as error:
            return host, choices, None, str(error)

    try:
        host, choices, preview, error = await server.read(look)
    except NotKnown as unknown:
        raise HTTPException(404, str(unknown)) from unknown
    wrong = wrong or error
    values = {
        "host": host,
        "heading": f"Agreement with {host.name}",
        "choices": choices,
        "kept": {"sample_kwh": SAMPLE_KWH, "sample_minutes": SAMPLE_MINUTES, "sample_starts": SAMPLE_STARTS, **fields},
        "today": now.astimezone(ZoneInfo(host.time_zone)).date().isoformat(),
        "rows": range(1, ROWS_OF_HOURS + 1),
        "preview": preview,
        "wrong": wrong,
    }
    return await operator_page(request, "agree", values, 422 if wrong else status)


def _preview(connection: Connection, host: Host, fields: Mapping[str, str], now: datetime) -> dict[str, Any]:
    kiosk_id, evse_id = _evse(fields)
    agreement, begins = terms.drafted_terms(connection, host, kiosk_id, evse_id, _terms(fields), _begins(fields), now)
    time_zone = connection.execute(select(kiosks.c.time_zone).where(kiosks.c.kiosk_id == kiosk_id)).scalar_one()
    energy_wh = int(terms.amount_of("sample kWh", fields.get("sample_kwh", "")) * 1000)
    minutes = int(terms.amount_of("sample minutes", fields.get("sample_minutes", "")))
    starts = datetime.combine(begins.date(), time.fromisoformat(fields.get("sample_starts", "")), ZoneInfo(time_zone))
    offer = directory.current_offer(connection, kiosk_id, evse_id)
    shown = terms.preview(agreement, energy_wh, timedelta(minutes=minutes), starts, time_zone, offer)
    return preview_words(agreement, shown, host, time_zone)


def _terms(fields: Mapping[str, str]) -> terms.Terms:
    def amount(name: str) -> Any:
        return terms.amount_of(name.replace("_", " "), fields.get(name, ""))

    hours = [
        (fields.get(f"start_{row}", ""), fields.get(f"end_{row}", ""), fields.get(f"price_{row}", ""))
        for row in range(1, ROWS_OF_HOURS + 1)
    ]
    return terms.Terms(
        amount("per_use"),
        amount("per_kwh"),
        amount("per_hour"),
        amount("per_month"),
        amount("price") if fields.get("price", "").strip() else None,
        terms.windows_of(hours),
        fields.get("own_account", "").strip() or None,
        Bearer(fields.get("paid_by", "operator")),
    )


def _evse(fields: Mapping[str, str]) -> tuple[str, int]:
    kiosk_id, _, evse = fields.get("evse", "").rpartition("/")
    if not kiosk_id or not evse.isdecimal() or len(evse) > 2:
        raise ValueError("EVSE: choose one")
    return kiosk_id, int(evse)


def _begins(fields: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(fields.get("begins", ""))
    except ValueError as error:
        raise ValueError("from: want a day, as 2026-12-01") from error


async def _done(request: Request, host_id: str, deed: Any) -> Response:
    try:
        said = await server_of(request).write(deed)
    except (ValueError, NotKnown) as error:
        return _back(host_id, str(error), True)
    return _back(host_id, said, False)


def _back(host_id: str, said: str, is_refused: bool) -> Response:
    query = urlencode({"said": said, "refused": int(is_refused)})
    return RedirectResponse(f"/operator/hosts/{quote(host_id, safe='')}?{query}", 303)
