"""From core state to snapshot: what is shown, and nothing decided here. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from contract.identity import TokenKind
from contract.metering import Quality
from contract.price import Price, Sample, TimeUse
from contract.printed import printed
from contract.transaction import StoppedReason
from contract.values import replace
from kiosk.session import energy, limits, phone
from kiosk.session.events import Now
from kiosk.session.faults import RULE_OF, FaultCode, fault_in
from kiosk.session.kiosk import Kiosk, situation
from kiosk.session.session import Session
from kiosk.session.settings import EvseSettings
from kiosk.session.snapshot import (
    Availability,
    Bill,
    CurvePoint,
    DeviceView,
    EvseView,
    FaultView,
    PhoneCode,
    PhoneProblem,
    PriceLine,
    ReaderView,
    Snapshot,
    TransactionView,
)
from kiosk.session.states import State
from kiosk.session.taps import Outcome, Touch, route
from kiosk.session.transaction import Transaction

_BY_A_LINE = (FaultCode.EMERGENCY_STOP, FaultCode.RCD_TRIPPED)  # latched, and a healthy line shows the cause gone


@dataclass(frozen=True, slots=True)
class About:
    """What the snapshot tells that is not core state."""

    kiosk_id: str
    place: str
    operator: str
    helpline: str
    address: str
    time_zone: str
    is_online: bool
    outbox_rows: int
    readers: tuple[ReaderView, ...]
    devices: tuple[DeviceView, ...]
    objections: dict[int, str]  # what the interlock said, by evse_id
    fault_details: dict[int, str]  # a driver's own words, by evse_id
    overrides: tuple[str, ...] = ()  # settings the server has changed
    offline_because: str = ""
    code_secret: str | None = field(default=None, repr=False)  # of the list in force
    phones_are_taken: bool = True  # the server takes payments by phone, as its list says
    codes_at: datetime | None = None  # None: now; else the wall time that kiosk and server share


def snapshot(kiosk: Kiosk, now: Now, about: About) -> Snapshot:
    """The whole kiosk as one value."""
    front = kiosk.front
    return Snapshot(
        kiosk_id=about.kiosk_id,
        place=about.place,
        operator=about.operator,
        helpline=about.helpline,
        address=about.address,
        time_zone=about.time_zone,
        at=now.wall,
        at_s=now.s,
        clock_quality=now.clock_quality,
        boot_id=now.boot_id,
        is_online=about.is_online,
        outbox_rows=about.outbox_rows,
        chosen_evse=front.chosen_evse,
        token_waits=front.waiting is not None,
        token_waits_s=None if front.waiting is None else max(0.0, front.waiting_until_s - now.s),
        notice=front.notice,
        evses=tuple(_evse(kiosk, session, now, about) for session in kiosk.sessions),
        readers=about.readers,
        devices=about.devices,
        offline_because="" if about.is_online else about.offline_because,
        overrides=about.overrides,
        token_waiting="" if front.waiting is None else front.waiting.token.masked,
        token_is_code=front.waiting is not None and front.waiting.token.kind is not TokenKind.ISO14443,
        token_starts=_token_moves(kiosk, now, Outcome.START),
        token_stops=_token_moves(kiosk, now, Outcome.STOP),
        phone_problem=_phone_problem(now, about),
    )


def _token_moves(kiosk: Kiosk, now: Now, outcome: Outcome) -> tuple[int, ...]:
    """Where the waiting token would do this, were that connector chosen now."""
    tap = kiosk.front.waiting
    if tap is None:
        return ()
    numbers = [session.evse_id for session in kiosk.sessions]
    return tuple(n for n in numbers if route(situation(kiosk, tap, now.s, Touch.CHOSEN, n)).outcome is outcome)


def _evse(kiosk: Kiosk, session: Session, now: Now, about: About) -> EvseView:
    evse = kiosk.evse(session.evse_id)
    wants = energy.wants(session, now.s, evse, kiosk.settings.patience)
    offer = kiosk.offers.get(session.evse_id)
    receipt_in_s = None
    if session.receipt_at is not None:
        receipt_in_s = max(0.0, session.receipt_at.s + kiosk.settings.patience.receipt_s - now.s)
    ended_at = session.receipt_at.wall if session.receipt_at is not None else None
    running, receipt, kept = session.transaction, session.receipt, session.reservation
    return EvseView(
        evse_id=session.evse_id,
        connector_id=evse.connector_id,
        connector_type=evse.connector_type,
        max_power_w=evse.max_power_w,
        state=session.state,
        in_state_s=max(0.0, now.s - session.since_s) if session.since_s > float("-inf") else 0.0,
        deadline_in_s=max(0.0, session.deadline_s - now.s) if session.deadline_s < float("inf") else None,
        status=_availability(session, offer is not None),
        pilot=session.facts.pilot,
        contactor_closed=session.facts.contactor_closed,
        wants_contactor_closed=wants.contactor_closed,
        offered_a=wants.offered_a,
        offer=offer,
        transaction=None if running is None else _running(kiosk, session, running, now, about.address),
        receipt=None if receipt is None else _ended(receipt, about.address, ended_at),
        receipt_in_s=receipt_in_s,
        fault=_fault(session, about.fault_details.get(session.evse_id, ""), evse),
        held=session.held_for is not None,
        reserved_until=None if kept is None else kept.until,
        reserved_s=None if kept is None else max(0.0, kept.until_s - now.s),
        reserved_for_phone=kept is not None and kept.is_for_phone,
        phone=_phone(session, now, about, offer is not None),
        asks_payment=session.asked is not None and session.asked.token.kind is TokenKind.DIRECT_PAYMENT,
        is_blocked=session.is_blocked,
        has_lock=evse.has_lock,
        goes_on=session.interrupted is not None,
        shares_with=_shares_with(session),
        why=_why(kiosk, session, now, about.objections.get(session.evse_id)),
    )


def _phone_problem(now: Now, about: About) -> PhoneProblem | None:
    return phone.problem(about.is_online, now, about.code_secret, about.phones_are_taken)


def _phone(session: Session, now: Now, about: About, is_sold: bool) -> PhoneCode | None:
    """Where a charge may begin by phone now. A cable of a former customer, or another's reservation, is in its way."""
    is_open = session.is_free and is_sold and session.held_for is None and session.reservation is None
    if not is_open or about.code_secret is None or _phone_problem(now, about) is not None:
        return None
    at = about.codes_at or now.wall
    return phone.code(about.address, about.kiosk_id, session.evse_id, about.code_secret, at)


