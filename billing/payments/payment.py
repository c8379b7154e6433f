"""One payment: the wish, the sight, and what follows from both. Pure; amounts in minor units, times in seconds.

| seen | wished | asked next |
|---|---|---|
| nothing yet | a hold | Hold |
| nothing yet | given up | LookByKey, until the provider surely knows nothing of it |
| refused | – | – |
| authorised | still running | – |
| authorised | given up, or nothing to pay | Release |
| authorised | an amount to pay | Capture of it, at most what is held |
| captured | a refund beyond those seen | Refund of the next one |
| released, expired | an amount to pay | – ; it is owed (`owed_minor`) |
| anything, and a request about it was refused | anything | Look: something is not as it seemed |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from billing.payments.provider import (
    Capture,
    Hold,
    HoldState,
    Look,
    LookByKey,
    Nothing,
    Outcome,
    Refund,
    Refused,
    Release,
    Request,
    Sight,
    Unknown,
)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 900.0  # between tries: doubled from the first to the longest
SURELY_NOTHING_S = 600.0  # a Hold that was under way longer ago than this does not arrive any more
_RANK = {HoldState.AUTHORISED: 0, HoldState.RELEASED: 1, HoldState.EXPIRED: 1, HoldState.CAPTURED: 2}


@dataclass(frozen=True, slots=True)
class RefundWish:
    """One refund that was decided, and whose accounts give it.

    `is_allowance`: a decision to take less for the same use; otherwise the use itself was corrected by a Credit CDR.
    `keeps_host`: the host's payment for the use stays as it is.
    """

    amount_minor: int
    split: dict[str, int]
    why: str
    is_allowance: bool = True
    keeps_host: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of one order. `bill_minor` is None while the order runs; 0 means nothing is owed."""

    payment_id: str
    order_id: str
    token: str
    hold_minor: int
    currency: str
    asked_s: float | None = None  # when the hold was last asked for
    is_given_up: bool = False  # nobody waits for this payment any more
    bill_minor: int | None = None
    split: dict[str, int] | None = None  # of the capture
    text: str = ""
    refunds: tuple[RefundWish, ...] = ()
    sight: Sight | None = None
    refused: Refused | None = None
    is_surely_nothing: bool = False
    is_doubted: bool = False  # the provider refused what should have been possible
    tries: int = 0
    pause_until_s: float = 0.0
    last_error: str = ""

    @property
    def is_authorised(self) -> bool:
        return self.sight is not None and self.sight.state is HoldState.AUTHORISED and not self.is_given_up

    @property
    def capture_minor(self) -> int:
        """What to take: what is to be paid, as far as the hold covers it."""
        return min(self.bill_minor or 0, self.sight.held_minor if self.sight is not None else 0)

    @property
    def owed_minor(self) -> int:
        """What the payment did not bring and cannot bring any more: a receivable."""
        if self.bill_minor is None or not self.is_at_rest:
            return 0
        return self.bill_minor - (self.sight.captured_minor if self.sight is not None else 0)

    @property
    def is_at_rest(self) -> bool:
        """Nothing is to be asked and nothing is awaited from the provider."""
        return next_request(self) is None and (self.bill_minor is not None or self.is_given_up)


def next_request(payment: Payment) -> Request | None:
    """The table above, row by row. The caller minds `pause_until_s`."""
    sight, name = payment.sight, payment.payment_id
    if sight is None:
        if payment.refused is not None or payment.is_surely_nothing:
            return None
        if payment.is_given_up or payment.bill_minor == 0:
            return LookByKey(f"{name}/hold")
        return Hold(f"{name}/hold", payment.token, payment.hold_minor, payment.currency, name)
    if payment.is_doubted:
        return Look(sight.hold_ref)
    if sight.state is HoldState.AUTHORISED:
        if payment.bill_minor:
            assert payment.split is not None, f"payment {name}: a bill without a split"
            return Capture(f"{name}/capture", sight.hold_ref, payment.capture_minor, payment.split, payment.text)
        if payment.is_given_up or payment.bill_minor == 0:
            return Release(f"{name}/release", sight.hold_ref)
        return None
    if sight.state is HoldState.CAPTURED:
        return _next_refund(payment, sight)
    return None


