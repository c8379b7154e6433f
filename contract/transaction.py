"""Transaction events: what the kiosk promises to tell the server about a delivery, in OCPP 2.1's words.

Law: seq_no runs 0, 1, 2 … without a gap; 0 is Started, the last is Ended. After an Ended that is not `final` one
MeterCorrection may follow, with the next seq_no and the reading the end had lacked; nothing comes after it. An event
is stored and sent as the same bytes for ever; the server's key is (kiosk_id, transaction_id, seq_no) and the bytes'
hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contract.identity import TokenKind, is_phone_payer
from contract.local_time import utc_ms
from contract.metering import Quality
from contract.order import Continuation, corrected
from contract.tariff import TariffOffer
from contract.usage import Sample, TimeUse
from contract.values import value


class EventType(StrEnum):
    """OCPP 2.1 TransactionEventEnumType, and one of ours for what OCPP has no word for."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"
    METER_CORRECTION = "MeterCorrection"


class TriggerReason(StrEnum):
    """OCPP 2.1 TriggerReasonEnumType, the ones the kiosk sends."""

    AUTHORIZED = "Authorized"
    REMOTE_START = "RemoteStart"
    CHARGING_STATE_CHANGED = "ChargingStateChanged"
    METER_VALUE_PERIODIC = "MeterValuePeriodic"
    METER_VALUE_CLOCK = "MeterValueClock"
    LIMIT_SET = "LimitSet"
    STOP_AUTHORIZED = "StopAuthorized"
    REMOTE_STOP = "RemoteStop"
    ENERGY_LIMIT_REACHED = "EnergyLimitReached"
    TIME_LIMIT_REACHED = "TimeLimitReached"
    COST_LIMIT_REACHED = "CostLimitReached"
    EV_DEPARTED = "EVDeparted"
    EV_CONNECT_TIMEOUT = "EVConnectTimeout"
    ABNORMAL_CONDITION = "AbnormalCondition"
    RESET_COMMAND = "ResetCommand"
    TX_RESUMED = "TxResumed"
    DEAUTHORIZED = "Deauthorized"


class StoppedReason(StrEnum):
    """OCPP 2.1 ReasonEnumType, the ones the kiosk sends."""

    LOCAL = "Local"
    REMOTE = "Remote"
    EV_DISCONNECTED = "EVDisconnected"
    ENERGY_LIMIT_REACHED = "EnergyLimitReached"
    TIME_LIMIT_REACHED = "TimeLimitReached"
    COST_LIMIT_REACHED = "CostLimitReached"
    LOCAL_OUT_OF_CREDIT = "LocalOutOfCredit"
    DE_AUTHORIZED = "DeAuthorized"  # the token was blocked while it charged
    EMERGENCY_STOP = "EmergencyStop"
    GROUND_FAULT = "GroundFault"
    OVERCURRENT_FAULT = "OvercurrentFault"
    POWER_QUALITY = "PowerQuality"
    POWER_LOSS = "PowerLoss"
    TIMEOUT = "Timeout"
    OTHER = "Other"


class ChargingState(StrEnum):
    """OCPP 2.1 ChargingStateEnumType; computed when an event is written, never kept."""

    IDLE = "Idle"
    EV_CONNECTED = "EVConnected"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"


class ClockQuality(StrEnum):
    """How far the wall time may be trusted."""

    SYNCHRONISED = "synchronised"
    ESTIMATED = "estimated"  # free-running since the last synchronisation
    UNKNOWN = "unknown"  # never synchronised since boot; wall time is a lower bound


@value
class Moment:
    """When, four ways: wall time with its quality, and monotonic time within one boot."""

    wall: datetime
    clock_quality: ClockQuality
    boot_id: str
    monotonic_ms: int

    @property
    def known_wall(self) -> datetime | None:
        """The wall time, where a price may depend on it."""
        return None if self.clock_quality is ClockQuality.UNKNOWN else self.wall


@value
class MeterValue:
    """Registers in Wh (Energy.Active.Import.Register / Export.Register), power in W, with age and quality.

    `current_ma` is Current.Import summed over the phases; it stands where the frozen tariff asks for it.
    """

    import_wh: int
    export_wh: int
    power_w: int
    age_ms: int
    quality: Quality
    serial: str | None = None
    current_ma: int | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """On whose word a transaction began. `token_hash` is `token_hash()` of the token: the journal holds no card."""

    token_kind: TokenKind
    token_hash: str
    account_id: str
    group_id: str | None = None
    voucher_id: str | None = None
    command_id: str | None = None
    cap_minor: int | None = None  # the order may cost at most this, gross, in minor units

    @property
    def is_by_phone(self) -> bool:
        """Paid by phone: on the kiosk's page, or with a payment app's code."""
        return self.token_kind is TokenKind.DIRECT_PAYMENT or is_phone_payer(self.account_id)

    @property
    def stops_by_phone(self) -> bool:
        """A phone has the page it was started on. A payment app's code leaves nothing behind that could stop it."""
        return is_phone_payer(self.account_id) and self.token_kind is not TokenKind.DIRECT_PAYMENT

    @property
    def is_guest(self) -> bool:
        """Nobody the operator knows: what was held is the most they owe, parking included."""
        return self.voucher_id is not None or self.is_by_phone


