"""What waits for a person's decision, in words: the cause, the amount at stake, and what each choice would do."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, select

from billing.checkout.checkout import shown_payer
from billing.checkout.view import money_of
from billing.decisions import cases
from billing.decisions.case import Case, Cause, Proposal, at_stake_minor, proposals
from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from billing.decisions.conditions import is_billed
from billing.decisions.tables import is_decided
from billing.decisions.told import CHOICES, story_of
from billing.moments import to_ms
from billing.pages.operator_view import local_time
from billing.pages.render import ago, kwh, money
from billing.payments import store as payments
from billing.payments.payment import Payment
from billing.payments.provider import HoldState
from billing.rating import site_of
from billing.settlement.agreement import in_force
from billing.settlement.allocation import Allocation
from billing.settlement.sales import counted_at, sold_of
from billing.tables import kiosks, transactions
from contract.transaction import samples_of

MOST_NAMED = 12  # missing numbers
DAYS = 7  # suggested for waiting

_CHIPS = {
    Cause.HELD: ("warn", "Held by a doubt"),
    Cause.MISSING: ("warn", "Events missing"),
    Cause.LOST: ("bad", "End lost"),
    Cause.LATE: ("warn", "Came after a decision"),
}


def cases_in_words(connection: Connection, now: datetime) -> dict[str, Any]:
    """The page's three lists: what is to be decided, what waits for a second person, what is waited for."""
    names = {row.kiosk_id: row.name for row in connection.execute(select(kiosks.c.kiosk_id, kiosks.c.name))}
    second = cases.asked(connection)
    asked = {(one.kiosk_id, one.transaction_id) for one in second}
    found = cases.waiting(connection, now)
    return {
        "open": [_line(case, names, now) for case in found if (case.kiosk_id, case.transaction_id) not in asked],
        "second": [decision_in_words(one, names) for one in second],
        "waited": [decision_in_words(one, names) for one in cases.waited_for(connection, now)],
    }


def case_in_words(
    connection: Connection, kiosk_id: str, transaction_id: str, now: datetime, second_above_minor: int
) -> dict[str, Any]:
    """One case with its choices, and what was decided before. Raises NoSuchCase."""
    case = cases.case_of(connection, kiosk_id, transaction_id, now)
    site = site_of(connection, kiosk_id)
    names = {kiosk_id: site.name}
    decided = cases.decided(connection, kiosk_id, transaction_id)
    return {
        "kiosk": site.name,
        "kiosk_id": kiosk_id,
        "transaction_id": transaction_id,
        "session_href": f"/operator/sessions/{quote(kiosk_id, safe='')}/{quote(transaction_id, safe='')}",
        "case": None if case is None else _line(case, names, now),
        "facts": [] if case is None else _facts(connection, case, site.time_zone),
        "choices": [] if case is None else choices_in_words(connection, case, second_above_minor),
        "second": [decision_in_words(one, names) for one in decided if one.is_granted is None],
        "before": [decision_in_words(one, names) for one in decided if one.is_granted is not None],
        "days": DAYS,
    }


def choices_in_words(connection: Connection, case: Case, second_above_minor: int) -> list[dict[str, Any]]:
    site = site_of(connection, case.kiosk_id)
    known = payments.of_order(connection, case.order_id)
    return [
        _choice(connection, case, one, site.time_zone, known, second_above_minor) for one in proposals(case)
    ]  # fmt: skip


def decision_in_words(one: Decision, names: dict[str, str]) -> dict[str, str]:
    amount = "" if one.amount_minor is None or one.currency is None else money(one.amount_minor, one.currency, "en")
    state = {None: "waits for a second person", True: "carried out", False: "refused"}[one.is_granted]
    until = "" if one.until is None else f"{one.until:%d %B %Y, %H:%M} UTC"
    return {
        "decision_id": one.decision_id,
        "href": href(one.kiosk_id, one.transaction_id),
        "kiosk": names.get(one.kiosk_id, one.kiosk_id),
        "transaction_id": one.transaction_id,
        "what": CHOICES[one.choice] + (f": {amount}" if amount else f" until {until}" if until else ""),
        "why": one.why,
        "asked_by": one.asked_by,
        "decided_by": one.decided_by or "",
        "state": state,
        "until": until,
    }


