"""An OCPI Tariff object (2.2.1 mod_tariffs; 2.3.0 where it differs) as the contract's Tariff."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, localcontext
from enum import StrEnum
from typing import Any

from billing.ocpi.fields import Fields
from contract.restrictions import DayOfWeek, ReservationRestriction, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement


class TaxIncluded(StrEnum):
    """OCPI 2.3.0 TaxIncluded: whether a price has its tax in it. Limits name theirs, before_taxes and after_taxes."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


SAID_ONLY = frozenset(  # fields that tell people something and price nothing
    {
        "country_code", "party_id", "type", "tariff_alt_text", "tariff_alt_url", "start_date_time", "end_date_time",
        "energy_mix", "last_updated", "tax_included", "preconditions", "version",
    }
)  # fmt: skip
LONGEST_ID = 36  # CiString(36)
PRICED = frozenset({"id", "currency", "elements", "min_price", "max_price"})
TIMES = ("start_time", "end_time", "start_date", "end_date")
AMOUNTS = ("min_kwh", "max_kwh", "min_current", "max_current", "min_power", "max_power")
DURATIONS = ("min_duration", "max_duration")


def read_tariff(tariff: Fields) -> Tariff:
    """Raises WireError naming the field."""
    tariff.only(PRICED | SAID_ONLY)
    tax = tariff.choice("tax_included", TaxIncluded) if tariff.has("tax_included") else TaxIncluded.NO
    elements = tuple(_element(element, tax) for element in tariff.objects("elements"))
    rates = {part.vat for element in elements for part in element.price_components}
    limits = {name: _limit(tariff.object(name), rates) for name in ("min_price", "max_price") if tariff.has(name)}
    tariff_id = tariff.text("id") if tariff.has("id") else "tariff"
    if not 1 <= len(tariff_id) <= LONGEST_ID or not tariff_id.isprintable():
        tariff.wrong("id", f"{tariff_id[:LONGEST_ID]!a}: want 1 to {LONGEST_ID} printable characters")
    currency = tariff.text("currency").upper()
    return tariff.checked(lambda: Tariff(tariff_id, 1, currency, elements, **limits))


def _element(element: Fields, tax: TaxIncluded) -> TariffElement:
    element.only({"price_components", "restrictions"})
    parts = tuple(_component(part, tax) for part in element.objects("price_components"))
    rules = _restrictions(element.object("restrictions")) if element.has("restrictions") else None
    return element.checked(lambda: TariffElement(parts, rules))


def _component(part: Fields, tax: TaxIncluded) -> PriceComponent:
    """2.3.0: a price with tax in it becomes ours, which is without. Without a `vat` both are the same."""
    part.only({"type", "price", "vat", "step_size"})
    kind, price = part.choice("type", Dimension), part.number("price")
    vat = part.number("vat") if part.has("vat") else Decimal(0)
    if tax is TaxIncluded.NOT_APPLICABLE and vat:
        part.wrong("vat", "the tariff's tax_included is N/A: no tax is applicable to it")
    if tax is TaxIncluded.YES and 0 < vat <= 100 and price >= 0:
        price = _without_tax(price, vat)
    if kind is Dimension.FLAT:
        return part.checked(lambda: PriceComponent(kind, price, vat))
    step = part.whole("step_size")
    return part.checked(lambda: PriceComponent(kind, price, vat, step))


def _without_tax(gross: Decimal, vat: Decimal) -> Decimal:
    """To 28 digits, rounded up where it has more: so half a cent with tax stays half a cent and is rounded up."""
    with localcontext() as exact:
        exact.rounding = ROUND_CEILING
        return gross * 100 / (100 + vat)


def _restrictions(rules: Fields) -> TariffRestrictions | None:
    rules.only({*TIMES, *AMOUNTS, *DURATIONS, "day_of_week", "reservation"})
    found: dict[str, Any] = {}
    found |= {name: rules.text(name) for name in TIMES if rules.has(name)}
    found |= {name: rules.number(name) for name in AMOUNTS if rules.has(name)}
    found |= {name: rules.whole(name) for name in DURATIONS if rules.has(name)}
    if rules.has("day_of_week"):
        found["day_of_week"] = _days(rules)
    if rules.has("reservation"):
        found["reservation"] = rules.choice("reservation", ReservationRestriction)
    return rules.checked(lambda: TariffRestrictions(**found)) if found else None


def _days(rules: Fields) -> tuple[DayOfWeek, ...]:
    days = rules.one("day_of_week")
    if not isinstance(days, list):
        rules.wrong("day_of_week", "want a list of days")
    return tuple(Fields({"day_of_week": day}, rules.where).choice("day_of_week", DayOfWeek) for day in days)


def _limit(limit: Fields, rates: set[Decimal]) -> PriceLimit:
    """A limit without its amount after tax takes the tariff's one VAT rate."""
    excl_name = "before_taxes" if limit.has("before_taxes") else "excl_vat"
    incl_name = "after_taxes" if limit.has("after_taxes") else "incl_vat"
    limit.only({excl_name, incl_name, "taxes"})
    excl = limit.number(excl_name)
    if limit.has(incl_name):
        incl = limit.number(incl_name)
    elif len(rates) == 1:
        incl = excl * (100 + min(rates)) / 100
    else:
        limit.wrong(incl_name, "missing, and the components have different vat")
    return limit.checked(lambda: PriceLimit(excl, incl))