def _availability(session: Session, has_offer: bool) -> Availability:
    if session.state is State.OUT_OF_SERVICE:
        is_latched = session.fault is not None and RULE_OF[session.fault].latches
        return Availability.FAULTED if is_latched else Availability.UNAVAILABLE
    if session.is_running:
        return Availability.OCCUPIED
    if not has_offer or session.is_blocked:
        return Availability.UNAVAILABLE
    if session.reservation is not None:
        return Availability.RESERVED
    plugged = session.facts.pilot is not None and session.facts.pilot.is_connected
    return Availability.OCCUPIED if plugged else Availability.AVAILABLE


def _fault(session: Session, detail: str, evse: EvseSettings) -> FaultView | None:
    if session.fault is None or session.fault_since is None:
        return None
    detail = _in_numbers(session, evse) or detail
    return FaultView(session.fault, session.fault_since.wall, RULE_OF[session.fault].latches, detail)


def _in_numbers(session: Session, evse: EvseSettings) -> str:
    """What was measured, for the technician; no driver complains of it."""
    watch, facts = session.watch, session.facts
    match session.fault:
        case FaultCode.OVER_CURRENT if watch.over_ma:
            return f"It drew up to {watch.over_ma / 1000:.1f} A."
        case FaultCode.UNDER_VOLTAGE if watch.low_mv:
            return f"Down to {watch.low_mv / 1000:.0f} V, of {evse.nominal_v} V."
        case FaultCode.OVER_TEMPERATURE if facts.temperature_dc is not None and not facts.board_is_too_hot:
            return f"The board has {facts.temperature_dc / 10:.1f} °C."
        case FaultCode.METER_SWAPPED if facts.meter is not None and facts.meter.serial:
            return f"The meter there now has the serial number {facts.meter.serial}."
    return ""


