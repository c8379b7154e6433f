"""The social server's mind: accounts, payment tokens, holds, captures, refunds. No clock, no network.

Law:
- Money moves from one account to another, never from nowhere: the books sum to zero at every moment.
- A request carries an idempotency key; the same key with the same words has the same answer, for ever, and acts once.
- A capture takes at most what was held, once; its parts sum to it.
- What happened is told by webhook too; whoever gets both must get along with any order and with repetitions.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HOLD_LIVES_S = 7 * 24 * 3600.0
TOKEN_LIVES_S = 120.0
FEE_FIXED_MINOR, FEE_PERMILLE = 5, 9  # per capture, kept by the social server
WORLD, FEES = "world", "fees"  # where money is put in and taken out; what the social server earned

Answer = dict[str, Any]
Split = dict[str, int]  # account → minor units


class Refusal(Exception):
    """The request was understood and is refused: `code` for the program, the text for its log."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(slots=True)
class Hold:
    """Money a payer has promised to a merchant's order. `state`: authorised, captured, released, expired."""

    hold_id: str
    payer: str
    amount_minor: int
    currency: str
    reference: str
    expires_s: float
    state: str = "authorised"
    captured_minor: int = 0
    split: Split = field(default_factory=dict)
    fee_minor: int = 0
    fee_account: str = ""
    refunded_minor: int = 0
    charged_back_minor: int = 0
    charged_back_split: Split = field(default_factory=dict)

    def words(self) -> Answer:
        return {
            "hold_id": self.hold_id,
            "state": self.state,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "reference": self.reference,
            "captured_minor": self.captured_minor,
            "split": dict(self.split),
            "fee_minor": self.fee_minor,
            "refunded_minor": self.refunded_minor,
            "charged_back_minor": self.charged_back_minor,
            "charged_back_split": dict(self.charged_back_split),
        }


