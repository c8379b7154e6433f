"""What an operator may order of a kiosk: start, stop, unlock, reserve, close and open an EVSE, set.

One function turns an order into a command and sends it; command line, API and operator page all call it. A kiosk that
does not listen is said to be unreachable at once, and nothing is queued.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from billing import directory
from billing.commands import send_command
from billing.ledger import holds
from billing.moments import from_ms, to_ms
from billing.people.audit import note
from billing.people.roles import Person
from billing.prepared import Prepared
from billing.tables import commands, kiosks, transactions
from contract.api import CommandStatus
from contract.changeable import problem
from contract.codec import from_bytes
from contract.commands import LONGEST_HOLD_S, Command, CommandKind
from contract.identity import TokenKind
from contract.transaction import token_hash

TTL_S = 60
ANSWERS_LATE = timedelta(seconds=120)  # an answer that was under way when the command expired has come by then


class OrderKind(StrEnum):
    START = "start"
    STOP = "stop"
    UNLOCK = "unlock"
    RESERVE = "reserve"
    CANCEL = "cancel"
    CLOSE = "close"
    OPEN = "open"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Order:
    """START: evse_id, account_id, cap_minor. STOP: transaction_id. UNLOCK, CLOSE, OPEN: evse_id. RESERVE: evse_id,
    minutes, and account_id or card (UID in hex). CANCEL: reservation_id. SET: settings."""

    kiosk: str
    kind: OrderKind
    ttl_s: int = TTL_S
    evse_id: int | None = None
    account_id: str | None = None
    card: str | None = None
    cap_minor: int | None = None
    transaction_id: str | None = None
    reservation_id: str | None = None
    minutes: int | None = None
    settings: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation a kiosk has accepted and that is not over."""

    kiosk_id: str
    evse_id: int
    reservation_id: str
    until: datetime
    account_id: str | None


def give(connection: Connection, order: Order, now: datetime) -> str:
    """Send it; the command's id. Raises NotReachable, NotKnown, ValueError."""
    kiosk_id = directory.find_kiosk(connection, order.kiosk)
    return send_command(connection, kiosk_id, _command(connection, kiosk_id, order), now)


def give_noted(connection: Connection, order: Order, person: Person | str, now: datetime) -> str:
    """As `give`, and who gave it stands in the audit log."""
    command_id = give(connection, order, now)
    note(connection, person, f"ordered {order.kind.value} of {order.kiosk}", command_id, now)
    return command_id


def _command(connection: Connection, kiosk_id: str, order: Order) -> Command:
    match order.kind:
        case OrderKind.START:
            return _start(connection, kiosk_id, order)
        case OrderKind.STOP:
            _check_runs(connection, kiosk_id, order.transaction_id or "")
            return Command("", CommandKind.STOP, order.ttl_s, transaction_id=order.transaction_id)
        case OrderKind.UNLOCK:
            return Command("", CommandKind.UNLOCK, order.ttl_s, evse_id=_evse(order))
        case OrderKind.RESERVE:
            return _reserve(connection, order)
        case OrderKind.CANCEL:
            return Command("", CommandKind.CANCEL_RESERVATION, order.ttl_s, reservation_id=order.reservation_id)
        case OrderKind.CLOSE | OrderKind.OPEN:
            is_operative = order.kind is OrderKind.OPEN
            return Command(
                "", CommandKind.CHANGE_AVAILABILITY, order.ttl_s, evse_id=_evse(order), is_operative=is_operative
            )
        case OrderKind.SET:
            if why := problem(order.settings or {}):
                raise ValueError(why)
            return Command("", CommandKind.SET_CONFIG, order.ttl_s, settings=order.settings)


def _start(connection: Connection, kiosk_id: str, order: Order) -> Command:
    evse_id = _evse(order)
    offer = directory.current_offer(connection, kiosk_id, evse_id)
    if offer is None:
        raise directory.NotKnown(f"nothing is offered at EVSE {evse_id} of {kiosk_id}")
    account_id = order.account_id or ""
    if not directory.account_exists(connection, account_id):
        raise directory.NotKnown(f"no account {account_id!r}")
    return Command(
        "",
        CommandKind.START,
        order.ttl_s,
        evse_id=evse_id,
        account_id=account_id,
        offer=offer,
        cap_minor=order.cap_minor,
    )


def _reserve(connection: Connection, order: Order) -> Command:
    minutes = order.minutes or 0
    if not 1 <= minutes <= LONGEST_HOLD_S // 60:
        raise ValueError(f"minutes {minutes}: want 1 to {LONGEST_HOLD_S // 60}")
    account_id, card_hash = order.account_id or None, None
    if order.card:
        card = directory.card_of(order.card)
        card_hash = token_hash(card.kind, card.value)
    elif account_id is None:
        raise ValueError("whom for? want an account or a card")
    if account_id is not None and not directory.account_exists(connection, account_id):
        raise directory.NotKnown(f"no account {account_id!r}")
    return Command(
        "",
        CommandKind.RESERVE,
        order.ttl_s,
        evse_id=_evse(order),
        account_id=account_id,
        token_hash=card_hash,
        reservation_id=order.reservation_id or uuid.uuid4().hex[:12],
        hold_s=minutes * 60,
    )


