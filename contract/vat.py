"""VAT as it is printed: taken out of the gross, per rate, so that what is printed always adds up.

Law:
- The gross total is what is owed; it is rounded once and never changed again.
- It is shared over the VAT rates by their exact amounts, by largest remainder: the shares sum to the total.
- The VAT of a rate is rate / (100 + rate) of its share, rounded half up; what is left of the share is its net amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from contract.values import value


@value
class VatLine:
    """One rate in percent: gross, and the VAT in it, in minor units."""

    rate: Decimal
    gross_minor: int
    vat_minor: int

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.vat_minor


def vat_of_gross(
    gross_by_rate: Mapping[Decimal, Fraction], total_minor: int, excl: Fraction, incl: Fraction
) -> tuple[VatLine, ...]:
    """`total_minor` shared over the rates, the lowest first; rates without an amount are left out.

    A total that comes from a limit alone, with nothing priced under it, has the rate that lies between its two
    amounts `excl` and `incl`.
    """
    if total_minor == 0:
        return ()
    rates = sorted(rate for rate, gross in gross_by_rate.items() if gross > 0)
    if not rates:
        rate = Decimal(0) if excl == 0 else _percent((incl - excl) / excl)
        return (VatLine(rate, total_minor, _vat_in(total_minor, rate)),)
    shares = split(total_minor, [gross_by_rate[rate] for rate in rates]) if len(rates) > 1 else [total_minor]
    return tuple(VatLine(rate, share, _vat_in(share, rate)) for rate, share in zip(rates, shares, strict=True))


def split(total: int, weights: Sequence[Fraction]) -> list[int]:
    """`total` shared by weight, by largest remainder, the first one at a tie: the parts sum to the whole.

    Raises ValueError where there is nothing to share by.
    """
    whole = sum(weights, Fraction(0))
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights: want none below 0, and one above it")
    exact = [total * weight / whole for weight in weights]
    parts = [int(share // 1) for share in exact]
    order = sorted(range(len(exact)), key=lambda n: (parts[n] - exact[n], n))
    for n in order[: total - sum(parts)]:
        parts[n] += 1
    return parts


def _vat_in(gross_minor: int, rate: Decimal) -> int:
    rate_n, rate_d = rate.as_integer_ratio()
    whole = 100 * rate_d + rate_n
    return (2 * gross_minor * rate_n + whole) // (2 * whole)


def _percent(share: Fraction) -> Decimal:
    return (Decimal(share.numerator) / Decimal(share.denominator) * 100).quantize(Decimal("0.01"))
