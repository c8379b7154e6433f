"""The editor's form: a tariff as fields of text, and back. Pure.

Law:
- Prices are typed as the driver reads them, VAT included: per kWh, per minute or hour, once per charge.
- A mistake is told at its field, and what was typed is kept.
- From a tariff to fields and back it is the same tariff.

A tariff is a list of cases (OCPI's elements), `e0`, `e1`, …; the first that holds counts. `e0.ENERGY.price` is "" where
the case says nothing about energy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from contract.restrictions import WEEKDAYS, ReservationRestriction, TariffRestrictions
from contract.tariff import HIGHEST_PRICE, Dimension, PriceComponent, PriceLimit, Tariff, TariffElement

Fields = Mapping[str, str]

MOST_CASES = 8
LARGEST_FORM = 60_000  # bytes
LONGEST_VALUE = 60
NET_DIGITS = 12
PER_MINUTE, PER_HOUR = "min", "h"
TIMED = (Dimension.TIME, Dimension.PARKING_TIME)
TEXTS = ("start_time", "end_time", "start_date", "end_date")
AMOUNTS = ("min_kwh", "max_kwh", "min_power", "max_power", "min_current", "max_current")
DURATIONS = ("min_duration", "max_duration")


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a form says. `tariff` is None where there are mistakes; `wrong` maps a field to its sentence, and `parts`
    the name of every price that could be read to what it says."""

    tariff: Tariff | None
    from_: datetime | None
    wrong: dict[str, str] = field(default_factory=dict)
    parts: dict[str, PriceComponent] = field(default_factory=dict)


class _Wrong(ValueError):
    pass


def cases_of(fields: Fields) -> int:
    text = fields.get("cases", "1")
    return min(MOST_CASES, max(1, int(text))) if text.isdecimal() and len(text) < 3 else 1


def read_form(fields: Fields, tariff_id: str, version: int, now: datetime) -> Drafted:
    """The tariff of a form, as version `version` of `tariff_id`, to be published at `now` or later."""
    wrong: dict[str, str] = {}

    def told(name: str, read: Callable[..., Any], *given: Any) -> Any:
        try:
            return read(*given)
        except _Wrong as error:
            wrong[name] = str(error)
        except ValueError as error:
            wrong[_at(name, str(error))] = _sentence(str(error))
        return None

    read: dict[str, PriceComponent] = {}
    elements = [_case(fields, number, told, read) for number in range(cases_of(fields))]
    from_ = told("from", _moment, fields.get("from", ""), now)
    if not any(element is not None for element in elements) and not wrong:
        wrong["e0.ENERGY.price"] = "no price yet; for a free tariff type 0"
    rates = {part.vat for element in elements if element is not None for part in element.price_components}
    limits = {name: told(f"{name}_gross", _limit, fields, name, rates) for name in ("min", "max")}
    tariff = None
    if not wrong:
        whole = tuple(element for element in elements if element is not None)
        currency = fields.get("currency", "")
        tariff = told("max_gross", Tariff, tariff_id, version, currency, whole, limits["min"], limits["max"])
    return Drafted(tariff, from_, wrong, read)


def _case(
    fields: Fields, number: int, told: Callable[..., Any], prices: dict[str, PriceComponent]
) -> TariffElement | None:
    at = f"e{number}"
    parts = []
    for kind in Dimension:
        name = f"{at}.{kind}"
        vat = told(f"{name}.vat", _percent, fields.get(f"{name}.vat", "").strip() or "0")
        if fields.get(f"{name}.price", "").strip():
            price = told(f"{name}.price", _gross, fields, name, kind)
            step = told(f"{name}.step", _whole, fields.get(f"{name}.step", "") or "1")
            if None not in (price, vat, step):
                part = told(name, _component, kind, price, vat, step)
                if part is not None:
                    parts.append(part)
                    prices[name] = part
    found: dict[str, Any] = {}
    for names, read in ((TEXTS, str.strip), (AMOUNTS, _number), (DURATIONS, _whole)):
        for name in names:
            if text := fields.get(f"{at}.{name}", "").strip():
                found[name] = told(f"{at}.{name}", read, text)
    if days := tuple(day for day in WEEKDAYS if f"{at}.{day}" in fields):
        found["day_of_week"] = days
    if kind_of := fields.get(f"{at}.reservation", ""):
        found["reservation"] = told(f"{at}.reservation", ReservationRestriction, kind_of)
    if any(value is None for value in found.values()):
        return None
    rules = told(at, _rules, found) if found else None
    if not parts:
        if found and not any(fields.get(f"{at}.{kind}.price", "").strip() for kind in Dimension):
            told(at, _refuse, "this case has no price")
        return None
    made: TariffElement | None = told(at, TariffElement, tuple(parts), rules)
    return made