def _running(kiosk: Kiosk, session: Session, t: Transaction, now: Now, address: str) -> TransactionView:
    """With the newest reading laid over the journaled samples, so the running total moves between them."""
    meter, is_fresh = session.facts.meter, session.facts.meter_is_fresh
    last_wh = t.samples[-1].import_wh if t.samples else 0
    import_wh = max(last_wh, meter.import_wh) if meter is not None and not t.is_recovered else last_wh
    elapsed_ms = t.elapsed_ms(now)
    bill = t.price_with(Sample(elapsed_ms, import_wh, TimeUse.NONE))
    parked_s = fee_from = None
    if session.state is State.PARKED:
        parked_s = int(now.s - session.since_s)
        if t.offer.tariff.bills_parking:
            fee_from = now.wall + timedelta(seconds=t.offer.parking_grace_s - (now.s - session.since_s))
    age_s = None if meter is None else max(0.0, now.s - meter.at_s)
    return TransactionView(
        transaction_id=t.ids.transaction_id,
        receipt_id=t.ids.receipt_id,
        receipt_url=receipt_url(address, t.ids.receipt_id),
        token=t.token_masked,
        stop_code=t.ids.stop_code,
        started_at=_started_at(t, now),
        elapsed_s=(t.before_ms + elapsed_ms) // 1000,
        energy_wh=t.before_wh + (import_wh - t.samples[0].import_wh if t.samples else 0),
        power_w=meter.power_w if meter is not None and is_fresh else None,
        meter_age_s=age_s,
        meter_quality=Quality.GOOD if is_fresh else Quality.STALE if meter is not None else Quality.MISSING,
        last_value_at=None if age_s is None else now.wall - timedelta(seconds=age_s),
        charging_state=energy.charging_state(session),
        is_offline=t.is_offline,
        bill=printed_bill(bill),
        offer=t.offer,
        curve=_curve(t),
        is_continued=t.continues is not None,
        limit=t.limit,
        cap_minor=t.authority.cap_minor,
        charge_cap_minor=limits.cap_of_charge_minor(t, kiosk.evse(session.evse_id)),
        is_prepaid=t.authority.voucher_id is not None,
        is_by_phone=t.authority.is_by_phone,
        stops_by_phone=t.authority.stops_by_phone,
        nears_its_end=session.state is State.DELIVERING and session.taper is not None,
        parking_is_free=session.parking_is_free,
        parked_s=parked_s,
        parking_fee_from=fee_from,
        stopped_reason=t.stopped_reason,
        is_on_disk=t.durable_seq >= 0,
        limit_needs_right=now.s >= t.started.s + kiosk.settings.patience.own_start_s,
    )


def _curve(t: Transaction) -> tuple[CurvePoint, ...]:
    """On the order's time; the part before a power cut is not kept."""
    before_s = t.before_ms // 1000
    return tuple(replace(point, elapsed_s=point.elapsed_s + before_s) for point in t.curve) if before_s else t.curve


def _ended(t: Transaction, address: str, ended_at: datetime | None) -> TransactionView:
    last = t.samples[-1]
    return TransactionView(
        transaction_id=t.ids.transaction_id,
        receipt_id=t.ids.receipt_id,
        receipt_url=receipt_url(address, t.ids.receipt_id),
        token=t.token_masked,
        stop_code="",
        started_at=t.started.wall,
        elapsed_s=(t.before_ms + last.elapsed_ms) // 1000,
        energy_wh=t.before_wh + t.energy_wh,
        power_w=0,
        meter_age_s=None,
        meter_quality=Quality.GOOD,
        last_value_at=None,
        charging_state=t.charging_state,
        is_offline=t.is_offline,
        bill=printed_bill(t.price_with(last)),
        offer=t.offer,
        curve=_curve(t),
        is_continued=t.continues is not None,
        limit=t.limit,
        cap_minor=t.authority.cap_minor,
        is_prepaid=t.authority.voucher_id is not None,
        is_by_phone=t.authority.is_by_phone,
        stops_by_phone=t.authority.stops_by_phone,
        stopped_reason=t.stopped_reason,
        ended_at=ended_at,
        is_on_disk=t.durable_seq >= t.next_seq - 1,
    )


def _started_at(t: Transaction, now: Now) -> datetime:
    """By a clock that became right since, within this boot."""
    is_of_this_boot = t.started.boot_id == now.boot_id
    if t.started.clock_is_known or not now.clock_is_known or not is_of_this_boot:
        return t.started.wall
    return now.wall - timedelta(seconds=now.s - t.started.s)


def printed_bill(price: Price) -> Bill:
    """A price as a screen prints it: the contract's own lines, which sum to the total."""
    lines = tuple(
        PriceLine(
            dimension=line.kind.value,
            quantity=format(line.quantity.quantize(Decimal("0.0001"), ROUND_HALF_UP), "f"),
            unit_price_gross=plain(line.unit_price),
            amount_minor=line.amount_minor,
        )
        for line in printed(price)
    )
    return Bill(price.currency, price.incl_vat_minor, price.vat_minor, lines)


