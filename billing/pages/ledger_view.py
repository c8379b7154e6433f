"""The ledger's pages: one order's money as a matrix that sums to zero, and where the driver's money went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup
from sqlalchemy import Connection, func, select

from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.ledger.holds import Hold
from billing.ledger.tables import ledger_entries
from billing.moments import from_ms
from billing.money_story import Matrix, Story, matrices
from billing.pages.render import date_text, kwh, money, number
from billing.settlement.entries import OPERATOR
from billing.tables import cdrs, kiosks, transactions
from contract.currency import MINOR_DIGITS, from_minor

SHOWN = 50
COLUMNS = {
    Kind.PROVIDER_CLEARING: "Payment provider",
    Kind.RECEIVABLE: "The driver",
    Kind.HOST_PAYABLE: "Owed to host",
    Kind.PARTNER_PAYABLE: "Owed to partner",
    Kind.VAT_PAYABLE: "VAT",
    Kind.MARGIN: "Operator",
    Kind.PAYMENT_COST: "Payment cost",
    Kind.IN_TRANSIT: "On its way",
    Kind.BANK: "Bank",
}
_UNIT_WORDS = {"point": "points", "second": "seconds"}


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody has of the driver's money. `fill` is the class of its colour."""

    name: str
    amount: str
    fill: str


def column_name(account: Account) -> tuple[str, str]:
    """What an account is to people, and whose it is."""
    words = COLUMNS.get(account.kind, account.kind.value.replace("_", " ").capitalize())
    owner = f"{account.owner} %" if account.kind is Kind.VAT_PAYABLE else account.owner
    return words, "" if owner == OPERATOR else owner


def matrix_view(matrix: Matrix) -> dict[str, object]:
    """Cells are signed text; "" is zero."""
    return {
        "unit": _UNIT_WORDS.get(matrix.unit, matrix.unit),
        "columns": [column_name(account) for account in matrix.accounts],
        "rows": [
            {
                "clock": f"{told.entry.at:%H:%M:%S}",
                "day": date_text(told.entry.at, "UTC", "en"),
                "number": f"E-{told.entry.entry_no}",
                "what": told.entry.draft.what,
                "key": told.entry.draft.key,
                "why": told.why,
                "cells": [_cell(amount, matrix.unit) for amount in amounts],
                "sum": _amount(sum(amounts), matrix.unit),
            }
            for told, amounts in matrix.rows
        ],
        "now": [_cell(amount, matrix.unit) for amount in matrix.now],
        "sum": _amount(sum(matrix.now), matrix.unit),
    }


def story_view(story: Story) -> dict[str, object]:
    found = matrices(story.entries)
    currency = next((matrix.unit for matrix in found if matrix.unit in MINOR_DIGITS), "")
    main = next((matrix for matrix in found if matrix.unit == currency), None)
    shares, heading, sum_text = ([], "Nothing was booked for this order", "") if main is None else _where_it_went(main)
    first = story.parts[0] if story.parts else None
    return {
        "heading": heading,
        "order_id": story.order_id,
        "receipt_key": "" if first is None else first.receipt_key,
        "above": "" if first is None or first.started is None
        else f"{first.kiosk_name}, EVSE {first.evse_id}, {date_text(first.started, 'UTC', 'en')}",
        "parts": story.parts,
        "shares": [share for share, _ in shares],
        "bar": share_bar(shares),
        "sum_text": sum_text,
        "matrices": [matrix_view(matrix) for matrix in found],
        "count": len(story.entries),
        "holds": [_hold(hold) for hold in story.holds],
        "payments": {
            name: [(f"{step.at:%Y-%m-%d %H:%M:%S}", step.what, step.detail) for step in steps]
            for name, steps in story.payments.items()
        },
        "cdrs": story.cdr_ids,
        "decisions": [(f"{step.at:%Y-%m-%d %H:%M:%S}", step.detail) for step in story.decisions],
    }  # fmt: skip


def _where_it_went(matrix: Matrix) -> tuple[list[tuple[Share, int]], str, str]:
    """Everybody's part, the page's heading, and the sum of the operator's."""
    unit, parts = matrix.unit, dict(zip(matrix.accounts, matrix.now, strict=True))
    by_kind = {kind: -sum(amount for a, amount in _claims(matrix).items() if a.kind is kind) for kind in Kind}
    vat, host = by_kind[Kind.VAT_PAYABLE], by_kind[Kind.HOST_PAYABLE]
    partner, cost = by_kind[Kind.PARTNER_PAYABLE], -by_kind[Kind.PAYMENT_COST]
    operator = by_kind[Kind.MARGIN] - cost
    whole = vat + host + partner + cost + operator
    owed = sum(amount for account, amount in parts.items() if account.kind is Kind.RECEIVABLE)
    named = [
        ("VAT", vat, "f-off"),
        (_whose(matrix, Kind.HOST_PAYABLE, "Host"), host, "f-flow"),
        (_whose(matrix, Kind.PARTNER_PAYABLE, "Partner"), partner, "f-partner"),
        ("Payment cost", cost, "f-warn"),
        ("Operator", operator, "f-go"),
    ]
    shares = [(Share(name, _amount(minor, unit), fill), minor) for name, minor, fill in named if minor]
    shown = _amount(whole, unit)
    if whole == 0 and owed == 0 and shares:
        heading = "Nothing was billed, and somebody has a part all the same"
    elif whole == 0 and owed == 0:
        heading = "In the end nobody owes or has anything of this order"
    elif owed > 0:
        heading = f"{shown} were billed, and the driver owes {_amount(owed, unit)}"
    elif owed < 0:
        heading = f"{shown} were billed, and we owe the driver {_amount(-owed, unit)}"
    else:
        heading = f"The driver paid {shown}. This is where it went."
    less = [minor for minor in (host, partner, cost) if minor]
    minus = "".join(f" − {_amount(minor, unit)}" for minor in less)
    return shares, heading, f"{_amount(whole - vat, unit)} without VAT{minus} = {_amount(operator, unit)}"


