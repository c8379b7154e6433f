"""What the operator sees of hosts and payouts, from the tables; in English, as all pages of the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing import directory
from billing.directory import NotKnown
from billing.hosts.bank import AccountState, BankAccount, accounts_of, paid_to
from billing.hosts.iban import in_groups
from billing.hosts.months import closed_months, may_close
from billing.hosts.movements import month_at, month_before
from billing.hosts.party import Host, all_hosts, find_host
from billing.hosts.statement import months_of, statement_of
from billing.hosts.terms import Preview, agreements_of
from billing.ledger import book
from billing.pages.host_view import month_words
from billing.pages.host_words import Speech, agreement_rows, duration, electricity_words
from billing.pages.render import money
from billing.payouts.plan import Plan, planned
from billing.payouts.runs import Payout, Run, Source, all_runs, dues_of, payouts_of, source_of
from billing.payouts.states import NEXT, State
from billing.settlement.agreement import Agreement
from billing.tables import kiosks

CHIPS = {State.BATCHED: "flow", State.PAID: "ok", State.REJECTED: "bad", State.REVERSED: "bad"}
ACCOUNT_CHIPS = {AccountState.IN_USE: "ok", AccountState.WAITING: "warn"}
VERBS = {State.PAID: "Paid", State.REJECTED: "Rejected…", State.REVERSED: "Came back…"}


@dataclass(frozen=True, slots=True)
class HostLine:
    host_id: str
    name: str
    owed: str
    closed: str
    chip: str
    account: str
    places: str


def speech_of(host: Host) -> Speech:
    return Speech("en", host.currency, host.time_zone)


def host_lines(connection: Connection) -> list[HostLine]:
    found = []
    for host in all_hosts(connection):
        paid = paid_to(accounts_of(connection, host.host_id))
        chip, account = "off", "none yet"
        if paid.waiting is not None:
            chip, account = "warn", f"ending {paid.waiting.ending} waits"
        elif paid.account is not None:
            chip, account = "ok", f"ending {paid.account.ending}"
        closed = closed_months(connection, host.host_id)
        places = {
            f"{one.kiosk_name}/{one.evse_id}" for one in agreements_of(connection, host.host_id) if one.until is None
        }
        found.append(
            HostLine(
                host.host_id,
                host.name,
                money(-book.balance(connection, host.payable), host.currency, "en"),
                month_words(closed[-1].month, "en") if closed else "nothing yet",
                chip,
                account,
                ", ".join(sorted(places)) or "no agreement",
            )
        )
    return found


def host_detail(connection: Connection, host_id: str, now: datetime) -> dict[str, Any]:
    """Raises NotKnown."""
    host = find_host(connection, host_id)
    speech = speech_of(host)
    known = accounts_of(connection, host_id)
    return {
        "host": host,
        "owed": speech.money(-book.balance(connection, host.payable)),
        "accounts": [_account(one, now, speech) for one in reversed(known)],
        "agreements": [
            {
                "place": f"{one.kiosk_name}, EVSE {one.evse_id}",
                "from": speech.day(one.begins),
                "until": "" if one.until is None else speech.day(one.until),
                "is_now": one.begins <= now and (one.until is None or one.until > now),
                "rows": agreement_rows(one, speech),
            }
            for one in agreements_of(connection, host_id)
        ],
        "months": [_month(connection, host, month, speech) for month in months_of(connection, host, now)[:12]],
        "payouts": [payout_row(one) for one in reversed(payouts_of(connection, host_id))],
    }


def evse_choices(connection: Connection) -> list[tuple[str, str]]:
    """Where something is offered: what a form says, and what a reader reads."""
    names = {row.kiosk_id: row.name for row in connection.execute(kiosks.select())}
    return [
        (f"{offer.kiosk_id}/{offer.evse_id}", f"{names.get(offer.kiosk_id, offer.kiosk_id)}, EVSE {offer.evse_id}")
        for offer in directory.current_offers(connection)
    ]


def preview_words(agreement: Agreement, shown: Preview, host: Host, time_zone: str) -> dict[str, Any]:
    """One made-up use, line by line: what the host has of it, and what is left."""
    speech = Speech("en", host.currency, time_zone)
    fee = shown.payment
    rows = [(electricity_words(shown.electricity, fee, speech), speech.money(fee.electricity_minor))]
    for name, amount_minor in (
        ("fee per use", fee.per_use_minor),
        ("fee per kWh", fee.per_kwh_minor),
        ("fee per hour", fee.per_hour_minor),
    ):
        if amount_minor:
            rows.append((name, speech.money(amount_minor)))
    ms = int(shown.duration.total_seconds() * 1000)
    what = f"{speech.kwh(shown.energy_wh)} kWh in {duration(ms)} from {speech.clock(shown.begins)}"
    left = []
    if shown.driver_pays_minor is not None:
        left = [
            ("The driver pays", speech.money(shown.driver_pays_minor)),
            ("VAT", speech.money(-shown.vat_minor)),
            ("The host", speech.money(-fee.total_minor)),
            ("Left, before the payment’s cost", speech.money(shown.left_minor)),
        ]
    assert agreement.host is not None
    return {"what": what, "rows": rows, "total": speech.money(fee.total_minor), "left": left}


def payouts_values(connection: Connection, now: datetime) -> dict[str, Any]:
    """Who would be paid now and who not, the runs so far, and the month that may be closed."""
    source, plan = plan_or_none(connection)
    runs = all_runs(connection)
    waiting = sum(one.state is State.BATCHED for run in runs for one in run.payouts)
    if source is None:
        heading = "No account to pay from yet"
    elif plan.pays:
        heading = f"{_count(len(plan.pays), 'host')} to be paid {money(plan.total_minor, 'EUR', 'en')}"
    else:
        heading = f"Nobody to be paid now, {waiting} at the bank"
    hosts = all_hosts(connection)
    month = month_before(max((month_at(now, host.time_zone) for host in hosts), default=month_at(now, "UTC")))
    is_open = any(may_close(connection, host, month) for host in hosts)
    return {
        "heading": heading,
        "source": None if source is None else _source(source),
        "pays": [_due(due) for due in plan.pays],
        "held": [{**_due(due), "why": why.value} for due, why in plan.held],
        "digest": plan.digest,
        "total": money(plan.total_minor, "EUR", "en"),
        "runs": [run_row(run) for run in runs],
        "month": month if is_open else "",
        "month_words": month_words(month, "en"),
    }


def plan_or_none(connection: Connection) -> tuple[Source | None, Plan]:
    try:
        source = source_of(connection)
    except NotKnown:
        return None, planned((), 0)
    return source, planned(dues_of(connection), source.minimum_minor)


def run_row(run: Run) -> dict[str, Any]:
    states = [one.state for one in run.payouts]
    is_waiting = State.BATCHED in states
    bad = sum(state in (State.REJECTED, State.REVERSED) for state in states)
    chip, state = ("flow", "at the bank") if is_waiting else ("ok", "paid")
    if bad:
        chip, state = "warn", f"{bad} of {len(states)} open again"
    return {
        "run": run.run,
        "made": f"{run.made_at:%Y-%m-%d %H:%M} UTC",
        "by": run.made_by.partition(" #")[0],
        "count": len(run.payouts),
        "total": money(run.total_minor, "EUR", "en"),
        "chip": chip,
        "state": state,
        "waits": is_waiting,
        "payouts": [payout_row(one) for one in run.payouts],
    }


def payout_row(one: Payout) -> dict[str, Any]:
    return {
        "id": one.payout_id,
        "run": one.run,
        "host_id": one.host_id,
        "host_name": one.host_name,
        "to": f"{one.holder}, {in_groups(one.iban)}",
        "through": month_words(one.through_month, "en"),
        "entries": len(one.entry_nos),
        "amount": money(one.amount_minor, one.currency, "en"),
        "chip": CHIPS[one.state],
        "state": one.state.value,
        "steps": [
            f"{step.state.value} {step.at:%Y-%m-%d %H:%M} by {step.by.partition(' #')[0]}"
            + (f": {step.detail}" if step.detail else "")
            for step in one.steps
        ],
        "next": [(state.value, VERBS[state]) for state in State if state in NEXT[one.state]],
    }


def step_words(one: Payout, state: State) -> list[str]:
    """What a step will do, before it is taken."""
    amount = money(one.amount_minor, one.currency, "en")
    match state:
        case State.PAID:
            return [f"{amount} leaves the bank account in the ledger: in transit → bank.", "The host reads “Paid”."]
        case State.REJECTED:
            undone = "The ledger entry of the payout is reversed: in transit → owed to the host."
            again = f"{amount} is open again; the next run pays it, to the account that counts then."
        case _:
            undone = "Both ledger entries of the payout are reversed: bank → in transit → owed to the host."
            again = f"{amount} is owed again; the next run pays it, to the account that counts then."
    return [undone, again, "The host reads it with your reason."]


def _account(one: BankAccount, now: datetime, speech: Speech) -> dict[str, Any]:
    waits = one.state is AccountState.WAITING
    return {
        "number": one.account_no,
        "iban": in_groups(one.iban),
        "holder": one.holder,
        "chip": ACCOUNT_CHIPS.get(one.state, "off"),
        "state": one.state.value,
        "entered": f"{speech.day_and_clock(one.entered_at)} by {one.entered_by.partition(' #')[0]}",
        "waits_until": speech.day_and_clock(one.waits_until) if waits else "",
        "may_approve": waits and now >= one.waits_until,
        "ended_by": (one.ended_by or "").partition(" #")[0],
    }


def _month(connection: Connection, host: Host, month: str, speech: Speech) -> dict[str, str]:
    statement = statement_of(connection, host, month)
    return {
        "month": month,
        "words": month_words(month, "en"),
        "amount": speech.money(statement.month_minor),
        "closing": speech.money(statement.sums.closing_minor),
        "closed": "" if statement.closed is None else speech.day_and_clock(statement.closed.closed_at),
    }


def _due(due: Any) -> dict[str, Any]:
    account = due.paid_to.account or due.paid_to.waiting
    return {
        "host_id": due.host.host_id,
        "name": due.host.name,
        "amount": money(due.amount_minor, due.host.currency, "en"),
        "account": "" if account is None else f"{account.holder}, {in_groups(account.iban)}",
        "through": "" if due.through_month is None else month_words(due.through_month, "en"),
        "entries": len(due.entry_nos),
    }


def _source(source: Source) -> dict[str, str]:
    return {
        "name": source.payer.name,
        "iban": in_groups(source.payer.iban),
        "minimum": money(source.minimum_minor, "EUR", "en"),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