def plain(number: Decimal) -> str:
    """All its digits, without an exponent and without zeros at the end."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def receipt_url(address: str, receipt_id: str) -> str:
    """In capitals, so that the QR code stays in alphanumeric mode and its modules large."""
    return f"{address.rstrip('/')}/r/{receipt_id}".upper()


def _why(kiosk: Kiosk, session: Session, now: Now, objection: str | None) -> tuple[str, ...]:
    """Causes for the state, the deciding one first, as words that `kiosk why` explains."""
    causes: list[str] = []
    match session.state:
        case State.IDLE:
            if session.evse_id not in kiosk.offers:
                causes.append("no_offer")
            if session.is_blocked:
                causes.append("blocked_by_operator")
            if session.reservation is not None:
                causes.append("reserved_for_phone" if session.reservation.is_for_phone else "reserved")
            if session.held_for is not None:
                causes.append("held_until_unplugged")
            if not (session.is_blocked or session.reservation or session.held_for):
                is_in = session.facts.pilot is not None and session.facts.pilot.is_connected
                causes.append("plugged_in" if is_in else "free")
            causes[:0] = _about_restart(session)
        case State.AUTHORIZING:
            is_payment = session.asked is not None and session.asked.token.kind is TokenKind.DIRECT_PAYMENT
            causes.append("waiting_for_payment" if is_payment else "waiting_for_answer")
        case State.PREPARING:
            causes.extend(_why_not_yet(session))
        case State.DELIVERING:
            causes.append(f"charging_state:{energy.charging_state(session).value}")
            if session.taper is not None:
                causes.append("near_limit")
        case State.PARKED:
            causes.append(f"stopped:{_stopped(session).value}")
            causes.append(_why_closed(session, now) or "waiting_for_unplug")
        case State.CLOSING:
            causes.append(f"stopped:{_stopped(session).value}")
            causes.append(_why_closed(session, now) or "waiting_for_last_reading")
        case State.OUT_OF_SERVICE:
            code = session.fault or FaultCode.PILOT_LOST
            causes.append(f"fault:{code.value}")
            if RULE_OF[code].latches:
                is_gone = code in _BY_A_LINE and not RULE_OF[code].holds(session.facts, session.watch)
                causes.append("cause_gone" if is_gone else "needs_reset")
            if (standing := fault_in(session.facts, session.watch)) not in (None, code):
                causes.append(f"fault:{standing}")
    if session.transaction is not None and session.transaction.continues is not None:
        causes.append("continued")
    if session.share is not None and session.state in (State.PREPARING, State.DELIVERING):
        about_site = list(session.share.causes)
        causes = about_site + causes if session.share.offered_a == 0 else causes + about_site
    if session.state in (State.PREPARING, State.DELIVERING):
        causes.extend(_why_warm(session))
    if objection is not None:
        causes.append(f"interlock:{objection}")
    return tuple(causes)


def _why_warm(session: Session) -> list[str]:
    """Why less is offered or taken than could be; no fault."""
    causes = ["heat:board"] if session.facts.board_derates else []
    if session.watch.heat:
        causes.append("heat:half" if session.watch.heat == 1 else "heat:least")
    return causes


def _about_restart(session: Session) -> list[str]:
    """Whether a charge that was interrupted will go on, or why it does not."""
    if session.restart_verdict is None:
        return []
    return [f"goes_on:{session.restart_verdict.value}" if session.interrupted else f"ended:{session.restart_verdict}"]


def _why_closed(session: Session, now: Now) -> str | None:
    """After a stop: why the contactor is not seen open yet; None once it is."""
    if energy.is_ramping(session, now.s):
        return "ramping_down"
    return None if energy.is_seen(session, closed=False) else "waiting_for_open_feedback"


def _shares_with(session: Session) -> tuple[int, ...]:
    if session.share is None or session.state not in (State.PREPARING, State.DELIVERING):
        return ()
    return session.share.shares_with if session.share.causes else ()


def _why_not_yet(session: Session) -> list[str]:
    t, pilot = session.transaction, session.facts.pilot
    if t is not None and t.durable_seq < 0:
        return ["waiting_for_disk"]
    if pilot is None or not pilot.is_connected:
        return ["waiting_for_plug"]
    return ["waiting_for_contactor"] if pilot.asks_for_energy else ["waiting_for_vehicle"]


def _stopped(session: Session) -> StoppedReason:
    t = session.transaction
    return t.stopped_reason if t is not None and t.stopped_reason is not None else StoppedReason.OTHER
