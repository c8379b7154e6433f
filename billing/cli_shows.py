"""Subcommands that only look: offers, tokens, commands, sessions, receipt, quarantine."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from billing import directory, keys
from billing.cli_base import Result, database_of
from billing.moments import from_ms
from billing.pages.operator_view import kept_aside, sessions
from billing.pages.receipt_parts import cdr_body
from billing.pages.receipt_view import find_receipt
from billing.settings import server_time
from billing.tables import commands, evse_offers, tokens
from contract.codec import from_bytes
from contract.tariff import TariffOffer
from contract.words import tariff_words

SHOWN_OF_HASH = 8  # characters


def list_commands(arguments: Namespace) -> Result:
    c = commands.c
    query = select(c.command_id, c.kiosk_id, c.kind, c.status, c.reason, c.sent_ms, c.expires_ms, c.transaction_id)
    with database_of(arguments) as connection:
        if arguments.kiosk is not None:
            query = query.where(c.kiosk_id == directory.find_kiosk(connection, arguments.kiosk))
        rows = [dict(row) for row in connection.execute(query.order_by(c.queued_ms.desc()).limit(50)).mappings()]
    text = "\n".join(
        f"{row['command_id']}  {row['kiosk_id']}  {row['kind']}  {row['status'] or 'not answered'}"
        + (f": {row['reason']}" if row["reason"] else "")
        for row in rows
    )
    return Result(text or "no commands yet", rows)


def list_offers(arguments: Namespace) -> Result:
    """What is offered now, one line per EVSE."""
    o = evse_offers.c
    newest = select(func.max(o.offer_no)).group_by(o.kiosk_id, o.evse_id)
    query = select(o.kiosk_id, o.evse_id, o.tariff_id, o.tariff_version, o.parking_grace_s, o.from_ms, o.body)
    with database_of(arguments) as connection:
        if arguments.kiosk is not None:
            query = query.where(o.kiosk_id == directory.find_kiosk(connection, arguments.kiosk))
        found = connection.execute(query.where(o.offer_no.in_(newest)).order_by(o.kiosk_id, o.evse_id))
        rows = [_offer_row(row) for row in found.mappings()]
    text = "\n".join(
        f"{row['kiosk_id']} EVSE {row['evse_id']}  {row['tariff_id']} version {row['tariff_version']}"
        f"  parking grace {row['parking_grace_s']} s  since {from_ms(row['from_ms']):%Y-%m-%d %H:%M} UTC"
        f"{_without_clock(row)}" + "".join(f"\n    {line}" for line in row["words"])
        for row in rows
    )
    return Result(text or "nothing is offered yet; kiosk-billing offer set KIOSK EVSE TARIFF", rows)


def _offer_row(found: Mapping[Any, Any]) -> dict[str, Any]:
    """With the tariff in words, as a driver reads it, and what holds without a clock."""
    row = dict(found)
    offer = from_bytes(TariffOffer, row.pop("body"))
    offline = offer.offline_tariff
    row |= {"time_zone": offer.time_zone, "needs_clock": offer.tariff.needs_clock}
    row["offline_tariff"] = None if offline is None else f"{offline.id} version {offline.version}"
    row["words"] = [line.text for line in tariff_words(offer, "en").rows]
    row["offline_words"] = []
    if offer.tariff.needs_clock and (sold := offer.sold(clock_is_known=False)) is not None:
        row["offline_words"] = [line.text for line in tariff_words(sold, "en").rows]
    return row


def _without_clock(row: dict[str, Any]) -> str:
    if not row["needs_clock"]:
        return ""
    return f"  without a clock {row['offline_tariff'] or 'nothing is sold'}"


def list_tokens(arguments: Namespace) -> Result:
    """Cards and member codes: enough to recognise one, too little to copy it."""
    t = tokens.c
    query = select(t.token_hash, t.token_kind, t.label, t.account_id, t.is_blocked)
    with database_of(arguments) as connection:
        if arguments.account is not None:
            query = query.where(t.account_id == arguments.account)
        found = connection.execute(query.order_by(t.account_id, t.created_ms)).mappings()
        rows = [{**row, "token_hash": f"{row['token_hash'][:SHOWN_OF_HASH]}…"} for row in found]
    text = "\n".join(
        f"{row['token_hash']}  {row['token_kind']} {row['label']}  {row['account_id']}"
        f"  {'blocked' if row['is_blocked'] else 'not blocked'}"
        for row in rows
    )
    return Result(text or "no cards or codes yet; kiosk-billing token add CARD-UID", rows)


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
    if not keys.is_receipt_key(keys.receipt_key(arguments.id)):
        raise ValueError(f"{arguments.id[:60]!r} is no receipt number: want its 32 hex digits, as in its address /r/…")
    with database_of(arguments) as connection:
        found = find_receipt(connection, arguments.id, "en", server_time())
        body = cdr_body(connection, arguments.id)
    if found is None:
        return Result("not yet received; the kiosk may be offline", {"state": "waiting"}, 1)
    rows = [f"{found.heading}  {found.state}", found.subject, found.place]
    rows += [f"{what}: {sum_text} = {amount}" for what, sum_text, amount in found.lines]
    rows += [f"{name}: {value}" for name, value in (*found.registers, *found.vat, *found.payment)]
    rows += [f"paid in the end: {found.you_paid}"] if found.you_paid else []
    rows += [f"{row.when}  {row.what}: {row.amount}  {row.why}".rstrip() for row in found.history]
    return Result(
        "\n".join([*rows, *found.notes]), {**asdict(found), "cdr": None if body is None else json.loads(body)}
    )


def list_quarantine(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        rows = kept_aside(connection, server_time())
    text = "\n".join(f"{row['number']}  {row['kiosk']}  {row['code']}  {row['reason']}" for row in rows)
    return Result(text or "nothing was kept aside", rows)
