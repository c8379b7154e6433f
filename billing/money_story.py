"""The story of one order's money: every entry of the book, every hold, every step of a payment, and how each amount
came about. The operator's page and `kiosk-billing ledger explain` tell the same one, also years later: it is read from
what was written then, and nothing is computed from what is agreed today.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from billing import keys
from billing.decisions import cases
from billing.decisions.told import story_of as decision_told
from billing.directory import NotKnown
from billing.ledger import book, holds
from billing.ledger.book import Entry
from billing.ledger.chart import Account, Kind
from billing.ledger.holds import Hold
from billing.moments import from_ms, to_ms
from billing.payments import store
from billing.payments.tables import payments
from billing.settlement.entries import sale_key
from billing.settlement.sales import Sold, sold_in
from billing.tables import cdrs, kiosks, transactions
from contract.codec import from_wire
from contract.currency import from_minor
from contract.price import Line
from contract.printed import PrintedKind, PrintedLine, printed_lines

_SAID = {  # by the first word of an entry's key
    "capture": "taken from the hold: a partner's part went to the partner, the rest came here less the provider's fee",
    "refund": "the money went back to the driver, from whoever had it",
    "allowance": "everybody gives back their part of the sale",
    "waived": "beyond the hold nothing is owed; the host keeps what was earned",
    "chargeback": "the driver's bank took the money back",
}
ORDER = tuple(Kind)  # accounts stand in the order of the chart


@dataclass(frozen=True, slots=True)
class Part:
    """One transaction of the order. `cdrs` are all it ever had, the first one first."""

    kiosk_id: str
    kiosk_name: str
    transaction_id: str
    evse_id: int
    started: datetime | None
    receipt_key: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a payment."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, and the sums under its amounts, each a sentence."""

    entry: Entry
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    order_id: str
    parts: tuple[Part, ...]
    entries: tuple[Told, ...]
    holds: tuple[Hold, ...]
    payments: dict[str, tuple[Step, ...]]
    cdr_ids: tuple[str, ...]
    decisions: tuple[Step, ...] = ()  # of people, about what no rule settled


@dataclass(frozen=True, slots=True)
class Matrix:
    """The entries of one unit, a row each, an account in each column. `now` is what stands there after them."""

    unit: str
    accounts: tuple[Account, ...]
    rows: tuple[tuple[Told, tuple[int, ...]], ...]
    now: tuple[int, ...]


def order_of(connection: Connection, name: str) -> str:
    """The order of a transaction, order, receipt, CDR or payment id. Raises NotKnown."""
    t, text = transactions.c, name.strip()
    named = or_(t.transaction_id == text, t.order_id == text, t.receipt_key == keys.receipt_key(text))
    found = connection.execute(select(t.order_id).where(named).limit(1)).scalar()
    if found is None:
        joined = (cdrs.c.kiosk_id == t.kiosk_id) & (cdrs.c.transaction_id == t.transaction_id)
        query = select(t.order_id).select_from(transactions.join(cdrs, joined)).where(cdrs.c.cdr_id == text)
        found = connection.execute(query).scalar()
    if found is None:
        found = connection.execute(select(payments.c.order_id).where(payments.c.payment_id == text)).scalar()
    if not found:
        raise NotKnown(f"no session, order, receipt, CDR or payment {text[:64]!r}")
    return str(found)


def story_of(connection: Connection, order_id: str) -> Story:
    """Everything that is written down about an order's money."""
    t = transactions.c
    query = select(transactions, kiosks.c.name).join_from(transactions, kiosks).where(t.order_id == order_id)
    rows = connection.execute(query.order_by(t.started_ms, t.first_received_ms)).all()
    parts = tuple(
        Part(
            row.kiosk_id,
            row.name,
            row.transaction_id,
            row.evse_id,
            None if row.started_ms is None else from_ms(row.started_ms),
            row.receipt_key,
        )
        for row in rows
    )
    bills = [bill for part in parts for bill in _cdrs_of(connection, part)]
    decided = [one for part in parts for one in cases.decided(connection, part.kiosk_id, part.transaction_id)]
    by_key = {f"decision/{one.decision_id}": decision_told(one) for one in decided}
    sums = {
        sale_key(bill.cdr_id): _why_sold(bill, sold_in(connection, bill.cdr_id), by_key.get(bill.cdr_key))
        for bill in bills
    }
    entries = book.entries_about(connection, order_id)
    query_paid = select(payments.c.payment_id).where(payments.c.order_id == order_id).order_by(payments.c.created_ms)
    paid = {name: store.story(connection, name) for name in connection.execute(query_paid).scalars().all()}
    # A phone's hold is older than its order: it is about the payment, which has the hold's name.
    found = {hold.hold_id: hold for hold in holds.about(connection, order_id)}
    found |= {name: hold for name in paid if (hold := holds.find(connection, name)) is not None}
    return Story(
        order_id,
        parts,
        tuple(Told(entry, sums.get(entry.draft.key, _why(entry))) for entry in entries),
        tuple(found.values()),
        {name: tuple(Step(from_ms(at), what, detail) for at, what, detail in steps) for name, steps in paid.items()},
        tuple(bill.cdr_id for bill in bills),
        tuple(Step(one.decided_at or one.asked_at, one.choice.value, decision_told(one)) for one in decided),
    )


