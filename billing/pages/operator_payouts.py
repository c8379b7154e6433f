"""/operator/payouts: what would be paid, the runs, the bank's files, and what the bank said. For finance.

Whatever moves money says first what it will do: the page shows the plan with everybody in it, and the button carries
its digest; where the plan has changed since, nothing happens and the new one is shown.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.directory import NotKnown
from billing.hosts.months import close_month
from billing.hosts.terms import amount_of
from billing.pages.host import signed_by
from billing.pages.operator_frame import operator_page
from billing.pages.operator_hosts_view import payout_row, payouts_values, run_row, step_words
from billing.payouts import runs
from billing.payouts.states import State
from billing.people.access import Person, checked_form, finance, note

LONGEST_SAID = 300
Finance = Annotated[Person, Depends(finance)]

router = APIRouter(prefix="/operator/payouts", dependencies=[Depends(finance)])


@router.get("")
async def get_payouts(request: Request, said: str = "", refused: int = 0) -> Response:
    server = server_of(request)
    values = await server.read(lambda c: payouts_values(c, server.now()))
    return await operator_page(request, "payouts", {**values, "said": said[:LONGEST_SAID], "is_refused": bool(refused)})


@router.post("/run")
async def post_run(request: Request, person: Finance) -> Response:
    now = server_of(request).now()
    fields = await checked_form(request)

    def make(connection: Connection) -> str:
        run = runs.make_run(connection, signed_by(person), now, fields.get("digest", ""))
        note(connection, person, f"ordered {len(run.payouts)} payouts of {run.total_minor} minor units", run.run, now)
        return f"{run.run} made: give its file to the bank, and say here what the bank made of it"

    return await _done(request, make)


@router.post("/source")
async def post_source(request: Request, person: Finance) -> Response:
    now = server_of(request).now()
    fields = await checked_form(request)

    def set_(connection: Connection) -> str:
        minimum_minor = int(amount_of("minimum", fields.get("minimum", "")) * 100)
        name, iban, bic = (fields.get(name, "") for name in ("name", "iban", "bic"))
        source = runs.set_source(connection, name, iban, bic, minimum_minor, signed_by(person), now)
        note(connection, person, f"set the account to pay from, ending {source.payer.iban[-4:]}", "payouts", now)
        return "Payouts leave from this account from now on"

    return await _done(request, set_)


@router.post("/close")
async def post_close(request: Request, person: Finance) -> Response:
    now = server_of(request).now()
    fields = await checked_form(request)

    def close(connection: Connection) -> str:
        month = fields.get("month", "")
        closed = close_month(connection, month, signed_by(person), now)
        if not closed:
            return f"{month}: no host has anything to close in it"
        note(connection, person, f"closed the month for {len(closed)} statements", month, now)
        return f"{month} is closed: {len(closed)} statements"

    return await _done(request, close)


@router.get("/{run}.xml")
async def get_file(request: Request, run: str) -> Response:
    try:
        text = await server_of(request).read(lambda c: runs.file_of(c, run))
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    headers = {"Content-Disposition": f'attachment; filename="{run}.xml"'}
    return Response(text, 200, headers, media_type="application/xml")


@router.get("/{run}")
async def get_run(request: Request, run: str, said: str = "", refused: int = 0) -> Response:
    try:
        found = await server_of(request).read(lambda c: runs.find_run(c, run))
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    row = run_row(found)
    heading = f"{run}: {row['total']}, {row['state']}"
    values = {"run": row, "heading": heading, "said": said[:LONGEST_SAID], "is_refused": bool(refused)}
    return await operator_page(request, "run", values)


@router.get("/{run}/{payout_id}/{state}")
async def get_step(request: Request, run: str, payout_id: str, state: str) -> Response:
    """What the step will do."""
    payout, wanted = await _payout(request, run, payout_id, state)
    values: dict[str, object] = {
        "payout": payout_row(payout),
        "state": wanted.value,
        "wants_reason": wanted is not State.PAID,
        "does": step_words(payout, wanted),
        "heading": f"{payout_id} {'came back' if wanted is State.REVERSED else wanted.value}?",
    }
    return await operator_page(request, "payout_step", values)


@router.post("/{run}/{payout_id}/{state}")
async def post_step(request: Request, run: str, payout_id: str, state: str, person: Finance) -> Response:
    """`payout_id` "all": every payout of the run that still waits for the bank; only `paid`."""
    now = server_of(request).now()
    fields = await checked_form(request)
    why = " ".join(fields.get("why", "").split())[:200]
    if payout_id != "all":
        await _payout(request, run, payout_id, state)
    wanted = State.PAID if payout_id == "all" else State(state)

    def take(connection: Connection) -> str:
        if wanted is not State.PAID and not why:
            raise ValueError("a reason, please: the host reads it")
        waiting = [one.payout_id for one in runs.find_run(connection, run).payouts if one.state is State.BATCHED]
        for one in waiting if payout_id == "all" else [payout_id]:
            if runs.step(connection, one, wanted, signed_by(person), now, why):
                note(connection, person, f"said that the bank made it {wanted.value}", one, now)
        return f"{run if payout_id == 'all' else payout_id}: {wanted.value}"

    return await _done(request, take, f"/operator/payouts/{run}")


async def _payout(request: Request, run: str, payout_id: str, state: str) -> tuple[runs.Payout, State]:
    if state not in (State.PAID, State.REJECTED, State.REVERSED):
        raise HTTPException(404, "no such step")
    try:
        payout = await server_of(request).read(lambda c: runs.find_payout(c, payout_id))
    except NotKnown as error:
        raise HTTPException(404, str(error)) from error
    if payout.run != run:
        raise HTTPException(404, f"{payout_id} is not of {run}")
    return payout, State(state)


async def _done(request: Request, deed: Any, where: str = "/operator/payouts") -> Response:
    try:
        said, is_refused = await server_of(request).write(deed), 0
    except (ValueError, NotKnown) as error:
        said, is_refused = str(error), 1
    return RedirectResponse(f"{where}?{urlencode({'said': said, 'refused': is_refused})}", 303)