@dataclass(frozen=True, slots=True)
class TransactionLimit:
    """OCPP 2.1 TransactionLimitType: where the driver wants the order to end. Nothing set takes a limit away."""

    max_energy_wh: int | None = None
    max_cost_minor: int | None = None  # gross
    max_time_s: int | None = None


@value
class TransactionEvent:
    """One line of a transaction's story.

    `elapsed_ms` counts from Started until delivery or parking is over: Ended carries that moment, and after a power
    cut the last durable event's; `at` says when it was written. `authority` and `offer` stand in Started only, and so
    does `continues` where the order was interrupted; `limit` beside the trigger LimitSet, and in a Started that
    continues. `stopped_reason` stands in Ended only; `final` and `total_incl_vat_minor` (the kiosk's own price of
    this transaction, which the server checks) in Ended and MeterCorrection.
    """

    event_type: EventType
    transaction_id: str
    seq_no: int
    order_id: str
    receipt_id: str
    evse_id: int
    connector_id: int
    trigger_reason: TriggerReason
    charging_state: ChargingState
    time_use: TimeUse
    offline: bool
    at: Moment
    elapsed_ms: int
    meter: MeterValue
    authority: Authority | None = None
    offer: TariffOffer | None = None
    stopped_reason: StoppedReason | None = None
    final: bool | None = None
    total_incl_vat_minor: int | None = None
    continues: Continuation | None = None
    limit: TransactionLimit | None = None

    def __post_init__(self) -> None:
        if self.seq_no < 0 or self.elapsed_ms < 0:
            raise ValueError("seq_no and elapsed_ms: want 0 or more")
        if (self.event_type is EventType.STARTED) != (self.seq_no == 0):
            raise ValueError(f"{self.event_type} with seq_no {self.seq_no}: Started is 0, and only Started")
        if (self.event_type is EventType.STARTED) != (self.authority is not None and self.offer is not None):
            raise ValueError("authority and offer stand in Started, and only there")
        if (self.event_type is EventType.ENDED) != (self.stopped_reason is not None):
            raise ValueError("stopped_reason stands in Ended, and only there")
        if self.event_type is not EventType.STARTED and self.continues is not None:
            raise ValueError("continues stands in Started, and only there")

    @property
    def sample(self) -> Sample:
        """Without a wall time, which counts from Started: `samples_of` gives it."""
        return Sample(self.elapsed_ms, self.meter.import_wh, self.time_use, self.meter.power_w, self.meter.current_ma)


def samples_of(story: Sequence[TransactionEvent]) -> tuple[Sample, ...]:
    """What a transaction is priced by, from its events in order: a MeterCorrection stands in for Ended's reading."""
    last, began = story[-1], story[0].at.known_wall
    is_corrected = last.event_type is EventType.METER_CORRECTION
    began_ms = None if began is None else utc_ms(began)
    samples = [
        Sample(
            event.elapsed_ms,
            event.meter.import_wh,
            event.time_use,
            event.meter.power_w,
            event.meter.current_ma,
            None if began_ms is None else began_ms + event.elapsed_ms,
        )
        for event in (story[:-1] if is_corrected else story)
    ]
    return corrected(samples, last.meter.import_wh) if is_corrected else tuple(samples)


@dataclass(frozen=True, slots=True)
class Began:
    """When a transaction began, as well as its story tells. `quality` UNKNOWN: at `wall` or later."""

    wall: datetime
    quality: ClockQuality
    is_corrected: bool = False


def began(story: Sequence[TransactionEvent]) -> Began:
    """A clock that became right later in the same boot tells by the monotonic time when it all began."""
    first = story[0].at
    if first.clock_quality is not ClockQuality.UNKNOWN:
        return Began(first.wall, first.clock_quality)
    for event in story:
        if event.at.boot_id == first.boot_id and event.at.clock_quality is not ClockQuality.UNKNOWN:
            since = timedelta(milliseconds=event.at.monotonic_ms - first.monotonic_ms)
            return Began(event.at.wall - since, event.at.clock_quality, is_corrected=True)
    return Began(first.wall, ClockQuality.UNKNOWN)


def samples_before(story: Sequence[TransactionEvent]) -> tuple[Sample, ...]:
    """What the order had used before this transaction; nothing where the order began with it."""
    continues = story[0].continues
    return () if continues is None else continues.samples


def token_hash(kind: TokenKind, value: str) -> str:
    """SHA-256 over kind and value, hex: names a token in lists and events without giving it away."""
    return hashlib.sha256(f"{kind.value}:{value}".encode()).hexdigest()
