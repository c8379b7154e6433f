"""What the phone shows of a checkout: where it stands, what was delivered, what it costs, what became of the money.

Everything is read from what kiosk and provider have told; how old the newest value is stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.checkout import store
from billing.checkout.bills import GOES_ON_WITHIN, bill_of
from billing.checkout.checkout import Checkout, Reason, Stage
from billing.commands import REACHABLE_WITHIN
from billing.corrections import as_corrected
from billing.decisions.cases import as_billed, in_force
from billing.decisions.choice import Choice
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.moments import from_ms
from billing.payments import store as payments
from billing.payments.payment import Payment
from billing.payments.provider import HoldState
from billing.read_events import event_of
from billing.tables import commands, events, kiosks, transactions
from contract.api import CommandStatus
from contract.order import joined
from contract.price import Price, TimeUse, price
from contract.transaction import (
    ChargingState,
    EventType,
    StoppedReason,
    TransactionEvent,
    samples_before,
    samples_of,
)


class Step(StrEnum):
    RESERVED = "reserved"
    PAYING = "paying"
    STARTING = "starting"
    PLUG_IN = "plug_in"  # it has begun and waits for the cable
    CHARGING = "charging"
    PARKED = "parked"  # stopped, the cable is still in, and the time costs
    FINISHING = "finishing"  # it has ended; the last readings or the bill are awaited, or it may yet go on
    FINISHED = "finished"
    FAILED = "failed"


class Stopping(StrEnum):
    """What became of a stop from the phone."""

    NOT_ASKED = "not_asked"
    ASKED = "asked"
    REFUSED = "refused"  # the kiosk said no, or did not hear it in time


@dataclass(frozen=True, slots=True)
class Money:
    """In minor units. `held_minor` is what stands held now; `is_known` is False while the provider does not answer."""

    wanted_minor: int
    held_minor: int = 0
    taken_minor: int = 0
    released_minor: int = 0
    given_back_minor: int = 0
    owed_minor: int = 0
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class CheckoutView:
    """`price` is the running total with its lines, and the final one once `is_final`. Ages in seconds.

    `reason` stands beside FAILED, `detail` is the provider's or the kiosk's own word for it. `may_go_on`: a power cut
    ended it and the kiosk may continue by itself. `receipt_key` opens `/r/…`.
    """

    link_id: str
    step: Step
    reason: Reason | None
    detail: str
    kiosk_id: str
    kiosk_name: str
    place: str
    time_zone: str
    evse_id: int
    language: str
    checkout: Checkout
    money: Money
    kept_until: datetime
    is_reachable: bool
    last_heard: datetime | None
    energy_wh: int = 0
    power_w: int | None = None
    price: Price | None = None
    is_final: bool = False
    value_age_s: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    receipt_key: str | None = None
    stopping: Stopping = Stopping.NOT_ASKED
    may_go_on: bool = False

    @property
    def total_minor(self) -> int:
        return 0 if self.price is None else self.price.incl_vat_minor


def view_of(connection: Connection, link_id: str, now: datetime) -> CheckoutView:
    """Reads only. Raises NoCheckout."""
    checkout = store.load(connection, link_id)
    kiosk = connection.execute(select(kiosks).where(kiosks.c.kiosk_id == checkout.kiosk_id)).one()
    heard = None if kiosk.last_contact_ms is None else from_ms(kiosk.last_contact_ms)
    parts = _parts(connection, checkout)
    story, received, is_given_up = parts[-1] if parts else ([], None, False)
    last = story[-1] if story else None
    used = None if is_given_up else price_so_far(story)
    step, may_go_on = _step(connection, checkout, story, received, now)
    receipt = _receipt(connection, checkout)
    return CheckoutView(
        link_id,
        step,
        checkout.reason,
        checkout.detail,
        checkout.kiosk_id,
        kiosk.name,
        kiosk.place,
        kiosk.time_zone,
        checkout.evse_id,
        checkout.language,
        checkout,
        _money(connection, checkout),
        checkout.kept_until,
        heard is not None and now - heard <= REACHABLE_WITHIN,
        heard,
        energy_wh=_energy(story),
        power_w=None if last is None or step is not Step.CHARGING else last.meter.power_w,
        price=used,
        is_final=checkout.stage is Stage.SETTLED,
        value_age_s=None if received is None else max(0, int((now - received).total_seconds())),
        started_at=parts[0][0][0].at.wall if parts and parts[0][0] else None,
        ended_at=last.at.wall if last is not None and last.event_type is not EventType.UPDATED and story[1:] else None,
        receipt_key=receipt,
        stopping=_stopping(connection, checkout),
        may_go_on=may_go_on,
    )


def price_so_far(story: Sequence[TransactionEvent]) -> Price | None:
    """The whole order's price as far as its newest part tells; its Started brings what the parts before had used.

    None where the readings cannot be priced: then a person decides, and nobody is told an amount before.
    """
    if not story or story[0].offer is None:
        return None
    whole = as_corrected(story)
    try:
        return price(story[0].offer, joined(samples_before(whole), samples_of(whole)))
    except ValueError:
        return None


def _parts(connection: Connection, checkout: Checkout) -> list[tuple[list[TransactionEvent], datetime, bool]]:
    """Each part's events without a gap from its Started on, when the newest of them came, and whether a person gave it
    up; oldest part first. Of a part a person decided about, what is billed."""
    t, e = transactions.c, events.c
    if not checkout.order_id:
        return []
    query = select(t.kiosk_id, t.transaction_id).where(t.order_id == checkout.order_id, t.started_ms.is_not(None))
    found = []
    for kiosk_id, transaction_id in connection.execute(query.order_by(t.started_ms, t.transaction_id)).all():
        rows = connection.execute(
            select(e.seq_no, e.body, e.received_ms)
            .where(e.kiosk_id == kiosk_id, e.transaction_id == transaction_id)
            .order_by(e.seq_no)
        ).all()
        whole = [row for place, row in enumerate(rows) if row.seq_no == place]
        if whole:
            story = [event_of(row.body) for row in whole]
            decision = in_force(connection, kiosk_id, transaction_id)
            is_given_up = decision is not None and decision.choice is Choice.NOTHING
            found.append(
                (list(as_billed(story, decision)), from_ms(max(row.received_ms for row in whole)), is_given_up)
            )
    return found


def _step(
    connection: Connection,
    checkout: Checkout,
    story: Sequence[TransactionEvent],
    received: datetime | None,
    now: datetime,
) -> tuple[Step, bool]:
    match checkout.stage:
        case Stage.RESERVED | Stage.PAYING | Stage.STARTING | Stage.FAILED:
            return Step(checkout.stage.value), False
        case Stage.SETTLED:
            return (Step.FAILED if checkout.reason is not None else Step.FINISHED), False
    if not story or received is None:
        return Step.STARTING, False
    last = story[-1]
    if last.event_type in (EventType.ENDED, EventType.METER_CORRECTION):
        was_cut = last.stopped_reason is StoppedReason.POWER_LOSS and now - received < GOES_ON_WITHIN
        return Step.FINISHING, was_cut and bill_of(connection, checkout.order_id) is None
    if last.time_use is TimeUse.PARKING:
        return Step.PARKED, False
    has_begun = any(event.time_use is TimeUse.CHARGING or event.meter.power_w > 0 for event in story)
    if not has_begun and last.charging_state in (ChargingState.IDLE, ChargingState.EV_CONNECTED):
        return Step.PLUG_IN, False
    return Step.CHARGING, False


def _energy(story: Sequence[TransactionEvent]) -> int:
    if not story:
        return 0
    whole = as_corrected(story)
    samples = joined(samples_before(whole), samples_of(whole))
    return max(0, samples[-1].import_wh - samples[0].import_wh)


def _money(connection: Connection, checkout: Checkout) -> Money:
    if checkout.stage is Stage.RESERVED or (checkout.stage is Stage.FAILED and not checkout.provider):
        return Money(checkout.hold_minor)
    money = money_of(payments.load(connection, checkout.payment_id))
    if money.owed_minor:  # unless somebody wrote it off
        owed = book.balance(connection, Account(Kind.RECEIVABLE, checkout.payer, checkout.currency))
        return replace(money, owed_minor=max(0, min(money.owed_minor, owed)))
    return money


def money_of(payment: Payment) -> Money:
    sight = payment.sight
    if sight is None:
        is_known = payment.refused is not None or payment.is_surely_nothing
        return Money(payment.hold_minor, is_known=is_known, owed_minor=payment.owed_minor)
    taken_minor = sight.captured_minor
    stands = sight.state is HoldState.AUTHORISED
    return Money(
        payment.hold_minor,
        held_minor=sight.held_minor if stands else 0,
        taken_minor=taken_minor,
        released_minor=0 if stands else sight.held_minor - taken_minor,
        given_back_minor=sight.refunded_minor + sight.charged_back_minor,
        # A guest owes at most the hold, so nothing is owed once it was captured.
        owed_minor=0 if sight.state is HoldState.CAPTURED else payment.owed_minor,
        is_known=payment.last_error == "",
    )


def _receipt(connection: Connection, checkout: Checkout) -> str | None:
    t = transactions.c
    query = select(t.receipt_key).where(t.order_id == checkout.order_id).limit(1)
    found = connection.execute(query).scalar() if checkout.order_id else None
    return None if found is None else str(found)


def _stopping(connection: Connection, checkout: Checkout) -> Stopping:
    if checkout.wants_stop:
        return Stopping.ASKED
    if not checkout.stop_id:
        return Stopping.NOT_ASKED
    query = select(commands.c.status).where(commands.c.command_id == checkout.stop_id)
    row: Row[Any] | None = connection.execute(query).one_or_none()
    if row is not None and row.status in (CommandStatus.REJECTED.value, CommandStatus.EXPIRED.value):
        return Stopping.REFUSED
    return Stopping.ASKED
