"""Events that reach the core (past tense; intents are events) and messages that leave it.

Only three things leave as messages: Ask (who is this?), Record (what became true) and Answered (to a command).
Everything else the core says is a level, in wants and snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contract.api import CommandStatus
from contract.identity import IdToken
from contract.metering import MeterReading
from contract.tariff import TariffOffer
from contract.tokens import LaterOffer
from contract.transaction import Authority, ClockQuality, Moment, TransactionEvent
from contract.values import value
from kiosk.session.facts import Facts
from kiosk.session.settings import KioskSettings
from kiosk.session.snapshot import Limit, NoticeCode


@value
class Now:
    """The moment of a step, read once by the controller. `s` is monotonic within the boot."""

    s: float
    wall: datetime
    clock_quality: ClockQuality
    boot_id: str

    @property
    def clock_is_known(self) -> bool:
        """A price may depend on the wall time."""
        return self.clock_quality is not ClockQuality.UNKNOWN

    @property
    def moment(self) -> Moment:
        return Moment(self.wall, self.clock_quality, self.boot_id, int(self.s * 1000))


@dataclass(frozen=True, slots=True)
class Ids:
    """Minted by the controller, because the core has no random: UUIDs in hex and a four-digit stop code."""

    transaction_id: str
    order_id: str
    receipt_id: str
    stop_code: str


# ---- what the controller senses ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went on; deadlines are looked at."""


@value
class Sensed:
    """New facts of every EVSE, by evse_id. `site`: the newest reading of the site's meter; None: stale or absent."""

    facts: dict[int, Facts]
    site: MeterReading | None = None


@dataclass(frozen=True, slots=True)
class IdTokenPresented:
    """A card, member code or voucher was read. account and group are what the own lists know of it, if anything."""

    token: IdToken
    ids: Ids
    account_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenSlowed:
    """A token came while its reader rests after too many that are none here."""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """By the server: what of the settings it may change."""

    settings: KioskSettings


@dataclass(frozen=True, slots=True)
class CodeUnreadable:
    """The scanner read something that is no token of ours."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A Started or an Ended stands on disk; nobody waits for what is written between them."""

    transaction_id: str
    seq_no: int


@dataclass(frozen=True, slots=True)
class OffersChanged:
    """What is offered at each EVSE, by evse_id; one without an offer sells nothing. No price is promised longer than
    `valid_until`, and each of `later` takes another's place at its moment."""

    offers: dict[int, TariffOffer]
    valid_until: datetime | None = None
    later: tuple[LaterOffer, ...] = ()


@dataclass(frozen=True, slots=True)
class RestartForbidden:
    """An interrupted charge must not go on: `verdict` is a leftovers.Verdict, from what only the controller knows."""

    evse_id: int
    verdict: str


# ---- answers to an Ask ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authorized:
    transaction_id: str
    authority: Authority
    offer: TariffOffer
    offline: bool


@dataclass(frozen=True, slots=True)
class Refused:
    transaction_id: str
    code: NoticeCode


# ---- intents of the screen --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectorChosen:
    """The driver touched a cable's card, or Back (None)."""

    evse_id: int | None
    ids: Ids | None = None  # filled in by the controller


@dataclass(frozen=True, slots=True)
class ConnectorShown:
    """The driver looks at this connector's session or fault: the next token is about it."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class StopPressed:
    """Stop with the four-digit code."""

    evse_id: int
    code: str


@dataclass(frozen=True, slots=True)
class CancelPressed:
    """Before energy flowed: back to idle, nothing to pay."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class LimitChosen:
    """Free right after the start; later it needs the right to stop: the code, or a token tapped within a short time."""

    evse_id: int
    limit: Limit | None  # None takes the limit away
    code: str = ""


@dataclass(frozen=True, slots=True)
class UnlockPressed:
    """A cable that will not release: with the code now, or with a token tapped within a short time."""

    evse_id: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptDismissed:
    evse_id: int


@dataclass(frozen=True, slots=True)
class NoticeDismissed:
    pass


# ---- server and technician --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartCommanded:
    """RequestStartTransaction: the server vouches for the account."""

    command_id: str
    evse_id: int
    authority: Authority
    offer: TariffOffer
    ids: Ids


@dataclass(frozen=True, slots=True)
class StopCommanded:
    """RequestStopTransaction, or the technician's stop (`by` names who, for the audit)."""

    transaction_id: str | None
    evse_id: int | None
    by: str
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnlockCommanded:
    command_id: str
    evse_id: int


@dataclass(frozen=True, slots=True)
class ReserveCommanded:
    """Keep a connector `hold_s` from now on for a token (by hash), an account or a group."""

    command_id: str
    evse_id: int
    reservation_id: str
    hold_s: float
    token_hash: str | None = None
    account_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReservationCancelled:
    command_id: str
    reservation_id: str


@dataclass(frozen=True, slots=True)
class AvailabilityCommanded:
    """The operator takes an EVSE out of service, or puts it back."""

    command_id: str
    evse_id: int
    is_operative: bool


@dataclass(frozen=True, slots=True)
class TokensBlocked:
    """Tokens, by hash, that a newer list blocks: what they started ends. A start by phone has no such token."""

    token_hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ResetPressed:
    """The named reset of a latched fault."""

    evse_id: int
    by: str


Event = (
    Ticked
    | Sensed
    | IdTokenPresented
    | CodeUnreadable
    | TokenSlowed
    | SettingsChanged
    | Recorded
    | OffersChanged
    | RestartForbidden
    | Authorized
    | Refused
    | ConnectorChosen
    | ConnectorShown
    | StopPressed
    | CancelPressed
    | LimitChosen
    | UnlockPressed
    | ReceiptDismissed
    | NoticeDismissed
    | StartCommanded
    | StopCommanded
    | UnlockCommanded
    | ReserveCommanded
    | ReservationCancelled
    | AvailabilityCommanded
    | TokensBlocked
    | ResetPressed
)
SCREEN_INTENTS = (
    ConnectorChosen,
    ConnectorShown,
    StopPressed,
    CancelPressed,
    LimitChosen,
    UnlockPressed,
    ReceiptDismissed,
    NoticeDismissed,
)


# ---- messages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Who is this? Journaled before it is sent."""

    ids: Ids
    evse_id: int
    token: IdToken


@dataclass(frozen=True, slots=True)
class Record:
    """What became true, to be written before anything follows from it."""

    event: TransactionEvent


@dataclass(frozen=True, slots=True)
class Audited:
    """A change somebody made by name, for the journal's audit rows."""

    by: str
    what: str
    evse_id: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a server's command."""

    command_id: str
    status: CommandStatus
    reason: str = ""
    transaction_id: str | None = None


Message = Ask | Record | Audited | Answered
