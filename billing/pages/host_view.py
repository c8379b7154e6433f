"""What a host's pages show, from the tables. Every reading is by the host's own id, which the sign-in gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_interval, format_skeleton
from sqlalchemy import Connection, select

from billing.directory import NotKnown
from billing.hosts.bank import AccountState, BankAccount, PaidTo, accounts_of, paid_to
from billing.hosts.iban import in_groups
from billing.hosts.movements import Movement, MovementKind, begin_of, month_after, movements_of
from billing.hosts.party import Host
from billing.hosts.statement import Refunded, Statement, months_of, refunds_booked, statement_of
from billing.hosts.terms import InForce, agreements_of
from billing.hosts.uses import Use, UseKind, uses_begun, uses_open
from billing.ledger import book
from billing.moments import from_ms
from billing.pages.bars import Bar, bars
from billing.pages.host_words import (
    Speech,
    age_words,
    agreement_rows,
    by_price,
    counted,
    electricity_of,
    kwh_by_price,
    use_row,
)
from billing.pages.operator_view import SILENT_AFTER
from billing.pages.render import clock_text, date_text, number
from billing.payouts.runs import Payout, Step, payouts_of, source_of
from billing.payouts.states import State
from billing.tables import kiosks
from contract.currency import MINOR_DIGITS, from_minor

LOCALES = {"en": "en_GB", "de": "de_DE", "ja": "ja_JP"}
MOST_PRICES = 3  # as columns of the table of weeks; a contract of more is summed up


def speech_of(host: Host, language: str) -> Speech:
    return Speech(language, host.currency, host.time_zone)


def month_words(month: str, language: str) -> str:
    """April 2026"""
    first = date(int(month[:4]), int(month[5:]), 1)
    return str(format_skeleton("yMMMM", first, locale=LOCALES[language]))


def short_day(day: date, language: str) -> str:
    """5 Apr"""
    return str(format_skeleton("MMMd", day, locale=LOCALES[language]))


def span_of_days(first: date, last: date, language: str) -> str:
    """30 Mar – 5 Apr"""
    return str(format_interval(first, last, "MMMd", locale=LOCALES[language]))


def day_of(text: str | None, host: Host, now: datetime) -> date:
    """The day asked for, today where it is none."""
    today = now.astimezone(ZoneInfo(host.time_zone)).date()
    try:
        asked = date.fromisoformat(text or "")
    except ValueError:
        return today
    return asked if date(2020, 1, 1) <= asked <= today else today


def today_values(connection: Connection, host: Host, day: date, now: datetime, language: str) -> dict[str, Any]:
    speech, words = speech_of(host, language), speech_of(host, language).words
    zone = ZoneInfo(host.time_zone)
    begins = datetime.combine(day, time(), zone)
    beyond = datetime.combine(day + timedelta(days=1), time(), zone)
    is_today = day == now.astimezone(zone).date()
    done = uses_begun(connection, host.host_id, begins, beyond)
    waiting = [use for use in uses_open(connection, host.host_id) if is_today or begins <= use.begins < beyond]
    uses_minor = sum(use.amount_minor for use in done)
    refunds = refunds_booked(connection, host, begins, beyond)
    electricity = electricity_of(done)
    running = [use for use in waiting if use.kind is UseKind.RUNNING]
    day_words = speech.day(begins)
    return {
        "here": "today",
        "heading": words["day_heading"].format(day=day_words) if is_today else day_words,
        "kiosks": _kiosks(connection, host, now, speech),
        "day": day.isoformat(),
        "before": (day - timedelta(days=1)).isoformat(),
        "after": "" if is_today else (day + timedelta(days=1)).isoformat(),
        "label": words["earned_today" if is_today else "earned_day"],
        "total": speech.money(uses_minor + sum(movement.amount_minor for movement, _ in refunds)),
        "uses_total": speech.money(uses_minor),
        "refunds": [
            (*_refund_words(movement, of, speech), speech.money(movement.amount_minor)) for movement, of in refunds
        ],
        "means": words["earned_means"].format(count=_paid(done)),
        "electricity": speech.money(electricity),
        "fees": speech.money(uses_minor - electricity),
        "running": speech.money(sum(use.amount_minor for use in running)) if running else "",
        "rows": [use_row(use, speech) for use in (*waiting, *_newest_first(done))],
        "sum_kwh": speech.kwh(sum(use.energy_wh for use in done)),
        "sum_how": words["sum_of"].format(
            electricity=speech.money(electricity), fees=speech.money(uses_minor - electricity)
        ),
        **_hours_chart([*done, *waiting], speech),
    }


def uses_values(connection: Connection, host: Host, month: str, now: datetime, language: str) -> dict[str, Any]:
    speech = speech_of(host, language)
    statement = statement_of(connection, host, month)
    return {
        "here": "uses",
        "heading": speech.words["month_uses_heading"].format(month=month_words(month, language)),
        "month": month,
        "months": _month_links(connection, host, now, language),
        "rows": _statement_rows(connection, host, statement, speech),
        **_uses_sum(statement, speech),
    }


def statements_values(connection: Connection, host: Host, now: datetime, language: str) -> dict[str, Any]:
    speech = speech_of(host, language)
    rows = []
    for month in months_of(connection, host, now):
        statement = statement_of(connection, host, month)
        chip, state = _state(statement, speech)
        rows.append(
            {
                "month": month,
                "words": month_words(month, language),
                "amount": speech.money(statement.month_minor),
                "closing": speech.money(statement.sums.closing_minor),
                "chip": chip,
                "state": state,
            }
        )
    return {"here": "statements", "heading": speech.words["statements_heading"], "rows": rows}


def statement_values(connection: Connection, host: Host, month: str, now: datetime, language: str) -> dict[str, Any]:
    """Raises NotKnown for a month there is no statement for."""
    if month not in months_of(connection, host, now):
        raise NotKnown(f"no statement for {month}")
    speech = speech_of(host, language)
    words = speech.words
    statement = statement_of(connection, host, month)
    chip, state = _state(statement, speech)
    sums = statement.sums
    return {
        "here": "statements",
        "heading": month_words(month, language),
        "month": month,
        "number": statement.number,
        "party": statement.host,
        "is_closed": statement.closed is not None,
        "document": words["document"].format(number=statement.number, day=speech.day_and_clock(now)),
        "chip_class": chip,
        "state": state,
        "amount": speech.money(statement.month_minor),
        "lines": _money_lines(statement, speech),
        "net": speech.money(sums.net_minor),
        "vat": _vat(statement, speech),
        "month_label": words["month_came_to"].format(month=month_words(month, language)),
        "balance": _balance(statement, speech),
        "closing": speech.money(sums.closing_minor),
        "events": _where_the_money_is(statement, speech),
        "account_note": account_note(paid_to(accounts_of(connection, host.host_id)), speech),
        "weeks": _weeks(statement, speech),
        "prices": [speech.price(price) for price in _prices(statement)],
        "count": len([use for use in statement.uses if use.kind is not UseKind.TAKEN_BACK]),
        "rows": _statement_rows(connection, host, statement, speech),
        **_uses_sum(statement, speech),
        **_days_chart(statement, speech),
    }


def agreement_values(connection: Connection, host: Host, now: datetime, language: str) -> dict[str, Any]:
    speech = speech_of(host, language)
    words = speech.words
    current: list[dict[str, Any]] = []
    older: list[dict[str, Any]] = []
    for one in agreements_of(connection, host.host_id):
        since = speech.day(one.begins)
        if one.until is not None and one.until <= now:
            head = words["was_in_force"].format(day=since, until=speech.day(one.until - timedelta(seconds=1)))
        else:
            head = words["in_force_since" if one.begins <= now else "in_force_from"].format(day=since)
        place = words["place_line"].format(kiosk=one.kiosk_name, evse=one.evse_id, place=one.place).rstrip(" ·")
        shown = {"place": place, "head": head, "rows": agreement_rows(one, speech)}
        (older if one.until is not None and one.until <= now else current).append(shown)
    rules = [words[f"rule_{name}"] for name in ("payment", "zero", "own", "free", "refund")]
    rules.append(words["rule_payout"].format(minimum=speech.money(_minimum(connection))))
    return {
        "here": "agreement",
        "heading": words["agreement_heading"],
        "current": current,
        "older": older,
        "rules": rules,
    }


def account_values(
    connection: Connection, host: Host, now: datetime, language: str, typed: dict[str, str], error: str = ""
) -> dict[str, Any]:
    speech = speech_of(host, language)
    words = speech.words
    known = accounts_of(connection, host.host_id)
    paid = paid_to(known)
    in_use = next((one for one in known if one.state is AccountState.IN_USE), None)
    if paid.waiting is not None and in_use is not None:
        heading = words["account_heading_waits"]
    elif paid.account is not None:
        heading = words["account_heading"].format(ending=paid.account.ending)
    else:
        heading = words["account_heading_none"]
    return {
        "here": "account",
        "heading": heading,
        "owed": speech.money(-book.balance(connection, host.payable)),
        "accounts": [_account(one, speech, is_held=paid.waiting is not None) for one in reversed(known)],
        "waiting": None if paid.waiting is None else paid.waiting.account_no,
        "waits_note": _waits_note(paid.waiting, speech),
        "is_change": in_use is not None,
        "payouts": [_payout(one, speech) for one in reversed(payouts_of(connection, host.host_id))],
        "typed": {name: typed.get(name, "")[:80] for name in ("holder", "iban", "bic")},
        "error": error,
    }


def csv_rows(connection: Connection, host: Host, statement: Statement, language: str) -> list[list[str]]:
    """The statement as a table for a spreadsheet: plain numbers, UTC times."""
    speech = speech_of(host, language)
    words = speech.words
    states = _states_by_cdr(connection, host)
    rows = [
        [words[f"csv_{name}"] for name in ("kind", "began", "ended", "booked", "kiosk", "connector")]
        + [words["kwh"], words["electricity"], words["csv_fees"], words["for_you"], host.currency, words["csv_record"]]
        + [words["csv_payout"]]
    ]
    for use in statement.uses:
        rows.append(_csv_use(use, host, words, words[f"state_{_state_of(use, states)}"]))
    for movement in (*statement.others, *statement.paid):
        name, _ = _movement_words(movement, statement, speech)
        name = movement.what if movement in statement.paid else name
        of = statement.refunded.get(movement.order_id or "") if movement.kind is MovementKind.REFUND else None
        rows.append([*_csv_movement(movement, name, of, host), ""])
    if statement.sums.vat_minor:
        rate = "" if statement.host.vat_rate is None else format(statement.host.vat_rate, "f")
        vat = _plain(statement.sums.vat_minor, host)
        rows.append([words["vat"].format(rate=rate), *[""] * 8, vat, host.currency, "", ""])
    for name, amount_minor in (("opening", statement.sums.opening_minor), ("closing", statement.sums.closing_minor)):
        rows.append([words[name], *[""] * 8, _plain(amount_minor, host), host.currency, statement.number, ""])
    return rows


def day_csv_rows(connection: Connection, host: Host, day: date, language: str) -> list[list[str]]:
    zone = ZoneInfo(host.time_zone)
    begins, beyond = (datetime.combine(day + timedelta(days=more), time(), zone) for more in (0, 1))
    words = speech_of(host, language).words
    head = [words[f"csv_{name}"] for name in ("kind", "began", "ended", "booked", "kiosk", "connector")]
    head += [
        words["kwh"],
        words["electricity"],
        words["csv_fees"],
        words["for_you"],
        host.currency,
        words["csv_record"],
    ]
    speech = speech_of(host, language)
    uses = [_csv_use(use, host, words) for use in uses_begun(connection, host.host_id, begins, beyond)]
    refunds = [
        _csv_movement(movement, _refund_words(movement, of, speech)[0], of, host)
        for movement, of in refunds_booked(connection, host, begins, beyond)
    ]
    return [head, *uses, *refunds]


# ---- pieces --------------------------------------------------------------------------------------------------------


def _newest_first(uses: Sequence[Use]) -> list[Use]:
    """The three rows of a corrected use stay in their order."""
    return sorted(uses, key=lambda use: (-use.begins.timestamp(), use.evse_id, use.turn))


def _paid(uses: Sequence[Use]) -> int:
    kept = [use for use in uses if use.amount_minor and use.kind is UseKind.FINISHED]
    return len(kept) - len([use for use in uses if use.amount_minor and use.kind is UseKind.TAKEN_BACK])


def _kiosks(connection: Connection, host: Host, now: datetime, speech: Speech) -> list[dict[str, str]]:
    """Where the host has an agreement now, and whether the kiosk is heard."""
    names = {one.kiosk_id for one in agreements_of(connection, host.host_id) if _holds(one, now)}
    k = kiosks.c
    query = select(k.name, k.place, k.last_contact_ms).where(k.kiosk_id.in_(names)).order_by(k.name)
    found = []
    for row in connection.execute(query):
        if row.last_contact_ms is None:
            chip, text = "off", speech.words["silent_never"]
        else:
            heard = from_ms(row.last_contact_ms)
            is_silent = heard < now - SILENT_AFTER
            age = age_words(now - heard, speech.words)
            chip, text = ("stale", "silent") if is_silent else ("ok", "reachable")
            text = speech.words[text].format(age=age)
        found.append({"name": " ".join(part for part in (row.name, row.place) if part), "chip": chip, "text": text})
    return found


def _holds(one: InForce, now: datetime) -> bool:
    return one.begins <= now and (one.until is None or one.until > now)


def _uses_sum(statement: Statement, speech: Speech) -> dict[str, Any]:
    electricity = electricity_of(statement.uses)
    fees = statement.uses_minor - electricity
    return {
        "sum_kwh": speech.kwh(sum(use.energy_wh for use in statement.uses)),
        "sum_how": speech.words["sum_of"].format(electricity=speech.money(electricity), fees=speech.money(fees)),
        "total": speech.money(statement.uses_minor),
    }


def _statement_rows(connection: Connection, host: Host, statement: Statement, speech: Speech) -> list[dict[str, Any]]:
    states = _states_by_cdr(connection, host)
    return [use_row(use, speech, _state_of(use, states)) for use in counted(statement.uses)]


def _states_by_cdr(connection: Connection, host: Host) -> dict[tuple[str, bool], str]:
    """By charge detail record, and whether it is its taking back: open, batched or paid."""
    by_entry = {}
    for payout in payouts_of(connection, host.host_id):
        if payout.stands:
            by_entry.update(dict.fromkeys(payout.entry_nos, payout.state.value))
    return {
        (movement.cdr_id, movement.amount_minor < 0): by_entry.get(movement.entry_no, "open")
        for movement in movements_of(connection, host)
        if movement.cdr_id is not None
    }


def _state_of(use: Use, states: dict[tuple[str, bool], str]) -> str:
    return states.get((use.cdr_id or "", use.kind is UseKind.TAKEN_BACK), "open") if use.amount_minor else "open"


def _state(statement: Statement, speech: Speech) -> tuple[str, str]:
    """The chip of a month: where its money is."""
    words = speech.words
    if statement.closed is None:
        return "flow", words["state_running"]
    if statement.open_minor or not statement.covering:
        return ("off", words["nothing_open"]) if not statement.month_minor else ("warn", words["state_open"])
    last = max(payout.steps[-1].at for payout in statement.covering)
    if all(payout.state is State.PAID for payout in statement.covering):
        paid_on = last.astimezone(ZoneInfo(speech.time_zone)).date()
        return "ok", f"{words['state_paid']} {short_day(paid_on, speech.language)}"
    return "flow", words["state_batched"]


def _money_lines(statement: Statement, speech: Speech) -> list[tuple[str, str, str]]:
    """What the month is made of: name, what it means, amount."""
    words = speech.words
    back = [use for use in statement.uses if _is_of_another_month(use, statement)]
    lines = [(words["uses"], "", speech.money(statement.uses_minor - sum(use.amount_minor for use in back)))]
    for use in back:
        assert use.booked is not None
        means = words["taken_line_means"].format(day=speech.day(use.booked))
        lines.append((words["taken_line"].format(day=speech.day(use.begins)), means, speech.money(use.amount_minor)))
    for movement in statement.others:
        lines.append((*_movement_words(movement, statement, speech), speech.money(movement.amount_minor)))
    if statement.closed is None and statement.fees:
        lines.append((words["monthly_fee"], words["monthly_fee_comes"], ""))
    return lines


def _movement_words(movement: Movement, statement: Statement, speech: Speech) -> tuple[str, str]:
    """Its name and what it means. Why a driver was refunded is between them and the operator."""
    words, of = speech.words, statement.refunded.get(movement.order_id or "")
    if movement.kind is MovementKind.MONTHLY_FEE:
        return words["monthly_fee"], _fee_words(statement, speech)
    if movement.kind is MovementKind.REFUND and of is not None:
        return _refund_words(movement, of, speech)
    return words["other"], movement.what


def _refund_words(movement: Movement, of: Refunded, speech: Speech) -> tuple[str, str]:
    told = {
        "day": date_text(of.begins, of.time_zone, speech.language),
        "time": clock_text(of.begins, of.time_zone, speech.language),
        "kiosk": of.kiosk_name,
        "evse": of.evse_id,
    }
    means = speech.words["refunded_means"].format(day=speech.day_and_clock(movement.at))
    return speech.words["refunded_line"].format(**told), means


def _is_of_another_month(use: Use, statement: Statement) -> bool:
    begins = begin_of(statement.month, statement.host.time_zone)
    return use.kind is UseKind.TAKEN_BACK and use.begins < begins


def _fee_words(statement: Statement, speech: Speech) -> str:
    words = speech.words
    told = [
        words["monthly_fee_calc"].format(
            kiosk=fee.kiosk_id,
            evse=fee.evse_id,
            amount=speech.money(fee.per_month_minor),
            days=fee.days,
            of=fee.of_days,
        )
        for fee in statement.fees
    ]
    return " · ".join([words["monthly_fee_means"], *told])


def _vat(statement: Statement, speech: Speech) -> tuple[str, str] | None:
    if statement.host.vat_rate is None:
        return None
    rate = format(statement.host.vat_rate, "f")
    name = speech.words["vat"].format(rate=rate)
    if statement.closed is None:
        return f"{name} · {speech.words['monthly_fee_comes']}", "–"
    return name, speech.money(statement.sums.vat_minor)


def _balance(statement: Statement, speech: Speech) -> list[tuple[str, str]]:
    words, sums = speech.words, statement.sums
    rows = [
        (words["opening"], speech.money(sums.opening_minor)),
        (words["came_in"], speech.money(statement.month_minor)),
    ]
    for movement in statement.paid:
        name = words["paid_out" if movement.amount_minor < 0 else "came_back"]
        rows.append((f"{name}, {speech.day(movement.at)}", speech.money(movement.amount_minor)))
    return rows


def _where_the_money_is(statement: Statement, speech: Speech) -> list[tuple[str, str, str]]:
    """A list of what happened: its class, the words, when."""
    words = speech.words
    if statement.closed is None:
        ends = begin_of(month_after(statement.month), statement.host.time_zone) - timedelta(seconds=1)
        return [("now", words["still_open"].format(day=speech.day(ends)), "")]
    found = [("", words["closed"], speech.day_and_clock(statement.closed.closed_at))]
    for payout in statement.covering:
        found += [_step(payout, step, speech) for step in payout.steps]
    if statement.open_minor > 0:
        found.append(("wait", words["open_rest"].format(amount=speech.money(statement.open_minor)), ""))
    elif statement.open_minor < 0:
        found.append(("wait", words["open_negative"].format(amount=speech.money(statement.open_minor)), ""))
    last = found[-1]
    return [*found[:-1], (last[0] or "now", *last[1:])]


def _step(payout: Payout, step: Step, speech: Speech) -> tuple[str, str, str]:
    told = {"payout": payout.payout_id, "ending": payout.iban[-4:], "why": step.detail}
    return "", speech.words[step.state.value].format(**told).rstrip(": "), speech.day_and_clock(step.at)


def _weeks(statement: Statement, speech: Speech) -> list[dict[str, Any]]:
    """By the weeks in which the uses began, Monday first."""
    zone = ZoneInfo(statement.host.time_zone)
    by_week: dict[date, list[Use]] = defaultdict(list)
    for use in statement.uses:
        day = use.begins.astimezone(zone).date()
        by_week[day - timedelta(days=day.weekday())].append(use)
    rows = []
    for monday, uses in sorted(by_week.items()):
        total = sum(use.amount_minor for use in uses)
        electricity = electricity_of(uses)
        by_rate = kwh_by_price(uses)
        rows.append(
            {
                "week": span_of_days(monday, monday + timedelta(days=6), speech.language),
                "count": len([use for use in uses if use.kind is not UseKind.TAKEN_BACK]),
                "kwh": [speech.kwh(int(by_rate.get(price, Decimal(0)) * 1000)) for price in _prices(statement)]
                or [speech.kwh(sum(use.energy_wh for use in uses))],
                "electricity": speech.money(electricity),
                "fees": speech.money(total - electricity),
                "total": speech.money(total),
            }
        )
    return rows


def _prices(statement: Statement) -> list[Decimal]:
    """The contract's prices of the month, dearest first; none where they are too many for columns."""
    found = sorted(kwh_by_price(statement.uses), reverse=True)
    return found if len(found) <= MOST_PRICES else []


