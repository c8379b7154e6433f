"""Prices that look like a slip of the finger: far from the version in force, or nothing where they are read. Pure.

A slip is no mistake: it may be meant, so it is said beside its field and before publishing, and refuses nothing.
"""

from __future__ import annotations

from decimal import Decimal

from contract.tariff import Dimension, PriceComponent, Tariff
from contract.words.numbers import unit_price
from contract.words.tariff import price_text
from contract.words.texts import LANGUAGES

FAR = 4  # times the price in force, or a fourth of it
_ENGLISH = LANGUAGES["en"]


def slips(new: Tariff, old: Tariff | None) -> dict[str, str]:
    """A sentence by the name of its field in the form. `old` is the version in force, None where there is none."""
    known = {} if old is None else _prices(old)
    found = {}
    for number, element in enumerate(new.elements):
        for part in element.price_components:
            words = _about(part, new.currency, known.get((element.reservation is not None, part.type), []))
            if words:
                found[f"e{number}.{part.type}.price"] = words
    for name, limit, before in (
        ("min", new.min_price, None if old is None else old.min_price),
        ("max", new.max_price, None if old is None else old.max_price),
    ):
        if limit is not None and before is not None:
            if words := _far(limit.incl_vat, [before.incl_vat]):
                amount = unit_price(before.incl_vat, new.currency, _ENGLISH.locale)
                found[f"{name}_gross"] = f"{words} the amount in force, {amount}"
    return found


def _prices(tariff: Tariff) -> dict[tuple[bool, Dimension], list[PriceComponent]]:
    found: dict[tuple[bool, Dimension], list[PriceComponent]] = {}
    for element in tariff.elements:
        for part in element.price_components:
            if part.price > 0:
                found.setdefault((element.reservation is not None, part.type), []).append(part)
    return found


def _about(part: PriceComponent, currency: str, known: list[PriceComponent]) -> str:
    read = price_text(part, currency, _ENGLISH)
    if part.price > 0 and not any(digit in read for digit in "123456789"):
        return f"reads as {read} on every screen"
    words = _far(part.gross, [other.gross for other in known])
    if not words:
        return ""
    nearest = min(known, key=lambda other: abs(other.gross - part.gross))
    return f"{words} the price in force, {price_text(nearest, currency, _ENGLISH)}"


def _far(amount: Decimal, known: list[Decimal]) -> str:
    """ "100 times" or "1/100 of", held against the nearest known one; "" where it is near, or nothing to compare."""
    known = [other for other in known if other > 0]
    if not known or amount <= 0:
        return ""
    if (times := amount / max(known)) >= FAR:
        return f"{times.quantize(Decimal(1)):,} times"
    if (times := min(known) / amount) >= FAR:
        return f"1/{times.quantize(Decimal(1)):,} of"
    return ""
