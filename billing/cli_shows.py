"""Subcommands that only look: commands, sessions, receipt, quarantine."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from sqlalchemy import select

from billing import directory
from billing.cli_base import Result, database_of
from billing.pages.operator_view import kept_aside, sessions
from billing.pages.receipt_view import cdr_body, find_receipt
from billing.settings import server_time
from billing.tables import commands


def list_commands(arguments: Namespace) -> Result:
    c = commands.c
    query = select(c.command_id, c.kiosk_id, c.kind, c.status, c.reason, c.sent_ms, c.expires_ms, c.transaction_id)
    with database_of(arguments) as connection:
        if arguments.kiosk is not None:
            query = query.where(c.kiosk_id == directory.find_kiosk(connection, arguments.kiosk))
        rows = [dict(row) for row in connection.execute(query.order_by(c.queued_ms.desc()).limit(50)).mappings()]
    text = "\n".join(
        f"{row['command_id']}  {row['kiosk_id']}  {row['kind']}  {row['status'] or 'not answered'}" for row in rows
    )
    return Result(text or "no commands yet", rows)


def list_sessions(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        kiosk_id = None if arguments.kiosk is None else directory.find_kiosk(connection, arguments.kiosk)
        lines = sessions(connection, server_time(), kiosk_id)
    text = "\n".join(
        f"{line.transaction_id}  {line.kiosk_name} EVSE {line.evse_id}  {line.started}  {line.state}  {line.energy}"
        f"  {line.amount}"
        for line in lines
    )
    return Result(text or "no sessions yet", [asdict(line) for line in lines])


def show_receipt(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
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
    with database_of(arguments) as connection:
        rows = kept_aside(connection, server_time())
    text = "\n".join(f"{row['number']}  {row['kiosk']}  {row['code']}  {row['reason']}" for row in rows)
    return Result(text or "nothing waits for a decision", rows)