def _evse(order: Order) -> int:
    if order.evse_id is None or not 1 <= order.evse_id <= 99:
        raise ValueError(f"evse {order.evse_id}: want 1 to 99")
    return order.evse_id


def _check_runs(connection: Connection, kiosk_id: str, transaction_id: str) -> None:
    t = transactions.c
    known = select(t.ended_seq).where(t.kiosk_id == kiosk_id, t.transaction_id == transaction_id)
    found = connection.execute(known).one_or_none()
    if found is None:
        raise directory.NotKnown(f"no transaction {transaction_id!r} of {kiosk_id} has arrived")
    if found.ended_seq is not None:
        raise directory.NotKnown(f"transaction {transaction_id} has ended already")


# ---- what stands at the kiosks by order --------------------------------------------------------------------------


def reservations(connection: Connection, now: datetime, kiosk_id: str | None = None) -> list[Reserved]:
    """Accepted, neither cancelled nor over. One that was used shows until its time all the same."""
    oldest = now - timedelta(seconds=LONGEST_HOLD_S)
    cancelled = {
        from_bytes(Command, row.body).reservation_id
        for row in _accepted(connection, CommandKind.CANCEL_RESERVATION, kiosk_id, oldest)
    }
    found: dict[str, Reserved] = {}
    for row in _accepted(connection, CommandKind.RESERVE, kiosk_id, oldest):
        command = from_bytes(Command, row.body)
        assert command.reservation_id is not None and command.evse_id is not None and command.hold_s is not None
        until = from_ms(row.queued_ms) + timedelta(seconds=command.hold_s)
        if until > now and command.reservation_id not in cancelled:
            found[command.reservation_id] = Reserved(
                row.kiosk_id, command.evse_id, command.reservation_id, until, command.account_id
            )
    return list(found.values())


def closed_evses(connection: Connection, kiosk_id: str) -> set[int]:
    """EVSEs whose last accepted order was to close."""
    last: dict[int, bool] = {}
    for row in _accepted(connection, CommandKind.CHANGE_AVAILABILITY, kiosk_id):
        command = from_bytes(Command, row.body)
        if command.evse_id is not None:
            last[command.evse_id] = bool(command.is_operative)
    return {evse_id for evse_id, is_operative in last.items() if not is_operative}


def _accepted(
    connection: Connection, kind: CommandKind, kiosk_id: str | None, since: datetime | None = None
) -> list[Row[Any]]:
    c = commands.c
    query = select(c.kiosk_id, c.body, c.queued_ms).where(
        c.kind == kind.value, c.status == CommandStatus.ACCEPTED.value
    )
    if kiosk_id is not None:
        query = query.where(c.kiosk_id == kiosk_id)
    if since is not None:
        query = query.where(c.queued_ms > to_ms(since))
    return list(connection.execute(query.order_by(c.queued_ms, c.command_id)))


# ---- holds of starts that came to nothing ------------------------------------------------------------------------


def hold_of_start(command_id: str) -> str:
    """The id under which whoever orders a start holds money for it."""
    return f"start:{command_id}"


def release_hold(connection: Connection, command_id: str, now: datetime) -> bool:
    """The start came to nothing: give up what was held for it. False where nothing was, or it has ended already."""
    hold = holds.find(connection, hold_of_start(command_id))
    return hold is not None and hold.end is None and holds.release(connection, hold.hold_id, now)


_UNANSWERED_STARTS = Prepared(
    select(commands.c.command_id, commands.c.kiosk_id)
    .join(kiosks, kiosks.c.kiosk_id == commands.c.kiosk_id)
    .where(
        commands.c.kind == CommandKind.START.value,
        commands.c.status.is_(None),
        commands.c.expires_ms <= bindparam("before_ms"),
        kiosks.c.last_rows_ms > commands.c.expires_ms + ANSWERS_LATE // timedelta(milliseconds=1),
    )
)


def expire_starts(connection: Connection, now: datetime) -> list[str]:
    """End starts nobody answered: the kiosk was heard after their time and has sent no Started for them.

    As long as a kiosk is silent it may have started and delivered, so its holds stay. Returns the ids.
    """
    c, t = commands.c, transactions.c
    ended = []
    for command_id, kiosk_id in _UNANSWERED_STARTS.rows(connection, {"before_ms": to_ms(now - ANSWERS_LATE)}):
        begun = select(t.transaction_id).where(
            t.kiosk_id == kiosk_id, t.token_hash == token_hash(TokenKind.CENTRAL, command_id)
        )
        if connection.execute(begun).first() is None:
            values = {"status": CommandStatus.EXPIRED.value, "reason": "the kiosk never answered"}
            connection.execute(commands.update().where(c.command_id == command_id).values(**values))
            release_hold(connection, command_id, now)
            ended.append(str(command_id))
    return ended
