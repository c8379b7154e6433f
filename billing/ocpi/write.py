"""The contract's Tariff as an OCPI Tariff object, of 2.2.1 or 2.3.0; billing.ocpi.tariff reads it back the same."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff

VERSIONS = ("2.2.1", "2.3.0")
_AMOUNTS = ("min_kwh", "max_kwh", "min_current", "max_current", "min_power", "max_power")


def tariff_json(
    tariff: Tariff,
    country_code: str,
    party_id: str,
    last_updated: datetime,
    *,
    from_: datetime | None = None,
    until: datetime | None = None,
    ocpi: str = "2.2.1",
    alt_text: dict[str, str] | None = None,
) -> str:
    """Indented, numbers as numbers. Raises ValueError for a version of OCPI that is not known."""
    if ocpi not in VERSIONS:
        raise ValueError(f"ocpi {ocpi[:20]!r}: want {' or '.join(VERSIONS)}")
    whose = {"country_code": country_code, "party_id": party_id} if country_code and party_id else {}
    found: dict[str, Any] = {**whose, "id": tariff.id, "currency": tariff.currency}
    if alt_text:
        found["tariff_alt_text"] = [{"language": language, "text": text} for language, text in alt_text.items()]
    if ocpi == "2.3.0":
        found["tax_included"] = "NO"
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit is not None:
            found[name] = _limit(limit, ocpi)
    found["elements"] = [
        {"price_components": [_component(part) for part in element.price_components]}
        | ({} if element.restrictions is None else {"restrictions": _restrictions(element.restrictions)})
        for element in tariff.elements
    ]
    for name, moment in (("start_date_time", from_), ("end_date_time", until), ("last_updated", last_updated)):
        if moment is not None:
            found[name] = f"{moment:%Y-%m-%dT%H:%M:%S}Z"
    return json.dumps(found, indent=2, ensure_ascii=False, default=_number) + "\n"


def _component(part: PriceComponent) -> dict[str, Any]:
    step = 1 if part.type is Dimension.FLAT else part.step_size
    return {"type": part.type.value, "price": part.price, "vat": part.vat, "step_size": step}


def _restrictions(rules: TariffRestrictions) -> dict[str, Any]:
    names = ("start_time", "end_time", "start_date", "end_date", *_AMOUNTS, "min_duration", "max_duration")
    found = {name: value for name in names if (value := getattr(rules, name)) is not None}
    if rules.day_of_week:
        found["day_of_week"] = [day.value for day in rules.day_of_week]
    if rules.reservation is not None:
        found["reservation"] = rules.reservation.value
    return found


def _limit(limit: PriceLimit, ocpi: str) -> dict[str, Any]:
    excl, incl = ("before_taxes", "after_taxes") if ocpi == "2.3.0" else ("excl_vat", "incl_vat")
    return {excl: limit.excl_vat, incl: limit.incl_vat}


def _number(value: Any) -> float | int:
    """JSON knows no decimals; a double keeps every price that has at most fifteen digits."""
    assert isinstance(value, Decimal)
    return int(value) if value == int(value) else float(value)
