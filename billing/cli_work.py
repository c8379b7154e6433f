"""Subcommands that change the directory: kiosks, tariffs, offers, tokens, vouchers, commands."""

from __future__ import annotations

import io
import json
import secrets
from argparse import Namespace
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import qrcode
from sqlalchemy import Connection, select

from billing import directory, enrolment, vouchers
from billing.cli_base import Result, database_of
from billing.moments import from_ms
from billing.pages.operator_view import fleet
from billing.people.audit import COMMAND_LINE, note
from billing.server_key import read_server_key
from billing.settings import server_time
from billing.tables import tariffs
from billing.tariff_files import read_tariff
from contract.currency import from_minor
from contract.identity import IdToken, TokenKind
from contract.tariff import Tariff
from contract.tokens import MEMBER_CODE_PREFIX


def add_kiosk(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        now = server_time()
        kiosk_id = directory.add_kiosk(
            connection,
            arguments.name,
            now,
            place=arguments.place,
            time_zone=arguments.time_zone,
            max_power_w=arguments.max_power_w,
        )
        code = enrolment.new_code(connection, kiosk_id, now)
        note(connection, COMMAND_LINE, "added the kiosk", kiosk_id, now)
    return _code(kiosk_id, code)


def new_code(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        kiosk_id, now = directory.find_kiosk(connection, arguments.kiosk), server_time()
        code = enrolment.new_code(connection, kiosk_id, now)
        note(connection, COMMAND_LINE, "made an enrolment code", kiosk_id, now)
    return _code(kiosk_id, code)


def list_kiosks(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        lines = fleet(connection, server_time())
    text = "\n".join(
        f"{line.kiosk_id}  {line.name}  {line.health}  heard {line.last_heard}  events waited {line.waited}"
        f"  open {line.open_count}  alarms {line.alarm_count}"
        for line in lines
    )
    return Result(text or "no kiosks yet; kiosk-billing kiosk add NAME", [asdict(line) for line in lines])


def load_tariff(arguments: Namespace) -> Result:
    tariff, from_ = read_tariff(arguments.file), moment_of(arguments.from_, "--from")
    with database_of(arguments) as connection:
        now = server_time()
        check_to_come(from_, now)
        is_new = directory.load_tariff(connection, tariff, now, from_)
        if is_new:
            note_published(connection, tariff, from_, now)
    text = f"tariff {tariff.id} version {tariff.version} {'published' if is_new else 'is published already'}"
    if is_new and from_ is not None:
        text += f", in force from {from_:%Y-%m-%d %H:%M} UTC"
    return Result(text, {"id": tariff.id, "version": tariff.version, "is_new": is_new})


def note_published(connection: Connection, tariff: Tariff, from_: datetime | None, now: datetime) -> None:
    """In the audit log, in the words of the tariff page."""
    when = "" if from_ is None else f" from {from_:%Y-%m-%d %H:%M} UTC"
    note(connection, COMMAND_LINE, f"published version {tariff.version}{when}", tariff.id, now)


def check_to_come(from_: datetime | None, now: datetime) -> None:
    """A price does not come into force before it was published. Raises ValueError."""
    if from_ is not None and from_ < now:
        past = f"--from {from_:%Y-%m-%d %H:%M} UTC is past"
        raise ValueError(f"{past}; want a moment to come, or leave it out for now: what was charged keeps its price")


def moment_of(text: str | None, name: str) -> datetime | None:
    """A moment in UTC, as 2026-12-24T06:00Z. Raises ValueError."""
    if text is None:
        return None
    try:
        if not text.endswith("Z"):
            raise ValueError
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{name} {text[:40]!a}: want a moment in UTC, as 2026-12-24T06:00Z") from error


def list_tariffs(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        query = select(tariffs.c.tariff_id, tariffs.c.version, tariffs.c.body, tariffs.c.from_ms)
        rows = connection.execute(query.order_by(tariffs.c.tariff_id, tariffs.c.version)).all()
    text = "\n".join(
        f"{row.tariff_id}  version {row.version}  from {from_ms(row.from_ms):%Y-%m-%d %H:%M} UTC" for row in rows
    )
    return Result(text or "no tariffs yet; kiosk-billing tariff load FILE", [json.loads(row.body) for row in rows])


def set_offer(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        kiosk_id, now = directory.find_kiosk(connection, arguments.kiosk), server_time()
        offer = directory.set_offer(
            connection,
            kiosk_id,
            arguments.evse,
            arguments.tariff,
            now,
            parking_grace_s=arguments.parking_grace,
            offline_tariff_id=arguments.offline_tariff,
        )
        note(connection, COMMAND_LINE, f"offered at {kiosk_id} EVSE {arguments.evse}", offer.tariff.id, now)
    offline = offer.offline_tariff
    data = {"kiosk_id": kiosk_id, "evse_id": arguments.evse, "tariff": offer.tariff.id, "version": offer.tariff.version}
    data |= {"time_zone": offer.time_zone, "offline_tariff": None if offline is None else offline.id}
    text = f"{kiosk_id} EVSE {arguments.evse}: tariff {offer.tariff.id} version {offer.tariff.version}"
    if offline is not None:
        text += f"; without a clock {offline.id} version {offline.version}"
    elif offer.tariff.needs_clock:
        text += "; its price depends on the clock: without one nothing is sold here (--offline-tariff names another)"
    return Result(text, data)


def add_token(arguments: Namespace) -> Result:
    token = _token(arguments)
    with database_of(arguments) as connection:
        now = server_time()
        account_id = arguments.account or f"account-{secrets.token_hex(6)}"
        if not directory.account_exists(connection, account_id):
            directory.add_account(
                connection,
                account_id,
                now,
                group_id=arguments.group,
                cap_minor=arguments.cap_minor,
                offline_cap_minor=arguments.offline_cap_minor,
            )
        name = directory.add_token(connection, token, account_id, now)
        note(connection, COMMAND_LINE, f"added {token.masked}", account_id, now)
    return Result(f"{token.masked} belongs to {account_id}", {"token_hash": name, "account_id": account_id})


def block_token(arguments: Namespace) -> Result:
    return _block(arguments, blocked=True)


def unblock_token(arguments: Namespace) -> Result:
    return _block(arguments, blocked=False)


def new_voucher(arguments: Namespace) -> Result:
    if not 1 <= arguments.valid_days <= 3660:
        raise ValueError(f"--valid-days {arguments.valid_days}: want 1 to 3660")
    with database_of(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        now = server_time()
        valid_until = now + timedelta(days=arguments.valid_days)
        text = vouchers.new_voucher(
            connection,
            kiosk_id,
            arguments.value_minor,
            arguments.currency,
            valid_until,
            now,
            read_server_key(arguments.data_dir),
        )
        value = f"{from_minor(arguments.value_minor, arguments.currency)} {arguments.currency}"
        note(connection, COMMAND_LINE, f"issued a voucher of {value}", kiosk_id, now)
    drawing = io.StringIO()
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=2)
    code.add_data(text)
    code.print_ascii(out=drawing, invert=True)
    words = f"worth {value} at {kiosk_id}, until {valid_until:%Y-%m-%d %H:%M} UTC; used once, the rest is not paid out"
    data = {"voucher": text, "kiosk_id": kiosk_id, "value_minor": arguments.value_minor}
    data |= {"currency": arguments.currency, "valid_until": valid_until.isoformat()}
    return Result(f"{text}\n{words}\n{drawing.getvalue()}", data)


def _block(arguments: Namespace, *, blocked: bool) -> Result:
    token = _token(arguments)
    with database_of(arguments) as connection:
        now = server_time()
        directory.block_token(connection, token, now, blocked=blocked)
        note(connection, COMMAND_LINE, "blocked the card" if blocked else "freed the card", token.masked, now)
    word = "blocked" if blocked else "free again"
    return Result(f"{token.masked} is {word}; kiosks learn it with their next contact", {"is_blocked": blocked})


def _token(arguments: Namespace) -> IdToken:
    if arguments.member is not None:
        code = arguments.member.strip().upper()
        return IdToken(
            TokenKind.MEMBER_CODE, code if code.startswith(MEMBER_CODE_PREFIX) else MEMBER_CODE_PREFIX + code
        )
    return directory.card_of(arguments.card)


def _code(kiosk_id: str, code: str) -> Result:
    hours = int(enrolment.CODE_LIVES.total_seconds()) // 3600
    return Result(
        f"kiosk {kiosk_id}\nenrolment code {code} (once, within {hours} h)", {"kiosk_id": kiosk_id, "code": code}
    )
