"""Snapshots of one made-up day at kiosk HK07, computed so that every number agrees with every other."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from contract.device_code import short_code, signed_address
from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.price import Quantities, price_of
from contract.restrictions import WEEKDAYS, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement, TariffOffer
from contract.transaction import ChargingState, ClockQuality, StoppedReason
from kiosk.session.events import Now
from kiosk.session.faults import FaultCode
from kiosk.session.phone import problem as phone_problem
from kiosk.session.snapshot import (
    Availability,
    Bill,
    CurvePoint,
    DeviceView,
    EvseView,
    FaultView,
    Limit,
    LimitKind,
    Notice,
    NoticeCode,
    PhoneCode,
    ReaderView,
    Snapshot,
    TransactionView,
)
from kiosk.session.states import State
from kiosk.session.view import printed_bill

START = datetime(2026, 11, 21, 13, 53, 18, tzinfo=UTC)  # 14:53:18 at the kiosk
VAT = Decimal(19)
RECEIPT_URL = "HTTPS://HARBOUR.EXAMPLE/R/7Q2M4KXD91TBC0WE5N8FYAHJ6P"


def gross(amount: str) -> Decimal:
    return Decimal(amount) / (1 + VAT / 100)


def component(kind: Dimension, price: str, step: int = 1) -> PriceComponent:
    return PriceComponent(kind, gross(price), VAT, step)


OFFER = TariffOffer(
    Tariff(
        "DAY",
        3,
        "EUR",
        (TariffElement((component(Dimension.ENERGY, "0.59"), component(Dimension.PARKING_TIME, "6.00", 60))),),
    ),
    parking_grace_s=600,
)
RICH_OFFER = TariffOffer(
    Tariff(
        "ALL",
        1,
        "EUR",
        (
            TariffElement(
                (
                    component(Dimension.ENERGY, "0.49"),
                    component(Dimension.TIME, "1.20", 60),
                    component(Dimension.FLAT, "1.00"),
                    component(Dimension.PARKING_TIME, "6.00", 60),
                )
            ),
        ),
    ),
    parking_grace_s=600,
)


WINDOWS_OFFER = TariffOffer(
    Tariff(
        "WINDOWS",
        1,
        "EUR",
        (
            TariffElement(
                (component(Dimension.ENERGY, "0.39"),),
                TariffRestrictions(start_time="22:00", end_time="06:00"),
            ),
            TariffElement(
                (component(Dimension.ENERGY, "0.69"),),
                TariffRestrictions(start_time="16:00", end_time="20:00", day_of_week=WEEKDAYS[:5]),
            ),
            TariffElement((component(Dimension.ENERGY, "0.59"), component(Dimension.TIME, "1.20"))),
            TariffElement(
                (component(Dimension.PARKING_TIME, "6.00", 60),),
                TariffRestrictions(start_time="08:00", end_time="20:00"),
            ),
            TariffElement((component(Dimension.FLAT, "1.00"),)),
        ),
        PriceLimit(Decimal("2.10"), Decimal("2.50")),
        PriceLimit(Decimal("50.42"), Decimal("60.00")),
    ),
    parking_grace_s=600,
    time_zone="Europe/Berlin",
)


_HOURS = tuple(
    TariffElement(
        (component(Dimension.ENERGY, f"0.{30 + hour}"),),
        TariffRestrictions(start_time=f"{hour:02}:00", end_time=f"{hour + 1:02}:00"),
    )
    for hour in range(23)
)
LONG_OFFER = replace(WINDOWS_OFFER, tariff=replace(WINDOWS_OFFER.tariff, elements=_HOURS))


def power_at(elapsed_s: float) -> int:
    minutes = elapsed_s / 60
    rise = 21_800 * (1 - math.exp(-minutes * 2.2)) + 120 * math.sin(minutes * 1.3)
    return int(rise if minutes < 55 else max(3_000, rise - (minutes - 55) * 700))


def bill_of(offer: TariffOffer, energy_wh: int, charging_s: int, parked_paid_s: int = 0) -> Bill:
    return printed_bill(price_of(offer, Quantities(energy_wh, charging_s * 1000, parked_paid_s * 1000), START))


def transaction(elapsed_s: int = 1122, **changes: Any) -> TransactionView:
    curve = tuple(CurvePoint(at, power_at(at)) for at in range(0, elapsed_s + 1, max(10, elapsed_s // 90)))
    energy_wh = sum(power_at(at) for at in range(elapsed_s)) // 3600
    offer = changes.pop("offer", OFFER)
    energy_wh = changes.pop("energy_wh", energy_wh)
    made = TransactionView(
        transaction_id="5a0c3e1c9d5e4f6a8b7c6d5e4f3a2b1c",
        receipt_id="7q2m4kxd91tbc0we5n8fyahj6p",
        receipt_url=RECEIPT_URL,
        token="…52F1",
        stop_code="5183",
        started_at=START,
        elapsed_s=elapsed_s,
        energy_wh=energy_wh,
        power_w=power_at(elapsed_s),
        meter_age_s=0.4,
        meter_quality=Quality.GOOD,
        last_value_at=START + timedelta(seconds=elapsed_s),
        charging_state=ChargingState.CHARGING,
        is_offline=False,
        bill=bill_of(offer, energy_wh, elapsed_s),
        offer=offer,
        curve=curve,
    )
    return replace(made, **changes)


def phone(number: int) -> PhoneCode:
    """As the kiosk makes it; nobody's secret."""
    at = START.astimezone(UTC)
    base, secret = "https://charge.harbour.example", "5e" * 32
    return PhoneCode(signed_address(base, "hk-07", number, secret, at), short_code(secret, number, at), 42.0)


