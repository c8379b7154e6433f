"""What each subcommand of kiosk-billing does: returns text for people and data for `--json`."""

from __future__ import annotations

import io
import json
import secrets
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import qrcode
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from billing import directory, enrolment, facts, vouchers
from billing.commands import queue_command
from billing.database import open_database
from billing.migrations import migrate, newest_revision, revision_of
from billing.pages.operator_view import fleet, kept_aside, sessions
from billing.pages.receipt_view import cdr_body, find_receipt
from billing.passwords import USER, hash_password
from billing.server_key import make_server_key, public_hex, read_server_key
from billing.settings import SETTINGS_FILE, BadSettings, default_database_url, read_settings, server_time
from billing.tables import commands, tariffs, transactions
from billing.tariff_files import read_tariff
from contract.api import Command, CommandKind
from contract.codec import WireError
from contract.identity import IdToken, TokenKind
from contract.tokens import MEMBER_CODE_PREFIX


class NotSetUp(Exception):
    """No data directory, or a database that is older than this program."""


NOT_SET_UP = (NotSetUp,)
REFUSED = (directory.NotKnown, FileExistsError)
BAD_INPUT = (ValueError, WireError, BadSettings, OSError, OperationalError)


@dataclass(frozen=True, slots=True)
class Result:
    text: str
    data: Any = field(default_factory=dict)
    exit_code: int = 0


