"""What an ended transaction may leave behind: a charge that may go on, a reading that may still come.

Both outlive a power cut (memory.py). What becomes of them stands in restart.py and corrections.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contract.price import Sample
from contract.tariff import TariffOffer
from contract.transaction import Authority, Moment
from kiosk.session.events import Ids
from kiosk.session.snapshot import Limit


class Verdict(StrEnum):
    """Whether an interrupted charge goes on. All but GO and the two waits are for good."""

    GO = "go"
    WAIT_FOR_SERVICE = "wait_for_service"  # a fault that clears by itself, a block, a reservation
    WAIT_FOR_CLOCK = "wait_for_clock"
    SWITCHED_OFF = "switched_off"
    NOT_CLEAN = "not_clean"  # its end could not be read from the meter
    CLOCK_UNKNOWN = "clock_unknown"  # when it was interrupted
    CLOCK_SET_BACK = "clock_set_back"
    TOO_LATE = "too_late"
    UNPLUGGED = "unplugged"
    LATCHED_FAULT = "latched_fault"
    NO_CREDIT = "no_credit"
    LIMIT_REACHED = "limit_reached"
    TOKEN_BLOCKED = "token_blocked"
    IN_USE = "in_use"  # somebody else began in its place

    @property
    def is_final(self) -> bool:
        return self not in (Verdict.GO, Verdict.WAIT_FOR_SERVICE, Verdict.WAIT_FOR_CLOCK)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An ended transaction that may go on, under `ids`: a new transaction of the same order."""

    of_transaction_id: str
    ids: Ids
    authority: Authority
    offer: TariffOffer
    token_masked: str
    is_offline: bool
    samples: tuple[Sample, ...]  # of the order so far
    last_sign: Moment
    limit: Limit | None = None
    found_s: float = 0.0  # monotonic seconds of this boot at which it was found


@dataclass(frozen=True, slots=True)
class Unread:
    """A transaction that ended with its last good reading because the meter was silent.

    `most_wh` is what it may have taken since that reading; a register beyond it counted something else.
    """

    transaction_id: str
    order_id: str
    receipt_id: str
    evse_id: int
    connector_id: int
    offline: bool
    next_seq: int
    elapsed_ms: int
    offer: TariffOffer
    before: tuple[Sample, ...]
    samples: tuple[Sample, ...]
    most_wh: int
    ended: Moment
    serial: str | None = None
    cap_minor: int | None = None