def _hours_chart(uses: Sequence[Use], speech: Speech) -> dict[str, Any]:
    """Energy per hour, coloured by whether the cheapest price held."""
    by_hour: dict[int, dict[Decimal, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    taken_back = {use.cdr_id for use in uses if use.kind is UseKind.TAKEN_BACK}
    for use in uses:
        if use.sold is None or use.cdr_id in taken_back:
            continue
        for price, hour, quantity in _spread(use):
            by_hour[hour][price] += quantity
    prices = sorted({price for of_hour in by_hour.values() for price in of_hour})
    if not by_hour:
        return {"chart": "", "hours": [], "legend": []}
    first, last = min(by_hour), max(by_hour)
    cheapest = prices[0] if len(prices) > 1 else None
    shown = [
        Bar(
            f"{hour}:00" if (hour - first) % max(1, (last - first + 1) // 6) == 0 else "",
            tuple(
                (by_hour[hour][price], "f-flow" if price == cheapest else "f-go")
                for price in sorted(by_hour.get(hour, {}), reverse=True)
            ),
        )
        for hour in range(first, last + 1)
    ]
    sums = {hour: sum(of_hour.values(), Decimal(0)) for hour, of_hour in by_hour.items()}
    best = max(sums, key=lambda hour: sums[hour])
    finding = speech.words["chart_hours"].format(
        hour=f"{best}:00",
        kwh=number(sums[best], 3, speech.language),
        total=number(sum(sums.values(), Decimal(0)), 3, speech.language),
    )
    return {
        "chart": bars(shown, finding),
        "hours": [(f"{hour}:00", number(sums[hour], 3, speech.language)) for hour in sorted(sums)],
        "legend": [
            ("f-flow" if price == cheapest else "f-go", speech.words["at_price"].format(price=speech.price(price)))
            for price in sorted(prices, reverse=True)
        ][:MOST_PRICES],
    }


def _spread(use: Use) -> list[tuple[Decimal, int, Decimal]]:
    """Price, hour of the day at the site, kWh: each line of the contract evenly over the time it prices."""
    assert use.sold is not None
    zone = ZoneInfo(use.time_zone)
    found = []
    for line in use.sold.electricity:
        price = next(iter(by_price([line])))
        minutes = max(1, (line.to_ms - line.from_ms) // 60_000)
        begins = use.begins + timedelta(milliseconds=line.from_ms)
        each = line.quantity / minutes
        for minute in range(min(minutes, 2 * 1440)):
            found.append((price, (begins + timedelta(minutes=minute)).astimezone(zone).hour, each))
    return found


def _days_chart(statement: Statement, speech: Speech) -> dict[str, Any]:
    zone = ZoneInfo(statement.host.time_zone)
    by_day: dict[int, list[Use]] = defaultdict(list)
    begins = begin_of(statement.month, statement.host.time_zone)
    beyond = begin_of(month_after(statement.month), statement.host.time_zone)
    for use in statement.uses:
        if begins <= use.begins < beyond:
            by_day[use.begins.astimezone(zone).day].append(use)
    if not by_day:
        return {"chart": ""}
    days = (beyond.date() - begins.date()).days
    scale = Decimal(10) ** -MINOR_DIGITS[speech.currency]
    shown = []
    for day in range(1, days + 1):
        uses = by_day.get(day, [])
        electricity = electricity_of(uses)
        fees = sum(use.amount_minor for use in uses) - electricity
        label = str(day) if day == 1 or day % 5 == 0 else ""
        shown.append(Bar(label, ((electricity * scale, "f-go"), (fees * scale, "f-flow"))))
    best = max(by_day, key=lambda day: sum(use.amount_minor for use in by_day[day]))
    amount = speech.money(sum(use.amount_minor for use in by_day[best]))
    finding = speech.words["chart_days"].format(day=speech.day(by_day[best][0].begins), amount=amount)
    return {"chart": bars(shown, finding)}


def _month_links(connection: Connection, host: Host, now: datetime, language: str) -> list[tuple[str, str]]:
    return [(month, month_words(month, language)) for month in months_of(connection, host, now)[:12]]


def _minimum(connection: Connection) -> int:
    try:
        return source_of(connection).minimum_minor
    except NotKnown:
        return 0


def account_note(paid: PaidTo, speech: Speech) -> str:
    """What the account lets a payout do, in the words of the account page."""
    if paid.waiting is None and paid.account is None:
        return speech.words["account_heading_none"]
    return _waits_note(paid.waiting, speech) or speech.words["change_note"]


def _waits_note(waiting: BankAccount | None, speech: Speech) -> str:
    if waiting is None:
        return ""
    day = speech.day_and_clock(waiting.waits_until)
    return speech.words["account_waits_note"].format(ending=waiting.ending, day=day)


def _account(one: BankAccount, speech: Speech, *, is_held: bool) -> dict[str, str]:
    words = speech.words
    chips = {AccountState.IN_USE: "warn" if is_held else "ok", AccountState.WAITING: "stale"}
    is_current = one.state in chips
    state = "paused" if is_held and one.state is AccountState.IN_USE else one.state.value
    who = one.entered_by.partition(" #")[0]
    return {
        "iban": in_groups(one.iban) if is_current else f"… {one.ending}",
        "holder": one.holder,
        "chip": chips.get(one.state, "off"),
        "state": words[f"account_{state}"],
        "entered": words["entered_by"].format(day=speech.day_and_clock(one.entered_at), who=who),
        "waits_until": speech.day_and_clock(one.waits_until) if one.state is AccountState.WAITING else "",
    }


def _payout(one: Payout, speech: Speech) -> dict[str, Any]:
    chips = {State.PAID: "ok", State.BATCHED: "flow", State.REJECTED: "bad", State.REVERSED: "bad"}
    month = month_words(one.through_month, speech.language)
    return {
        "id": one.payout_id,
        "amount": speech.money(one.amount_minor),
        "to": speech.words["to_account"].format(ending=one.iban[-4:], month=month),
        "chip": chips[one.state],
        "state": speech.words[
            "state_paid" if one.state is State.PAID else "state_batched" if one.stands else "state_open"
        ],
        "steps": [_step(one, step, speech)[1:] for step in one.steps],
    }


def _csv_movement(movement: Movement, name: str, of: Refunded | None, host: Host) -> list[str]:
    """`of`: the use that a refund is about."""
    use = ["", "", ""] if of is None else [_utc(of.begins), of.kiosk_name, str(of.evse_id)]
    amount = _plain(movement.amount_minor, host)
    began, *place = use
    return [name, began, "", _utc(movement.at), *place, "", "", "", amount, host.currency, movement.key]


def _csv_use(use: Use, host: Host, words: dict[str, str], state: str = "") -> list[str]:
    electricity = electricity_of([use])
    return [
        words[use.kind.value],
        _utc(use.begins),
        "" if use.ends is None else _utc(use.ends),
        "" if use.booked is None else _utc(use.booked),
        use.kiosk_name,
        str(use.evse_id),
        format(Decimal(use.energy_wh) / 1000, ".3f"),
        _plain(electricity, host),
        _plain(use.amount_minor - electricity, host),
        _plain(use.amount_minor, host),
        host.currency,
        use.cdr_id or "",
        state,
    ]


def _plain(amount_minor: int, host: Host) -> str:
    return format(from_minor(amount_minor, host.currency), "f")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
