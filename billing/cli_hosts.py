"""`kiosk-billing host` and `month`: hosts, what is agreed with them, their bank accounts, closing a month."""

from __future__ import annotations

from argparse import Namespace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from billing import directory
from billing.cli_base import Result, database_of
from billing.hosts import bank, months, party, terms, told
from billing.hosts.iban import in_groups
from billing.hosts.party import Host
from billing.ledger import book
from billing.people.audit import COMMAND_LINE, note
from billing.settings import read_settings, server_time
from billing.settlement.allocation import Bearer
from billing.tables import kiosks
from contract.codec import to_wire
from contract.currency import from_minor


def add_host(arguments: Namespace) -> Result:
    host = Host(
        arguments.host,
        arguments.name,
        arguments.address.replace("\\n", "\n"),
        arguments.currency,
        arguments.time_zone,
        arguments.language,
        arguments.vat_id or None,
        party.rate_of(arguments.vat_rate),
    )
    with database_of(arguments) as connection:
        now = server_time()
        party.add_host(connection, host, now)
        note(connection, COMMAND_LINE, "added the host", host.host_id, now)
    return Result(f"host {host.host_id}: {host.name}, paid in {host.currency}", to_wire(host))


def list_hosts(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        rows = [_line(connection, host) for host in party.all_hosts(connection)]
    text = "\n".join(
        f"{row['host_id']}  {row['name']}  owed {from_minor(row['owed_minor'], row['currency'])} {row['currency']}"
        f"  closed {row['closed'] or 'nothing yet'}  account {row['account']}"
        for row in rows
    )
    return Result(text or "no hosts yet; kiosk-billing host add H-12 NAME", rows)


def agree_host(arguments: Namespace) -> Result:
    """With --preview nothing is written."""
    per_use, per_kwh, per_hour, per_month = (
        terms.amount_of(f"--per-{name}", getattr(arguments, f"per_{name}")) for name in ("use", "kwh", "hour", "month")
    )
    asked = terms.Terms(
        per_use,
        per_kwh,
        per_hour,
        per_month,
        None if arguments.electricity is None else terms.amount_of("--electricity", arguments.electricity),
        tuple(_window(text) for text in arguments.at or ()),
        arguments.own_account,
        Bearer(arguments.paid_by),
    )
    with database_of(arguments) as connection:
        now = server_time()
        host = party.find_host(connection, arguments.host)
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        zone = connection.execute(select(kiosks.c.time_zone).where(kiosks.c.kiosk_id == kiosk_id)).scalar_one()
        begins = _day(arguments.from_day) or now.astimezone(ZoneInfo(zone)).date()
        drafted = terms.drafted_terms(connection, host, kiosk_id, arguments.evse, asked, begins, now)
        if not arguments.preview:
            terms.write_terms(connection, host, kiosk_id, arguments.evse, asked, begins, now)
            what = f"agreed on {kiosk_id} EVSE {arguments.evse} from {begins}"
            note(connection, COMMAND_LINE, what, host.host_id, now)
    word = "would be in force" if arguments.preview else "in force"
    text = f"{kiosk_id} EVSE {arguments.evse}: agreement with {host.host_id} {word} from {begins} {zone}"
    return Result(
        text, {"agreement": to_wire(drafted[0]), "from": drafted[1].isoformat(), "written": not arguments.preview}
    )


def end_host(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        host = party.find_host(connection, arguments.host)
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        begins = date.fromisoformat(arguments.from_day)
        now = server_time()
        terms.end_terms(connection, host, kiosk_id, arguments.evse, begins, now)
        what = f"ended the agreement on {kiosk_id} EVSE {arguments.evse} from {begins}"
        note(connection, COMMAND_LINE, what, host.host_id, now)
    return Result(f"{kiosk_id} EVSE {arguments.evse}: no host from {begins} on", {"from": begins.isoformat()})


def list_agreements(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        found = terms.agreements_of(connection, party.find_host(connection, arguments.host).host_id)
    lines, data = [], []
    for one in found:
        until = "on" if one.until is None else f"until {one.until:%Y-%m-%d %H:%M} UTC"
        lines.append(f"{one.kiosk_name} EVSE {one.evse_id}  from {one.begins:%Y-%m-%d %H:%M} UTC {until}")
        data.append({"kiosk_id": one.kiosk_id, "evse_id": one.evse_id, **to_wire(one.agreement)})
    return Result("\n".join(lines) or "nothing agreed yet; kiosk-billing host agree", data)


def enter_account(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        host, now = party.find_host(connection, arguments.host), server_time()
        account = bank.enter_account(
            connection, host.host_id, arguments.holder, arguments.iban, arguments.bic, bank.CONSOLE, now
        )
        note(connection, COMMAND_LINE, f"entered the account ending {account.ending}", host.host_id, now)
        known = read_settings(arguments.data_dir, arguments.database)
        told.tell_of_account(connection, known.server_key, known.operator_name, host, account, now)
    return _account(account, f"waits until {account.waits_until:%Y-%m-%d %H:%M} UTC and for host approve-account")


def approve_account(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        host = party.find_host(connection, arguments.host)
        now = server_time()
        account = bank.approve_account(connection, host.host_id, arguments.account, bank.CONSOLE, now)
        note(connection, COMMAND_LINE, f"agreed to the account ending {account.ending}", host.host_id, now)
    return _account(account, "is paid from now on")


def withdraw_account(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        host = party.find_host(connection, arguments.host)
        now = server_time()
        account = bank.withdraw_account(connection, host.host_id, arguments.account, bank.CONSOLE, now)
        note(connection, COMMAND_LINE, f"withdrew the account ending {account.ending}", host.host_id, now)
    return _account(account, "is withdrawn")


def close_month(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        now = server_time()
        closed = months.close_month(connection, arguments.month, bank.CONSOLE, now)
        if closed:
            note(connection, COMMAND_LINE, f"closed the month for {len(closed)} statements", arguments.month, now)
        open_not = "" if closed else _why_nothing_closes(connection, arguments.month)
    lines = [
        f"{one.host.host_id}  {one.month}  came in {_money(one, one.sums.net_minor)}"
        f"  VAT {_money(one, one.sums.vat_minor)}  owed {_money(one, one.sums.closing_minor)} {one.host.currency}"
        for one in closed
    ]
    text = "\n".join(lines) or open_not
    return Result(text, [{"host_id": one.host.host_id, "month": one.month, **to_wire(one.sums)} for one in closed])


def _line(connection: Any, host: Host) -> dict[str, Any]:
    paid = bank.paid_to(bank.accounts_of(connection, host.host_id))
    account = "none yet"
    if paid.waiting is not None:
        account = f"ending {paid.waiting.ending} waits (number {paid.waiting.account_no})"
    elif paid.account is not None:
        account = f"ending {paid.account.ending}"
    return {
        "host_id": host.host_id,
        "name": host.name,
        "currency": host.currency,
        "owed_minor": -book.balance(connection, host.payable),
        "closed": months.last_closed(connection, host.host_id),
        "account": account,
    }


def _why_nothing_closes(connection: Connection, month: str) -> str:
    lines = []
    for host in party.all_hosts(connection):
        first = months.first_month(connection, host)
        if first is None:
            why = "nothing to close, as nothing is agreed yet"
        elif first > month:
            why = f"nothing to close before {first}, the month of their first agreement"
        else:
            why = f"{month} is closed already"
        lines.append(f"{host.host_id}  {why}")
    return "\n".join(lines) or "no hosts yet; kiosk-billing host add H-12 NAME"


def _window(text: str) -> terms.Window:
    """14:00-17:00=0.17. Raises ValueError."""
    span, sign, per_kwh = text.partition("=")
    start, dash, end = span.partition("-")
    if not sign or not dash:
        raise ValueError(f"--at {text!a}: want beginning, end and price, as 14:00-17:00=0.17")
    return terms.Window(start.strip(), end.strip(), terms.amount_of("--at", per_kwh))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _account(account: bank.BankAccount, word: str) -> Result:
    text = f"account {account.account_no} of {account.host_id}: {in_groups(account.iban)} {word}"
    data = {"account_no": account.account_no, "host_id": account.host_id, "state": account.state.value}
    return Result(text, {**data, "waits_until": account.waits_until.isoformat()})


def _money(closed: months.Closed, amount_minor: int) -> str:
    return str(from_minor(amount_minor, closed.host.currency))
