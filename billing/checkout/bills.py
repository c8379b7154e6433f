"""Bills: an order is what a person pays once.

Law:
- A bill is written when every transaction of the order has its CDR (so: seq_no 0 to Ended without a gap, and no doubt
  that holds it; or a person's decision) and no further part may come. A part whose beginning never came and that a
  person gave up is no part of it.
- A further part may come after a power cut, for as long as the kiosk may go on by itself; a better reading may come
  after an end that was not final. Neither is waited for longer than said here: the payer wants to know.
- It is written once. What changes later (a Credit CDR with its new CDR, a part that came against all waiting) changes
  the total that stands, never the capture: less is given back by itself, more is owed.
- An order nobody paid for beforehand has a bill too: the total its account owes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, null, or_, select, update

from billing.checkout import notices, store
from billing.checkout.acts import advance
from billing.checkout.checkout import link_of
from billing.checkout.parts import capture_parts, refund_parts
from billing.checkout.tables import bills
from billing.corrections import is_current
from billing.decisions.tables import is_decided
from billing.moments import from_ms, to_ms
from billing.payments import store as payments
from billing.payments.payment import Payment, RefundWish, billed, refunded
from billing.prepared import Prepared, prepared_insert
from billing.settlement.entries import Parties
from billing.settlement.sales import Sold, sold_in
from billing.tables import cdrs, events, kiosks, transactions
from contract.codec import from_bytes, to_bytes
from contract.transaction import EventType, StoppedReason, TransactionEvent

# A kiosk goes on within 10 minutes of the last sign before the cut, if it has been up for at most as long (kiosk
# setting restart_within_s, default 600), and sends what it wrote in order: whoever was heard later has said it all.
GOES_ON_WITHIN = timedelta(minutes=20)
SILENT_FOR_GOOD = timedelta(days=1)  # who is not heard for so long after a power cut is billed as far as known
METER_WITHIN = timedelta(hours=1)
AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Correction:
    """The total became another one after the bill was settled."""

    total_minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Bill:
    """What an order came to. `total_minor` as it was billed; the newest correction, if any, is what stands."""

    order_id: str
    payer: str
    currency: str
    total_minor: int
    at: datetime
    cdr_ids: tuple[str, ...]
    payment_ids: tuple[str, ...] = ()
    provider_id: str | None = None  # of the first part; kept as bills that were written have them
    host_id: str | None = None
    corrections: tuple[Correction, ...] = ()

    @property
    def parties(self) -> Parties:
        """Whose order it is. Who had a part of it is told by each sale and each payment's split."""
        return Parties(self.order_id, self.payer, self.currency)

    @property
    def standing_minor(self) -> int:
        return self.corrections[-1].total_minor if self.corrections else self.total_minor


_NOTE = prepared_insert(bills, ("order_id", "kiosk_id", "due_ms", "noted_ms"))


def note(
    connection: Connection, kiosk_id: str, begun: Iterable[TransactionEvent], whole: Iterable[str], now: datetime
) -> None:
    """Called by the intake: what began, by its Started, and the orders of what became whole or was corrected.

    Where nothing but an account's charge began there is nothing to settle yet.
    """
    is_due = dict[str, bool]()
    starts = list[str]()
    for event in begun:
        authority = event.authority
        assert authority is not None  # the contract's own rule for Started
        is_due[event.order_id] = is_due.get(event.order_id, False) or link_of(authority.account_id) is not None
        starts.append(authority.command_id or "")
    is_due |= dict.fromkeys(whole, True)
    if not is_due:
        return
    now_ms = to_ms(now)
    rows = [
        {"order_id": name, "kiosk_id": kiosk_id, "due_ms": now_ms if is_due[name] else None, "noted_ms": now_ms}
        for name in sorted(is_due)
    ]
    if _NOTE.do_all(connection, rows) != len(rows):
        for row in rows:
            if row["due_ms"] is not None:
                _look_again(connection, str(row["order_id"]), now)
    store.wake(connection, now, starts=starts)


_DUE = Prepared(
    select(bills.c.order_id, bills.c.kiosk_id)
    .where(bills.c.due_ms <= bindparam("now_ms"))
    .order_by(bills.c.due_ms)
    .limit(bindparam("most"))
)


def due(connection: Connection, now: datetime, most: int = 50) -> Sequence[tuple[str, str]]:
    """Orders to be looked at, each with the kiosk it was heard from."""
    found = _DUE.rows(connection, {"now_ms": to_ms(now), "most": most})
    return [(order_id, kiosk_id) for order_id, kiosk_id in found]


_BODY = Prepared(select(bills.c.body).where(bills.c.order_id == bindparam("of_order")))


