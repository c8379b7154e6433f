"""/operator/payments: every payment, one payment's money, and refunds. Looking is for staff, moving money for finance.

A refund is two steps: the first page says what it will do, entry by entry; the button on the second does it.
"""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.checkout import desk, refunds
from billing.checkout.write_off import write_off
from billing.pages.operator_frame import operator_page
from billing.pages.payments_view import payment_detail, payments, refund_plan
from billing.pages.render import money
from billing.payments.store import shown_of
from billing.people.access import Person, checked_form, finance, note, staff
from contract.currency import from_minor, to_minor

LONGEST_SAID = 300
LARGEST = 10**9  # in major units
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/payments", dependencies=[Depends(staff)])


@router.get("")
async def get_payments(request: Request) -> Response:
    server = server_of(request)
    lines = await server.read(lambda c: payments(c, server.now()))
    held = sum(line.state == "held" for line in lines)
    owed = sum(line.state == "owed" for line in lines)
    heading = f"{len(lines)} payments, {held} held now, {owed} owed" if lines else "No payments yet"
    return await operator_page(request, "payments", {"payments": lines, "heading": heading})


@router.get("/{payment_id}")
async def get_payment(request: Request, payment_id: str, said: str = "", refused: int = 0) -> Response:
    server = server_of(request)
    detail = await server.read(lambda c: payment_detail(c, payment_id, server.now()))
    if detail is None:
        raise HTTPException(404, "no such payment")
    values = {"payment": detail, "heading": detail["heading"], "said": said[:LONGEST_SAID], "is_refused": bool(refused)}
    values["moves_money"] = request.state.person.moves_money
    return await operator_page(request, "payment", values)


@router.get("/{payment_id}/refund")
async def get_refund(
    request: Request, payment_id: str, person: Finance, amount: str = "", rule: str = "shared", why: str = ""
) -> Response:
    """What the refund would do. `amount` in major units, as people write it."""
    server = server_of(request)

    def look(connection: Connection) -> tuple[dict[str, object], str] | str:
        detail = payment_detail(connection, payment_id, server.now())
        if detail is None:
            raise HTTPException(404, "no such payment")
        try:
            minor = _minor(amount, str(detail["currency"]))
            second = server.settings.second_approval_above_minor
            return refund_plan(connection, payment_id, minor, refunds.Rule(rule), second), str(detail["currency"])
        except ValueError as error:
            return str(error)

    found = await server.read(look)
    if isinstance(found, str):
        return _back(payment_id, found, True)
    plan, currency = found
    heading = f"Give {money(int(str(plan['amount_minor'])), currency, 'en')} back?"
    values: dict[str, object] = {
        "plan": plan,
        "payment_id": payment_id,
        "why": " ".join(why.split())[:200],
        "heading": heading,
    }
    values["refund_id"] = uuid.uuid4().hex  # sent twice, it is one refund
    return await operator_page(request, "refund", values)


@router.post("/{payment_id}/refund")
async def post_refund(request: Request, payment_id: str, person: Finance) -> Response:
    server = server_of(request)
    form = await checked_form(request)
    now = server.now()

    def ask(connection: Connection) -> refunds.Refund:
        second = server.settings.second_approval_above_minor
        amount_minor, rule = int(form.get("amount_minor", "0")), refunds.Rule(form.get("rule", ""))
        asked = (payment_id, amount_minor, rule, form.get("why", ""), person.name)
        refund = refunds.ask(connection, *asked, now, second, form.get("refund_id") or None)
        shown = shown_of(connection, payment_id, refund.amount_minor)
        note(connection, person, f"asked for a refund of {shown}: {refund.why}", payment_id, now)
        return refund

    try:
        refund = await server.write(ask)
    except LookupError as error:
        raise HTTPException(404, "no such payment") from error
    except ValueError as error:
        return _back(payment_id, str(error), True)
    said = "It goes out now." if refund.is_granted else "It waits for a second person of finance."
    return _back(payment_id, f"The refund is written down. {said}", False)


@router.post("/{payment_id}/refunds/{refund_id}")
async def post_decision(request: Request, payment_id: str, refund_id: str, person: Finance) -> Response:
    server = server_of(request)
    form = await checked_form(request)
    now = server.now()
    is_granted = form.get("decision") == "approve"

    def decide(connection: Connection) -> refunds.Refund:
        act = refunds.approve if is_granted else refunds.refuse
        refund = act(connection, refund_id, person.name, now)
        shown = shown_of(connection, refund.payment_id, refund.amount_minor)
        note(connection, person, f"{'approved' if is_granted else 'refused'} a refund of {shown}", payment_id, now)
        return refund

    try:
        await server.write(decide)
    except LookupError as error:
        raise HTTPException(404, "no such refund") from error
    except ValueError as error:
        return _back(payment_id, str(error), True)
    return _back(payment_id, "Approved: it goes out now." if is_granted else "Refused: nothing is given back.", False)


@router.post("/{payment_id}/release")
async def post_release(request: Request, payment_id: str, person: Finance) -> Response:
    server = server_of(request)
    await checked_form(request)
    now = server.now()

    def release(connection: Connection) -> None:
        desk.release_by_hand(connection, payment_id, now)
        note(connection, person, "released a hold by hand", payment_id, now)

    try:
        await server.write(release)
    except LookupError as error:
        raise HTTPException(404, "no such payment") from error
    except ValueError as error:
        return _back(payment_id, str(error), True)
    return _back(payment_id, "Given up: what is held is released now.", False)


@router.post("/{payment_id}/write-off")
async def post_write_off(request: Request, payment_id: str, person: Finance) -> Response:
    server = server_of(request)
    form = await checked_form(request)
    now = server.now()

    def give_up(connection: Connection) -> None:
        why = form.get("why", "")
        amount_minor = write_off(connection, payment_id, why, now)
        what = f"wrote off {shown_of(connection, payment_id, amount_minor)}: {why[:200]}"
        note(connection, person, what, payment_id, now)

    try:
        await server.write(give_up)
    except LookupError as error:
        raise HTTPException(404, "no such payment") from error
    except ValueError as error:
        return _back(payment_id, str(error), True)
    return _back(payment_id, "Written off: nothing is owed any more.", False)


def _minor(amount: str, currency: str) -> int:
    """What somebody wrote, in minor units. Raises ValueError."""
    try:
        value = Decimal(amount.strip().replace(",", "."))
    except InvalidOperation as error:
        raise ValueError(f"amount {amount[:20]!r}: want a number like 3.18") from error
    if not value.is_finite() or abs(value) > LARGEST or from_minor(to_minor(value, currency), currency) != value:
        raise ValueError(f"amount {amount[:20]!r}: want a number like 3.18")
    return to_minor(value, currency)


def _back(payment_id: str, said: str, is_refused: bool) -> Response:
    query = urlencode({"said": said, "refused": int(is_refused)})
    return RedirectResponse(f"/operator/payments/{quote(payment_id, safe='')}?{query}", 303)
