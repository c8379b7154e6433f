"""/operator/decisions: what no rule settles. Looking is for staff, deciding for finance.

The page says of every choice what it will do to payer, host and ledger, before it is made.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.decisions import cases, decide
from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from billing.decisions.told import CHOICES, deed_of
from billing.pages.decisions_view import case_in_words, cases_in_words, href
from billing.pages.operator_frame import operator_page
from billing.people.access import Person, checked_form, finance, note, staff

LONGEST_SAID = 300
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/decisions", dependencies=[Depends(staff)])


@router.get("")
async def get_decisions(request: Request, said: str = "") -> Response:
    server = server_of(request)
    lists = await server.read(lambda c: cases_in_words(c, server.now()))
    count, second = len(lists["open"]), len(lists["second"])
    parts = [f"{count} wait{'s' if count == 1 else ''} for a decision"] if count else []
    parts += [f"{second} for a second person"] if second else []
    heading = ", ".join(parts) or "Nothing waits for a decision"
    return await operator_page(request, "decisions", {**lists, "heading": heading, "said": said[:LONGEST_SAID]})


@router.get("/{kiosk_id}/{transaction_id}")
async def get_case(
    request: Request, kiosk_id: str, transaction_id: str, said: str = "", refused: int = 0, choice: str = "",
    why: str = "",
) -> Response:  # fmt: skip
    server = server_of(request)
    second = server.settings.second_approval_above_minor
    try:
        found = await server.read(lambda c: case_in_words(c, kiosk_id, transaction_id, server.now(), second))
    except cases.NoSuchCase as error:
        raise HTTPException(404, "no such session") from error
    heading = found["case"]["cause"] if found["case"] is not None else "Nothing is to be decided here"
    values = {
        **found,
        "heading": heading,
        "said": said[:LONGEST_SAID],
        "is_refused": bool(refused),
        "chosen": choice[:20],
        "why": why[:200],
        "moves_money": request.state.person.moves_money,
        "decision_id": uuid.uuid4().hex,  # sent twice, it is one decision
    }
    return await operator_page(request, "decision", values)


@router.post("/{kiosk_id}/{transaction_id}")
async def post_decision(request: Request, kiosk_id: str, transaction_id: str, person: Finance) -> Response:
    server = server_of(request)
    form = await checked_form(request)
    now = server.now()

    def ask(connection: Connection) -> Decision:
        choice = _choice(form.get("choice", ""))
        days = _days(form.get("days", "")) if choice is Choice.WAIT else None
        second = server.settings.second_approval_above_minor
        asked = (kiosk_id, transaction_id, choice, form.get("why", ""), person.name, now, second, days)
        decision = decide.ask(connection, *asked, form.get("decision_id") or None)
        note(connection, person, deed_of(decision), transaction_id, now)
        return decision

    return await _done(request, kiosk_id, transaction_id, ask, form)


@router.post("/{kiosk_id}/{transaction_id}/{decision_id}")
async def post_second(
    request: Request, kiosk_id: str, transaction_id: str, decision_id: str, person: Finance
) -> Response:
    server = server_of(request)
    form = await checked_form(request)
    now = server.now()
    is_granted = form.get("decision") == "approve"

    def act(connection: Connection) -> Decision:
        decision = (decide.approve if is_granted else decide.refuse)(connection, decision_id, person.name, now)
        what = f"{'agreed' if is_granted else 'did not agree'} to: {CHOICES[decision.choice].lower()}"
        note(connection, person, what, transaction_id, now)
        return decision

    return await _done(request, kiosk_id, transaction_id, act, {})


def said_of(decision: Decision) -> str:
    """For who decided."""
    if decision.is_granted is None:
        return "Written down; it waits for a second person of finance, and nothing moves until then."
    if not decision.is_granted:
        return "Refused: nothing is done, and the case stays."
    return "Decided and carried out." if decision.until is None else f"Comes back on {decision.until:%d %B %Y}."


def _choice(word: str) -> Choice:
    try:
        return Choice(word)
    except ValueError as error:
        raise ValueError("choose what should hold") from error


def _days(word: str) -> int:
    if not word.strip().isdecimal() or len(word) > 4:
        raise ValueError("days: want a whole number")
    return int(word)


async def _done(
    request: Request, kiosk_id: str, transaction_id: str, job: Callable[[Connection], Decision], form: dict[str, str]
) -> Response:
    server = server_of(request)
    try:
        decision = await server.write(job)
    except cases.NoSuchCase as error:
        raise HTTPException(404, "no such session") from error
    except ValueError as error:
        kept = {name: form[name] for name in ("choice", "why") if form.get(name)}
        query = urlencode({"said": str(error), "refused": 1, **kept})
        return RedirectResponse(f"{href(kiosk_id, transaction_id)}?{query}", 303)
    query = urlencode({"said": said_of(decision)})
    return RedirectResponse(f"/operator/decisions?{query}", 303)