def evse(number: int, **changes: Any) -> EvseView:
    made = EvseView(
        evse_id=number,
        connector_id=1,
        connector_type="Type 2",
        max_power_w=22_080 if number == 1 else 11_040,
        state=State.IDLE,
        in_state_s=30.0,
        deadline_in_s=None,
        status=Availability.AVAILABLE,
        pilot=PilotState.A,
        contactor_closed=False,
        wants_contactor_closed=False,
        offered_a=0,
        offer=OFFER,
        transaction=None,
        receipt=None,
        receipt_in_s=None,
        fault=None,
        held=False,
        why=(),
    )
    made = replace(made, **changes)
    is_payable = made.state is State.IDLE and made.offer is not None and not made.held and made.reserved_until is None
    if is_payable and not made.is_blocked and "phone" not in changes:
        made = replace(made, phone=phone(number))
    return made


def snapshot(*evses: EvseView, at_s: float = 10_000.0, minutes: float = 0.0, **changes: Any) -> Snapshot:
    made = Snapshot(
        kiosk_id="HK07",
        place="North Quay",
        operator="Harbour Energy",
        helpline="0800 555 0107",
        address="HTTPS://HARBOUR.EXAMPLE",
        time_zone="Europe/Berlin",
        at=START + timedelta(minutes=minutes),
        at_s=at_s,
        clock_quality=ClockQuality.SYNCHRONISED,
        boot_id="b1",
        is_online=True,
        outbox_rows=0,
        chosen_evse=None,
        token_waits=False,
        token_waits_s=None,
        notice=None,
        evses=evses or (evse(1), evse(2)),
        readers=(ReaderView("card", "nfc", True, ""), ReaderView("code", "qr", True, "")),
        devices=(DeviceView("meter 1", True, ""),),
    )
    made = replace(made, **changes)
    problem = phone_problem(made.is_online, Now(made.at_s, made.at, made.clock_quality, made.boot_id), "5e" * 32)
    if problem is not None and "phone_problem" not in changes:
        made = replace(made, phone_problem=problem)
    return (
        made if made.phone_problem is None else replace(made, evses=tuple(replace(e, phone=None) for e in made.evses))
    )


def delivering(number: int = 1, elapsed_s: int = 1122, **changes: Any) -> EvseView:
    return evse(
        number, state=State.DELIVERING, status=Availability.OCCUPIED, pilot=PilotState.C, contactor_closed=True,
        wants_contactor_closed=True, offered_a=32, transaction=transaction(elapsed_s, **changes),
    )  # fmt: skip


def preparing(pilot: PilotState = PilotState.A, **changes: Any) -> EvseView:
    begun = transaction(
        0, energy_wh=0, power_w=0, curve=(), charging_state=ChargingState.EV_CONNECTED, **changes
    )  # fmt: skip
    return evse(
        1, state=State.PREPARING, status=Availability.OCCUPIED, pilot=pilot, deadline_in_s=151.0, in_state_s=29.0,
        transaction=begun,
    )  # fmt: skip


def parked(parked_s: int = 120, grace: bool = True, **changes: Any) -> EvseView:
    offer = OFFER if grace else TariffOffer(OFFER.tariff, 0)
    stopped = START + timedelta(seconds=1800)
    paid_s = max(0, parked_s - offer.parking_grace_s)
    wh = sum(power_at(at) for at in range(1800)) // 3600
    bill = bill_of(offer, wh, 1800, paid_s)
    moved = transaction(
        1800, offer=offer, bill=bill, power_w=0, charging_state=ChargingState.EV_CONNECTED, parked_s=parked_s,
        parking_fee_from=stopped + timedelta(seconds=offer.parking_grace_s), stopped_reason=StoppedReason.LOCAL,
        **changes,
    )  # fmt: skip
    return evse(1, state=State.PARKED, status=Availability.OCCUPIED, pilot=PilotState.B, transaction=moved)


def with_receipt(pilot: PilotState = PilotState.A, paid_s: int = 240, **changes: Any) -> EvseView:
    offer = changes.pop("offer", OFFER)
    wh = changes.pop("energy_wh", sum(power_at(at) for at in range(1800)) // 3600)
    ended = transaction(
        1800, energy_wh=wh, offer=offer, bill=bill_of(offer, wh, 1800 if wh else 0, paid_s), power_w=None,
        charging_state=ChargingState.IDLE, stopped_reason=changes.pop("reason", StoppedReason.LOCAL),
        ended_at=START + timedelta(seconds=2640), **changes,
    )  # fmt: skip
    return evse(1, pilot=pilot, receipt=ended, receipt_in_s=45.0)


def broken(code: FaultCode, with_transaction: bool = False, number: int = 1) -> EvseView:
    return evse(
        number, state=State.OUT_OF_SERVICE, status=Availability.FAULTED, pilot=PilotState.B,
        fault=FaultView(code, START + timedelta(minutes=11), True, ""),
        receipt=transaction(660, stopped_reason=StoppedReason.OTHER) if with_transaction else None,
    )  # fmt: skip


def notice(code: NoticeCode, number: int | None = 1) -> Notice:
    return Notice(code, 10_008.0, number)


ENERGY_LIMIT = Limit(LimitKind.ENERGY, 20_000)