def fields_of(tariff: Tariff) -> dict[str, str]:
    """The form that says this tariff."""
    fields = {"currency": tariff.currency, "cases": str(len(tariff.elements)), "from": ""}
    for name, limit in (("min", tariff.min_price), ("max", tariff.max_price)):
        if limit is not None:
            fields |= {f"{name}_gross": plain(limit.incl_vat), f"{name}_net": plain(limit.excl_vat)}
    for number, element in enumerate(tariff.elements):
        at = f"e{number}"
        for part in element.price_components:
            name, gross = f"{at}.{part.type}", part.gross
            if part.type in TIMED:
                per_minute = gross / 60
                is_short = per_minute == round(per_minute, 4)
                fields[f"{name}.per"] = PER_MINUTE if is_short else PER_HOUR
                gross = per_minute if is_short else gross
            fields |= {
                f"{name}.price": plain(gross),
                f"{name}.vat": plain(part.vat),
                f"{name}.step": str(part.step_size),
            }
        if (rules := element.restrictions) is not None:
            for rule in (*TEXTS, *AMOUNTS, *DURATIONS, "reservation"):
                if (value := getattr(rules, rule)) is not None:
                    fields[f"{at}.{rule}"] = plain(value) if isinstance(value, Decimal) else str(value)
            fields |= {f"{at}.{day}": "on" for day in rules.day_of_week}
    return fields


def moved(fields: Fields, number: int, to: int | None) -> dict[str, str]:
    """The form with a case in another place, or without it (`to` None). Numbers that are none change nothing."""
    count = cases_of(fields)
    order = list(range(count))
    if number not in order:
        return dict(fields)
    order.remove(number)
    if to is not None:
        order.insert(max(0, min(to, count - 1)), number)
    found = {name: value for name, value in fields.items() if not _of_case(name)}
    for new, old in enumerate(order):
        found |= {f"e{new}{name[len(f'e{old}') :]}": v for name, v in fields.items() if name.startswith(f"e{old}.")}
    return found | {"cases": str(max(1, len(order)))}


def with_case(fields: Fields) -> dict[str, str]:
    """With one case more at the end, whose VAT is the last one's."""
    count = cases_of(fields)
    if count >= MOST_CASES:
        return dict(fields)
    vats = {f"e{count}.{kind}.vat": fields.get(f"e{count - 1}.{kind}.vat", "") for kind in Dimension}
    return dict(fields) | vats | {"cases": str(count + 1)}


def net_of(gross: Decimal, vat: Decimal) -> Decimal:
    """The shortest price without VAT that is `gross` with it; where there is none, to twelve decimals."""
    exact = gross * 100 / (100 + vat)
    for digits in range(NET_DIGITS):
        net = round(exact, digits)
        if net * (100 + vat) == gross * 100:
            return net
    return round(exact, NET_DIGITS)


def plain(number: Decimal) -> str:
    """Without an exponent and without zeros nobody needs: 0.57, 5, 0."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _gross(fields: Fields, name: str, kind: Dimension) -> Decimal:
    """In OCPI's unit."""
    typed = _number(fields[f"{name}.price"])
    return typed * 60 if kind in TIMED and fields.get(f"{name}.per", PER_MINUTE) == PER_MINUTE else typed


