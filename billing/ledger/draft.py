"""An entry before it is written: legs that must balance, and the splitting of a whole into parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from billing.ledger.chart import Account
from contract import vat

Part = TypeVar("Part", bound=str)


class OutOfBalance(ValueError):
    """The legs of an entry do not sum to zero in every unit."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of an entry. `amount` in the smallest part of the account's unit; positive is debit, never zero."""

    account: Account
    amount: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that may be posted. `key` says why it exists, for ever; `subject` is the order or session it is about.

    Raises OutOfBalance unless the legs sum to zero in each unit, ValueError for an entry without legs.
    """

    key: str
    what: str  # one line a host or auditor can read
    legs: tuple[Leg, ...]
    subject: str | None = None
    reverses: str | None = None  # the key of the entry this one takes back

    def __post_init__(self) -> None:
        if not self.key or not self.legs:
            raise ValueError("an entry needs a key and legs")
        sums: Counter[str] = Counter()
        for leg in self.legs:
            sums[leg.account.unit] += leg.amount
        wrong = {unit: amount for unit, amount in sums.items() if amount}
        if wrong:
            raise OutOfBalance(f"entry {self.key}: {wrong} too much")


def drafted(
    key: str, what: str, amounts: Mapping[Account, int], subject: str | None = None, reverses: str | None = None
) -> Draft:
    """A draft from amounts by account; what is zero is left out."""
    legs = tuple(Leg(account, amount) for account, amount in sorted(amounts.items()) if amount)
    return Draft(key, what, legs, subject, reverses)


def split(whole: int, weights: Mapping[Part, Decimal | int]) -> dict[Part, int]:
    """`whole` in parts proportional to `weights`, by largest remainder: the parts sum to the whole, always.

    Ties go to the part named first in the mapping. A negative whole splits as its positive twin does, negated.
    Raises ValueError for a negative weight, or where all weights are zero and something is to be split.
    """
    if whole < 0:
        return {part: -amount for part, amount in split(-whole, weights).items()}
    exact = [Fraction(weight) for weight in weights.values()]
    if any(weight < 0 for weight in exact):
        raise ValueError("weights: want 0 or more")
    if not any(exact):
        if whole:
            raise ValueError(f"{whole} to split and nobody to have it")
        return dict.fromkeys(weights, 0)
    return dict(zip(weights, vat.split(whole, exact), strict=True))