def bill_of(connection: Connection, order_id: str) -> Bill | None:
    body = _BODY.value(connection, {"of_order": order_id})
    return None if body is None else from_bytes(Bill, body)


def settle(connection: Connection, order_id: str, now: datetime) -> Bill | None:
    """Bill the order if it is whole, or correct its bill; None while it is neither. As often as one likes.

    It changes what belongs to the order alone: a job of the order's kiosk (billing.database).
    """
    known = bill_of(connection, order_id)
    _hear_checkouts(connection, order_id, now)
    wanted = _sum(connection, order_id)
    if wanted is None:
        _look_again(connection, order_id, None)
        return known
    if known is None:
        again = _waits_until(connection, order_id, now)
        if again is not None:
            _look_again(connection, order_id, again)
            return None
        _write(connection, replace(wanted, at=now), now)
        _charge(connection, replace(wanted, at=now), now)
        store.wake(connection, now, orders=[order_id])
        return wanted
    if wanted.total_minor != known.standing_minor:
        changed = (*known.corrections, Correction(wanted.total_minor, now))
        known = replace(known, corrections=changed, cdr_ids=wanted.cdr_ids)
        _write(connection, known, now)
    is_done = all(_correct(connection, known, payment_id, now) for payment_id in known.payment_ids)
    _look_again(connection, order_id, None if is_done else now + AGAIN_AFTER)
    store.wake(connection, now, orders=[order_id])
    return known


def sold_of_order(connection: Connection, order_id: str) -> list[Sold]:
    """The sales that stand, in the order of their parts; empty while there are none."""
    sold = (sold_in(connection, row.cdr_id) for row in _cdrs(connection, order_id) if row.cdr_id is not None)
    return [one for one in sold if one is not None]


def _hear_checkouts(connection: Connection, order_id: str, now: datetime) -> None:
    """A phone's payment must know its order before the order is billed: both may have become known at once."""
    for (payer,) in _PAYERS.rows(connection, {"of_order": order_id}):
        link_id = link_of(payer or "")
        if link_id is not None and store.is_known(connection, link_id):
            advance(connection, link_id, now)


_PAYERS = Prepared(select(transactions.c.account_id).where(transactions.c.order_id == bindparam("of_order")).distinct())


def _sum(connection: Connection, order_id: str) -> Bill | None:
    rows = _cdrs(connection, order_id)
    cdr_ids = tuple(row.cdr_id for row in rows if row.cdr_id is not None)
    if not rows or len(cdr_ids) < len(rows):
        return None
    sold = sold_of_order(connection, order_id)
    parties = sold[0].parties
    return Bill(
        order_id,
        parties.payer,
        parties.currency,
        sum(row.incl_vat_minor for row in rows),
        from_ms(0),
        cdr_ids,
        tuple(payment.payment_id for payment in payments.of_order(connection, order_id)),
        parties.provider_id,
        parties.host_id,
    )


class _Part(NamedTuple):
    """A transaction of an order; None and 0 where it has no CDR that stands."""

    cdr_id: str | None
    incl_vat_minor: int


_PARTS = Prepared(
    select(cdrs.c.cdr_id, func.coalesce(cdrs.c.incl_vat_minor, 0))
    .select_from(
        transactions.outerjoin(
            cdrs,
            (cdrs.c.kiosk_id == transactions.c.kiosk_id)
            & (cdrs.c.transaction_id == transactions.c.transaction_id)
            & is_current(),
        )
    )
    .where(transactions.c.order_id == bindparam("of_order"))
    .where(or_(transactions.c.started_ms.is_not(None), ~is_decided()))
    .order_by(transactions.c.started_ms, transactions.c.transaction_id)
)


def _cdrs(connection: Connection, order_id: str) -> list[_Part]:
    """Every transaction of the order with its CDR that stands, or none."""
    return [_Part(*row) for row in _PARTS.rows(connection, {"of_order": order_id})]


_LAST = Prepared(  # of an order's transactions, with its Ended
    select(transactions.c.kiosk_id, transactions.c.transaction_id, is_decided(), events.c.body, events.c.received_ms)
    .select_from(
        transactions.outerjoin(
            events,
            (events.c.kiosk_id == transactions.c.kiosk_id)
            & (events.c.transaction_id == transactions.c.transaction_id)
            & (events.c.seq_no == transactions.c.ended_seq),
        )
    )
    .where(transactions.c.order_id == bindparam("of_order"), transactions.c.started_ms.is_not(None))
    .order_by(transactions.c.started_ms.desc(), transactions.c.ended_ms.desc())
    .limit(1)
)
_LATE_READING = Prepared(
    select(events.c.seq_no)
    .where(events.c.kiosk_id == bindparam("of_kiosk"), events.c.transaction_id == bindparam("of_id"))
    .where(events.c.event_type == EventType.METER_CORRECTION.value)
)


