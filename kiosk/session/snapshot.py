"""The snapshot: one value that tells screen, technician and uplink everything the controller shows.

Law: the screen is a function of one whole snapshot; nobody patches it together from several messages.
Money is in minor units and gross unless the name says otherwise; times of day are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.tariff import TariffOffer
from contract.transaction import ChargingState, ClockQuality, StoppedReason
from kiosk.session.faults import FaultCode
from kiosk.session.states import State


class LimitKind(StrEnum):
    """What a driver may limit on the screen."""

    ENERGY = "energy"  # Wh
    MONEY = "money"  # minor units, gross
    TIME = "time"  # seconds of the session


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` > 0 in the kind's unit: Wh, minor units or seconds."""

    kind: LimitKind
    value: int

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError("limit value: want more than 0")


class NoticeCode(StrEnum):
    """Why nothing (more) happened after a tap, a scan or a touch. The screen has a text for each."""

    WHICH_CONNECTOR = "which_connector"  # token accepted for reading, now choose a cable
    NONE_FREE = "none_free"
    CONNECTOR_BUSY = "connector_busy"
    CONNECTOR_HELD = "connector_held"  # kept for the former customer until the cable is out
    CONNECTOR_RESERVED = "connector_reserved"  # for somebody else, until a time
    OUT_OF_SERVICE = "out_of_service"
    UNKNOWN_TOKEN = "unknown_token"
    BLOCKED_TOKEN = "blocked_token"
    EXPIRED_TOKEN = "expired_token"
    SPENT_VOUCHER = "spent_voucher"
    FORGED_VOUCHER = "forged_voucher"
    SLOW_DOWN = "slow_down"  # too many tokens that are none here: the reader rests
    VOUCHER_FOR_OTHER_KIOSK = "voucher_for_other_kiosk"
    NO_CREDIT = "no_credit"
    ALREADY_CHARGING = "already_charging"
    NO_PRICE = "no_price"  # the price depends on a clock that is not known
    NO_ANSWER = "no_answer"  # neither server nor own lists could decide
    WRONG_CODE = "wrong_code"
    CODE_LOCKED = "code_locked"  # too many wrong codes, wait
    NOT_YOUR_SESSION = "not_your_session"
    STOP_WITH_CARD = "stop_with_card"  # own card tapped right after the start: nothing happens for 5 s
    UNPLUG_TO_FINISH = "unplug_to_finish"
    UNREADABLE_CODE = "unreadable_code"
    CABLE_RELEASED = "cable_released"  # the lock was opened once more: pull now
    CANCELLED = "cancelled"
    PLUG_IN_TIMEOUT = "plug_in_timeout"
    # a payment app's code; nothing was taken in any of them
    PAYMENT_NO_MONEY = "payment_no_money"
    PAYMENT_UNKNOWN = "payment_unknown"
    PAYMENT_USED = "payment_used"
    PAYMENT_EXPIRED = "payment_expired"
    PAYMENT_BLOCKED = "payment_blocked"
    PAYMENT_NO_ANSWER = "payment_no_answer"  # the provider, or the server, was too slow
    PAYMENT_NOT_HERE = "payment_not_here"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_OFFLINE = "payment_offline"  # no server: such a code is never trusted here
    PAYMENT_STOPS_NOTHING = "payment_stops_nothing"  # each code is new, so it shows nobody's right to stop


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about one token or touch; shown until `until_s` (kiosk monotonic seconds)."""

    code: NoticeCode
    until_s: float
    evse_id: int | None = None


class PhoneProblem(StrEnum):
    """Why nobody can pay by phone at this kiosk now."""

    OFFLINE = "offline"  # the phone's order would not arrive
    NO_CLOCK = "no_clock"  # the codes are made from the time
    NO_SECRET = "no_secret"  # no list brought it yet
    NOT_TAKEN = "not_taken"  # the server takes no payments by phone: nothing is offered, and nothing said


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """How a phone proves to stand here: the address for the QR code, and six digits to type. See device_code."""

    address: str
    code: str
    left_s: float  # until others take their place; both stay good for a minute more


class Availability(StrEnum):
    """OCPP 2.1 ConnectorStatusEnumType."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A line of the running bill: quantity × unit price, gross. `quantity` in kWh, h or sessions, four decimals.

    `unit_price_gross` has all its digits: a price rounded for print would not multiply to the sum.
    """

    dimension: str  # contract.printed.PrintedKind
    quantity: str
    unit_price_gross: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Bill:
    currency: str
    total_minor: int  # gross
    vat_minor: int
    lines: tuple[PriceLine, ...]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    elapsed_s: int
    power_w: int


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A running or just ended transaction as its driver may see it."""

    transaction_id: str
    receipt_id: str
    receipt_url: str
    token: str  # masked
    stop_code: str  # four digits
    started_at: datetime
    elapsed_s: int
    energy_wh: int
    power_w: int | None  # None where the meter is stale
    meter_age_s: float | None
    meter_quality: Quality
    last_value_at: datetime | None
    charging_state: ChargingState
    is_offline: bool
    bill: Bill
    offer: TariffOffer
    curve: tuple[CurvePoint, ...]
    limit: Limit | None = None
    cap_minor: int | None = None
    charge_cap_minor: int | None = None  # of cap_minor, what the charge may use; the rest is kept for parking
    is_prepaid: bool = False  # by a voucher: nothing is left to pay
    is_by_phone: bool = False  # the phone's payment holds cap_minor, and what is owed is taken from that
    stops_by_phone: bool = False  # on the page it was started on; a payment app's code leaves none
    nears_its_end: bool = False  # a limit or cap: less current is offered
    parking_is_free: bool = False  # the hold is used up: parking no longer counts
    parked_s: int | None = None  # since the stop; None while not parked
    parking_fee_from: datetime | None = None  # when the grace ends, where parking costs
    stopped_reason: StoppedReason | None = None
    ended_at: datetime | None = None
    is_on_disk: bool = True
    limit_needs_right: bool = False  # a limit set now needs the code or the card
    is_continued: bool = False  # after a power cut: all numbers are the whole order's