@dataclass(frozen=True, slots=True)
class Move:
    """One movement in the books."""

    source: str
    target: str
    amount_minor: int
    why: str
    reference: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person's app shows."""

    person: str
    text: str
    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells: the thing as it was when it happened."""

    event_id: str
    kind: str
    at_s: float
    body: Answer


def fee_of(amount_minor: int) -> int:
    """What the social server keeps of a capture, in minor units; never more than the capture."""
    return min(amount_minor, FEE_FIXED_MINOR + (amount_minor * FEE_PERMILLE + 999) // 1000)


class Bank:
    """All accounts in one currency. Times are seconds on whatever clock the caller has."""

    def __init__(self, currency: str = "EUR", hold_lives_s: float = HOLD_LIVES_S) -> None:
        self.currency, self._hold_lives_s = currency, hold_lives_s
        self.people: set[str] = set()
        self.blocked: set[str] = set()
        self.moves: list[Move] = []
        self.holds: dict[str, Hold] = {}
        self.notices: list[Notice] = []
        self.events: list[Event] = []
        self._balances: Counter[str] = Counter()
        self._tokens: dict[str, tuple[str, float, bool]] = {}  # token → person, expiry, was it used
        self._answers: dict[str, tuple[str, Answer | Refusal]] = {}
        self._count = 0

    # ---- people and their app --------------------------------------------------------------------------------------

    def open_account(self, person: str, money_minor: int) -> None:
        self.people.add(person)
        self._move(WORLD, person, money_minor, "opening", person)

    def issue_token(self, person: str, now_s: float) -> str:
        """A payment token for one payment, as the app shows it as a code. Raises Refusal for an unknown person."""
        if person not in self.people:
            raise Refusal("unknown_person", f"no account {person}")
        token = f"spay:{person}:{self._next('t')}"
        self._tokens[token] = (person, now_s + TOKEN_LIVES_S, False)
        return token

    def balance(self, account: str) -> int:
        return self._balances[account]

    def total_minor(self) -> int:
        """Of all accounts, the world outside included: zero, or money came from nowhere."""
        return sum(self._balances.values())

    def available(self, person: str, now_s: float) -> int:
        """What the person can still promise."""
        self.expire(now_s)
        held = sum(h.amount_minor for h in self.holds.values() if h.payer == person and h.state == "authorised")
        return self._balances[person] - held

    # ---- what a merchant asks --------------------------------------------------------------------------------------

    def hold(self, key: str, token: str, amount_minor: int, currency: str, reference: str, now_s: float) -> Answer:
        """Authorise a payment. Raises Refusal: unknown, used or expired token, blocked, too little money."""
        words = ["hold", token, amount_minor, currency, reference]
        return self._once(key, words, lambda: self._hold(token, amount_minor, currency, reference, now_s))

    def capture(
        self,
        key: str,
        hold_id: str,
        amount_minor: int,
        split: Split,
        fee_account: str,
        text: str,
        now_s: float,
    ) -> Answer:
        """Take what was used and remit it: `split` says how much to which account; the fee is `fee_account`'s."""
        words = ["capture", hold_id, amount_minor, split, fee_account]
        return self._once(key, words, lambda: self._capture(hold_id, amount_minor, split, fee_account, text, now_s))

    def release(self, key: str, hold_id: str, now_s: float) -> Answer:
        return self._once(key, ["release", hold_id], lambda: self._release(hold_id, now_s))

    def refund(self, key: str, hold_id: str, amount_minor: int, split: Split, why: str, now_s: float) -> Answer:
        """Give back part of a capture; `split` says who gives how much. The fee stays where it is."""
        words = ["refund", hold_id, amount_minor, split]
        return self._once(key, words, lambda: self._refund(hold_id, amount_minor, split, why, now_s))

    def find(self, hold_id: str, now_s: float) -> Answer:
        self.expire(now_s)
        return self._known(hold_id).words()

    def find_by_key(self, key: str) -> Answer | None:
        """The answer that key had, for whoever lost it; None where nothing was done under it. Raises its Refusal."""
        if key not in self._answers:
            return None
        answer = self._answers[key][1]
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def statement(self, now_s: float) -> Answer:
        """All holds of the merchant, and what stands on each account money was ever remitted to or its fee paid by."""
        self.expire(now_s)
        accounts = {name for hold in self.holds.values() for name in (*hold.split, hold.fee_account) if name}
        return {
            "currency": self.currency,
            "holds": [hold.words() for hold in self.holds.values()],
            "balances": {name: self.balance(name) for name in sorted(accounts)},
            "fees_minor": self.balance(FEES),
        }

    def charge_back(self, hold_id: str, now_s: float) -> Answer:
        """The payer's bank takes the money back; the accounts that had it give it, in proportion."""
        hold = self._known(hold_id)
        left_minor = hold.captured_minor - hold.refunded_minor - hold.charged_back_minor
        if left_minor <= 0:
            raise Refusal("nothing_left", f"hold {hold_id}: nothing left to take back")
        first, *others = sorted(hold.split)
        parts = {account: left_minor * hold.split[account] // hold.captured_minor for account in others}
        parts[first] = left_minor - sum(parts.values())
        for account, part in parts.items():
            self._move(account, hold.payer, part, "chargeback", hold.reference)
        hold.charged_back_minor += left_minor
        hold.charged_back_split = parts
        self._tell("chargeback", hold, now_s)
        return hold.words()

    def expire(self, now_s: float) -> None:
        for hold in self.holds.values():
            if hold.state == "authorised" and now_s >= hold.expires_s:
                hold.state = "expired"
                self._tell("expired", hold, now_s)

    # ---- the acts ----------------------------------------------------------------------------------------------------

    def _hold(self, token: str, amount_minor: int, currency: str, reference: str, now_s: float) -> Answer:
        person, expires_s, was_used = self._tokens.get(token, ("", 0.0, False))
        if not person:
            raise Refusal("unknown_token", "no such payment code")
        if was_used:
            raise Refusal("used_token", "this payment code was used before")
        if now_s >= expires_s:
            raise Refusal("expired_token", "this payment code has expired")
        if currency != self.currency or amount_minor <= 0:
            raise Refusal("bad_amount", f"{amount_minor} {currency}: want more than 0 {self.currency}")
        if person in self.blocked:
            raise Refusal("blocked", "this account is blocked")
        if self.available(person, now_s) < amount_minor:
            raise Refusal("insufficient_funds", "not enough money for this hold")
        self._tokens[token] = (person, expires_s, True)
        hold = Hold(self._next("h"), person, amount_minor, currency, reference, now_s + self._hold_lives_s)
        self.holds[hold.hold_id] = hold
        self._tell("authorised", hold, now_s)
        return hold.words()

    def _capture(
        self, hold_id: str, amount_minor: int, split: Split, fee_account: str, text: str, now_s: float
    ) -> Answer:
        hold = self._standing(hold_id, now_s)
        if not 0 < amount_minor <= hold.amount_minor:
            raise Refusal("over_hold", f"{amount_minor} of {hold.amount_minor} held")
        if sum(split.values()) != amount_minor or any(part < 0 for part in split.values()):
            raise Refusal("bad_split", f"parts {split} are not {amount_minor}")
        if fee_account not in split:
            raise Refusal("bad_split", f"nothing goes to {fee_account}, which is to pay the fee")
        for account, part in sorted(split.items()):
            self._move(hold.payer, account, part, "remittance", hold.reference)
        hold.fee_minor, hold.fee_account = fee_of(amount_minor), fee_account
        self._move(fee_account, FEES, hold.fee_minor, "fee", hold.reference)
        hold.state, hold.captured_minor, hold.split = "captured", amount_minor, dict(split)
        self.notices.append(Notice(hold.payer, text, hold.reference, amount_minor))
        self._tell("captured", hold, now_s)
        return hold.words()

    def _release(self, hold_id: str, now_s: float) -> Answer:
        hold = self._standing(hold_id, now_s)
        hold.state = "released"
        self._tell("released", hold, now_s)
        return hold.words()

    def _refund(self, hold_id: str, amount_minor: int, split: Split, why: str, now_s: float) -> Answer:
        hold = self._known(hold_id)
        left_minor = hold.captured_minor - hold.refunded_minor - hold.charged_back_minor
        if not 0 < amount_minor <= left_minor:
            raise Refusal("over_capture", f"{amount_minor} of {left_minor} left")
        if sum(split.values()) != amount_minor or any(part < 0 for part in split.values()):
            raise Refusal("bad_split", f"parts {split} are not {amount_minor}")
        for account, part in sorted(split.items()):
            self._move(account, hold.payer, part, "refund", hold.reference)
        hold.refunded_minor += amount_minor
        self.notices.append(Notice(hold.payer, why, hold.reference, -amount_minor))
        self._tell("refunded", hold, now_s)
        return hold.words()

    # ---- small words -------------------------------------------------------------------------------------------------

    def _once(self, key: str, words: list[Any], act: Callable[[], Answer]) -> Answer:
        if not key:
            raise Refusal("no_key", "a request that moves money needs an idempotency key")
        asked = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
        if key in self._answers:
            known, answer = self._answers[key]
            if known != asked:
                raise Refusal("key_reused", f"key {key} stands for another request")
        else:
            try:
                answer = act()
            except Refusal as refusal:
                answer = refusal
            self._answers[key] = (asked, answer)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def _known(self, hold_id: str) -> Hold:
        hold = self.holds.get(hold_id)
        if hold is None:
            raise Refusal("unknown_hold", f"no hold {hold_id}")
        return hold

    def _standing(self, hold_id: str, now_s: float) -> Hold:
        self.expire(now_s)
        hold = self._known(hold_id)
        if hold.state != "authorised":
            raise Refusal("hold_ended", f"hold {hold_id} is {hold.state}")
        return hold

    def _move(self, source: str, target: str, amount_minor: int, why: str, reference: str) -> None:
        if amount_minor:
            self.moves.append(Move(source, target, amount_minor, why, reference))
            self._balances[source] -= amount_minor
            self._balances[target] += amount_minor

    def _tell(self, kind: str, hold: Hold, now_s: float) -> None:
        self.events.append(Event(self._next("e"), kind, now_s, hold.words()))

    def _next(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:06d}"
