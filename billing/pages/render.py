"""Templates and the numbers in them, in the words of the reader's language (Babel)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_time
from babel.numbers import format_currency, format_decimal
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from contract.currency import MINOR_DIGITS, from_minor

LANGUAGES = {"en": "English", "de": "Deutsch", "ja": "日本語"}
_LOCALE = {"en": "en_GB", "de": "de_DE", "ja": "ja_JP"}
_DATE = {"en": "EEE d MMM y", "de": "EEE, d. MMM y", "ja": "y年M月d日(EEE)"}
# {n} is the number with its decimals. English sums carry a no-break space after the sign, as the design has them.
_MONEY = {"en": "¤\u00a0{n};−¤\u00a0{n}", "de": "{n}\u00a0¤;−{n}\u00a0¤", "ja": "¤{n};−¤{n}"}

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


# Only our own files; a page that runs a script may also ask the server it came from.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SCRIPT_POLICY = POLICY + "; script-src 'self'; connect-src 'self'"


def page(
    template: str, values: Mapping[str, Any], status: int = 200, *, runs_script: bool = False, form_target: str = ""
) -> HTMLResponse:
    """`runs_script`: the page works without its script, and may run those under /static.

    `form_target`: the one other place its form may lead to by a redirect, as https://pay.example; "" for none.
    """
    policy = SCRIPT_POLICY if runs_script else POLICY
    if form_target:
        policy = policy.replace("form-action 'self'", f"form-action 'self' {form_target}")
    headers = {"Content-Security-Policy": policy}
    return HTMLResponse(html(template, values), status, headers)


def html(template: str, values: Mapping[str, Any]) -> str:
    return _environment.get_template(template).render(**values)


def choose_language(asked: str | None, accept_language: str, otherwise: str = "en") -> str:
    """`?lang=` first, then Accept-Language by its weights, then `otherwise`, then English."""
    if asked in LANGUAGES:
        return asked
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:500].split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, name.split("-")[0].lower()))
        except ValueError:
            continue
    known = otherwise if otherwise in LANGUAGES else "en"
    return next((name for _, _, name in sorted(wishes) if name in LANGUAGES), known)


def money(amount_minor: int, currency: str, language: str) -> str:
    return money_exact(from_minor(amount_minor, currency), currency, language, MINOR_DIGITS[currency])


def money_exact(amount: Decimal, currency: str, language: str, digits: int) -> str:
    """An amount in major units with that many decimals."""
    pattern = _MONEY[language].replace("{n}", "#,##0" + ("." + "0" * digits if digits else ""))
    return str(format_currency(amount, currency, pattern, locale=_LOCALE[language], currency_digits=False))


def price_digits(amount: Decimal, currency: str) -> int:
    """The fewest decimals, from the currency's own up to four, that show a unit price exactly."""
    digits = MINOR_DIGITS[currency]
    while digits < 4 and amount != round(amount, digits):
        digits += 1
    return digits


def number(value: Decimal, digits: int, language: str) -> str:
    """A number with exactly that many decimals."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(format_decimal(value, pattern, locale=_LOCALE[language]))


def kwh(energy_wh: int, language: str) -> str:
    return number(Decimal(energy_wh) / 1000, 3, language) + "\u00a0kWh"


def date_text(moment: datetime, time_zone: str, language: str) -> str:
    local = moment.astimezone(ZoneInfo(time_zone))
    return str(format_datetime(local, _DATE[language], tzinfo=ZoneInfo(time_zone), locale=_LOCALE[language]))


def clock_text(moment: datetime, time_zone: str, language: str, pattern: str = "HH:mm") -> str:
    return str(format_time(moment, pattern, tzinfo=ZoneInfo(time_zone), locale=_LOCALE[language]))


def zone_text(moment: datetime, time_zone: str) -> str:
    """UTC+2, UTC+5:30, UTC."""
    offset = moment.astimezone(ZoneInfo(time_zone)).utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")


def span_text(from_: datetime, to: datetime, time_zone: str, language: str) -> str:
    """Thu 14 May 2026, 12:58–15:07 (UTC+2); both dates where midnight lies between."""
    begin_date, end_date = (date_text(moment, time_zone, language) for moment in (from_, to))
    begin, end = (clock_text(moment, time_zone, language) for moment in (from_, to))
    zone = zone_text(to, time_zone)
    if zone != zone_text(from_, time_zone):
        return f"{begin_date}, {begin} ({zone_text(from_, time_zone)}) – {end_date}, {end} ({zone})"
    if begin_date == end_date:
        return f"{begin_date}, {begin}–{end} ({zone})"
    return f"{begin_date}, {begin} – {end_date}, {end} ({zone})"


def ago(moment: datetime | None, now: datetime) -> str:
    """How old, for operators: 5 s, 12 min, 3 h, 4 d; "never"."""
    if moment is None:
        return "never"
    seconds = max(0, int((now.astimezone(UTC) - moment).total_seconds()))
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} d"