def _next_refund(payment: Payment, sight: Sight) -> Refund | None:
    """Refunds go out one by one, in the order they were decided; what was charged back is not given twice."""
    done_minor, left_minor = sight.refunded_minor, sight.captured_minor - sight.charged_back_minor
    for number, wish in enumerate(payment.refunds, start=1):
        left_minor -= wish.amount_minor
        done_minor -= wish.amount_minor
        if done_minor < 0:
            if left_minor < 0:
                return None  # charged back before it could be refunded
            return Refund(
                f"{payment.payment_id}/refund/{number}", sight.hold_ref, wish.amount_minor, wish.split, wish.why
            )
    return None


# ---- what changes the wish -----------------------------------------------------------------------------------------


def given_up(payment: Payment) -> Payment:
    """The charge did not begin, or nobody waits any more: whatever is held, or may yet turn out to be, is released."""
    return payment if payment.bill_minor is not None else replace(payment, is_given_up=True, tries=0, pause_until_s=0.0)


def billed(payment: Payment, bill_minor: int, split: dict[str, int], text: str) -> Payment:
    """The order is settled, once. `split` divides what can be captured. Raises ValueError for a second bill."""
    if payment.bill_minor is not None:
        if payment.bill_minor != bill_minor:
            raise ValueError(f"payment {payment.payment_id}: billed {payment.bill_minor}, now {bill_minor}")
        return payment
    if bill_minor < 0 or (bill_minor and sum(split.values()) != min(bill_minor, payment.hold_minor)):
        raise ValueError(f"payment {payment.payment_id}: {dict(split)} is no split of {bill_minor}")
    return replace(payment, bill_minor=bill_minor, split=dict(split), text=text, tries=0, pause_until_s=0.0)


def refunded(payment: Payment, wish: RefundWish) -> Payment:
    """One more refund is decided. Raises ValueError for more than was captured and is not yet given back."""
    captured_minor = 0 if payment.sight is None else payment.sight.captured_minor - payment.sight.charged_back_minor
    promised_minor = sum(known.amount_minor for known in payment.refunds)
    if not 0 < wish.amount_minor <= captured_minor - promised_minor:
        raise ValueError(f"refund {wish.amount_minor}: {captured_minor - promised_minor} left to give back")
    if sum(wish.split.values()) != wish.amount_minor:
        raise ValueError(f"refund {wish.amount_minor}: {dict(wish.split)} is no split of it")
    return replace(payment, refunds=(*payment.refunds, wish), tries=0, pause_until_s=0.0)


# ---- what changes the sight ----------------------------------------------------------------------------------------


def sending(payment: Payment, request: Request, now_s: float) -> Payment:
    """To be kept before the request leaves: a server that dies now must know that it may have arrived."""
    return replace(payment, asked_s=now_s) if isinstance(request, Hold) else payment


def answered(payment: Payment, request: Request, outcome: Outcome, now_s: float) -> Payment:
    """What came of a request."""
    match outcome:
        case Sight():
            return seen(replace(payment, is_doubted=False), outcome)
        case Refused() if isinstance(request, Hold | LookByKey):
            return replace(payment, refused=outcome, tries=0, last_error=outcome.why)
        case Refused() if not isinstance(request, Look):
            return replace(_later(payment, outcome.why, now_s), is_doubted=True)
        case Nothing() if payment.asked_s is None or now_s - payment.asked_s >= SURELY_NOTHING_S:
            return replace(payment, is_surely_nothing=True, tries=0)
        case Nothing():
            return _later(payment, "nothing known of it yet", now_s)
        case Refused(_, why) | Unknown(why):
            return _later(payment, why, now_s)


def seen(payment: Payment, sight: Sight) -> Payment:
    """A sight from wherever it came. An older one than is known changes nothing."""
    known = payment.sight
    if known is not None:
        sight = Sight(
            known.hold_ref,
            max(known.state, sight.state, key=_RANK.__getitem__),
            known.held_minor,
            max(known.captured_minor, sight.captured_minor),
            max(known.fee_minor, sight.fee_minor),
            max(known.refunded_minor, sight.refunded_minor),
            max(known.charged_back_minor, sight.charged_back_minor),
            sight.split or known.split,
            max(known.charged_back_split, sight.charged_back_split, key=lambda parts: sum(parts.values())),
        )
    if sight == known:
        return payment
    return replace(payment, sight=sight, refused=None, tries=0, pause_until_s=0.0, last_error="")


def _later(payment: Payment, why: str, now_s: float) -> Payment:
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(payment.tries, 20))
    return replace(payment, tries=payment.tries + 1, pause_until_s=now_s + pause_s, last_error=why)
