"""A price as people read it: one line per unit price, in whole minor units, and the lines sum to the total.

Law:
- What one unit price prices is one line, however often the tariff came back to it.
- The lines share the rounded total by largest remainder, so each is at most one minor unit from its exact amount.
- A least or greatest price is a line of its own: what it adds or takes away.
- Screen, receipt and statement print these lines and the VAT of contract.vat, and nothing of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from contract.currency import MINOR_DIGITS
from contract.price import Line, Price


class PrintedKind(StrEnum):
    """What a line is for: a dimension of OCPI, a reservation's, or a limit of the tariff."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"
    FLAT = "FLAT"
    RESERVATION_TIME = "RESERVATION_TIME"
    RESERVATION_FLAT = "RESERVATION_FLAT"
    MIN_PRICE = "MIN_PRICE"
    MAX_PRICE = "MAX_PRICE"


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """`quantity` in kWh, hours or sessions; `unit_price` with VAT in major units, exact; `amount_minor` with VAT."""

    kind: PrintedKind
    quantity: Decimal
    unit_price: Decimal
    vat: Decimal  # percent
    amount_minor: int
    was_rounded_up: bool = False  # to the tariff's step_size


def printed(price: Price) -> tuple[PrintedLine, ...]:
    """The lines of a price, in its own order."""
    return printed_lines(price.lines, price.incl_vat_minor, price.incl_vat, price.rule, price.currency)


def printed_lines(
    lines: Sequence[Line], total_minor: int, total: Decimal, rule: str, currency: str
) -> tuple[PrintedLine, ...]:
    """`total` is the unrounded gross, held by a limit where `rule` is "min_price" or "max_price"."""
    groups: dict[tuple[PrintedKind, Decimal, Decimal], list[Line]] = {}
    for line in lines:
        kind = PrintedKind(f"RESERVATION_{line.dimension}" if line.is_reservation else line.dimension.value)
        groups.setdefault((kind, line.unit_price, line.vat), []).append(line)
    exact = [sum((line.incl_vat for line in group), Decimal(0)) for group in groups.values()]
    limit = total - sum(exact, Decimal(0))
    is_limited = rule in ("min_price", "max_price")
    amounts = _shared(total_minor, [*exact, limit] if is_limited else exact, currency)
    found = [
        PrintedLine(
            kind,
            sum((line.quantity for line in group), Decimal(0)),
            unit_price * (100 + vat) / 100,
            vat,
            amount,
            any(line.rule != "measured" for line in group),
        )
        for ((kind, unit_price, vat), group), amount in zip(groups.items(), amounts, strict=False)
    ]
    if is_limited:
        found.append(PrintedLine(PrintedKind(rule.upper()), Decimal(1), limit, Decimal(0), amounts[-1]))
    return tuple(found)


def _shared(total_minor: int, amounts: Sequence[Decimal], currency: str) -> list[int]:
    """Each rounded down or up, so that they sum to the total."""
    exact = [Fraction(amount) * 10 ** MINOR_DIGITS[currency] for amount in amounts]
    parts = [int(amount // 1) for amount in exact]
    nearest = sorted(range(len(exact)), key=lambda n: parts[n] - exact[n])  # the largest remainder first
    missing = total_minor - sum(parts) if parts else 0
    for turn in range(abs(missing)):  # below none only where a part of an order takes a rounding back
        n = nearest[turn % len(parts)] if missing > 0 else nearest[-1 - turn % len(parts)]
        parts[n] += 1 if missing > 0 else -1
    return parts