def href(kiosk_id: str, transaction_id: str) -> str:
    return f"/operator/decisions/{quote(kiosk_id, safe='')}/{quote(transaction_id, safe='')}"


def decided_in_words(connection: Connection, kiosk_id: str, transaction_id: str) -> list[tuple[datetime, str]]:
    """When and what people decided about a charge, the oldest first."""
    found = cases.decided(connection, kiosk_id, transaction_id)
    return [(one.decided_at or one.asked_at, story_of(one)) for one in found]


def waits_in_words(connection: Connection, order_id: str, now: datetime) -> list[tuple[str, str]]:
    """The charges of an order of which nothing is billed yet: transaction id, and what it waits for."""
    t, found = transactions.c, list[tuple[str, str]]()
    open_ = select(t.kiosk_id, t.transaction_id).where(t.order_id == order_id, ~is_billed(), ~is_decided())
    for row in connection.execute(open_.order_by(t.started_ms, t.transaction_id)).all():
        case = cases.case_of(connection, row.kiosk_id, row.transaction_id, now)
        if case is None:
            found.append((row.transaction_id, "waits for the end of the charge, or for events of it"))
        else:
            found.append((row.transaction_id, f"waits for a person's decision. {cause_of(case)}"))
    return found


def cause_of(case: Case) -> str:
    """Why nobody settled it by rule, in one sentence."""
    if case.cause is Cause.LATE:
        before = "nothing" if case.standing_minor is None else _money(case, case.standing_minor)
        return f"Events came after it was decided to bill {before}."
    if case.cause is Cause.HELD:
        return _sentence(case.doubts[0].reason) if case.doubts else "A doubt holds its bill."
    if not case.record:
        return "Its beginning never came, so nobody knows its price or its payer."
    if case.cause is Cause.MISSING:
        more = len(case.missing) - MOST_NAMED
        named = ", ".join(str(number) for number in case.missing[:MOST_NAMED]) + (
            f" and {more} more" if more > 0 else ""
        )
        return f"It ended, and of its events seq {named} never came."
    return "No end of it ever came."


def _line(case: Case, names: dict[str, str], now: datetime) -> dict[str, str]:
    chip, state = _CHIPS[case.cause]
    stake = at_stake_minor(case)
    return {
        "href": href(case.kiosk_id, case.transaction_id),
        "kiosk": names.get(case.kiosk_id, case.kiosk_id),
        "evse": str(case.events[0].evse_id),
        "transaction_id": case.transaction_id,
        "chip": chip,
        "state": state,
        "cause": cause_of(case),
        "stake": "nobody can tell" if stake is None else _money(case, stake),
        "age": ago(case.since, now),
    }


def _facts(connection: Connection, case: Case, time_zone: str) -> list[tuple[str, str]]:
    first, last = case.events[0], case.events[-1]
    begun = first.authority is not None
    facts = [
        ("Began", local_time(to_ms(first.at.wall), time_zone) if begun else "not known"),
        ("Newest event", f"seq {last.seq_no}, {last.event_type.value}, {local_time(to_ms(last.at.wall), time_zone)}"),
        ("Energy", kwh(last.meter.import_wh - first.meter.import_wh, "en")),
        ("Register", f"{kwh(first.meter.import_wh, 'en')} to {kwh(last.meter.import_wh, 'en')}"),
        ("Payer", shown_payer(first.authority.account_id) if first.authority is not None else "not known"),
    ]
    for payment in payments.of_order(connection, case.order_id):
        sums = money_of(payment)
        facts.append(("Held now", money(sums.held_minor, payment.currency, "en")))
        facts.append(("Taken", money(sums.taken_minor, payment.currency, "en")))
    return facts


