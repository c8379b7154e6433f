"""A tariff on the screen: what holds now first, the rest on the page of all prices. The words are the contract's."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from contract.tariff import Dimension, TariffOffer
from contract.words import TariffWords, now_words, tariff_words
from contract.words.tariff import time_text
from contract.words.texts import LANGUAGES as TARIFF_TEXTS
from kiosk.session.snapshot import EvseView
from kiosk.ui import acts
from kiosk.ui.acts import Act
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame

MAINS_V = 230
MOST_LINES = 9  # on the page of all prices


@dataclass(frozen=True, slots=True)
class PriceWords:
    """`headline` is the first price; `terms` are the others in the legal order.

    `varies`: there are more than fit, or they change; `terms` then says how long the headline holds.
    """

    headline: str
    terms: tuple[str, ...]
    vat: str
    varies: bool = False


@dataclass(frozen=True, slots=True)
class PricesView:
    """All prices of a connector, as lines of a name, when it holds, and the price."""

    frame: Frame
    lines: tuple[tuple[str, str, str], ...]
    note: str
    back: str
    back_act: Act


def price_words(seen: Seen, evse: EvseView, offer: TariffOffer) -> PriceWords:
    words = tariff_words(offer, seen.language.code)
    if offer.tariff.is_restricted or len(words.rows) > 4:
        return _now(seen, evse, offer, words.vat)
    rows = {row.kind: row for row in words.rows}
    energy = rows.pop(Dimension.ENERGY.value, None)
    terms = [row.text for row in rows.values()]
    if energy is not None:
        headline = energy.entries[0].price
    else:
        headline = terms.pop(0) if terms else seen.say("price.free")
    if Dimension.PARKING_TIME.value not in rows:
        terms.append(seen.say("price.no_parking"))
    return PriceWords(headline, tuple(terms), words.vat)


def _now(seen: Seen, evse: EvseView, offer: TariffOffer, vat: str) -> PriceWords:
    """What a charge that begins now costs at first, and until when by the clock."""
    power_w = evse.max_power_w
    now = now_words(offer, seen.language.code, seen.snapshot.at, power_w, power_w * 1000 // MAINS_V)
    headline = now.energy or now.time or now.parking or now.flat or seen.say("price.free")
    first = seen.say("price.now_until", until=now.until) if now.until else seen.say("price.now")
    return PriceWords(headline, (first,), vat, varies=True)


def prices_view(seen: Seen, evse: EvseView, offer: TariffOffer) -> PricesView:
    words = tariff_words(offer, seen.language.code)
    return PricesView(
        frame(seen, "charge", seen.say("price.all"), connector_words(seen, evse)),
        _lines(seen, words),
        words.vat,
        seen.say("help.back"),
        acts.Close(),
    )


def _lines(seen: Seen, words: TariffWords) -> tuple[tuple[str, str, str], ...]:
    """A tariff too long for the screen says how much of it is not there."""
    lines = [
        (row.name if number == 0 else "", entry.when, entry.price)
        for row in words.rows
        for number, entry in enumerate(row.entries)
    ]
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES + 1
        lines = [*lines[: MOST_LINES - 1], (seen.say("price.further", count=left), "", "")]
    return tuple(lines)


def unit_price(seen: Seen, gross: Decimal, currency: str) -> str:
    return seen.formats.unit_price(gross, currency)


def per_time(seen: Seen, gross_per_hour: Decimal, currency: str) -> str:
    """Per minute where that is exact to four digits, otherwise per hour."""
    return time_text(gross_per_hour, currency, TARIFF_TEXTS[seen.language.code])


def parking_words(seen: Seen, offer: TariffOffer) -> str:
    """What standing on after the charge costs, in one line; of several prices the one that would hold now."""
    rows = tariff_words(offer, seen.language.code).rows
    row = next((row for row in rows if row.kind == Dimension.PARKING_TIME), None)
    if row is None:
        return seen.say("price.no_parking")
    if len(row.entries) == 1:
        return row.text
    texts = TARIFF_TEXTS[seen.language.code]
    now = now_words(offer, seen.language.code, seen.snapshot.at, 0, 0)
    price = now.parking or texts.say("price.free")
    if now.parking and offer.parking_grace_s >= 60:
        price = texts.say("when.grace", minutes=offer.parking_grace_s // 60) + " " + price
    return texts.say("row.line", name=row.name, prices=f"{price}, {now.until}" if now.until else price)


def vat_words(seen: Seen, offer: TariffOffer) -> str:
    return tariff_words(offer, seen.language.code).vat
