"""A decision about a case: asked for with a reason, agreed to by a second person where it must be, and carried out.

Law:
- Carried out is: the CDR is written (what an earlier decision billed is taken back by a Credit CDR first) and the order
  is looked at again. Everything else follows as for any other bill: capture, release, receivable, host.
- Who asked does not agree. Nothing is carried out on other events than those that were looked at.
- A row is written for every decision, also for one to wait; none is ever deleted.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from billing.checkout.bills import note
from billing.corrections import credit, is_current
from billing.decisions import cases
from billing.decisions.case import LONGEST_WHY, MOST_DAYS, Case, NotDecidable, Proposal, proposal
from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from billing.decisions.tables import decisions
from billing.moments import to_ms
from billing.rating import site_of, write_cdr
from billing.tables import cdrs
from contract.transaction import samples_of


def ask(
    connection: Connection,
    kiosk_id: str,
    transaction_id: str,
    choice: Choice,
    why: str,
    by: str,
    now: datetime,
    second_above_minor: int,
    days: int | None = None,
    decision_id: str | None = None,
) -> Decision:
    """Decide; above `second_above_minor` another person has to agree first. Raises NotDecidable, NoSuchCase.

    The same `decision_id` decides once, so a form that is sent twice is one decision. `days`: of a decision to wait.
    """
    if decision_id is not None and (known := cases.find(connection, decision_id)):
        return known
    case = open_case(connection, kiosk_id, transaction_id, now)
    why = " ".join(why.split())
    if not 3 <= len(why) <= LONGEST_WHY:
        raise NotDecidable(f"reason: want 3 to {LONGEST_WHY} characters; the auditor reads it")
    if any(one.is_granted is None for one in cases.decided(connection, kiosk_id, transaction_id)):
        raise NotDecidable("a decision about it waits for a second person already; agree to it or refuse it first")
    planned = proposal(case, choice)
    until = _until(choice, days, now)
    needs_second = planned.needs_second(second_above_minor)
    decision_id = decision_id or uuid.uuid4().hex
    values = {
        "decision_id": decision_id,
        "kiosk_id": kiosk_id,
        "transaction_id": transaction_id,
        "order_id": case.order_id,
        "choice": choice.value,
        "why": why,
        "events": len(case.events),
        "last_seq": _last_seq(case, planned),
        "amount_minor": None if planned.amount is None else planned.amount.incl_vat_minor,
        "currency": None if planned.amount is None else planned.amount.currency,
        "until_ms": None if until is None else to_ms(until),
        "asked_by": by[:80],
        "asked_ms": to_ms(now),
        "needs_second": int(needs_second),
    }
    connection.execute(decisions.insert(), values)
    if not needs_second:
        _carry_out(connection, case, planned, decision_id, by, now)
    return cases.load(connection, decision_id)


def approve(connection: Connection, decision_id: str, by: str, now: datetime) -> Decision:
    """The second person agrees: it is carried out. Raises NotDecidable, NoSuchCase."""
    decision = cases.load(connection, decision_id)
    if decision.is_granted is not None:
        return _as_before(decision, True)
    if decision.asked_by == by[:80]:
        raise NotDecidable("who asked for a decision of this size does not agree to it; another person does")
    case = open_case(connection, decision.kiosk_id, decision.transaction_id, now)
    planned = proposal(case, decision.choice)
    if len(case.events) != decision.events:
        raise NotDecidable("events came since it was asked for: refuse it, and decide anew on what is here now")
    _carry_out(connection, case, planned, decision_id, by, now)
    return cases.load(connection, decision_id)


def refuse(connection: Connection, decision_id: str, by: str, now: datetime) -> Decision:
    """It is not done; who asked may also take it back. The case stays. Raises NotDecidable, NoSuchCase."""
    decision = cases.load(connection, decision_id)
    if decision.is_granted is not None:
        return _as_before(decision, False)
    _close(connection, decision_id, by, False, now)
    return cases.load(connection, decision_id)


def _as_before(decision: Decision, is_granted: bool) -> Decision:
    if decision.is_granted == is_granted:
        return decision
    raise NotDecidable(
        f"decision {decision.decision_id[:8]} was {'carried out' if not is_granted else 'refused'} before"
    )


def open_case(connection: Connection, kiosk_id: str, transaction_id: str, now: datetime) -> Case:
    """Raises NotDecidable, NoSuchCase."""
    case = cases.case_of(connection, kiosk_id, transaction_id, now)
    if case is None:
        raise NotDecidable(f"session {transaction_id}: nothing is to be decided; it is billed, or it may still settle")
    return case


def _last_seq(case: Case, planned: Proposal) -> int | None:
    if not planned.story:
        return None
    return (case.events if planned.story == case.record else planned.story)[-1].seq_no


def _until(choice: Choice, days: int | None, now: datetime) -> datetime | None:
    if choice is not Choice.WAIT:
        if days is not None:
            raise NotDecidable("days: only a decision to wait has them")
        return None
    if days is None or not 1 <= days <= MOST_DAYS:
        raise NotDecidable(f"days: want 1 to {MOST_DAYS}, after which the case comes back")
    return now + timedelta(days=days)


def _carry_out(connection: Connection, case: Case, planned: Proposal, decision_id: str, by: str, now: datetime) -> None:
    if planned.amount is not None:
        of_session = (cdrs.c.kiosk_id == case.kiosk_id, cdrs.c.transaction_id == case.transaction_id)
        before = connection.execute(select(cdrs).where(*of_session, is_current())).one_or_none()
        if before is not None:
            credit(connection, before, now)
        site, key = site_of(connection, case.kiosk_id), f"decision/{decision_id}"
        story = planned.story
        write_cdr(connection, case.kiosk_id, key, site, story, samples_of(story), planned.amount, now)
    _close(connection, decision_id, by, True, now)
    if planned.choice.bills:
        note(connection, case.kiosk_id, [], [case.order_id], now)


def _close(connection: Connection, decision_id: str, by: str, is_granted: bool, now: datetime) -> None:
    values = {"decided_by": by[:80], "decided_ms": to_ms(now), "is_granted": int(is_granted)}
    connection.execute(update(decisions).where(decisions.c.decision_id == decision_id).values(**values))
