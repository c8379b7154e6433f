"""A tariff in words: per kWh, then per minute, then once per charge; gross, as the law of price displays orders it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from contract.tariff import Dimension, PriceComponent, TariffOffer
from kiosk.ui.views.frame import Seen


@dataclass(frozen=True, slots=True)
class PriceWords:
    """`headline` is the first price; `terms` are the others; `parking` is what follows the charge."""

    headline: str
    terms: tuple[str, ...]
    parking: str
    vat: str


def price_words(seen: Seen, offer: TariffOffer) -> PriceWords:
    tariff = offer.tariff
    energy, time, flat = (tariff.component(kind) for kind in (Dimension.ENERGY, Dimension.TIME, Dimension.FLAT))
    terms = []
    if energy is not None and energy.price > 0:
        terms.append(seen.say("price.per_kwh", price=unit_price(seen, energy.gross, tariff.currency)))
    if time is not None and time.price > 0:
        terms.append(seen.say("price.while_charging", price=per_time(seen, time, tariff.currency)))
    if flat is not None and flat.price > 0:
        terms.append(seen.say("price.once", price=unit_price(seen, flat.gross, tariff.currency)))
    headline = terms.pop(0) if terms else seen.say("price.free")
    return PriceWords(headline, tuple(terms), parking_words(seen, offer), vat_words(seen, offer))


def unit_price(seen: Seen, gross: Decimal, currency: str) -> str:
    return seen.formats.unit_price(gross, currency)


def per_time(seen: Seen, component: PriceComponent, currency: str) -> str:
    """Per minute where that is exact to four digits, otherwise per hour."""
    per_minute = component.gross / 60
    if per_minute == round(per_minute, 4):
        return seen.say("price.per_min", price=unit_price(seen, per_minute, currency))
    return seen.say("price.per_h", price=unit_price(seen, component.gross, currency))


def parking_words(seen: Seen, offer: TariffOffer) -> str:
    component = offer.tariff.component(Dimension.PARKING_TIME)
    if component is None or component.price == 0:
        return seen.say("price.no_parking")
    price = per_time(seen, component, offer.tariff.currency)
    minutes = offer.parking_grace_s // 60
    if minutes == 0:
        return seen.say("price.parking_at_once", price=price)
    return seen.say("price.parking_after", minutes=minutes, price=price)


def vat_words(seen: Seen, offer: TariffOffer) -> str:
    rates = {component.vat for element in offer.tariff.elements for component in element.price_components}
    if len(rates) != 1:
        return seen.say("price.vat_mixed")
    return seen.say("price.vat", rate=seen.formats.number(rates.pop(), 0, 2))
