"""The social server asked in-process, for worlds and tests in virtual time: the same bank, the same troubles, no HTTP.

It stands where `billing.payments.social.SocialProvider` stands, behind the same `Provider`; a conformance of the two is
the walk over real HTTP (tests/billing/checkout/test_over_the_wire.py) giving what the walk in-process gives.
"""

from __future__ import annotations

from collections.abc import Callable

from billing.payments.provider import (
    REASONS,
    Capture,
    Hold,
    Look,
    LookByKey,
    Nothing,
    Outcome,
    Refund,
    Refused,
    Release,
    Request,
    Unknown,
)
from billing.payments.social import sight_of
from sim.social.bank import Answer, Bank, Refusal
from sim.social.trouble import Mood

OWN_ACCOUNT = "operator"  # pays the bank's fee


class BankDoor:
    """`now_s` is the world's clock in seconds since 1970; `mood` refuses, loses answers, is away."""

    name = "social"

    def __init__(self, bank: Bank, now_s: Callable[[], float], mood: Mood) -> None:
        self.bank, self._now_s, self._mood = bank, now_s, mood
        self.asked: list[Request] = []

    def ask(self, request: Request) -> Outcome:
        self.asked.append(request)
        if self._mood.refuses():
            return Unknown("the social server is away")
        try:
            words = self._act(request)
        except Refusal as refusal:
            outcome: Outcome = Refused(refusal.code if refusal.code in REASONS else "bad_request", str(refusal))
        else:
            outcome = Nothing() if words is None else sight_of(words)
        is_look = isinstance(request, Look | LookByKey)
        return Unknown("the answer was lost") if not is_look and self._mood.loses_answer() else outcome

    def _act(self, request: Request) -> Answer | None:
        bank, now_s = self.bank, self._now_s()
        match request:
            case Hold(key, token, amount_minor, currency, reference):
                return bank.hold(key, token, amount_minor, currency, reference, now_s)
            case Capture(key, hold_ref, amount_minor, split, text):
                return bank.capture(key, hold_ref, amount_minor, dict(split), OWN_ACCOUNT, text, now_s)
            case Release(key, hold_ref):
                return bank.release(key, hold_ref, now_s)
            case Refund(key, hold_ref, amount_minor, split, why):
                return bank.refund(key, hold_ref, amount_minor, dict(split), why, now_s)
            case Look(hold_ref):
                return bank.find(hold_ref, now_s)
            case LookByKey(key):
                known = bank.find_by_key(key)
                return None if known is None else bank.find(str(known["hold_id"]), now_s)
