"""What the tariff pages show. Text ready for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from urllib.parse import quote
from zoneinfo import ZoneInfo

from billing.pages.ledger_view import Share, share_bar
from billing.pages.render import LANGUAGES, date_text, money, money_exact, number
from billing.tariffs.again import Again
from billing.tariffs.form import cases_of
from billing.tariffs.trial import Usage
from billing.tariffs.versions import Offered, Validity, Version
from contract.price import Line, Price, TimeUse
from contract.restrictions import WEEKDAYS
from contract.tariff import Dimension, Tariff, TariffOffer
from contract.words import tariff_words

CHIPS = {Validity.IN_FORCE: "ok", Validity.SCHEDULED: "flow", Validity.ENDED: "", Validity.NEVER: "off"}
DIMENSIONS = (
    ("ENERGY", "per kWh", "energy through the meter", "Wh"),
    ("TIME", "while charging", "time in which energy flows", "s"),
    ("PARKING_TIME", "after charging", "plugged in without charging", "s"),
    ("FLAT", "once per charge", "when it holds first", ""),
)
RULES = (  # two fields each
    ("By the clock of the place", ("start_time", "from, 22:00"), ("end_time", "to, 06:00")),
    ("By date", ("start_date", "from, 2026-12-24"), ("end_date", "to, not included")),
    ("By kWh taken so far", ("min_kwh", "from kWh"), ("max_kwh", "below kWh")),
    ("By power", ("min_power", "from kW"), ("max_power", "below kW")),
    ("By current, all phases", ("min_current", "from A"), ("max_current", "below A")),
    ("By seconds since the start", ("min_duration", "from s"), ("max_duration", "below s")),
)
_UNIT = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": "charge"}
_NAMES = {
    (Dimension.ENERGY, False): "Energy",
    (Dimension.TIME, False): "Charging time",
    (Dimension.PARKING_TIME, False): "Plugged in after charging",
    (Dimension.FLAT, False): "Once per charge",
    (Dimension.TIME, True): "Reservation",
    (Dimension.FLAT, True): "Reservation, once",
}
_KINDS = {name: words for name, words, _, _ in DIMENSIONS}
_FIELDS = {
    "id": "Name",
    "json": "Tariff object",
    "from": "In force from",
    "min_gross": "At least",
    "max_gross": "At most",
    "kiosk": "Kiosk",
    "evse": "EVSE",
    "grace_min": "Free minutes after charging",
    "offline": "Offline tariff",
}
_PARTS = {"vat": "VAT"}
_RULE_NAMES = {name: f"{label}, {hint}" for label, *pair in RULES for name, hint in pair}
_RULE_NAMES["reservation"] = "For a reservation"
_LIMITS = {"min_price": "Least price", "max_price": "Greatest price"}


@dataclass(frozen=True, slots=True)
class VersionLine:
    version: int
    chip: str
    state: str
    validity: str
    words: tuple[str, ...]


def version_line(version: Version, grace_s: int = 0) -> VersionLine:
    return VersionLine(
        version.tariff.version,
        CHIPS[version.validity],
        version.validity.value,
        validity_text(version),
        words_of(version.tariff, "en", grace_s),
    )


def validity_text(version: Version) -> str:
    if version.validity is Validity.NEVER:
        return f"was to begin {at_text(version.from_)}"
    until = "" if version.until is None else f" until {at_text(version.until)}"
    return f"from {at_text(version.from_)}{until}"


def at_text(moment: datetime) -> str:
    return f"{date_text(moment, 'UTC', 'en')}, {moment:%H:%M} UTC"


def words_of(tariff: Tariff, language: str, grace_s: int = 0) -> tuple[str, ...]:
    """As on every screen and receipt, in the legal order."""
    words = tariff_words(TariffOffer(tariff, grace_s), language)
    return (*(row.text for row in words.rows), words.vat) if words.rows else ()


def words_in_all(tariff: Tariff, grace_s: int = 0) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(code, name, words_of(tariff, code, grace_s)) for code, name in LANGUAGES.items()]


def place_of(offered: Offered) -> str:
    return f"{offered.kiosk_name} EVSE {offered.evse_id}"


def grace_of(offered: Sequence[Offered]) -> int:
    """The free time after charging that most places have."""
    graces = [one.offer.parking_grace_s for one in offered if not one.is_offline]
    return max(set(graces), key=graces.count) if graces else 0


def mistakes(wrong: Mapping[str, str], cases: int = 1) -> list[tuple[str, str, str]]:
    """For the summary above a form: where the field is, what it is called there, what is wrong. A tariff of one case
    calls it none."""
    found = []
    for name, sentence in wrong.items():
        case, _, rest = name.partition(".")
        is_case = case[:1] == "e" and case[1:].isdecimal()
        kind, _, part = rest.partition(".")
        words = [f"Case {int(case[1:]) + 1}" if cases > 1 or not rest else ""] if is_case else [_FIELDS.get(name, name)]
        if is_case and rest:
            words += (
                [_KINDS[kind], _PARTS.get(part, part)] if kind in _KINDS else [_RULE_NAMES.get(rest, "On these days")]
            )
        has_field = not is_case or part or (rest and kind not in _KINDS)
        said = ", ".join(filter(None, words))
        found.append((name if has_field else f"case-{case}", said[:1].upper() + said[1:], sentence))
    return found


def case_views(fields: Mapping[str, str]) -> list[dict[str, object]]:
    """Every case of the form, with what to call it."""
    found = []
    for number_ in range(cases_of(fields)):
        at = f"e{number_}"
        names = [name for _, *pair in RULES for name, _ in pair]
        is_restricted = any(fields.get(f"{at}.{name}") for name in (*names, "reservation", *WEEKDAYS))
        found.append({"at": at, "number": number_, "is_restricted": is_restricted})
    return found


@dataclass(frozen=True, slots=True)
class Compared:
    """One line of a comparison: what it is for, and what it costs by the one and the other, unrounded gross."""

    what: str
    old: str
    new: str
    change: str


def compared(old: Price | None, new: Price | None) -> list[Compared]:
    """Line by line in the tariff's order, and last the limits. Empty where there is nothing to compare."""
    found: dict[str, list[Decimal | None]] = {}
    for column, price in enumerate((old, new)):
        for line in () if price is None else price.lines:
            name = line_name(line)
            amounts = found.setdefault(name, [None, None])
            amounts[column] = (amounts[column] or Decimal(0)) + line.incl_vat
        if price is not None and price.rule in _LIMITS:
            amounts = found.setdefault(_LIMITS[price.rule], [None, None])
            amounts[column] = price.incl_vat - sum((line.incl_vat for line in price.lines), Decimal(0))
    rows = []
    for what, (before, after) in found.items():
        change = "" if old is None or new is None else _signed((after or Decimal(0)) - (before or Decimal(0)))
        rows.append(Compared(what, _four(before), _four(after), change))
    return rows