def _percent(text: str) -> Decimal:
    rate = _number(text)
    if not 0 <= rate <= 100:
        raise ValueError(f"{text[:20]}: want 0 to 100 percent")
    return rate


def _component(kind: Dimension, gross: Decimal, vat: Decimal, step: int) -> PriceComponent:
    if gross > 2 * HIGHEST_PRICE:
        raise ValueError(f"{kind} price {gross}: want 0 to {HIGHEST_PRICE}")
    return PriceComponent(kind, net_of(gross, vat), vat, step)


def _rules(found: dict[str, Any]) -> TariffRestrictions:
    return TariffRestrictions(**found)


def _limit(fields: Fields, name: str, rates: set[Decimal]) -> PriceLimit | None:
    gross_text, net_text = fields.get(f"{name}_gross", "").strip(), fields.get(f"{name}_net", "").strip()
    if not gross_text:
        return None
    gross = _number(gross_text)
    if gross > 2 * HIGHEST_PRICE:
        raise _Wrong(f"want 0 to {2 * HIGHEST_PRICE}")
    if net_text:
        return PriceLimit(_number(net_text), gross)
    if len(rates) != 1:
        raise _Wrong("prices have different VAT, so the amount without VAT is wanted too")
    return PriceLimit(net_of(gross, min(rates)), gross)


def _number(text: str) -> Decimal:
    text = text.strip().replace(",", ".")
    if len(text) > LONGEST_VALUE or not text.replace(".", "", 1).isascii() or not text.replace(".", "", 1).isdecimal():
        raise _Wrong(f"{text[:20]!r}: want an amount, as 0.57")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise _Wrong(f"{text[:20]!r}: want an amount, as 0.57") from error


def _whole(text: str) -> int:
    number = _number(text)
    if number != int(number):
        raise _Wrong(f"{text[:20]!r}: want a whole number")
    return int(number)


def _moment(text: str, now: datetime) -> datetime | None:
    """What a date and time field sends; UTC. What was charged keeps its price, so nothing begins before now."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _Wrong(f"{text[:20]!r}: want a day and time, as 2026-12-24T06:00") from error
    if moment.tzinfo is not None:
        raise _Wrong(f"{text[:20]!r}: want a time without a zone; it is read as UTC")
    begins = moment.replace(tzinfo=UTC)
    if begins < now:
        raise _Wrong(f"{begins:%Y-%m-%d %H:%M} UTC is past; want a moment to come, or leave it empty for at once")
    return begins


def _refuse(sentence: str) -> None:
    raise _Wrong(sentence)


def _at(name: str, message: str) -> str:
    """The field that a value object's own complaint is about: it begins with its name."""
    words = message.split()
    if words[0] in Dimension.__members__ and len(words) > 1:  # "ENERGY step_size 0: want …"
        return f"{name}.{'step' if words[1] == 'step_size' else words[1]}"
    first = words[0].rstrip(":")
    is_rule = first in {*TEXTS, *AMOUNTS, *DURATIONS}
    return f"{name}.{first}" if is_rule else f"{name}.MONDAY" if first == "day_of_week" else name


_IN_WORDS = (  # what a file calls by its key, as the page calls it
    (re.compile(r"want more than min_\w+ (\S+)"), r"want more than \1, where it begins"),
    (re.compile(r"want a day after start_date (\S+)"), r"want a day after \1, where it begins"),
    (re.compile(r"is also start_time"), "is also where it begins"),
    (re.compile(r"max_price is less than min_price"), "less than “At least”"),
    (re.compile(r"incl_vat the larger"), "and without VAT no more than with it"),
    (re.compile(r"has TIME and FLAT only"), "has prices while charging and once per charge only"),
)


def _sentence(message: str) -> str:
    """Without the field's name, which stands above it, and in the page's words."""
    _, colon, rest = message.partition(": ")
    sentence = rest if colon and len(rest) > 3 else message
    for key, words in _IN_WORDS:
        sentence = key.sub(words, sentence)
    return sentence


def _of_case(name: str) -> bool:
    first = name.partition(".")[0]
    return first[:1] == "e" and first[1:].isdecimal()
