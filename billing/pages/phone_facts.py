"""What the phone's pages stand on, gathered from the tables in one reading transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from billing.checkout.checkout import Checkout, Stage
from billing.checkout.desk import Device, device_at
from billing.checkout.tables import checkouts
from billing.checkout.view import CheckoutView, Step, view_of
from billing.commands import REACHABLE_WITHIN
from billing.directory import current_offers
from billing.moments import from_ms, to_ms
from billing.orders import closed_evses, reservations
from billing.pages.phone_device_view import Alternative, DeviceFacts, DeviceState
from billing.pages.phone_order_view import Moments, OrderFacts, Start
from billing.pages.receipt_view import find_receipt
from billing.payments import store as payments
from billing.payments.provider import HoldState
from billing.read_events import event_of
from billing.tables import commands, events, kiosks, transactions
from contract.codec import from_bytes
from contract.price import TimeUse
from contract.tariff import TariffOffer
from contract.transaction import ChargingState, TransactionEvent

MOST_ALTERNATIVES = 2
MOST_POINTS = 400  # of a curve; a longer charge shows every second reading, or every fourth
_WAITS = (Stage.RESERVED.value, Stage.PAYING.value, Stage.STARTING.value)


def device_facts(connection: Connection, kiosk: str, evse_id: int, can_pay: bool, now: datetime) -> DeviceFacts:
    """Raises directory.NotKnown for a kiosk that is none and an EVSE that sells nothing."""
    device = device_at(connection, kiosk, evse_id, now)
    state, until = _state(connection, device.kiosk_id, evse_id, device.is_reachable, now)
    if not can_pay and state is DeviceState.FREE:
        state = DeviceState.NO_PAYMENT
    power_w = connection.execute(select(kiosks.c.max_power_w).where(kiosks.c.kiosk_id == device.kiosk_id)).scalar_one()
    return DeviceFacts(
        device.kiosk_id,
        device.kiosk_name,
        device.place,
        device.time_zone,
        evse_id,
        power_w,
        device.offer,
        device.hold_minor,
        state,
        until,
        device.last_heard,
        () if state is DeviceState.FREE else alternatives_to(connection, device, now),
    )


def alternatives_to(connection: Connection, device: Device, now: datetime) -> tuple[Alternative, ...]:
    """Connectors that could be started now: of the same kiosk, and of kiosks at the same place."""
    k = kiosks.c
    query = select(k.kiosk_id, k.name, k.last_contact_ms).where(
        (k.kiosk_id == device.kiosk_id) | ((k.place == device.place) & (k.place != ""))
    )
    found = []
    for row in connection.execute(query.order_by(k.kiosk_id != device.kiosk_id, k.name).limit(20)).all():
        heard = row.last_contact_ms is not None and now - from_ms(row.last_contact_ms) <= REACHABLE_WITHIN
        for offer in current_offers(connection, row.kiosk_id) if heard else ():
            is_this = (row.kiosk_id, offer.evse_id) == (device.kiosk_id, device.evse_id)
            if is_this or _state(connection, row.kiosk_id, offer.evse_id, heard, now)[0] is not DeviceState.FREE:
                continue
            is_same = from_bytes(TariffOffer, offer.body) == device.offer
            found.append(Alternative(row.kiosk_id, row.name, offer.evse_id, is_same))
            if len(found) == MOST_ALTERNATIVES:
                return tuple(found)
    return tuple(found)


def _state(
    connection: Connection, kiosk_id: str, evse_id: int, is_reachable: bool, now: datetime
) -> tuple[DeviceState, datetime | None]:
    """As far as this server knows; the kiosk's answer to the reservation has the last word."""
    if not is_reachable:
        return DeviceState.NOT_REACHABLE, None
    t = transactions.c
    runs = select(t.transaction_id).where(t.kiosk_id == kiosk_id, t.evse_id == evse_id, t.ended_seq.is_(None))
    if connection.execute(runs.limit(1)).first() is not None:
        return DeviceState.OCCUPIED, None
    if evse_id in closed_evses(connection, kiosk_id):
        return DeviceState.OUT_OF_SERVICE, None
    kept = [*_kept(connection, kiosk_id, evse_id, now)]
    # What a checkout kept is over with the checkout; what an operator reserved, with its time.
    kept += [
        one.until
        for one in reservations(connection, now, kiosk_id)
        if one.evse_id == evse_id and not (one.account_id or "").startswith("checkout:")
    ]
    return (DeviceState.RESERVED, max(kept)) if kept else (DeviceState.FREE, None)