@dataclass(frozen=True, slots=True)
class FaultView:
    code: FaultCode
    since: datetime
    is_latched: bool  # needs a named reset after the cause is gone
    detail: str = ""  # the driver's own words, for the technician


@dataclass(frozen=True, slots=True)
class EvseView:
    evse_id: int
    connector_id: int
    connector_type: str
    max_power_w: int
    state: State
    in_state_s: float
    deadline_in_s: float | None  # until the state's patience ends
    status: Availability
    pilot: PilotState | None
    contactor_closed: bool | None
    wants_contactor_closed: bool
    offered_a: int
    offer: TariffOffer | None  # None: no price known, so nothing is sold
    transaction: TransactionView | None
    receipt: TransactionView | None  # the last ended transaction, while its screen may be shown
    receipt_in_s: float | None  # seconds until the receipt screen clears
    fault: FaultView | None
    held: bool  # closed to other accounts until the cable was out
    why: tuple[str, ...]  # machine-readable causes for the state, first the deciding one; see `kiosk why`
    reserved_until: datetime | None = None
    reserved_s: float | None = None  # so long still
    reserved_for_phone: bool = False  # somebody pays by phone meanwhile
    phone: PhoneCode | None = None  # where a charge may begin by phone
    asks_payment: bool = False  # while authorizing: a payment app's code, so its provider is asked
    is_blocked: bool = False  # out of service by the operator's order
    has_lock: bool = False  # help for a cable that will not release makes sense
    goes_on: bool = False  # a charge that was interrupted waits to go on by itself
    shares_with: tuple[int, ...] = ()  # EVSEs that take a part of the same limit now


@dataclass(frozen=True, slots=True)
class ReaderView:
    name: str
    kind: str  # "nfc" or "qr"
    is_good: bool
    message: str


@dataclass(frozen=True, slots=True)
class DeviceView:
    name: str
    is_good: bool
    message: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    kiosk_id: str
    place: str
    operator: str
    helpline: str
    address: str  # of the kiosk's page for phones
    time_zone: str
    at: datetime
    at_s: float  # kiosk monotonic seconds
    clock_quality: ClockQuality
    boot_id: str
    is_online: bool  # the server answered lately
    outbox_rows: int  # journal rows the server has not acknowledged
    chosen_evse: int | None
    token_waits: bool  # a token was read and waits for a connector to be chosen
    token_waits_s: float | None
    notice: Notice | None
    evses: tuple[EvseView, ...]
    readers: tuple[ReaderView, ...]
    devices: tuple[DeviceView, ...]
    offline_because: str = ""  # why the server is not reached, in a word for `kiosk why`; empty while it is
    token_waiting: str = ""  # masked; "" where none waits
    token_is_code: bool = False  # a voucher, a member's or a payment app's code waits, and no card
    token_starts: tuple[int, ...] = ()  # EVSEs where the waiting token would start
    token_stops: tuple[int, ...] = ()  # EVSEs where it would stop what runs
    overrides: tuple[str, ...] = ()  # settings the server has changed, as KEY=VALUE
    phone_problem: PhoneProblem | None = None
