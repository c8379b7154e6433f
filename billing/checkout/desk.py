"""The desk: what a phone's pages ask for. Each function runs in the caller's writing transaction."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection, select

from billing import directory
from billing.checkout import store
from billing.checkout.acts import advance, take
from billing.checkout.checkout import RESERVED_S, START_TTL_S, Checkout, Origin, Reason, Stage, payer_of
from billing.checkout.facts import gather
from billing.checkout.holds import hold_minor_at
from billing.checkout.step import cancelled, failed, paid, stopped
from billing.commands import REACHABLE_WITHIN, NotReachable, send_command
from billing.moments import from_ms
from billing.payments import store as payments
from billing.payments.payment import Payment
from billing.payments.social import SocialAccess
from billing.tables import kiosks
from contract.commands import Command, CommandKind
from contract.tariff import TariffOffer

LOST_AFTER = timedelta(days=1)  # then a start that was never heard of may be given up by hand


@dataclass(frozen=True, slots=True)
class Device:
    """One EVSE as a phone finds it. `offer` is today's; the one that binds is frozen by `begin`."""

    kiosk_id: str
    kiosk_name: str
    place: str
    time_zone: str
    evse_id: int
    offer: TariffOffer
    hold_minor: int
    is_reachable: bool  # otherwise no phone can start here: the screen, a card or a voucher still may
    last_heard: datetime | None


def device_at(connection: Connection, kiosk: str, evse_id: int, now: datetime) -> Device:
    """Raises directory.NotKnown for a kiosk that is none and an EVSE that sells nothing."""
    kiosk_id = directory.find_kiosk(connection, kiosk)
    offer = directory.current_offer(connection, kiosk_id, evse_id, now)
    if offer is None:
        raise directory.NotKnown(f"nothing is offered at EVSE {evse_id} of {kiosk_id}")
    row = connection.execute(select(kiosks).where(kiosks.c.kiosk_id == kiosk_id)).one()
    last_heard = None if row.last_contact_ms is None else from_ms(row.last_contact_ms)
    return Device(
        kiosk_id,
        row.name,
        row.place,
        row.time_zone,
        evse_id,
        offer,
        hold_minor_at(connection, kiosk_id, evse_id, offer.tariff.currency),
        last_heard is not None and now - last_heard <= REACHABLE_WITHIN,
        last_heard,
    )


def begin(
    connection: Connection, kiosk: str, evse_id: int, language: str, now: datetime, hold_minor: int | None = None
) -> Checkout:
    """Freeze the price and have the connector kept for two minutes.

    `hold_minor`: what the driver chose to hold, at most what is held there anyway. Raises NotKnown, ValueError, and
    NotReachable at once.
    """
    device = device_at(connection, kiosk, evse_id, now)
    if hold_minor is not None and not 1 <= hold_minor <= device.hold_minor:
        raise ValueError(f"hold {hold_minor}: want 1 to {device.hold_minor}")
    link_id, reservation_id = secrets.token_hex(16), uuid.uuid4().hex[:12]
    reserve = Command(
        uuid.uuid4().hex,
        CommandKind.RESERVE,
        START_TTL_S,
        evse_id=evse_id,
        account_id=payer_of(link_id),
        reservation_id=reservation_id,
        hold_s=RESERVED_S,
    )
    checkout = Checkout(
        link_id,
        Origin.PHONE,
        device.kiosk_id,
        evse_id,
        device.offer,
        device.hold_minor if hold_minor is None else hold_minor,
        language,
        now,
        now + timedelta(seconds=RESERVED_S),
        payment_id=f"P{uuid.uuid4().hex[:20]}",
        start_id=uuid.uuid4().hex,
        reservation_id=reservation_id,
        reserve_id=send_command(connection, device.kiosk_id, reserve, now),
    )
    store.create(connection, checkout, now)
    return checkout


def pay(connection: Connection, link_id: str, provider: str, token: str, now: datetime) -> Checkout:
    """Pay by a token of a payment app. A second token changes nothing. Raises NoCheckout, ValueError when too late."""
    before = store.load(connection, link_id)
    after = take(connection, before, paid(before, provider, now), now)
    if after.stage is not before.stage:
        # The order is not known yet: until then the payment stands for it.
        wanted = Payment(after.payment_id, after.payment_id, token, after.hold_minor, after.currency)
        payments.create(connection, wanted, provider, now)
    return after


def payment_address(access: SocialAccess, checkout: Checkout, text: str, return_url: str) -> str:
    """Where the phone confirms in its payment app; it comes back to `return_url` with `token=…` or `declined=1`.

    `text` says what for, in the phone's language. To be a link, not a form's target: a page's policy lets forms go to
    this server only.
    """
    query = {
        "amount_minor": checkout.hold_minor,
        "currency": checkout.currency,
        "text": text,
        "return_url": return_url,
    }
    return f"{access.app_url or access.url}/app/pay?{urlencode(query)}"


def stop(connection: Connection, link_id: str, now: datetime) -> Checkout:
    """End the charge. Raises NoCheckout, and NotReachable at once: then the screen and the plug still end it."""
    before = store.load(connection, link_id)
    step = stopped(before)
    if step[0] is not before:
        check_reachable(connection, before.kiosk_id, now)
    take(connection, before, step, now)
    return advance(connection, link_id, now)


def cancel(connection: Connection, link_id: str, now: datetime) -> Checkout:
    """Before the start everything is given back; after it, it is a stop. Raises NoCheckout, NotReachable."""
    before = store.load(connection, link_id)
    step = cancelled(before)
    if step[0].wants_stop:
        return stop(connection, link_id, now)
    take(connection, before, step, now)
    return advance(connection, link_id, now)


def release_by_hand(connection: Connection, payment_id: str, now: datetime) -> Checkout:
    """An operator knows that nothing was delivered: the kiosk is gone, or was looked at.

    Should its rows come all the same, what was delivered is owed. Raises ValueError, NoSuchPayment.
    """
    checkout = store.of_payment(connection, payment_id)
    if checkout is None:
        raise payments.NoSuchPayment(f"no payment {payment_id} of a checkout")
    if checkout.stage not in (Stage.STARTING, Stage.RUNNING) or gather(connection, checkout, now).order_id:
        raise ValueError(f"payment {payment_id}: only a start that was never heard of again is released by hand")
    return take(connection, checkout, failed(checkout, Reason.NEVER_BEGAN, "released by hand"), now)


def check_reachable(connection: Connection, kiosk_id: str, now: datetime) -> None:
    """Raises NotReachable."""
    heard_ms = connection.execute(select(kiosks.c.last_contact_ms).where(kiosks.c.kiosk_id == kiosk_id)).scalar()
    last_heard = None if heard_ms is None else from_ms(heard_ms)
    if last_heard is None or now - last_heard > REACHABLE_WITHIN:
        raise NotReachable(kiosk_id, last_heard, now)
