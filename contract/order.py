"""An order that was interrupted: several transactions, one price.

Law:
- The parts of an order cost together what the whole would have cost without the interruption: one start fee, every
  step_size rounded up once, one rounding to the cent. A part costs what the order costs with it, less what it cost
  before; so a part on its own may even give a cent back.
- The time between two parts is nobody's to pay, and neither is what a register counted between them.
- A reading that came after the end stands in the place of the reading the end had to do with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from contract.currency import to_minor
from contract.price import Line, Price, Sample, price
from contract.tariff import Dimension, TariffOffer
from contract.vat import VatLine


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a transaction goes on with. `samples` are the order's until then, joined; two at least."""

    of_transaction_id: str
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        if len(self.samples) < 2:
            raise ValueError("Continuation.samples: want two at least, a beginning and an end")


def joined(before: Sequence[Sample], own: Sequence[Sample]) -> tuple[Sample, ...]:
    """One usage of two parts: `own` begins at the time and the register where `before` ends."""
    if not before or not own:
        return (*before, *own)
    later_ms = before[-1].elapsed_ms - own[0].elapsed_ms
    more_wh = before[-1].import_wh - own[0].import_wh
    moved = (replace(s, elapsed_ms=s.elapsed_ms + later_ms, import_wh=s.import_wh + more_wh) for s in own)
    return (*before, *moved)


def price_of_part(offer: TariffOffer, before: Sequence[Sample], own: Sequence[Sample]) -> Price:
    """What `own` adds to an order that stood at `before`; with nothing before it, price()."""
    whole = price(offer, joined(before, own))
    return whole if not before else _less(whole, price(offer, before))


def corrected(samples: Sequence[Sample], import_wh: int) -> tuple[Sample, ...]:
    """The samples of an ended transaction whose register at the end became known afterwards."""
    return (*samples[:-1], replace(samples[-1], import_wh=import_wh))


def _less(whole: Price, before: Price) -> Price:
    """Line by line; `rule` tells how the whole's quantity came about."""
    known, now = _by_element(before.lines), _by_element(whole.lines)
    gone = {key: _times_nothing(line) for key, line in known.items() if key not in now}
    lines = [_minus(line, known.get(key), whole.currency) for key, line in (now | gone).items()]
    return Price(
        whole.currency,
        tuple(line for line in lines if line.quantity),
        whole.excl_vat - before.excl_vat,
        whole.incl_vat - before.incl_vat,
        whole.incl_vat_minor - before.incl_vat_minor,
        _less_vat(whole.vat, before.vat),
        whole.rule,
    )


def _by_element(lines: Sequence[Line]) -> dict[tuple[Dimension, int, bool], Line]:
    """One line for all that one element prices of a dimension."""
    found: dict[tuple[Dimension, int, bool], Line] = {}
    for line in lines:
        key = (line.dimension, line.element, line.is_reservation)
        found[key] = line if key not in found else _and(found[key], line)
    return found


def _and(one: Line, more: Line) -> Line:
    return replace(
        more,
        from_ms=one.from_ms,
        quantity=one.quantity + more.quantity,
        excl_vat=one.excl_vat + more.excl_vat,
        incl_vat=one.incl_vat + more.incl_vat,
    )


def _times_nothing(line: Line) -> Line:
    return replace(line, quantity=Decimal(0), excl_vat=Decimal(0), incl_vat=Decimal(0))


def _minus(line: Line, known: Line | None, currency: str) -> Line:
    if known is not None:
        line = replace(
            line,
            from_ms=max(line.from_ms, known.to_ms),
            quantity=line.quantity - known.quantity,
            excl_vat=line.excl_vat - known.excl_vat,
            incl_vat=line.incl_vat - known.incl_vat,
        )
    return replace(line, incl_vat_minor=to_minor(line.incl_vat, currency))


def _less_vat(whole: Sequence[VatLine], before: Sequence[VatLine]) -> tuple[VatLine, ...]:
    known, now = ({line.rate: line for line in lines} for lines in (before, whole))
    nothing = VatLine(Decimal(0), 0, 0)
    found = []
    for rate in sorted({*known, *now}):
        one, other = now.get(rate, nothing), known.get(rate, nothing)
        found.append(VatLine(rate, one.gross_minor - other.gross_minor, one.vat_minor - other.vat_minor))
    return tuple(found)
