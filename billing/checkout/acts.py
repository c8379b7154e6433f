"""What a step wishes for is done here, in the transaction that keeps the step."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from billing.checkout import store
from billing.checkout.checkout import START_TTL_S, STOP_TTL_S, Checkout, Origin, Reason
from billing.checkout.facts import gather
from billing.checkout.step import (
    FreeConnector,
    GiveUpPayment,
    NameOrder,
    SendStart,
    SendStop,
    Step,
    Wish,
    failed,
    looked,
)
from billing.commands import NotReachable, queue_command, send_command
from billing.payments import store as payments
from billing.payments.payment import given_up
from contract.commands import Command, CommandKind

MOST_STEPS = 8
log = logging.getLogger("billing.checkout")


def advance(connection: Connection, link_id: str, now: datetime) -> Checkout:
    """Look at a checkout, and go on as far as it goes. Raises NoCheckout."""
    checkout = store.load(connection, link_id)
    for _ in range(MOST_STEPS):
        after = take(connection, checkout, looked(checkout, gather(connection, checkout, now)), now)
        if after == checkout:
            break
        checkout = after
    store.look_later(connection, checkout, now)
    return checkout


def take(connection: Connection, before: Checkout, step: Step, now: datetime) -> Checkout:
    """Keep a step and do what it wishes for."""
    after, wishes = step
    pending = list(wishes)
    while pending:
        after, more = _do(connection, after, pending.pop(0), now)
        pending += more
    if after != before:
        if after.stage is not before.stage:
            why = f": {after.reason.value} {after.detail}" if after.reason is not None else ""
            log.info("checkout at %s EVSE %s is %s%s", after.kiosk_id, after.evse_id, after.stage.value, why)
        store.save(connection, before, after, now)
    return after


def _do(connection: Connection, checkout: Checkout, wish: Wish, now: datetime) -> Step:
    match wish:
        case SendStart():
            return _start(connection, checkout, now)
        case SendStop(transaction_id):
            command = Command(uuid.uuid4().hex, CommandKind.STOP, STOP_TTL_S, transaction_id=transaction_id)
            try:
                stop_id = send_command(connection, checkout.kiosk_id, command, now)
            except NotReachable:
                return checkout, ()  # who pressed was told at the press; nothing stops a car hours later
            return replace(checkout, stop_id=stop_id), ()
        case FreeConnector():
            free = Command("", CommandKind.CANCEL_RESERVATION, START_TTL_S * 2, reservation_id=checkout.reservation_id)
            queue_command(connection, checkout.kiosk_id, free, now)
        case GiveUpPayment():
            payment = payments.load(connection, checkout.payment_id)
            why = "" if checkout.reason is None else checkout.reason.value
            payments.save(connection, payment, given_up(payment), now, "given up", why)
        case NameOrder(order_id):
            payments.name_order(connection, checkout.payment_id, order_id, now)
    return checkout, ()


def _start(connection: Connection, checkout: Checkout, now: datetime) -> Step:
    assert checkout.origin is Origin.PHONE, "a kiosk that read a payment code starts by itself"
    start = Command(
        checkout.start_id,
        CommandKind.START,
        START_TTL_S,
        evse_id=checkout.evse_id,
        account_id=checkout.payer,
        # The price shown on the phone binds: where the kiosk cannot sell at it, it shall refuse.
        offer=replace(checkout.offer, offline_tariff=None),
        cap_minor=checkout.hold_minor,
        stop_code=checkout.stop_code or None,
    )
    try:
        send_command(connection, checkout.kiosk_id, start, now)
    except NotReachable as error:
        return failed(checkout, Reason.NOT_REACHABLE, str(error))
    return checkout, ()