def totals(old: Price | None, new: Price | None) -> dict[str, str]:
    """What is owed by each, rounded once, and the difference."""
    shown = ["" if price is None else money(price.incl_vat_minor, price.currency, "en") for price in (old, new)]
    change = ""
    if old is not None and new is not None and old.currency == new.currency:
        difference = new.incl_vat_minor - old.incl_vat_minor
        sign = "+" if difference > 0 else ""
        change = sign + money(difference, new.currency, "en")
    return {"old": shown[0], "new": shown[1], "change": change}


def traced(price: Price, usage: Usage) -> list[dict[str, str]]:
    """Every line as price() gave it: when, how much, why so much, unrounded and rounded."""
    zone = ZoneInfo(usage.zone)
    rows = []
    for line in price.lines:
        begin, end = (usage.began.timestamp() + ms / 1000 for ms in _period(line, usage))
        clock = [datetime.fromtimestamp(second, zone).strftime("%H:%M:%S") for second in (begin, end)]
        unit = _UNIT[line.dimension.value]
        rows.append(
            {
                "what": line_name(line),
                "case": str(line.element + 1),
                "period": f"{clock[0]}–{clock[1]}",
                "quantity": f"{number(line.quantity, 0 if unit == 'charge' else 4, 'en')} {unit}",
                "rule": line.rule,
                "unit_price": money_exact(line.unit_price, price.currency, "en", 4),
                "vat": f"{line.vat.normalize():f} %",
                "net": money_exact(line.excl_vat, price.currency, "en", 6),
                "gross": money_exact(line.incl_vat, price.currency, "en", 6),
                "rounded": money(line.incl_vat_minor, price.currency, "en"),
            }
        )
    return rows


