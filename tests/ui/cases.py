"""Every screen in every state worth looking at: name → (snapshot or None, where the screen is, seconds of silence)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.transaction import ChargingState, ClockQuality, StoppedReason
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import Availability, Limit, LimitKind, NoticeCode, PhoneProblem, ReaderView, Snapshot
from kiosk.session.states import State
from kiosk.ui.acts import Choose, Page
from kiosk.ui.navigation import Nav, Sent
from tests.ui import samples as s

NOW_S = 1_002.0  # chevrons stand at two
NAV = Nav("en", "en", touched_at_s=NOW_S - 3)
AT_1 = replace(NAV, focus=1)
Case = tuple[Snapshot | None, Nav, float]


def _charging(minutes: float = 18.7, **changes: object) -> Snapshot:
    return s.snapshot(s.delivering(1, int(minutes * 60), **changes), s.evse(2), minutes=minutes)


def _shared(offered_a: int, *others: int, cause: str = "site_limit:shared") -> Snapshot:
    """The site's limit binds; without others it is the load of something else."""
    state = ChargingState.CHARGING if offered_a else ChargingState.SUSPENDED_EVSE
    mine = s.delivering(charging_state=state, power_w=offered_a * 690)
    mine = replace(mine, offered_a=offered_a, why=(cause,), shares_with=others)
    return s.snapshot(mine, s.delivering(2) if others else s.evse(2), minutes=18.7)


def _stale() -> Snapshot:
    last = s.START + timedelta(seconds=1110)
    return _charging(meter_quality=Quality.STALE, power_w=None, meter_age_s=14.0, last_value_at=last)


_THREE = (s.evse(1, connector_type="CCS", max_power_w=150_000), s.evse(2, connector_type="CCS", max_power_w=50_000),
          s.delivering(3))  # fmt: skip
_WHICH = s.notice(NoticeCode.WHICH_CONNECTOR)
_BOTH_READERS = (ReaderView("c", "nfc", False, ""), ReaderView("q", "qr", True, ""))


def _fault(code: FaultCode) -> Snapshot:
    return s.snapshot(s.broken(code, code is not FaultCode.PILOT_LOST), s.evse(2), minutes=11)


_ASKING = s.evse(1, state=State.AUTHORIZING, in_state_s=5.0)
_STOPPED = FaultCode.EMERGENCY_STOP
_FIVE = (*_THREE, s.evse(4), s.evse(5))

_WAITS: dict[str, Any] = {"token_waits": True, "token_waits_s": 17.0, "token_waiting": "…52F1"}
_UNTIL = s.START + timedelta(minutes=37)
_BY_APP: dict[str, Any] = {"is_by_phone": True, "cap_minor": 5_000, "charge_cap_minor": 4_900}
_BY_PHONE: dict[str, Any] = {**_BY_APP, "token": "", "stops_by_phone": True}
_PHONE_RESERVES = s.evse(
    1, status=Availability.RESERVED, reserved_until=s.START + timedelta(seconds=107), reserved_s=107.0,
    reserved_for_phone=True,
)  # fmt: skip


def _parked_locked() -> Snapshot:
    return s.snapshot(replace(s.parked(), has_lock=True), s.evse(2), minutes=32)


def _parked_guest(parked_s: int, **changes: Any) -> Snapshot:
    guest = s.parked(parked_s, is_prepaid=True, cap_minor=1_500, charge_cap_minor=1_300, **changes)
    return s.snapshot(guest, s.evse(2), minutes=30 + parked_s / 60)


