"""Commands to kiosks: queued, fetched by long poll, idempotent by id, answered once, dead after their time.

A command is sent again until it is answered or expired: the answer to the poll may have been lost. The kiosk knows
it by its id. Each sending is signed, and says in `age_s` how long the command has waited here; the kiosk counts the
rest of `ttl_s` from arrival.

Somebody who waits for an answer uses `send_command`: a kiosk that cannot hear is told at once, and nothing is queued
that would start a charge for a driver who has left. What may come later, a newer list, uses `queue_command`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, bindparam, or_, select, update

from billing.moments import from_ms, to_ms
from billing.prepared import Prepared
from billing.tables import commands, kiosk_keys, kiosks
from contract.api import CommandAnswer, Commands, CommandStatus
from contract.codec import from_bytes, to_bytes
from contract.commands import Command, CommandKind, lacks, sign_command

SEND_AGAIN_AFTER = timedelta(seconds=10)
COMMANDS_PER_POLL = 20
KIOSKS_PER_LOOK = 500  # named in one query
# A kiosk in contact polls again as soon as its poll ends: 55 s held at most (billing.api.routes), 10 s until a contact
# is written down (billing.api.gate), and five for the way.
REACHABLE_WITHIN = timedelta(seconds=70)
LIST_UPDATE_TTL_S = 86_400


class NotReachable(Exception):
    """The kiosk has not polled lately; nothing was queued. `last_heard` is None where it never did."""

    def __init__(self, kiosk_id: str, last_heard: datetime | None, now: datetime) -> None:
        heard = "never heard" if last_heard is None else f"last heard {int((now - last_heard).total_seconds())} s ago"
        super().__init__(f"{kiosk_id} is not reachable ({heard}); nothing was queued")
        self.kiosk_id, self.last_heard = kiosk_id, last_heard


def send_command(connection: Connection, kiosk_id: str, command: Command, now: datetime) -> str:
    """Queue a command for a kiosk that listens. Returns the id. Raises NotReachable, ValueError."""
    heard_ms = _HEARD.value(connection, {"of_kiosk": kiosk_id})
    last_heard = None if heard_ms is None else from_ms(heard_ms)
    if last_heard is None or now - last_heard > REACHABLE_WITHIN:
        raise NotReachable(kiosk_id, last_heard, now)
    return queue_command(connection, kiosk_id, command, now)


def queue_command(connection: Connection, kiosk_id: str, command: Command, now: datetime) -> str:
    """Queue a command (its `command_id` may be "" and is minted here). Returns the id. Raises ValueError."""
    if missing := lacks(command):
        raise ValueError(f"{command.kind}: lacks {missing}")
    if not command.command_id:
        command = replace(command, command_id=uuid.uuid4().hex)
    values = {
        "command_id": command.command_id,
        "kiosk_id": kiosk_id,
        "kind": command.kind.value,
        "body": to_bytes(command).decode(),
        "queued_ms": to_ms(now),
        "expires_ms": to_ms(now) + command.ttl_s * 1000,
    }
    _QUEUE.do(connection, values)
    return command.command_id


def has_commands(connection: Connection, kiosk_id: str, now: datetime) -> bool:
    """Whether `take_commands` would return any. Reads only."""
    return bool(_due(connection, kiosk_id, now))


def kiosks_with_commands(connection: Connection, kiosk_ids: Sequence[str], now: datetime) -> list[str]:
    """Those of `kiosk_ids` for which `take_commands` would return any. Reads only."""
    c, found = commands.c, list[str]()
    for start in range(0, len(kiosk_ids), KIOSKS_PER_LOOK):
        named = c.kiosk_id.in_(kiosk_ids[start : start + KIOSKS_PER_LOOK])
        query = select(c.kiosk_id).where(named, *_IS_DUE).distinct()
        found += connection.execute(query, _due_at(now)).scalars()
    return found


def take_commands(connection: Connection, kiosk_id: str, now: datetime, server_key: Ed25519PrivateKey) -> Commands:
    """What the kiosk is to be told now, oldest first, signed for this sending."""
    due = _due(connection, kiosk_id, now)
    if due:
        _NOTE_SENT.do_all(connection, [{"of_id": command_id, "at_ms": to_ms(now)} for command_id, _, _ in due])
    sent = (
        replace(from_bytes(Command, body), kiosk_id=kiosk_id, age_s=max(0, to_ms(now) - queued_ms) // 1000)
        for _, body, queued_ms in due
    )
    return Commands(tuple(sign_command(command, server_key) for command in sent))


def answer_command(connection: Connection, kiosk_id: str, answer: CommandAnswer, now: datetime) -> bool:
    """Note a kiosk's answer; the first one stands. False where this kiosk has no such command."""
    own = {"of_id": answer.command_id, "of_kiosk": kiosk_id}
    if _OWN.value(connection, own) is None:
        return False
    values = {
        "at_ms": to_ms(now),
        "status": answer.status.value,
        "reason": answer.reason[:500],
        "transaction_id": answer.transaction_id,
    }
    _ANSWER.do(connection, own | values)
    return True


