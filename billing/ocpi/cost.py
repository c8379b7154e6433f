"""What a CDR costs by a tariff, in OCPI's names. Amounts have four decimals, as OCPI's Price asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from billing.ocpi.cdr import read_use
from billing.ocpi.fields import Fields, read_file
from billing.ocpi.tariff import read_tariff
from contract.codec import WireError, to_wire
from contract.currency import to_minor
from contract.price import Line, Price, settled
from contract.tariff import Dimension, TariffOffer
from contract.walk import rules_of, walked

TOTALS = {
    "total_fixed_cost": Dimension.FLAT,
    "total_energy_cost": Dimension.ENERGY,
    "total_time_cost": Dimension.TIME,
    "total_parking_cost": Dimension.PARKING_TIME,
}


def cost_of(tariff_file: Path, cdr_file: Path, time_zone: str | None) -> dict[str, Any]:
    """Amounts are Decimal; `as_json` writes them. Raises WireError naming file and field, OSError."""
    tariff_fields, cdr_fields = read_file(tariff_file), read_file(cdr_file)
    try:
        tariff = read_tariff(tariff_fields)
    except WireError as error:
        raise WireError(f"{tariff_file}: {error}") from error
    try:
        named = time_zone if time_zone is not None else _zone_of(cdr_fields)
        offer = TariffOffer(tariff, time_zone="UTC" if named is None else named)
    except WireError as error:
        raise WireError(f"{cdr_file}: {error}") from error
    except ValueError as error:
        field = f"{cdr_file}: cdr_location.time_zone" if time_zone is None else "--time-zone"
        raise WireError(str(error).replace("time_zone", field, 1)) from error
    try:
        use = read_use(cdr_fields, tariff)
        amount = settled(walked(rules_of(offer), use.spans), use.reservation, use.began_ms)
    except ValueError as error:
        raise WireError(f"{cdr_file}: {error}") from error
    return costs(amount)


def costs(amount: Price) -> dict[str, Any]:
    """The totals of a price. Those of the dimensions do not know min_price and max_price; total_cost does."""
    currency = amount.currency
    whole = _cost(amount.excl_vat, amount.incl_vat, currency)
    found: dict[str, Any] = {"currency": currency, "total_cost": whole}
    for name, dimension in TOTALS.items():
        found[name] = _sum(
            (line for line in amount.lines if line.dimension is dimension and not line.is_reservation), currency
        )
    found["total_reservation_cost"] = _sum((line for line in amount.lines if line.is_reservation), currency)
    found["rounded"] = whole["rounded"]
    found["rule"] = amount.rule
    found["lines"] = [to_wire(line) for line in amount.lines]
    return found


def as_json(found: dict[str, Any]) -> str:
    """With every Decimal as a number of four decimals."""
    marked = json.dumps(found, indent=2, ensure_ascii=False, default=lambda amount: f"\0{amount}\0")
    return re.sub(r'"\\u0000([0-9.]+)\\u0000"', r"\1", marked)


def _sum(lines: Iterable[Line], currency: str) -> dict[str, Any]:
    chosen = list(lines)
    excl = sum((line.excl_vat for line in chosen), Decimal(0))
    return _cost(excl, sum((line.incl_vat for line in chosen), Decimal(0)), currency)


def _cost(excl: Decimal, incl: Decimal, currency: str) -> dict[str, Any]:
    return {
        "excl_vat": excl.quantize(Decimal("0.0001"), ROUND_HALF_UP),
        "incl_vat": incl.quantize(Decimal("0.0001"), ROUND_HALF_UP),
        "rounded": {"excl_vat": to_minor(excl, currency), "incl_vat": to_minor(incl, currency)},
    }


def _zone_of(cdr: Fields) -> str | None:
    """OCPI keeps the zone with the Location; a CDR may carry it along with what it copied from there."""
    if not cdr.has("cdr_location"):
        return None
    place = cdr.object("cdr_location")
    return place.text("time_zone") if place.has("time_zone") else None
