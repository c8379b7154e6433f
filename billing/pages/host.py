"""/host: what a host earns and why. Every route is behind the sign-in of a host and reads by that host's id alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.directory import NotKnown
from billing.hosts.bank import enter_account, withdraw_account
from billing.hosts.movements import month_at, month_named
from billing.hosts.party import Host, find_host
from billing.hosts.statement import statement_of
from billing.hosts.told import tell_of_account
from billing.pages import host_view
from billing.pages.host_texts import HOST
from billing.pages.pdf import pdf_response
from billing.pages.render import LANGUAGES, html, page
from billing.people.access import Person, checked_form, csrf_field, host, note

HostPerson = Annotated[Person, Depends(host)]
Values = Callable[[Connection, Host, str], dict[str, Any]]

router = APIRouter(prefix="/host", dependencies=[Depends(host)])


@router.get("")
async def get_today(request: Request, person: HostPerson, day: str | None = None) -> Response:
    now = server_of(request).now()

    def values(connection: Connection, theirs: Host, language: str) -> dict[str, Any]:
        return host_view.today_values(connection, theirs, host_view.day_of(day, theirs, now), now, language)

    return await _page(request, person, "today", values)


@router.get("/day.csv")
async def get_day_csv(request: Request, person: HostPerson, day: str | None = None) -> Response:
    server = server_of(request)

    def rows(connection: Connection) -> tuple[date, list[list[str]]]:
        theirs = _host_of(connection, person)
        asked = host_view.day_of(day, theirs, server.now())
        return asked, host_view.day_csv_rows(connection, theirs, asked, _language(request, theirs))

    asked, found = await server.read(rows)
    return _csv(found, f"uses-{person.host_id}-{asked.isoformat()}.csv")


@router.get("/uses")
async def get_uses(request: Request, person: HostPerson, month: str | None = None) -> Response:
    now = server_of(request).now()

    def values(connection: Connection, theirs: Host, language: str) -> dict[str, Any]:
        return host_view.uses_values(connection, theirs, _month(month, theirs, now), now, language)

    return await _page(request, person, "uses", values)


@router.get("/statements")
async def get_statements(request: Request, person: HostPerson) -> Response:
    now = server_of(request).now()
    return await _page(request, person, "statements", lambda c, theirs, lang: _of_months(c, theirs, now, lang))


@router.get("/statements/{month}.pdf")
async def get_statement_pdf(request: Request, person: HostPerson, month: str) -> Response:
    shown = await _values(request, person, _statement(request, month))
    return await pdf_response(html("host_statement_pdf.html", shown), f"{shown['number']}.pdf")


@router.get("/statements/{month}.csv")
async def get_statement_csv(request: Request, person: HostPerson, month: str) -> Response:
    server = server_of(request)

    def rows(connection: Connection) -> list[list[str]]:
        theirs = _host_of(connection, person)
        statement = statement_of(connection, theirs, _month(month, theirs, server.now()))
        return host_view.csv_rows(connection, theirs, statement, _language(request, theirs))

    return _csv(await server.read(rows), f"ST-{person.host_id}-{month}.csv")


@router.get("/statements/{month}")
async def get_statement(request: Request, person: HostPerson, month: str) -> Response:
    return await _page(request, person, "statement", _statement(request, month))


@router.get("/agreement")
async def get_agreement(request: Request, person: HostPerson) -> Response:
    now = server_of(request).now()
    return await _page(
        request, person, "agreement", lambda c, theirs, lang: host_view.agreement_values(c, theirs, now, lang)
    )


@router.get("/account")
async def get_account(request: Request, person: HostPerson) -> Response:
    return await _page(request, person, "account", _account(request, {}))


@router.post("/account")
async def post_account(request: Request, person: HostPerson) -> Response:
    server, now = server_of(request), server_of(request).now()
    fields = await checked_form(request)
    typed = {name: fields.get(name, "") for name in ("holder", "iban", "bic")}

    def enter(connection: Connection) -> None:
        theirs = _host_of(connection, person)
        account = enter_account(connection, theirs.host_id, **typed, by=signed_by(person), now=now)
        note(connection, person, f"entered the account ending {account.ending}", theirs.host_id, now)
        known = server.settings
        tell_of_account(connection, known.server_key, known.operator_name, theirs, account, now)

    try:
        await server.write(enter)
    except ValueError as error:
        return await _page(request, person, "account", _account(request, typed, str(error)), 422)
    return RedirectResponse(f"/host/account{_asked(request)}", 303)


@router.post("/account/withdraw")
async def post_withdraw(request: Request, person: HostPerson) -> Response:
    server, now = server_of(request), server_of(request).now()
    fields = await checked_form(request)
    number = fields.get("account", "")

    def withdraw(connection: Connection) -> None:
        theirs = _host_of(connection, person)
        account_no = int(number) if number.isdecimal() and len(number) < 12 else 0
        account = withdraw_account(connection, theirs.host_id, account_no, signed_by(person), now)
        note(connection, person, f"withdrew the account ending {account.ending}", theirs.host_id, now)

    try:
        await server.write(withdraw)
    except (ValueError, NotKnown) as error:
        return await _page(request, person, "account", _account(request, {}, str(error)), 422)
    return RedirectResponse(f"/host/account{_asked(request)}", 303)


def signed_by(person: Person) -> str:
    """A name to read and an id that tells two of one name apart."""
    return f"{person.name[:80]} #{person.person_id}"


# ---- the frame -----------------------------------------------------------------------------------------------------


async def _page(request: Request, person: Person, name: str, values: Values, status: int = 200) -> Response:
    return page(f"host_{name}.html", await _values(request, person, values), status, runs_script=name == "today")


async def _values(request: Request, person: Person, values: Values) -> dict[str, Any]:
    server = server_of(request)

    def read(connection: Connection) -> dict[str, Any]:
        theirs = _host_of(connection, person)
        language = _language(request, theirs)
        words = HOST[language]
        shared = {
            "words": words,
            "language": language,
            "languages": LANGUAGES,
            "asked": _asked(request),
            "host": theirs,
            "host_line": words["host_line"].format(name=theirs.name, host=theirs.host_id),
        }
        return {**shared, **values(connection, theirs, language)}

    try:
        shown = await server.read(read)
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    extra = {"operator_name": server.settings.operator_name, "person": person, "csrf": csrf_field(request)}
    return {**extra, **shown}


def _statement(request: Request, month: str) -> Values:
    now = server_of(request).now()

    def values(connection: Connection, theirs: Host, language: str) -> dict[str, Any]:
        return host_view.statement_values(connection, theirs, _month(month, theirs, now), now, language)

    return values


def _of_months(connection: Connection, theirs: Host, now: Any, language: str) -> dict[str, Any]:
    return host_view.statements_values(connection, theirs, now, language)


def _account(request: Request, typed: dict[str, str], error: str = "") -> Values:
    now = server_of(request).now()
    return lambda c, theirs, language: host_view.account_values(c, theirs, now, language, typed, error)


def _host_of(connection: Connection, person: Person) -> Host:
    """Raises NotKnown for a person whose host was never added."""
    if person.host_id is None:
        raise NotKnown("this person is no host")
    return find_host(connection, person.host_id)


def _month(asked: str | None, theirs: Host, now: Any) -> str:
    """Raises NotKnown for a text that is no month."""
    if asked is None:
        return month_at(now, theirs.time_zone)
    try:
        return month_named(asked)
    except ValueError as error:
        raise NotKnown(str(error)) from error


def _language(request: Request, theirs: Host) -> str:
    """As asked by ?lang=, else the host's own."""
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else theirs.language


def _asked(request: Request) -> str:
    """Carried from page to page, where a language was asked for."""
    asked = request.query_params.get("lang", "")
    return f"?lang={asked}" if asked in LANGUAGES else ""


def _csv(rows: list[list[str]], name: str) -> Response:
    """With a byte order mark: spreadsheets take it for UTF-8 then."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + text.getvalue(), 200, headers, media_type="text/csv; charset=utf-8")


def _harmless(cell: str) -> str:
    """A text that a spreadsheet would take for a formula is told to be a text; numbers stay numbers."""
    is_number = cell.lstrip("-").replace(".", "", 1).isdecimal()
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not is_number else cell
