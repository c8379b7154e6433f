"""What follows from a checkout and the facts. Pure: no clock, no database.

| stage | fact | what follows |
|---|---|---|
| reserved, paying | the kiosk would not keep the connector | failed: occupied |
| reserved | the time is over | failed: too late |
| paying | the provider refused | failed: payment refused |
| paying | the money is held in time | starting: the start is sent |
| paying | the time is over | failed: payment unavailable; a hold that turns up later is released |
| starting | the kiosk accepted, or Started is here | running |
| starting | the kiosk refused; the command expired unheard | failed; released |
| starting | a payment code's Ask was never answered, or the kiosk was heard and has not begun | failed; released |
| starting | no answer and the kiosk is silent | nothing yet: it may be delivering |
| running | the person wants it to end | the stop is sent, once |
| running | the order is billed | settled |
| failed | Started arrives all the same | running: what was delivered is billed |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from billing.checkout.checkout import Checkout, Reason, Stage
from contract.api import CommandStatus


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a command. `is_lost`: its time is over and it was never given to anybody."""

    status: CommandStatus | None = None
    reason: str = ""
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a step may depend on; gathered from the tables in one transaction."""

    now: datetime
    reserve: Fate = Fate()
    start: Fate = Fate()
    is_held: bool = False  # the provider said so and it stands
    refusal: str | None = None  # the provider's code
    began_as: str = ""  # the transaction whose Started is here, or that the kiosk's answer names
    order_id: str = ""  # of that Started
    running_as: str = ""  # the order's part that has not ended, if any
    is_disproved: bool = False  # the kiosk has been heard since, and cannot have begun
    is_billed: bool = False
    has_delivered: bool = False


# ---- wishes: what is to be done in the same transaction ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendStart:
    pass


@dataclass(frozen=True, slots=True)
class SendStop:
    transaction_id: str


@dataclass(frozen=True, slots=True)
class FreeConnector:
    """Cancel the reservation, where one may stand."""


@dataclass(frozen=True, slots=True)
class GiveUpPayment:
    """Whatever is held, or may yet turn out to be, is to be released."""


@dataclass(frozen=True, slots=True)
class NameOrder:
    """The payment learns which order it is for."""

    order_id: str


Wish = SendStart | SendStop | FreeConnector | GiveUpPayment | NameOrder
Step = tuple[Checkout, tuple[Wish, ...]]


def looked(checkout: Checkout, facts: Facts) -> Step:
    """The table above, one step; ask again until nothing changes."""
    match checkout.stage:
        case Stage.RESERVED | Stage.PAYING:
            return _before_the_start(checkout, facts)
        case Stage.STARTING:
            return _starting(checkout, facts)
        case Stage.RUNNING:
            return _running(checkout, facts)
        case Stage.FAILED if facts.began_as and facts.order_id:  # it had been given up too early
            return replace(checkout, stage=Stage.RUNNING, transaction_id=facts.began_as), ()
        case _:
            return checkout, ()


def _before_the_start(checkout: Checkout, facts: Facts) -> Step:
    if facts.reserve.status in (CommandStatus.REJECTED, CommandStatus.EXPIRED):
        return failed(checkout, Reason.OCCUPIED, facts.reserve.reason)
    is_over = facts.now >= checkout.kept_until
    if checkout.stage is Stage.RESERVED:
        return failed(checkout, Reason.TOO_LATE) if is_over else (checkout, ())
    if facts.refusal is not None:
        return failed(checkout, Reason.PAYMENT_REFUSED, facts.refusal)
    if is_over:
        return failed(checkout, Reason.PAYMENT_UNAVAILABLE)
    if facts.is_held:
        return replace(checkout, stage=Stage.STARTING), (SendStart(),)
    return checkout, ()


def _starting(checkout: Checkout, facts: Facts) -> Step:
    if facts.began_as:
        return replace(checkout, stage=Stage.RUNNING, transaction_id=facts.began_as), ()
    if facts.start.status is CommandStatus.REJECTED:
        return failed(checkout, Reason.START_REFUSED, facts.start.reason)
    if facts.start.status is CommandStatus.EXPIRED or facts.start.is_lost:
        return failed(checkout, Reason.START_LOST, facts.start.reason)
    if facts.is_disproved:
        return failed(checkout, Reason.NEVER_BEGAN)
    return checkout, ()


def _running(checkout: Checkout, facts: Facts) -> Step:
    wishes: list[Wish] = []
    if facts.order_id and checkout.order_id != facts.order_id:
        checkout = replace(checkout, order_id=facts.order_id)
        wishes.append(NameOrder(facts.order_id))
    if facts.is_billed:
        reason = None if facts.has_delivered else Reason.NOTHING_DELIVERED
        return replace(checkout, stage=Stage.SETTLED, reason=reason), tuple(wishes)
    if checkout.wants_stop:
        transaction_id = facts.running_as or ("" if facts.order_id else facts.began_as)
        checkout = replace(checkout, wants_stop=not transaction_id)
        if transaction_id:
            wishes.append(SendStop(transaction_id))
    return checkout, tuple(wishes)


def failed(checkout: Checkout, reason: Reason, detail: str = "") -> Step:
    """Nothing began: all is given back."""
    wishes: list[Wish] = []
    if checkout.reserve_id and reason not in (Reason.OCCUPIED, Reason.NOT_REACHABLE):
        wishes.append(FreeConnector())
    if checkout.stage is not Stage.RESERVED:
        wishes.append(GiveUpPayment())
    return replace(checkout, stage=Stage.FAILED, reason=reason, detail=detail[:200]), tuple(wishes)


# ---- what the person asks for --------------------------------------------------------------------------------------


def paid(checkout: Checkout, provider: str, now: datetime) -> Step:
    """A payment was chosen. A second one changes nothing: the first is under way. Raises ValueError when too late."""
    if checkout.stage is not Stage.RESERVED:
        return checkout, ()
    if now >= checkout.kept_until:
        raise ValueError("the connector is not kept any more")
    return replace(checkout, stage=Stage.PAYING, provider=provider), ()


def cancelled(checkout: Checkout) -> Step:
    """Before the start all is given back; after it, it is a stop."""
    if checkout.stage in (Stage.RESERVED, Stage.PAYING):
        return failed(checkout, Reason.CANCELLED)
    return stopped(checkout)


def stopped(checkout: Checkout) -> Step:
    """A start that is under way is stopped as soon as it has begun."""
    if checkout.stage in (Stage.STARTING, Stage.RUNNING):
        return replace(checkout, wants_stop=True), ()
    return checkout, ()