def _kept(connection: Connection, kiosk_id: str, evse_id: int, now: datetime) -> Iterable[datetime]:
    c = checkouts.c
    recent = to_ms(now - timedelta(hours=1))
    query = select(c.body).where(c.kiosk_id == kiosk_id, c.stage.in_(_WAITS), c.begun_ms > recent)
    for body in connection.execute(query).scalars():
        checkout = from_bytes(Checkout, body)
        if checkout.evse_id == evse_id and checkout.kept_until > now:
            yield checkout.kept_until


def order_facts(connection: Connection, link_id: str, language: str, now: datetime) -> OrderFacts:
    """Raises NoCheckout."""
    view = view_of(connection, link_id, now)
    story = _newest_part(connection, view.checkout)
    is_over = view.step in (Step.FINISHED, Step.FAILED)
    can_hurry = view.step in (Step.FAILED, Step.STARTING)
    return OrderFacts(
        view,
        elapsed_ms=story[-1].elapsed_ms if story else 0,
        powers=_powers(story) if view.step is Step.CHARGING else (),
        is_paused=bool(story) and story[-1].charging_state is ChargingState.SUSPENDED_EV,
        parked_at=_parked_at(story),
        start=_start(connection, view.checkout),
        stop_asked_at=_stop_asked_at(connection, view.checkout, now),
        stop_code=view.checkout.stop_code if view.step is Step.CHARGING else "",
        moments=_moments(connection, view.checkout),
        receipt=find_receipt(connection, view.receipt_key, language, now) if is_over and view.receipt_key else None,
        alternatives=_hurry(connection, view, now) if can_hurry else (),
    )


def _newest_part(connection: Connection, checkout: Checkout) -> list[TransactionEvent]:
    """The events of the order's newest transaction, without a gap from its Started on."""
    if not checkout.order_id:
        return []
    t, e = transactions.c, events.c
    newest = select(t.transaction_id).where(t.order_id == checkout.order_id, t.started_ms.is_not(None))
    transaction_id = connection.execute(newest.order_by(t.started_ms.desc()).limit(1)).scalar()
    query = select(e.seq_no, e.body).where(e.kiosk_id == checkout.kiosk_id, e.transaction_id == transaction_id)
    rows = connection.execute(query.order_by(e.seq_no)).all()
    return [event_of(row.body) for place, row in enumerate(rows) if row.seq_no == place]


def _powers(story: list[TransactionEvent]) -> tuple[tuple[int, int], ...]:
    step = 1
    while len(story) // step > MOST_POINTS:
        step *= 2
    shown = story[::step]
    if shown and shown[-1] is not story[-1]:
        shown = [*shown, story[-1]]
    return tuple((event.elapsed_ms, event.meter.power_w) for event in shown)


def _parked_at(story: list[TransactionEvent]) -> datetime | None:
    since = None
    for event in reversed(story):
        if event.time_use is not TimeUse.PARKING:
            break
        since = event.at.wall
    return since


def _start(connection: Connection, checkout: Checkout) -> Start | None:
    c = commands.c
    query = select(c.queued_ms, c.expires_ms, c.sent_ms).where(c.command_id == checkout.start_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Start(from_ms(row.queued_ms), from_ms(row.expires_ms), row.sent_ms is not None)


def _stop_asked_at(connection: Connection, checkout: Checkout, now: datetime) -> datetime | None:
    c = commands.c
    query = select(c.queued_ms).where(c.command_id == checkout.stop_id)
    queued_ms = connection.execute(query).scalar() if checkout.stop_id else None
    if queued_ms is not None:
        return from_ms(queued_ms)
    return now if checkout.wants_stop else None


def _moments(connection: Connection, checkout: Checkout) -> Moments:
    """When the provider first showed each state; told by the payment's own story."""
    found: dict[str, datetime] = {}
    for at_ms, what, detail in payments.story(connection, checkout.payment_id):
        if what not in ("answered", "webhook") or not detail[:1].isdigit():
            continue  # no sight: refused, nothing known, no answer
        for word in _SIGHTS:
            if word in detail:
                found.setdefault(word, from_ms(at_ms))
    ended = found.get("released") or found.get("expired")
    return Moments(found.get("authorised"), found.get("captured"), ended, found.get("came back"))


_SIGHTS = (HoldState.AUTHORISED, HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED, "came back")


def _hurry(connection: Connection, view: CheckoutView, now: datetime) -> tuple[Alternative, ...]:
    device = Device(
        view.kiosk_id,
        view.kiosk_name,
        view.place,
        view.time_zone,
        view.evse_id,
        view.checkout.offer,
        view.checkout.hold_minor,
        view.is_reachable,
        view.last_heard,
    )
    return alternatives_to(connection, device, now)
