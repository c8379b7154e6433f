"""A tariff in words: rows in the order the law asks for, gross, with when each price holds.

Law (Regulation (EU) 2023/1804, article 5(4)): price per kWh, then per minute, then per session, then any other. What
is charged after charging is per minute; reservations and a least or greatest price are "other".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from contract.local_time import from_utc_ms, marks_between, marks_of, utc_ms, zone
from contract.restrictions import ReservationRestriction
from contract.tariff import Dimension, PriceComponent, TariffElement, TariffOffer
from contract.walk import MS_PER_DAY, Point, rules_of
from contract.words.numbers import number, unit_price
from contract.words.texts import LANGUAGES, Texts
from contract.words.when import when

ROWS = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One price and when it holds; "" for always."""

    when: str
    price: str


@dataclass(frozen=True, slots=True)
class Row:
    """Everything about one kind of price: the first entry that holds counts."""

    kind: str  # as the texts call it: ENERGY, TIME, PARKING_TIME, FLAT, RESERVATION_TIME, …, MAX_PRICE
    name: str
    entries: tuple[Entry, ...]
    text: str  # as one line: "Energy: 22:00–06:00 € 0.30 / kWh; otherwise € 0.48 / kWh"


@dataclass(frozen=True, slots=True)
class TariffWords:
    """`rows` in the legal order. `vat` is the sentence about VAT."""

    rows: tuple[Row, ...]
    vat: str


@dataclass(frozen=True, slots=True)
class NowWords:
    """What holds for a session that begins now: a price per row, "" for none; `until` the clock changes one."""

    energy: str
    time: str
    parking: str
    flat: str
    until: str
    depends: bool  # some price changes with the clock, the amount, the duration or the power


@lru_cache(maxsize=256)
def tariff_words(offer: TariffOffer, language: str) -> TariffWords:
    """Raises KeyError for a language there is none of."""
    texts, tariff = LANGUAGES[language], offer.tariff
    own = [element for element in tariff.elements if element.reservation is None]
    rows = [_row(kind.value, kind, own, offer, texts) for kind in ROWS]
    for kind, name in (
        (ReservationRestriction.RESERVATION, "RESERVATION"),
        (ReservationRestriction.RESERVATION_EXPIRES, "EXPIRED"),
    ):
        found = [element for element in tariff.elements if element.reservation is kind]
        rows += [_row(f"{name}_{d.value}", d, found, offer, texts) for d in (Dimension.TIME, Dimension.FLAT)]
    for key, limit in (("MIN_PRICE", tariff.min_price), ("MAX_PRICE", tariff.max_price)):
        if limit is not None:
            price = unit_price(limit.incl_vat, tariff.currency, texts.locale)
            rows.append(_row_of(key, [Entry("", price)], texts))
    return TariffWords(tuple(row for row in rows if row is not None), vat_words(offer, texts))


def vat_words(offer: TariffOffer, texts: Texts) -> str:
    rates = {component.vat for element in offer.tariff.elements for component in element.price_components}
    if len(rates) != 1:
        return texts.say("vat.mixed")
    return texts.say("vat.one", rate=number(rates.pop(), texts.locale, 0, 2))


def price_text(component: PriceComponent, currency: str, texts: Texts) -> str:
    """Gross, per kWh, minute (where that is exact to four digits), hour, or once."""
    if component.price == 0:
        return texts.say("price.free")
    gross = component.gross
    if component.type is Dimension.FLAT:
        return unit_price(gross, currency, texts.locale)
    if component.type is Dimension.ENERGY:
        return texts.say("price.per_kwh", price=unit_price(gross, currency, texts.locale))
    return time_text(gross, currency, texts)


def time_text(gross_per_hour: Decimal, currency: str, texts: Texts) -> str:
    per_minute = gross_per_hour / 60
    if per_minute == round(per_minute, 4):
        return texts.say("price.per_min", price=unit_price(per_minute, currency, texts.locale))
    return texts.say("price.per_h", price=unit_price(gross_per_hour, currency, texts.locale))


def now_words(offer: TariffOffer, language: str, at: datetime, power_w: int, current_ma: int) -> NowWords:
    """For a session that begins at `at` and takes all the connector gives: power in W, current over all phases."""
    texts, tariff, rules = LANGUAGES[language], offer.tariff, rules_of(offer)
    at_ms = utc_ms(at)
    picks = rules.picks(Point(0, 0, power_w, current_ma, at_ms))
    found = []
    for element, kind in zip(picks, ROWS, strict=True):
        part = None if element is None else rules.component(element, kind)
        found.append("" if part is None or part.price == 0 else price_text(part, tariff.currency, texts))
    until = ""
    for mark_ms in marks_between(at_ms, at_ms + MS_PER_DAY, zone(offer.time_zone), marks_of(rules.restrictions)):
        if rules.picks(Point(0, 0, power_w, current_ma, mark_ms)) != picks:
            changes = from_utc_ms(mark_ms).astimezone(zone(offer.time_zone))
            until = texts.say("when.until", time=changes.strftime("%H:%M"))
            break
    return NowWords(found[0], found[1], found[2], found[3], until, bool(rules.restrictions))


def _row(
    name: str, dimension: Dimension, elements: list[TariffElement], offer: TariffOffer, texts: Texts
) -> Row | None:
    """None where nothing of this kind costs anything."""
    entries: list[Entry] = []
    currency = offer.tariff.currency
    is_always, costs = False, False
    for element in elements:
        component = element.component(dimension)
        if component is None or is_always:
            continue
        phrase, price = when(element.restrictions, texts), price_text(component, currency, texts)
        costs = costs or component.price > 0
        is_always = not phrase
        entries.append(Entry(phrase, price))
    if not costs:
        return None
    if not is_always:
        entries.append(Entry("", texts.say("price.free")))
    if len(entries) > 1:
        entries[-1] = Entry(texts.say("when.otherwise"), entries[-1].price)
    if dimension is Dimension.PARKING_TIME and offer.parking_grace_s >= 60:
        grace = texts.say("when.grace", minutes=offer.parking_grace_s // 60)
        entries[0] = Entry(f"{grace} {entries[0].when}".rstrip(), entries[0].price)
    return _row_of(name, entries, texts)


def _row_of(kind: str, entries: list[Entry], texts: Texts) -> Row:
    name = texts.say(f"row.{kind}")
    prices = "; ".join(f"{entry.when} {entry.price}" if entry.when else entry.price for entry in entries)
    return Row(kind, name, tuple(entries), texts.say("row.line", name=name, prices=prices))