CASES: dict[str, Case] = {
    "01-home": (s.snapshot(), NAV, 0),
    "01-home-one-in-use": (s.snapshot(s.delivering(1), s.evse(2, pilot=PilotState.B), minutes=18.7), NAV, 0),
    "01-home-out-of-service": (s.snapshot(s.broken(FaultCode.RCD_TRIPPED), s.evse(2, offer=None)), NAV, 0),
    "01-home-one": (s.snapshot(s.evse(1)), NAV, 0),
    "01-home-three": (s.snapshot(*_THREE), NAV, 0),
    "01-home-five": (s.snapshot(*_FIVE), NAV, 0),
    "01-home-offline": (
        s.snapshot(is_online=False, readers=(ReaderView("c", "nfc", True, ""), ReaderView("q", "qr", False, "gone"))),
        NAV, 0,
    ),
    "01-home-readers-dead": (s.snapshot(readers=(ReaderView("c", "nfc", False, "gone"),)), NAV, 0),
    "01-home-choosing": (s.snapshot(), replace(NAV, sent=Sent(Choose(1), NOW_S - 4)), 0),
    "01-home-goes-on": (s.snapshot(s.evse(1, pilot=PilotState.C, held=True, goes_on=True), s.evse(2)), NAV, 0),
    "01-home-rich-tariff": (s.snapshot(s.evse(1, offer=s.RICH_OFFER), s.evse(2, held=True)), NAV, 0),
    "01-home-windows": (s.snapshot(s.evse(1, offer=s.WINDOWS_OFFER), s.evse(2)), NAV, 0),
    "01-home-windows-three": (
        s.snapshot(*(s.evse(n, offer=s.WINDOWS_OFFER) for n in (1, 2, 3))), NAV, 0,
    ),
    "01-home-reserved": (
        s.snapshot(s.evse(1, status=Availability.RESERVED, reserved_until=_UNTIL), s.evse(2, state=State.PARKED)),
        NAV, 0,
    ),
    "01-home-blocked": (
        s.snapshot(s.evse(1, status=Availability.UNAVAILABLE, is_blocked=True), s.evse(2, held=True)), NAV, 0,
    ),
    "01-home-phone-reserves": (s.snapshot(_PHONE_RESERVES, s.evse(2)), NAV, 0),
    "01-home-all-in-use": (s.snapshot(s.delivering(1), s.delivering(2), minutes=18.7), NAV, 0),
    "01-home-no-secret": (s.snapshot(phone_problem=PhoneProblem.NO_SECRET), NAV, 0),
    "01-home-no-phones": (s.snapshot(phone_problem=PhoneProblem.NOT_TAKEN), NAV, 0),
    "01-home-silent": (s.snapshot(), NAV, 3.0),
    "01-home-clock-unknown": (s.snapshot(clock_quality=ClockQuality.UNKNOWN), NAV, 0),
    "02-choose": (s.snapshot(**_WAITS, token_starts=(1, 2), notice=replace(_WHICH, evse_id=None)), NAV, 0),
    "02-choose-code": (
        s.snapshot(**_WAITS, token_is_code=True, token_starts=(1, 2), notice=replace(_WHICH, evse_id=None)), NAV, 0,
    ),
    "02-choose-code-busy": (
        s.snapshot(s.delivering(1), s.evse(2), **_WAITS, token_is_code=True, token_starts=(2,),
                   notice=replace(_WHICH, evse_id=1)), NAV, 0,
    ),
    "02-choose-three": (s.snapshot(*_THREE, **_WAITS, token_starts=(1, 2), token_stops=(3,)), NAV, 0),
    "02-choose-looked-at": (s.snapshot(**_WAITS, token_starts=(1, 2), notice=replace(_WHICH, evse_id=1)), NAV, 0),
    "02-choose-busy": (
        s.snapshot(s.delivering(1), s.evse(2), **_WAITS, token_starts=(2,), notice=replace(_WHICH, evse_id=1)), NAV, 0,
    ),
    "03-identify": (s.snapshot(chosen_evse=1), AT_1, 0),
    "03-identify-no-phones": (s.snapshot(chosen_evse=1, phone_problem=PhoneProblem.NOT_TAKEN), AT_1, 0),
    "03-identify-locked": (
        s.snapshot(s.evse(1, pilot=PilotState.B, held=True, has_lock=True), s.evse(2), chosen_evse=1), AT_1, 0,
    ),
    "03-identify-rich": (s.snapshot(s.evse(1, offer=s.RICH_OFFER), s.evse(2), chosen_evse=1), AT_1, 0),
    "03-identify-windows": (s.snapshot(s.evse(1, offer=s.WINDOWS_OFFER), s.evse(2), chosen_evse=1), AT_1, 0),
    "03-prices": (
        s.snapshot(s.evse(1, offer=s.WINDOWS_OFFER), s.evse(2), chosen_evse=1), replace(AT_1, page=Page.PRICES), 0,
    ),
    "03-prices-long": (
        s.snapshot(s.evse(1, offer=s.LONG_OFFER), s.evse(2), chosen_evse=1), replace(AT_1, page=Page.PRICES), 0,
    ),
    "03-identify-readers": (
        s.snapshot(chosen_evse=1, is_online=False, readers=_BOTH_READERS),
        AT_1, 0,
    ),
    "03-identify-still": (s.snapshot(chosen_evse=1), replace(AT_1, touched_at_s=NOW_S - 48), 0),
    "03-identify-offline": (s.snapshot(chosen_evse=1, is_online=False), AT_1, 0),
    "03-identify-clock-unknown": (s.snapshot(chosen_evse=1, clock_quality=ClockQuality.UNKNOWN), AT_1, 0),
    "03-identify-held": (
        s.snapshot(s.evse(1, pilot=PilotState.B, held=True), s.evse(2), chosen_evse=1), AT_1, 0,
    ),
    "03-reserved": (s.snapshot(_PHONE_RESERVES, s.evse(2)), AT_1, 0),
    "03-reserved-plugged-alone": (s.snapshot(replace(_PHONE_RESERVES, pilot=PilotState.B)), AT_1, 0),
    "03-authorizing-payment": (s.snapshot(replace(_ASKING, asks_payment=True), s.evse(2)), AT_1, 0),
    "03-authorizing": (s.snapshot(_ASKING, s.evse(2)), replace(AT_1, touched_at_s=NOW_S - 1), 0),
    "03-authorizing-long": (s.snapshot(_ASKING, s.evse(2)), AT_1, 0),
    "03-authorizing-offline": (
        s.snapshot(_ASKING, s.evse(2), is_online=False), AT_1, 0,
    ),
    "04-plug-in": (s.snapshot(s.preparing(), s.evse(2)), AT_1, 0),
    "04-plug-in-ccs": (
        s.snapshot(replace(s.preparing(), connector_type="CCS", max_power_w=150_000), s.evse(2)), AT_1, 0,
    ),
    "04-plug-in-no-code": (s.snapshot(s.preparing(stop_code=""), s.evse(2)), AT_1, 0),
    "04-plug-in-voucher": (
        s.snapshot(s.preparing(is_prepaid=True, is_offline=True, cap_minor=2_000), s.evse(2)), AT_1, 0,
    ),
    "04-plug-in-app": (s.snapshot(s.preparing(**_BY_APP), s.evse(2)), AT_1, 0),
    "06-stop-app": (_charging(**_BY_APP), replace(AT_1, page=Page.STOP, digits="51"), 0),
    "06-limit-code-app": (_charging(**_BY_APP, limit_needs_right=True), replace(AT_1, page=Page.LIMIT_CODE), 0),
    "04-plug-in-phone": (s.snapshot(s.preparing(**_BY_PHONE), s.evse(2)), AT_1, 0),
    "04-plugged-in": (s.snapshot(s.preparing(PilotState.B, is_offline=True), s.evse(2)), AT_1, 0),
    "04-switching-on": (s.snapshot(s.preparing(PilotState.C), s.evse(2)), AT_1, 0),
    "05-charging": (_charging(), AT_1, 0),
    "05-charging-phone": (_charging(**_BY_PHONE), AT_1, 0),
    "05-charging-begun": (_charging(0.2), AT_1, 0),
    "05-charging-long": (_charging(75, limit=Limit(LimitKind.MONEY, 2_500)), AT_1, 0),
    "05-charging-limit": (_charging(limit=s.ENERGY_LIMIT), AT_1, 0),
    "05-charging-stale": (_stale(), AT_1, 0),
    "05-charging-silent": (_charging(), AT_1, 4.0),
    "05-charging-paused": (_charging(charging_state=ChargingState.SUSPENDED_EV, power_w=0), AT_1, 0),
    "05-charging-shared": (_shared(16, 2), AT_1, 0),
    "05-charging-turn": (_shared(0, 2, 3, cause="site_limit:waits_for_turn"), AT_1, 0),
    "05-charging-less": (_shared(10, cause="site_limit:reduced"), AT_1, 0),
    "04-waits-for-power": (
        s.snapshot(replace(s.preparing(PilotState.B), why=("site_limit:waits_for_turn",), shares_with=(2,)),
                   s.delivering(2)), AT_1, 0,
    ),
    "05-charging-hot": (_shared(16, cause="heat:half"), AT_1, 0),
    "05-charging-offline": (replace(_charging(is_offline=True), is_online=False), AT_1, 0),
    "05-charging-continued": (_charging(is_continued=True), AT_1, 0),
    "05-charging-cap": (_charging(cap_minor=450), AT_1, 0),
    "05-charging-cap-parking": (_charging(cap_minor=600, charge_cap_minor=450, is_prepaid=True), AT_1, 0),
    "05-charging-near": (_charging(cap_minor=400, charge_cap_minor=400, nears_its_end=True), AT_1, 0),
    "05-charging-rich": (_charging(offer=s.RICH_OFFER), AT_1, 0),
    "05-charging-alone": (s.snapshot(s.delivering(1), minutes=18.7), AT_1, 0),
    "06-stop": (_charging(), replace(AT_1, page=Page.STOP, digits="51"), 0),
    "06-stop-voucher": (_charging(is_prepaid=True, cap_minor=2_000), replace(AT_1, page=Page.STOP, digits="51"), 0),
    "06-limit-code-voucher": (
        _charging(is_prepaid=True, cap_minor=2_000, limit_needs_right=True), replace(AT_1, page=Page.LIMIT_CODE), 0,
    ),
    "06-stop-ready": (_charging(), replace(AT_1, page=Page.STOP, digits="5183"), 0),
    "06-stop-wrong": (replace(_charging(), notice=s.notice(NoticeCode.WRONG_CODE)), replace(AT_1, page=Page.STOP), 0),
    "06-stop-phone": (_charging(**_BY_PHONE), replace(AT_1, page=Page.STOP, digits="51"), 0),
    "06-limit-code-phone": (
        _charging(**_BY_PHONE, limit_needs_right=True), replace(AT_1, page=Page.LIMIT_CODE), 0,
    ),
    "06-unlock": (_parked_locked(), replace(AT_1, page=Page.UNLOCK, digits="5"), 0),
    "06-unlock-wrong": (
        replace(_parked_locked(), notice=s.notice(NoticeCode.CODE_LOCKED)), replace(AT_1, page=Page.UNLOCK), 0,
    ),
    "06-limit-code": (_charging(limit_needs_right=True), replace(AT_1, page=Page.LIMIT_CODE), 0),
    "06-limit": (_charging(), replace(AT_1, page=Page.LIMIT), 0),
    "06-limit-money": (
        _charging(limit=s.ENERGY_LIMIT),
        replace(AT_1, page=Page.LIMIT, limit_kind=LimitKind.MONEY), 0,
    ),
    "06-limit-time": (_charging(), replace(AT_1, page=Page.LIMIT, limit_kind=LimitKind.TIME, limit_steps=6), 0),
    "07-parked": (s.snapshot(s.parked(), s.evse(2), minutes=32), AT_1, 0),
    "07-parked-locked": (_parked_locked(), AT_1, 0),
    "07-parked-paying": (s.snapshot(s.parked(1500), s.delivering(2), minutes=55), AT_1, 0),
    "07-parked-no-grace": (s.snapshot(s.parked(60, False), s.evse(2), minutes=31), AT_1, 0),
    "07-parked-voucher": (_parked_guest(300), AT_1, 0),
    "07-parked-voucher-paying": (_parked_guest(1500), AT_1, 0),
    "07-parked-voucher-used-up": (_parked_guest(2400, parking_is_free=True), AT_1, 0),
    "07-parked-phone-used-up": (
        s.snapshot(
            s.parked(2400, is_by_phone=True, cap_minor=1_500, charge_cap_minor=1_300, parking_is_free=True),
            s.evse(2), minutes=70,
        ),
        AT_1, 0,
    ),
    "07-closing": (
        s.snapshot(replace(s.delivering(), state=State.CLOSING), s.evse(2), minutes=30), AT_1, 0,
    ),
    "08-receipt": (s.snapshot(s.with_receipt(), s.evse(2), minutes=44), AT_1, 0),
    "08-receipt-locked": (
        s.snapshot(replace(s.with_receipt(PilotState.B), has_lock=True, held=True), s.evse(2), minutes=44), AT_1, 0,
    ),
    "08-receipt-rich": (
        s.snapshot(s.with_receipt(PilotState.B, offer=s.RICH_OFFER), s.evse(2), minutes=44), AT_1, 0,
    ),
    "08-receipt-windows": (
        s.snapshot(s.with_receipt(PilotState.B, offer=s.WINDOWS_OFFER), s.evse(2), minutes=44), AT_1, 0,
    ),
    "05-charging-windows": (_charging(offer=s.WINDOWS_OFFER), AT_1, 0),
    "08-receipt-phone": (s.snapshot(s.with_receipt(**_BY_PHONE), s.evse(2), minutes=44), AT_1, 0),
    "08-receipt-voucher": (
        s.snapshot(s.with_receipt(is_prepaid=True, cap_minor=200_000), s.evse(2), minutes=44), AT_1, 0,
    ),
    "08-receipt-voucher-rich": (
        s.snapshot(s.with_receipt(offer=s.RICH_OFFER, is_prepaid=True, cap_minor=200_000), s.evse(2), minutes=44),
        AT_1, 0,
    ),
    "08-receipt-after-a-fault": (_fault(FaultCode.RCD_TRIPPED), replace(AT_1, page=Page.RECEIPT), 0),
    "08-receipt-nothing": (
        s.snapshot(s.with_receipt(energy_wh=0, paid_s=0, reason=StoppedReason.TIMEOUT), s.evse(2)), AT_1, 0,
    ),
    **{
        f"09-fault-{code.value}": (_fault(code), AT_1, 0)
        for code in FaultCode
    },
    "09-fault-locked": (
        s.snapshot(
            replace(s.broken(FaultCode.METER_LOST), receipt=None, has_lock=True, held=True, pilot=PilotState.B),
            s.evse(2), minutes=12,
        ),
        AT_1, 0,
    ),
    "09-fault-alone": (s.snapshot(s.broken(FaultCode.METER_LOST), minutes=12), replace(AT_1, touched_at_s=0.0), 0),
    "09-fault-both": (
        s.snapshot(s.broken(_STOPPED), s.broken(_STOPPED, number=2), minutes=12), AT_1, 0,
    ),
    **{
        f"10-notice-{code.value}": (s.snapshot(notice=s.notice(code)), NAV, 0)
        for code in NoticeCode
        if code is not NoticeCode.WHICH_CONNECTOR
    },
    "11-help": (s.snapshot(), replace(NAV, page=Page.HELP), 0),
    "11-help-no-phones": (
        s.snapshot(phone_problem=PhoneProblem.NOT_TAKEN), replace(NAV, page=Page.HELP), 0,
    ),
    "11-languages": (s.snapshot(), replace(NAV, page=Page.LANGUAGES), 0),
    "12-starting": (None, NAV, 0),
    "12-restarting": (s.snapshot(), NAV, 30.0),
}  # fmt: skip
