"""Every state of the driver's pages, made by hand: for pictures, and for what must hold of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from fastapi.responses import HTMLResponse

from billing.checkout.checkout import Checkout, Origin, Reason, Stage
from billing.checkout.view import CheckoutView, Money, Step, Stopping
from billing.pages import phone_shell
from billing.pages.phone_device_view import Alternative, Asked, DeviceFacts, DeviceState, Proof, device_page
from billing.pages.phone_order_view import Moments, OrderFacts, Start, cancel_page, order_page, stop_page
from billing.pages.receipt_view import Receipt
from contract.price import Sample, TimeUse, price
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from tests.billing.stories import NOON, OFFER, TARIFF

LINK = "5f0c" * 8
NAME, CONTACT = "Harbour Energy", "+49 40 555 0107"
NIGHT = TariffOffer(
    Tariff(
        "harbour-night",
        1,
        "EUR",
        (
            TariffElement(
                (PriceComponent(Dimension.ENERGY, Decimal("0.25"), Decimal(20)),),
                TariffRestrictions(start_time="22:00", end_time="06:00"),
            ),
            TariffElement(
                (
                    PriceComponent(Dimension.ENERGY, Decimal("0.45"), Decimal(20)),
                    PriceComponent(Dimension.TIME, Decimal("1.20"), Decimal(20)),
                    PriceComponent(Dimension.PARKING_TIME, Decimal("3.00"), Decimal(20)),
                )
            ),
        ),
    ),
    600,
    "Europe/Berlin",
)
YEN = replace(
    OFFER,
    tariff=replace(
        TARIFF,
        currency="JPY",
        elements=(
            TariffElement(
                (
                    PriceComponent(Dimension.ENERGY, Decimal(60), Decimal(10)),
                    PriceComponent(Dimension.FLAT, Decimal(100), Decimal(10)),
                )
            ),
        ),
    ),
)
DEVICE = DeviceFacts("hk-07", "HK-07", "Pier 4 North", "Europe/Berlin", 2, 22_080, OFFER, 4_000)
OTHER = Alternative("hk-01", "HK-01", 1, True)
CHECKOUT = Checkout(
    link_id=LINK,
    origin=Origin.PHONE,
    kiosk_id="hk-07",
    evse_id=2,
    offer=OFFER,
    hold_minor=1_500,
    language="en",
    begun=NOON,
    kept_until=NOON + timedelta(seconds=120),
    payment_id="P3fa92c1b77",
    start_id="s",
    stage=Stage.RUNNING,
)
HELD = Money(1_500, held_minor=1_500)
CHARGE = (Sample(0, 0, TimeUse.CHARGING), Sample(2_700_000, 8_214, TimeUse.CHARGING))
AFTER = (*CHARGE[:1], Sample(2_700_000, 18_642, TimeUse.PARKING), Sample(4_020_000, 18_642, TimeUse.NONE))
VIEW = CheckoutView(
    LINK, Step.CHARGING, None, "", "hk-07", "HK-07", "Pier 4 North", "Europe/Berlin", 2, "en", CHECKOUT, HELD,
    NOON + timedelta(seconds=120), True, NOON, energy_wh=8_214, power_w=11_040, price=price(OFFER, CHARGE),
    value_age_s=12, started_at=NOON - timedelta(minutes=45),
)  # fmt: skip
POWERS = tuple((minute * 60_000, min(11_040, minute * 6_000) + minute % 3 * 90) for minute in range(46))
RUNNING = OrderFacts(VIEW, 2_700_000, POWERS, stop_code="4417")
MOMENTS = Moments(NOON, NOON + timedelta(minutes=129), NOON + timedelta(minutes=129))
RECEIPT = Receipt(
    state="finished",
    heading="€\u00a011.39",
    subject="18.642\u00a0kWh · Thu 14 May 2026, 12:58–15:07 (UTC+2)",
    place="HK-07 · Connector 2 · Pier 4 North",
    lines=(
        ("Energy", "18.642\u00a0kWh × €\u00a00.54", "€\u00a010.07"),
        ("Plugged in without charging", "12\u00a0min × €\u00a00.06; the first 10\u00a0min are free", "€\u00a00.72"),
        ("Once per charge", "1 × €\u00a00.60", "€\u00a00.60"),
    ),
    total="€\u00a011.39",
    without_vat="€\u00a09.49",
    vat=(("VAT 20 %", "€\u00a01.90"),),
    tariff=(),
    registers=(
        ("Register at start, 12:58:04", "48,213.407\u00a0kWh"),
        ("Register at end, 14:41:12", "48,232.049\u00a0kWh"),
    ),
    delivered="18.642\u00a0kWh",
    payment=(),
    you_paid="",
    paid="",
    notes=(),
    cdr_id="C-1",
    history=(),
    version="",
    seen="",
)

ORDERS: dict[str, OrderFacts] = {
    "pay": OrderFacts(replace(VIEW, step=Step.RESERVED)),
    "pay-asking": OrderFacts(replace(VIEW, step=Step.PAYING)),
    "starting": OrderFacts(replace(VIEW, step=Step.STARTING), start=Start(NOON, NOON + timedelta(seconds=60), False)),
    "silent": OrderFacts(
        replace(VIEW, step=Step.STARTING, last_heard=NOON - timedelta(seconds=118)),
        start=Start(NOON - timedelta(seconds=40), NOON + timedelta(seconds=80), False),
        moments=Moments(held=NOON - timedelta(seconds=41)),
        alternatives=(OTHER,),
    ),
    "silent-heard": OrderFacts(
        replace(VIEW, step=Step.STARTING, last_heard=NOON - timedelta(seconds=38)),
        start=Start(NOON - timedelta(seconds=40), NOON + timedelta(seconds=20), True),
        moments=Moments(held=NOON - timedelta(seconds=41)),
    ),
    "starting-ends": OrderFacts(
        replace(VIEW, step=Step.STARTING, stopping=Stopping.ASKED),
        start=Start(NOON, NOON + timedelta(seconds=60), False),
    ),
    "plug-in": OrderFacts(replace(VIEW, step=Step.PLUG_IN)),
    "charging": RUNNING,
    "charging-much": replace(
        RUNNING, view=replace(VIEW, energy_wh=118_640, power_w=149_900), elapsed_ms=45_000_000, powers=POWERS
    ),
    "charging-begun": replace(RUNNING, view=replace(VIEW, price=None, energy_wh=0, power_w=0), powers=(), elapsed_ms=0),
    "charging-paused": replace(RUNNING, is_paused=True, view=replace(VIEW, power_w=0)),
    "stale": replace(RUNNING, view=replace(VIEW, value_age_s=260, is_reachable=False)),
    "stopping": replace(
        RUNNING, view=replace(VIEW, stopping=Stopping.ASKED), stop_asked_at=NOON - timedelta(seconds=4)
    ),
    "stop-silent": replace(
        RUNNING,
        view=replace(VIEW, stopping=Stopping.ASKED, value_age_s=200),
        stop_asked_at=NOON - timedelta(seconds=50),
    ),
    "parked-free": OrderFacts(replace(VIEW, step=Step.PARKED), parked_at=NOON - timedelta(minutes=3)),
    "parked-counts": OrderFacts(
        replace(VIEW, step=Step.PARKED, price=price(OFFER, AFTER), energy_wh=18_642),
        parked_at=NOON - timedelta(minutes=22),
    ),
    "finishing": OrderFacts(replace(VIEW, step=Step.FINISHING, price=price(OFFER, AFTER), energy_wh=18_642)),
    "finishing-cut": OrderFacts(replace(VIEW, step=Step.FINISHING, may_go_on=True)),
    "finished": OrderFacts(
        replace(
            VIEW,
            step=Step.FINISHED,
            receipt_key="ab" * 16,
            money=Money(1_500, 0, 1_139, 361),
            price=price(OFFER, AFTER),
        ),
        moments=MOMENTS,
        receipt=RECEIPT,
    ),
    "finished-paying": OrderFacts(
        replace(VIEW, step=Step.FINISHED, receipt_key="ab" * 16, price=price(OFFER, AFTER)),
        moments=Moments(NOON),
        receipt=RECEIPT,
    ),
    "finished-refunded": OrderFacts(
        replace(VIEW, step=Step.FINISHED, receipt_key="ab" * 16, money=Money(1_500, 0, 1_193, 307, 54)),
        moments=replace(MOMENTS, refunded=NOON + timedelta(minutes=154)),
        receipt=replace(RECEIPT, version="Version 2"),
    ),
    **{
        f"failed-{reason.value}": OrderFacts(
            replace(VIEW, step=Step.FAILED, reason=reason, money=Money(1_500, released_minor=1_500)),
            start=Start(NOON, NOON + timedelta(seconds=60), True),
            moments=Moments(held=NOON, released=NOON + timedelta(seconds=70)),
        )
        for reason in Reason
    },
    "failed-held": OrderFacts(
        replace(VIEW, step=Step.FAILED, reason=Reason.START_LOST, money=HELD), alternatives=(OTHER,)
    ),
    "failed-unknown": OrderFacts(
        replace(VIEW, step=Step.FAILED, reason=Reason.PAYMENT_UNAVAILABLE, money=Money(1_500, is_known=False))
    ),
}
DEVICES: dict[str, tuple[DeviceFacts, Asked]] = {
    "device": (DEVICE, Asked()),
    "device-scanned": (DEVICE, Asked(proof=Proof.SCANNED)),
    "device-old-scan": (DEVICE, Asked(proof=Proof.OLD_SCAN)),
    "device-wrong-code": (DEVICE, Asked(2_000, Proof.WRONG, 2, typed="123456")),
    "device-last-try": (DEVICE, Asked(2_000, Proof.WRONG, 1, typed="123456")),
    "device-rests": (DEVICE, Asked(2_000, Proof.RESTS, 0, 60, typed="123456")),
    "device-refused": (DEVICE, Asked(2_000, Proof.KEPT, refusal="insufficient_funds")),
    "device-declined": (DEVICE, Asked(2_000, Proof.KEPT, refusal="declined")),
    "device-changed": (DEVICE, Asked(has_changed=True)),
    "device-bad-amount": (DEVICE, Asked(has_bad_amount=True)),
    "device-times": (replace(DEVICE, offer=NIGHT), Asked()),
    "device-yen": (replace(DEVICE, offer=YEN, most_minor=5_000, time_zone="Asia/Tokyo"), Asked()),
    "device-occupied": (replace(DEVICE, state=DeviceState.OCCUPIED, alternatives=(OTHER,)), Asked()),
    "device-reserved": (
        replace(DEVICE, state=DeviceState.RESERVED, until=NOON + timedelta(seconds=80)),
        Asked(),
    ),
    "device-out-of-service": (replace(DEVICE, state=DeviceState.OUT_OF_SERVICE), Asked()),
    "device-not-reachable": (
        replace(
            DEVICE, state=DeviceState.NOT_REACHABLE, last_heard=NOON - timedelta(minutes=12), alternatives=(OTHER,)
        ),
        Asked(),
    ),
    "device-never-heard": (replace(DEVICE, state=DeviceState.NOT_REACHABLE), Asked()),
}
# One of each kind, for what takes long: the same template with another sentence is fit or unfit as the first one.
KINDS = (
    "device", "device-wrong-code", "device-refused", "device-times", "device-not-reachable", "pay", "silent",
    "plug-in", "charging", "stale", "stop-silent", "parked-counts", "finishing", "finished-refunded", "failed-held",
    "stop", "lost",
)  # fmt: skip
Page = Callable[[str], HTMLResponse]


def device(name: str, language: str, now: datetime = NOON) -> HTMLResponse:
    facts, asked = DEVICES[name]
    values = device_page(facts, asked, language, now)
    values |= {"action": f"/d/{facts.kiosk_id}/{facts.evse_id}", "kept": {}, "seen": "", "offer_mark": "m"}
    return phone_shell.device_response(values, language, NAME, CONTACT)


def order(name: str, language: str, now: datetime = NOON) -> HTMLResponse:
    shown = order_page(ORDERS[name], language, now)
    return phone_shell.order_response(shown, language, NAME, CONTACT, "https://pay.example/app/pay")


PAGES: dict[str, Page] = {
    **{name: lambda language, name=name: device(name, language) for name in DEVICES},
    **{name: lambda language, name=name: order(name, language) for name in ORDERS},
    "stop": lambda language: phone_shell.confirm_response(
        stop_page(RUNNING, language), "stop", language, NAME, CONTACT
    ),
    "cancel": lambda language: phone_shell.confirm_response(
        cancel_page(RUNNING, language), "cancel", language, NAME, CONTACT
    ),
    "lost": lambda language: phone_shell.lost_response("lost", language, NAME, CONTACT),
    "unknown-device": lambda language: phone_shell.lost_response("unknown", language, NAME, CONTACT),
}