def _claims(matrix: Matrix) -> dict[Account, int]:
    """What the sales gave everybody: payouts and remittances since then change what is owed, not whose it was."""
    found: dict[Account, int] = {}
    for told, amounts in matrix.rows:
        key = told.entry.draft.key
        of_sale = key.startswith(("sale/", "allowance/", "waived/"))
        for account, amount in zip(matrix.accounts, amounts, strict=True):
            if of_sale or account.kind in (Kind.PAYMENT_COST, Kind.MARGIN, Kind.VAT_PAYABLE):
                found[account] = found.get(account, 0) + amount
    return found


def _whose(matrix: Matrix, kind: Kind, word: str) -> str:
    owners = [account.owner for account in matrix.accounts if account.kind is kind]
    return f"{word} {owners[0]}" if len(owners) == 1 else f"{word}s" if owners else word


def share_bar(shares: Sequence[tuple[Share, int]]) -> Markup:
    """One bar whose lengths are the amounts above zero; the list beside it has them all."""
    whole = sum(minor for _, minor in shares if minor > 0)
    if whole == 0:
        return Markup("")
    x, drawn = 0.0, []
    for share, minor in shares:
        if minor > 0:
            length = 1000 * minor / whole
            drawn.append(
                Markup('<rect x="{}" width="{}" height="22" class="{}"/>').format(
                    f"{x:.1f}", f"{max(1.0, length - 3):.1f}", share.fill
                )
            )
            x += length
    finding = ", ".join(f"{share.name} {share.amount}" for share, _ in shares)
    head = Markup('<svg viewBox="0 0 1000 22" width="100%" height="22" preserveAspectRatio="none" role="img" '
                  'aria-label="{}">').format(finding)  # fmt: skip
    return head + Markup("").join(drawn) + Markup("</svg>")


def _hold(hold: Hold) -> str:
    unit = hold.account.unit
    held = _amount(hold.amount, unit)
    if hold.end is None:
        return f"{held} stand, until {hold.expires:%Y-%m-%d %H:%M} UTC at most"
    rest = f", {_amount(hold.amount - hold.taken, unit)} given free" if hold.amount > hold.taken else ""
    return f"{held} held, {_amount(hold.taken, unit)} taken{rest} ({hold.end.value})"


def _amount(minor: int, unit: str) -> str:
    return money(minor, unit, "en") if unit in MINOR_DIGITS else f"{minor:,d}"


def _cell(minor: int, unit: str) -> str:
    if minor == 0:
        return ""
    digits = MINOR_DIGITS.get(unit, 0)
    amount = from_minor(abs(minor), unit) if unit in MINOR_DIGITS else Decimal(abs(minor))
    return ("+" if minor > 0 else "−") + number(amount, digits, "en")


def newest(connection: Connection) -> list[dict[str, str]]:
    """Orders with the newest entries: what was billed at first, where and when."""
    e, t = ledger_entries.c, transactions.c
    last = select(e.subject, func.max(e.entry_no).label("entry_no")).where(e.subject.is_not(None)).group_by(e.subject)
    recent = last.order_by(func.max(e.entry_no).desc()).limit(SHOWN).subquery()
    query = (
        select(recent.c.subject, recent.c.entry_no, e.at_ms, e.what)
        .join(ledger_entries, e.entry_no == recent.c.entry_no)
        .order_by(recent.c.entry_no.desc())
    )
    rows = connection.execute(query).all()
    named = select(t.order_id, kiosks.c.name, t.evse_id, cdrs.c.energy_wh, cdrs.c.incl_vat_minor, cdrs.c.currency)
    joined = named.join_from(transactions, kiosks).outerjoin(
        cdrs, (cdrs.c.kiosk_id == t.kiosk_id) & (cdrs.c.transaction_id == t.transaction_id)
    )
    totals: dict[str, tuple[str, int, int, str]] = {}
    for part in connection.execute(joined.where(t.order_id.in_([row.subject for row in rows]))):
        place, wh, minor, currency = totals.get(part.order_id, (f"{part.name}, EVSE {part.evse_id}", 0, 0, ""))
        wh, minor = wh + (part.energy_wh or 0), minor + (part.incl_vat_minor or 0)
        totals[part.order_id] = (place, wh, minor, part.currency or currency)
    found = []
    for row in rows:
        place, wh, minor, currency = totals.get(row.subject, ("", 0, 0, ""))
        found.append(
            {
                "order_id": row.subject,
                "place": place,
                "energy": kwh(wh, "en"),
                "amount": money(minor, currency, "en") if currency else "",
                "what": row.what,
                "at": f"{from_ms(row.at_ms):%Y-%m-%d %H:%M}",
            }
        )
    return found


def balances(connection: Connection) -> list[dict[str, object]]:
    """What stands on every kind of account, by unit; each unit sums to zero."""
    sums: dict[str, dict[Kind, int]] = {}
    for account, amount in book.balances(connection).items():
        of_unit = sums.setdefault(account.unit, {})
        of_unit[account.kind] = of_unit.get(account.kind, 0) + amount
    return [
        {
            "unit": _UNIT_WORDS.get(unit, unit),
            "rows": [
                (COLUMNS.get(kind, kind.value.replace("_", " ").capitalize()), _cell(amount, unit) or "0")
                for kind, amount in sorted(of_unit.items(), key=lambda pair: tuple(Kind).index(pair[0]))
            ],
            "sum": _amount(sum(of_unit.values()), unit),
        }
        for unit, of_unit in sorted(sums.items())
    ]