def find_start(connection: Connection, kiosk_id: str, command_id: str, now: datetime) -> Command | None:
    """The start command of that id if it still holds."""
    query = select(commands.c.body).where(
        commands.c.command_id == command_id,
        commands.c.kiosk_id == kiosk_id,
        commands.c.kind == CommandKind.START.value,
        commands.c.expires_ms > to_ms(now),
        or_(commands.c.status.is_(None), commands.c.status == CommandStatus.ACCEPTED.value),
    )
    body = connection.execute(query).scalar()
    return None if body is None else from_bytes(Command, body)


def ask_for_list_update(connection: Connection, now: datetime) -> None:
    """Tell every enrolled kiosk to fetch its list, unless that is already waiting for it."""
    for kiosk_id in connection.execute(_NOT_TOLD, {"now_ms": to_ms(now)}).scalars().all():
        queue_command(connection, kiosk_id, Command("", CommandKind.UPDATE_LIST, LIST_UPDATE_TTL_S), now)


_COMMAND = commands.c
_OF_KIOSK = (_COMMAND.command_id == bindparam("of_id"), _COMMAND.kiosk_id == bindparam("of_kiosk"))
_OWN = Prepared(select(_COMMAND.command_id).where(*_OF_KIOSK))
_ANSWER = Prepared(
    update(commands)
    .where(*_OF_KIOSK, _COMMAND.answered_ms.is_(None))
    .values(answered_ms=bindparam("at_ms"), status=bindparam("status"), reason=bindparam("reason"))
    .values(transaction_id=bindparam("transaction_id"))
)
_NOTE_SENT = Prepared(
    update(commands).where(_COMMAND.command_id == bindparam("of_id")).values(sent_ms=bindparam("at_ms"))
)
_QUEUE = Prepared(commands.insert(), ("command_id", "kiosk_id", "kind", "body", "queued_ms", "expires_ms"))
_HEARD = Prepared(select(kiosks.c.last_contact_ms).where(kiosks.c.kiosk_id == bindparam("of_kiosk")))
_TOLD = select(_COMMAND.kiosk_id).where(
    _COMMAND.kind == CommandKind.UPDATE_LIST.value,
    _COMMAND.sent_ms.is_(None),
    _COMMAND.expires_ms > bindparam("now_ms"),
)
_NOT_TOLD = (
    select(kiosk_keys.c.kiosk_id)
    .where(kiosk_keys.c.revoked_ms.is_(None), kiosk_keys.c.kiosk_id.not_in(_TOLD))
    .distinct()
)
_IS_DUE = (  # to be sent, or sent again
    _COMMAND.answered_ms.is_(None),
    _COMMAND.expires_ms > bindparam("now_ms"),
    or_(_COMMAND.sent_ms.is_(None), _COMMAND.sent_ms <= bindparam("again_ms")),
)
_DUE = Prepared(
    select(_COMMAND.command_id, _COMMAND.body, _COMMAND.queued_ms)
    .where(_COMMAND.kiosk_id == bindparam("of_kiosk"), *_IS_DUE)
    .order_by(_COMMAND.queued_ms, _COMMAND.command_id)
    .limit(COMMANDS_PER_POLL)
)


def _due_at(now: datetime) -> dict[str, int]:
    return {"now_ms": to_ms(now), "again_ms": to_ms(now - SEND_AGAIN_AFTER)}


def _due(connection: Connection, kiosk_id: str, now: datetime) -> list[tuple[Any, ...]]:
    """(command_id, body, queued_ms) of each. Asked for at every poll of every kiosk."""
    asked = {"of_kiosk": kiosk_id, **_due_at(now)}
    return _DUE.rows(connection, asked)