def matrices(entries: Iterable[Told]) -> list[Matrix]:
    """One per unit; in each, every row sums to zero."""
    told = tuple(entries)
    units = sorted({leg.account.unit for one in told for leg in one.entry.draft.legs})
    return [_matrix(told, unit) for unit in units]


def _matrix(told: Sequence[Told], unit: str) -> Matrix:
    accounts = sorted(
        {leg.account for one in told for leg in one.entry.draft.legs if leg.account.unit == unit},
        key=lambda account: (ORDER.index(account.kind), account.owner),
    )
    rows, now = [], Counter[Account]()
    for one in told:
        amounts = Counter[Account]()
        for leg in one.entry.draft.legs:
            amounts[leg.account] += leg.amount
        if any(account in amounts for account in accounts):
            rows.append((one, tuple(amounts[account] for account in accounts)))
            now.update(amounts)
    return Matrix(unit, tuple(accounts), tuple(rows), tuple(now[account] for account in accounts))


def as_data(story: Story) -> dict[str, Any]:
    """For programs: amounts in the smallest part of their unit, moments as they were written."""
    return {
        "order_id": story.order_id,
        "transactions": [{"kiosk_id": part.kiosk_id, "transaction_id": part.transaction_id} for part in story.parts],
        "cdrs": list(story.cdr_ids),
        "decisions": [{"at": one.at.isoformat(), "choice": one.what, "told": one.detail} for one in story.decisions],
        "entries": [
            {
                "key": told.entry.draft.key,
                "what": told.entry.draft.what,
                "why": list(told.why),
                "at": told.entry.at.isoformat(),
                "legs": {leg.account.name: leg.amount for leg in told.entry.draft.legs},
            }
            for told in story.entries
        ],
        "holds": [
            {
                "hold_id": hold.hold_id,
                "account": hold.account.name,
                "amount": hold.amount,
                "end": None if hold.end is None else hold.end.value,
                "taken": hold.taken,
            }
            for hold in story.holds
        ],
        "payments": {
            name: [{"at_ms": to_ms(step.at), "what": step.what, "detail": step.detail} for step in steps]
            for name, steps in story.payments.items()
        },
    }


def _cdrs_of(connection: Connection, part: Part) -> Sequence[Row[Any]]:
    c = cdrs.c
    query = select(cdrs).where(c.kiosk_id == part.kiosk_id, c.transaction_id == part.transaction_id)
    return connection.execute(query.where(c.credit_reference_id.is_(None)).order_by(c.rated_ms, c.cdr_id)).all()


def _why_sold(bill: Row[Any], sold: Sold | None, decided: str | None) -> tuple[str, ...]:
    """The driver's price line by line, then the host's part; first of all who decided it, where no rule did."""
    body = json.loads(bill.body)
    lines = [from_wire(Line, line) for line in body["lines"]]
    total, rule = Decimal(body["total_cost"]["incl_vat"]), body.get("total_cost_rule", "measured")
    rows = printed_lines(lines, bill.incl_vat_minor, total, rule, bill.currency)
    used = (
        "nothing was used" if not bill.energy_wh else f"{_kwh(bill.energy_wh)} kWh were used, nothing is billed for it"
    )
    found = [] if decided is None else [decided]
    found.append(f"{' + '.join(_sum_of(row) for row in rows) or used} = {_major(total)} {bill.currency}")
    if sold is None or sold.parties.host_id is None:
        return tuple(found)
    host = sold.allocation.host
    named = {
        "electricity": host.electricity_minor,
        "per use": host.per_use_minor,
        "per kWh": host.per_kwh_minor,
        "per hour": host.per_hour_minor,
    }
    told = " + ".join(f"{name} {from_minor(minor, bill.currency):f}" for name, minor in named.items() if minor)
    if sold.sale.is_own_use:
        told = "own use of the device, so nothing"
    elif told:
        told += f" = {from_minor(host.total_minor, bill.currency):f} {bill.currency}, without VAT"
    found.append(f"host {sold.parties.host_id}: {told or 'nothing'}")
    return tuple(found)


def _sum_of(row: PrintedLine) -> str:
    unit = {"ENERGY": "kWh", "FLAT": "charge", "RESERVATION_FLAT": "reservation"}.get(row.kind.value, "h")
    if row.kind in (PrintedKind.MIN_PRICE, PrintedKind.MAX_PRICE):
        return f"{row.kind.value.lower().replace('_', ' ')} {_major(row.unit_price)}"
    return f"{_major(row.quantity)} {unit} × {_major(row.unit_price)}"


def _why(entry: Entry) -> tuple[str, ...]:
    if entry.draft.reverses:
        return (f"takes back {entry.draft.reverses} whole",)
    said = _SAID.get(entry.draft.key.partition("/")[0])
    return () if said is None else (said,)


def _kwh(energy_wh: int) -> str:
    return _major(Decimal(energy_wh) / 1000)


def _major(amount: Decimal) -> str:
    text = format(round(amount, 4), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
