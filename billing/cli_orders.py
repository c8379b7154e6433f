"""Subcommands that order something of a kiosk, and wait for nothing: one that does not listen is said at once."""

from __future__ import annotations

from argparse import Namespace

from billing import orders
from billing.cli_base import Result, database_of
from billing.commands import NotReachable
from billing.orders import Order, OrderKind
from billing.people.audit import COMMAND_LINE
from billing.settings import server_time


def command_start(arguments: Namespace) -> Result:
    order = Order(
        arguments.kiosk,
        OrderKind.START,
        arguments.ttl,
        evse_id=arguments.evse,
        account_id=arguments.account,
        cap_minor=arguments.cap_minor,
    )
    return _give(arguments, order)


def command_stop(arguments: Namespace) -> Result:
    return _give(arguments, Order(arguments.kiosk, OrderKind.STOP, arguments.ttl, transaction_id=arguments.transaction))


def command_unlock(arguments: Namespace) -> Result:
    return _give(arguments, Order(arguments.kiosk, OrderKind.UNLOCK, arguments.ttl, evse_id=arguments.evse))


def command_set(arguments: Namespace) -> Result:
    settings = {}
    for pair in arguments.setting:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise ValueError(f"{pair!r}: want KEY=VALUE")
        settings[key.strip()] = value.strip()
    return _give(arguments, Order(arguments.kiosk, OrderKind.SET, arguments.ttl, settings=settings))


def evse_close(arguments: Namespace) -> Result:
    return _give(arguments, Order(arguments.kiosk, OrderKind.CLOSE, arguments.ttl, evse_id=arguments.evse))


def evse_open(arguments: Namespace) -> Result:
    return _give(arguments, Order(arguments.kiosk, OrderKind.OPEN, arguments.ttl, evse_id=arguments.evse))


def reservation_make(arguments: Namespace) -> Result:
    order = Order(
        arguments.kiosk,
        OrderKind.RESERVE,
        arguments.ttl,
        evse_id=arguments.evse,
        account_id=arguments.account,
        card=arguments.card,
        minutes=arguments.minutes,
    )
    return _give(arguments, order)


def reservation_cancel(arguments: Namespace) -> Result:
    order = Order(arguments.kiosk, OrderKind.CANCEL, arguments.ttl, reservation_id=arguments.reservation)
    return _give(arguments, order)


def reservation_list(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        found = orders.reservations(connection, server_time())
    text = "\n".join(
        f"{kept.reservation_id}  {kept.kiosk_id} EVSE {kept.evse_id}  until {kept.until:%Y-%m-%d %H:%M} UTC"
        f"  {kept.account_id or 'by card'}"
        for kept in found
    )
    data = [
        {
            "reservation_id": kept.reservation_id,
            "kiosk_id": kept.kiosk_id,
            "evse_id": kept.evse_id,
            "until": kept.until.isoformat(),
            "account_id": kept.account_id,
        }
        for kept in found
    ]
    return Result(text or "nothing is reserved", data)


def _give(arguments: Namespace, order: Order) -> Result:
    with database_of(arguments) as connection:
        try:
            command_id = orders.give_noted(connection, order, COMMAND_LINE, server_time())
        except NotReachable as error:
            heard = None if error.last_heard is None else error.last_heard.isoformat()
            return Result(str(error), {"status": "NotReachable", "kiosk_id": error.kiosk_id, "last_heard": heard}, 1)
    return Result(f"queued {command_id}; valid for {order.ttl_s} s", {"status": "Queued", "command_id": command_id})