def _choice(
    connection: Connection,
    case: Case,
    one: Proposal,
    time_zone: str,
    known: list[Payment],
    second_above_minor: int,
) -> dict[str, Any]:
    words = CHOICES[one.choice]
    if case.cause is Cause.LATE and one.choice is Choice.RECORDED:
        words = "Accept what came late"
    amount = "" if one.amount is None else _money(case, one.amount.incl_vat_minor)
    return {
        "value": one.choice.value,
        "words": words,
        "amount": amount,
        "effects": _effects(connection, case, one, time_zone, known),
        "needs_second": one.needs_second(second_above_minor),
        "given": _money(case, one.given_minor) if one.given_minor else "",
    }


def _effects(
    connection: Connection, case: Case, one: Proposal, time_zone: str, known: list[Payment]
) -> list[str]:  # fmt: skip
    if one.choice is Choice.WAIT:
        return ["Payer: what is held stays held, at most until the provider lets go.", "Nothing is written.",
                "Should what is missing come meanwhile, it settles by itself."]  # fmt: skip
    if one.choice is Choice.KEEP:
        return ["Payer, host and ledger: as they are. What came late is kept with the session."]
    if one.amount is None or not one.story:
        return ["Payer: owes nothing; a hold nobody knows the charge of ends by its own page.",
                "Host: paid nothing, as nothing is known of it.", "Ledger: no entry."]  # fmt: skip
    counted = counted_at(connection, case.kiosk_id, one.story, case.since)
    agreement = in_force(connection, case.kiosk_id, one.story[0].evse_id, counted)
    sold = sold_of(one.story, samples_of(one.story), one.amount, agreement, time_zone)
    host = sold.parties.host_id
    host_words = (
        f"Host {host}: paid {_money(case, sold.allocation.host.total_minor)} for {kwh(sold.sale.energy_wh, 'en')}."
    )
    return [
        f"Payer: {_payer(case, one, known)}",
        "Host: none has a part in it." if host is None else host_words,
        f"Ledger: {_ledger(case, one.amount.incl_vat_minor, sold.allocation)}",
    ]


def _payer(case: Case, one: Proposal, known: list[Payment]) -> str:
    assert one.amount is not None
    due_minor = one.amount.incl_vat_minor
    payment = known[-1] if known else None
    if payment is None or payment.sight is None:
        authority = one.story[0].authority
        who = "the payer" if authority is None else shown_payer(authority.account_id)
        return f"{who} owes {_money(case, due_minor)} for it."
    sums = money_of(payment)
    if sums.held_minor:
        taken_minor = min(due_minor, sums.held_minor)
        if not taken_minor:
            return f"nothing is taken, the {_money(case, sums.held_minor)} held is free again."
        told = f"{_money(case, taken_minor)} of the {_money(case, sums.held_minor)} held is taken"
        free_minor, lost_minor = sums.held_minor - taken_minor, due_minor - taken_minor
        if lost_minor > 0:
            return f"{told}; {_money(case, lost_minor)} is our loss, as a guest owes at most the hold."
        return f"{told}, {_money(case, free_minor)} is free again." if free_minor else f"{told}."
    if payment.sight.state is HoldState.CAPTURED:
        return f"the bill becomes {_money(case, due_minor)}; less than was taken is given back, more is owed."
    return f"{_money(case, due_minor)} is owed: nothing is held any more." if due_minor else "nothing is taken."


def _ledger(case: Case, billed_minor: int, allocation: Allocation) -> str:
    before = "" if case.standing_minor is None else f"Credit CDR {_money(case, -case.standing_minor)}, then "
    vat_minor = sum(allocation.vat_minor.values())
    parts = [f"VAT {_money(case, vat_minor)}", f"our margin {_money(case, allocation.operator_minor)}"]
    if allocation.provider_minor:
        parts.insert(1, f"partner {_money(case, allocation.provider_minor)}")
    return f"{before}CDR {_money(case, billed_minor)} with its entry: {', '.join(parts)}."


def _money(case: Case, minor: int) -> str:
    offer = case.record[0].offer if case.record else None
    return str(minor) if offer is None else money(minor, offer.tariff.currency, "en")


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith(".") else ".")
