"""A checkout: one phone, one EVSE, one price, one payment. Pure values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contract.tariff import TariffOffer

RESERVED_S = 120  # the connector is kept so long while the phone pays
START_TTL_S = 60  # of the start command
STOP_TTL_S = 60


class Origin(StrEnum):
    PHONE = "phone"  # the phone came by the device's address; the server starts the charge
    KIOSK = "kiosk"  # the kiosk read a payment code; it starts by itself once the money is held


class Stage(StrEnum):
    RESERVED = "reserved"  # the connector is kept, or about to be; nobody has paid yet
    PAYING = "paying"  # the hold is asked for
    STARTING = "starting"  # the money is held and the kiosk is told
    RUNNING = "running"  # it has begun, or the kiosk said so
    SETTLED = "settled"  # billed; the payment takes or gives back what is right
    FAILED = "failed"  # nothing began; all is given back


OPEN = (Stage.RESERVED, Stage.PAYING, Stage.STARTING, Stage.RUNNING)


class Reason(StrEnum):
    """Why a checkout failed; the phone has words for each."""

    NOT_REACHABLE = "not_reachable"  # the kiosk does not listen
    OCCUPIED = "occupied"  # it would not keep the connector, or not for this one
    TOO_LATE = "too_late"  # nobody paid while the connector was kept
    PAYMENT_REFUSED = "payment_refused"  # `detail` is the provider's code
    PAYMENT_UNAVAILABLE = "payment_unavailable"  # no answer while the connector was kept
    START_REFUSED = "start_refused"  # `detail` is the kiosk's own words
    START_LOST = "start_lost"  # the command never arrived, or came too late
    CANCELLED = "cancelled"
    NEVER_BEGAN = "never_began"  # the kiosk gave the Ask back
    NOTHING_DELIVERED = "nothing_delivered"  # it began and ended without energy: nobody plugged in


@dataclass(frozen=True, slots=True)
class Checkout:
    """`link_id` is 128 bits in hex and opens the page for whoever has it. Amounts gross, in minor units of the offer.

    Ids of commands and payment are minted at the beginning; whether they were used follows from `stage`.
    """

    link_id: str
    origin: Origin
    kiosk_id: str
    evse_id: int
    offer: TariffOffer
    hold_minor: int
    language: str
    begun: datetime
    kept_until: datetime  # the connector is kept, and payment is taken, until then
    payment_id: str
    start_id: str
    reservation_id: str = ""
    reserve_id: str = ""  # the command that keeps the connector
    provider: str = ""  # of the payment, once one was chosen
    stop_id: str = ""  # the newest stop command
    wants_stop: bool = False
    transaction_id: str = ""  # of the order's first part
    order_id: str = ""
    stage: Stage = Stage.RESERVED
    reason: Reason | None = None
    detail: str = ""

    @property
    def payer(self) -> str:
        """A guest has no account: this name stands for it at the kiosk and in the ledger."""
        return payer_of(self.link_id)

    @property
    def stop_code(self) -> str:
        """Four digits that stop this charge at the kiosk; made from the link, so that they stand nowhere. A charge that
        began at the kiosk has the kiosk's own: "".
        """
        if self.origin is not Origin.PHONE:
            return ""
        digest = hashlib.sha256(f"stop code of {self.link_id}".encode()).digest()
        return f"{int.from_bytes(digest[:8]) % 10_000:04d}"

    @property
    def currency(self) -> str:
        return self.offer.tariff.currency


_GUEST = "checkout:"


def payer_of(link_id: str) -> str:
    return _GUEST + link_id


def shown_payer(account_id: str) -> str:
    """The name as others may read it: a guest's would open their page."""
    return "guest" if account_id.startswith(_GUEST) else account_id


def link_of(payer: str) -> str | None:
    """The checkout a payer stands for; None for an account or a voucher."""
    return payer.removeprefix(_GUEST) if payer.startswith(_GUEST) else None