def init(arguments: Namespace) -> Result:
    data_dir = arguments.data_dir
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = arguments.password or secrets.token_urlsafe(12)
    settings = {
        "operator_name": arguments.operator_name,
        "help_contact": arguments.help_contact,
        "operator_password_hash": hash_password(password),
    }
    with (data_dir / SETTINGS_FILE).open("x", encoding="utf-8") as file:
        # A JSON string is a TOML basic string.
        file.writelines(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
    key = make_server_key(data_dir)
    engine = open_database(arguments.database or default_database_url(data_dir))
    migrate(engine)
    with engine.begin() as connection:
        epoch = facts.epoch(connection)
    engine.dispose()
    data = {"data_dir": str(data_dir), "server_key": public_hex(key), "epoch": epoch, "user": USER}
    text = f"made {data_dir}: server key, settings, database\noperator pages: user {USER}"
    if arguments.password is None:
        data["password"] = password
        text += f", password {password} (shown this once)"
    return Result(text, data)


def migrate_database(arguments: Namespace) -> Result:
    engine = open_database(arguments.database or default_database_url(_data_dir(arguments)))
    before = revision_of(engine)
    after = migrate(engine)
    engine.dispose()
    text = f"already at revision {after}" if before == after else f"revision {before or 'none'} → {after}"
    return Result(text, {"before": before, "after": after})


def serve(arguments: Namespace) -> Result:
    import uvicorn  # the web server is a third of a second that only this command needs

    from billing.app import create_app

    _data_dir(arguments)
    if not 0 <= arguments.port <= 65535:
        raise ValueError(f"--port {arguments.port}: want 0 to 65535")
    settings = read_settings(arguments.data_dir, arguments.database)
    uvicorn.run(create_app(settings), host=arguments.host, port=arguments.port, log_level="warning", access_log=False)
    return Result("", {})


def show_epoch(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        epoch = facts.renew_epoch(connection) if arguments.renew else facts.epoch(connection)
    return Result(epoch, {"epoch": epoch})


def add_kiosk(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
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
    return _code(kiosk_id, code)


def new_code(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        code = enrolment.new_code(connection, kiosk_id, server_time())
    return _code(kiosk_id, code)


def list_kiosks(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        lines = fleet(connection, server_time())
    text = "\n".join(
        f"{line.kiosk_id}  {line.name}  {line.health}  heard {line.last_heard}  events waited {line.waited}"
        f"  open {line.open_count}  alarms {line.alarm_count}"
        for line in lines
    )
    return Result(text or "no kiosks yet; kiosk-billing kiosk add NAME", [asdict(line) for line in lines])


def load_tariff(arguments: Namespace) -> Result:
    tariff = read_tariff(arguments.file)
    with _database(arguments) as connection:
        is_new = directory.load_tariff(connection, tariff, server_time())
    text = f"tariff {tariff.id} version {tariff.version} {'published' if is_new else 'is published already'}"
    return Result(text, {"id": tariff.id, "version": tariff.version, "is_new": is_new})


def list_tariffs(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        query = select(tariffs.c.tariff_id, tariffs.c.version, tariffs.c.body)
        rows = connection.execute(query.order_by(tariffs.c.tariff_id, tariffs.c.version)).all()
    text = "\n".join(f"{row.tariff_id}  version {row.version}" for row in rows)
    return Result(text or "no tariffs yet; kiosk-billing tariff load FILE", [json.loads(row.body) for row in rows])


def set_offer(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        offer = directory.set_offer(
            connection,
            kiosk_id,
            arguments.evse,
            arguments.tariff,
            server_time(),
            parking_grace_s=arguments.parking_grace,
        )
    data = {"kiosk_id": kiosk_id, "evse_id": arguments.evse, "tariff": offer.tariff.id, "version": offer.tariff.version}
    return Result(f"{kiosk_id} EVSE {arguments.evse}: tariff {offer.tariff.id} version {offer.tariff.version}", data)


def add_token(arguments: Namespace) -> Result:
    token = _token(arguments)
    with _database(arguments) as connection:
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
    return Result(f"{token.masked} belongs to {account_id}", {"token_hash": name, "account_id": account_id})


def block_token(arguments: Namespace) -> Result:
    return _block(arguments, blocked=True)


def unblock_token(arguments: Namespace) -> Result:
    return _block(arguments, blocked=False)


def new_voucher(arguments: Namespace) -> Result:
    if not 1 <= arguments.valid_days <= 3660:
        raise ValueError(f"--valid-days {arguments.valid_days}: want 1 to 3660")
    with _database(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        now = server_time()
        text = vouchers.new_voucher(
            connection,
            kiosk_id,
            arguments.value_minor,
            arguments.currency,
            now + timedelta(days=arguments.valid_days),
            now,
            read_server_key(arguments.data_dir),
        )
    drawing = io.StringIO()
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=2)
    code.add_data(text)
    code.print_ascii(out=drawing, invert=True)
    return Result(f"{text}\n{drawing.getvalue()}", {"voucher": text, "kiosk_id": kiosk_id})


def command_start(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        offer = directory.current_offer(connection, kiosk_id, arguments.evse)
        if offer is None:
            raise directory.NotKnown(f"nothing is offered at EVSE {arguments.evse} of {kiosk_id}")
        if not directory.account_exists(connection, arguments.account):
            raise directory.NotKnown(f"no account {arguments.account!r}")
        command = Command(
            "",
            CommandKind.START,
            arguments.ttl,
            evse_id=arguments.evse,
            account_id=arguments.account,
            offer=offer,
            cap_minor=arguments.cap_minor,
        )
        command_id = queue_command(connection, kiosk_id, command, server_time())
    return Result(f"queued {command_id}; valid for {arguments.ttl} s", {"command_id": command_id})


def command_stop(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        t = transactions.c
        known = select(t.ended_seq).where(t.kiosk_id == kiosk_id, t.transaction_id == arguments.transaction)
        found = connection.execute(known).one_or_none()
        if found is None:
            raise directory.NotKnown(f"no transaction {arguments.transaction!r} of {kiosk_id} has arrived")
        if found.ended_seq is not None:
            raise directory.NotKnown(f"transaction {arguments.transaction} has ended already")
        command = Command("", CommandKind.STOP, arguments.ttl, transaction_id=arguments.transaction)
        command_id = queue_command(connection, kiosk_id, command, server_time())
    return Result(f"queued {command_id}; valid for {arguments.ttl} s", {"command_id": command_id})


def list_commands(arguments: Namespace) -> Result:
    c = commands.c
    query = select(c.command_id, c.kiosk_id, c.kind, c.status, c.reason, c.sent_ms, c.expires_ms, c.transaction_id)
    with _database(arguments) as connection:
        if arguments.kiosk is not None:
            query = query.where(c.kiosk_id == directory.find_kiosk(connection, arguments.kiosk))
        rows = [dict(row) for row in connection.execute(query.order_by(c.queued_ms.desc()).limit(50)).mappings()]
    text = "\n".join(
        f"{row['command_id']}  {row['kiosk_id']}  {row['kind']}  {row['status'] or 'not answered'}" for row in rows
    )
    return Result(text or "no commands yet", rows)


def list_sessions(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        kiosk_id = None if arguments.kiosk is None else directory.find_kiosk(connection, arguments.kiosk)
        lines = sessions(connection, server_time(), kiosk_id)
    text = "\n".join(
        f"{line.transaction_id}  {line.kiosk_name} EVSE {line.evse_id}  {line.started}  {line.state}  {line.energy}"
        f"  {line.amount}"
        for line in lines
    )
    return Result(text or "no sessions yet", [asdict(line) for line in lines])


def show_receipt(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        found = find_receipt(connection, arguments.id, "en", server_time())
        body = cdr_body(connection, arguments.id)
    if found is None:
        return Result("not yet received; the kiosk may be offline", {"state": "waiting"}, 1)
    rows = [f"{found.heading}  {found.state}", found.subject, found.place]
    rows += [f"{what}: {sum_text} = {amount}" for what, sum_text, amount in found.lines]
    rows += [f"{name}: {value}" for name, value in (*found.registers, *found.vat, *found.payment)]
    return Result(
        "\n".join([*rows, *found.notes]), {**asdict(found), "cdr": None if body is None else json.loads(body)}
    )


def list_quarantine(arguments: Namespace) -> Result:
    with _database(arguments) as connection:
        rows = kept_aside(connection, server_time())
    text = "\n".join(f"{row['number']}  {row['kiosk']}  {row['code']}  {row['reason']}" for row in rows)
    return Result(text or "nothing waits for a decision", rows)


@contextmanager
def _database(arguments: Namespace) -> Iterator[Connection]:
    engine = open_database(arguments.database or default_database_url(_data_dir(arguments)))
    try:
        if revision_of(engine) != newest_revision():
            raise NotSetUp(
                f"the database is at revision {revision_of(engine)}, this program wants {newest_revision()}; "
                "run kiosk-billing migrate"
            )
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _data_dir(arguments: Namespace) -> Any:
    if not arguments.data_dir.is_dir():
        raise NotSetUp(f"no data directory {arguments.data_dir}; run kiosk-billing init first")
    return arguments.data_dir


def _block(arguments: Namespace, *, blocked: bool) -> Result:
    token = _token(arguments)
    with _database(arguments) as connection:
        directory.block_token(connection, token, server_time(), blocked=blocked)
    word = "blocked" if blocked else "free again"
    return Result(f"{token.masked} is {word}; kiosks learn it with their next contact", {"is_blocked": blocked})


def _token(arguments: Namespace) -> IdToken:
    if arguments.member is not None:
        code = arguments.member.strip().upper()
        return IdToken(
            TokenKind.MEMBER_CODE, code if code.startswith(MEMBER_CODE_PREFIX) else MEMBER_CODE_PREFIX + code
        )
    uid = arguments.card.replace(":", "").replace(" ", "").upper()
    try:
        size = len(bytes.fromhex(uid))
    except ValueError as error:
        raise ValueError(f"card {arguments.card!r}: want the UID in hex") from error
    if not 4 <= size <= 10:
        raise ValueError(f"card {arguments.card!r}: want 4 to 10 bytes of UID in hex")
    return IdToken(TokenKind.ISO14443, uid)


def _code(kiosk_id: str, code: str) -> Result:
    hours = int(enrolment.CODE_LIVES.total_seconds()) // 3600
    return Result(
        f"kiosk {kiosk_id}\nenrolment code {code} (once, within {hours} h)", {"kiosk_id": kiosk_id, "code": code}
    )