def again_view(found: Again, currency: str) -> dict[str, object]:
    """What a draft would have changed, as a sentence, a bar and the two who would notice most."""

    def signed(minor: int) -> str:
        return ("+" if minor > 0 else "") + money(minor, currency, "en")

    percent = ""
    if found.old_minor:
        change = Decimal(100 * (found.new_minor - found.old_minor)) / found.old_minor
        percent = f" ({'+' if change > 0 else '−' if change < 0 else ''}{number(abs(change), 1, 'en')} %)"
    shares = [
        (Share(name, f"{count}", fill), count)
        for name, count, fill in (
            ("cheaper", found.cheaper, "f-go"),
            ("the same", found.same, "f-off"),
            ("dearer", found.dearer, "f-warn"),
        )
        if count
    ]
    extremes = [
        (words, order_id, signed(minor))
        for words, pair in (("most saved", found.most_saved), ("most added", found.most_added))
        if pair is not None
        for order_id, minor in (pair,)
    ]
    return {
        "count": found.count,
        "is_all": found.is_all,
        "not_priced": found.not_priced,
        "shares": [share for share, _ in shares],
        "bar": share_bar(shares),
        "old": money(found.old_minor, currency, "en"),
        "new": money(found.new_minor, currency, "en") + percent,
        "extremes": extremes,
    }


def _period(line: Line, usage: Usage) -> tuple[int, int]:
    """The part of a line's stretch in which time counted as what it prices; elapsed ms."""
    uses = {Dimension.TIME: TimeUse.CHARGING, Dimension.PARKING_TIME: TimeUse.PARKING}
    wanted = None if line.is_reservation else uses.get(line.dimension)
    spans = [
        (max(a.elapsed_ms, line.from_ms), min(b.elapsed_ms, line.to_ms))
        for a, b in pairwise(usage.samples)
        if a.time_use is wanted
    ]
    inside = [(begin, end) for begin, end in spans if begin < end]
    return (inside[0][0], inside[-1][1]) if inside else (line.from_ms, line.to_ms)


def vat_text(price: Price) -> str:
    parts = [f"VAT {line.rate.normalize():f} %: {money(line.vat_minor, price.currency, 'en')}" for line in price.vat]
    return ", ".join([*parts, f"without VAT {money(price.excl_vat_minor, price.currency, 'en')}"])


def line_name(line: Line) -> str:
    """What a line is for, in the operator's words; OCPI's stand in OCPI's files alone."""
    return _NAMES[line.dimension, line.is_reservation]


def _four(amount: Decimal | None) -> str:
    return "" if amount is None else number(amount, 4, "en")


def _signed(amount: Decimal) -> str:
    text = number(abs(amount), 4, "en")
    return text if not amount else f"{'+' if amount > 0 else '−'}{text}"


def place_line(one: Offered) -> dict[str, object]:
    """One EVSE a tariff is sold at."""
    offline = one.offer.offline_tariff
    return {
        "name": place_of(one),
        "kiosk_id": one.kiosk_id,
        "version": one.offer.tariff.version if not one.is_offline else (offline.version if offline else 0),
        "as": "in place of " + one.offer.tariff.id + " while the clock is not known" if one.is_offline else "",
        "grace_min": f"{one.offer.parking_grace_s / 60:g} min",
        "zone": one.offer.time_zone,
        "offline": "" if offline is None or one.is_offline else f"{offline.id}, version {offline.version}",
    }


def path_of(tariff_id: str) -> str:
    """The page of one tariff."""
    return f"/operator/tariffs/{quote(tariff_id, safe='')}"