def _waits_until(connection: Connection, order_id: str, now: datetime) -> datetime | None:
    """When to look again, because something may still come; None: nothing does."""
    last = _LAST.row(connection, {"of_order": order_id})
    assert last is not None, "an order has a transaction that began"
    kiosk_id, transaction_id, was_decided, body, received_ms = last
    if was_decided:
        return None
    ended, received = from_bytes(TransactionEvent, body), from_ms(received_ms)
    if ended.final is False and now < received + METER_WITHIN:
        if _LATE_READING.value(connection, {"of_kiosk": kiosk_id, "of_id": transaction_id}) is None:
            return received + METER_WITHIN
    if ended.stopped_reason is not StoppedReason.POWER_LOSS or ended.event_type is not EventType.ENDED:
        return None
    # By the server's own clock: the kiosk's may be wrong, and it wrote this Ended when it was up again.
    until = received + GOES_ON_WITHIN
    if now < until:
        return until
    heard_ms = connection.execute(select(kiosks.c.last_rows_ms).where(kiosks.c.kiosk_id == kiosk_id)).scalar()
    if heard_ms is not None and from_ms(heard_ms) >= until:
        return None
    return now + GOES_ON_WITHIN if now < received + SILENT_FOR_GOOD else None


def _write(connection: Connection, bill: Bill, now: datetime) -> None:
    """Nothing is due of it then."""
    values = {
        "of_order": bill.order_id,
        "currency": bill.currency,
        "total_minor": bill.standing_minor,
        "body": to_bytes(bill).decode(),
        "now_ms": to_ms(now),
    }
    _SETTLE.do(connection, values)


_SETTLE = Prepared(
    update(bills)
    .where(bills.c.order_id == bindparam("of_order"))
    .values({name: bindparam(name) for name in ("currency", "total_minor", "body")})
    .values(settled_ms=func.coalesce(bills.c.settled_ms, bindparam("now_ms")))  # the first time stands
    .values(due_ms=null())
)
_LOOK_AT = Prepared(update(bills).where(bills.c.order_id == bindparam("of_order")).values(due_ms=bindparam("at_ms")))


def _look_again(connection: Connection, order_id: str, at: datetime | None) -> None:
    _LOOK_AT.do(connection, {"of_order": order_id, "at_ms": None if at is None else to_ms(at)})


def _charge(connection: Connection, bill: Bill, now: datetime) -> None:
    """The payment learns what to take. Should an order have two, the first that can be captured pays, the rest end."""
    left_minor = bill.total_minor
    for payment_id in bill.payment_ids:
        payment = payments.load(connection, payment_id)
        due_minor = left_minor if _can_pay(payment) or payment_id == bill.payment_ids[-1] else 0
        left_minor -= due_minor
        parts = capture_parts(min(due_minor, payment.hold_minor), sold_of_order(connection, bill.order_id))
        text = notices.paid_text(connection, bill, due_minor)
        after = billed(payment, due_minor, parts, text)
        payments.save(connection, payment, after, now, "billed", payments.shown(due_minor, bill.currency))


def _can_pay(payment: Payment) -> bool:
    return payment.refused is None and not payment.is_surely_nothing


def _correct(connection: Connection, bill: Bill, payment_id: str, now: datetime) -> bool:
    """Give back what was taken beyond the total that stands now. False: the capture is not known yet; look again."""
    payment = payments.load(connection, payment_id)
    if not payment.bill_minor or not bill.corrections:
        return True
    if payment.sight is None or not payment.is_at_rest:
        return False
    given_minor = sum(wish.amount_minor for wish in payment.refunds if not wish.is_allowance)
    standing_minor = max(0, min(bill.standing_minor, payment.hold_minor))
    all_given_minor = sum(wish.amount_minor for wish in payment.refunds)
    left_minor = payment.sight.captured_minor - payment.sight.charged_back_minor - all_given_minor
    back_minor = min(payment.sight.captured_minor - given_minor - standing_minor, left_minor)
    if back_minor <= 0:
        return True
    parts = refund_parts(payment, back_minor)
    wish = RefundWish(back_minor, parts, notices.corrected_text(connection, bill, back_minor), is_allowance=False)
    payments.save(
        connection,
        payment,
        refunded(payment, wish),
        now,
        "corrected",
        f"{payments.shown(back_minor, bill.currency)} back",
    )
    return True
