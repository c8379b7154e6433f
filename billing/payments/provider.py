"""What every payment provider can be asked, and what can come of it. One adapter a provider, each behind `Provider`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class HoldState(StrEnum):
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


# ---- requests: amounts in minor units ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Hold:
    """Authorise `amount_minor` on the payer's token (a payment code, a provider's payment method)."""

    key: str
    token: str
    amount_minor: int
    currency: str
    reference: str  # the payment, as it stands in both books


@dataclass(frozen=True, slots=True)
class Capture:
    """Take `amount_minor` of the hold and remit it: `split` by account name at the provider; the parts sum to it."""

    key: str
    hold_ref: str
    amount_minor: int
    split: dict[str, int]
    text: str  # what the payer's app says


@dataclass(frozen=True, slots=True)
class Release:
    key: str
    hold_ref: str


@dataclass(frozen=True, slots=True)
class Refund:
    """Give back part of what was captured; `split` says whose account gives how much."""

    key: str
    hold_ref: str
    amount_minor: int
    split: dict[str, int]
    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """What has become of a hold?"""

    hold_ref: str


@dataclass(frozen=True, slots=True)
class LookByKey:
    """Was anything done under that key, whose answer never came?"""

    key: str


Request = Hold | Capture | Release | Refund | Look | LookByKey


# ---- what can come of it -------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sight:
    """A hold as the provider showed it. Everything but the state only grows."""

    hold_ref: str
    state: HoldState
    held_minor: int
    captured_minor: int = 0
    fee_minor: int = 0
    refunded_minor: int = 0
    charged_back_minor: int = 0
    split: dict[str, int] = field(default_factory=dict)
    charged_back_split: dict[str, int] = field(default_factory=dict)  # whose accounts gave back what was charged back


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider understood and will not, now or later. `code` is billing's word (see REASONS)."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing was ever done under that key."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that says what happened: the request may have acted or not."""

    why: str


Outcome = Sight | Refused | Nothing | Unknown

REASONS = frozenset(
    {"unknown_token", "used_token", "expired_token", "blocked", "insufficient_funds", "hold_ended", "bad_request"}
)


class Provider(Protocol):
    """A payment provider. `ask` never raises for what a network or a provider can do: that is an Outcome."""

    name: str

    def ask(self, request: Request) -> Outcome: ...
