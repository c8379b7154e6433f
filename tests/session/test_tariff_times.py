"""Tariffs that depend on the clock, the amount or the power, while a kiosk charges; and clocks that are not right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from contract.api import CommandStatus
from contract.price import price
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.tokens import LaterOffer
from contract.transaction import ClockQuality, TransactionEvent, began, samples_of
from kiosk.session import events
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from kiosk.session.view import About, snapshot
from tests.session.bench import ENERGY_ONLY, Bench, offer_of

NIGHT_BEGINS = datetime(2026, 11, 21, 21, 7, tzinfo=UTC)  # 22:07 in Berlin: no quarter-hour
AT_1970 = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)


def energy(cost: str) -> PriceComponent:
    return PriceComponent(Dimension.ENERGY, Decimal(cost), Decimal(20))


def sold(*elements: TariffElement, offline: Tariff | None = None) -> TariffOffer:
    return TariffOffer(Tariff("t", 1, "EUR", elements), 0, "Europe/Berlin", offline)


OFFLINE = offer_of((Dimension.ENERGY, "0.40", 1)).tariff
NIGHT = TariffRestrictions(start_time="22:07", end_time="06:00")
BY_CLOCK = sold(TariffElement((energy("0.30"),), NIGHT), TariffElement((energy("0.50"),)), offline=OFFLINE)
NO_OFFLINE = replace(BY_CLOCK, offline_tariff=None)


def server_price(story: list[TransactionEvent]) -> int:
    offer = story[0].offer
    assert offer is not None
    return price(offer, samples_of(story)).incl_vat_minor


def finished(bench: Bench) -> list[TransactionEvent]:
    bench.unplug()
    bench.run_until(State.IDLE)
    story = bench.story()
    assert story[-1].total_incl_vat_minor == server_price(story), "kiosk and server do not agree"
    return story


def test_a_reading_is_journaled_where_another_price_begins() -> None:
    bench = Bench(offer=BY_CLOCK, wall=NIGHT_BEGINS - timedelta(seconds=70))
    bench.charge(for_s=180)
    story = finished(bench)

    at = [event.at.wall for event in story]
    assert any(timedelta(0) <= moment - NIGHT_BEGINS < timedelta(seconds=0.5) for moment in at)
    offer = story[0].offer
    assert offer is not None
    lines = price(offer, samples_of(story)).lines
    assert [line.unit_price for line in lines] == [Decimal("0.50"), Decimal("0.30")]


def test_a_reading_is_journaled_soon_after_an_amount_or_a_power_was_passed() -> None:
    by_amount = TariffElement((energy("0.50"),), TariffRestrictions(max_kwh=Decimal("0.1")))
    by_power = TariffElement((energy("0.90"),), TariffRestrictions(min_power=Decimal("5")))
    bench = Bench(offer=sold(by_power, by_amount, TariffElement((energy("0.20"),))))
    bench.plugs[1].car_w = 4_000
    bench.charge(for_s=100)
    count = len(bench.journal)
    bench.plugs[1].car_w = 7_000
    bench.run(8)
    story = finished(bench)

    offer = story[0].offer
    assert offer is not None
    registers = [event.meter.import_wh - story[0].meter.import_wh for event in story]
    assert any(100 <= wh <= 108 for wh in registers), registers
    assert story[count].meter.power_w == 7_000
    assert {line.unit_price for line in price(offer, samples_of(story)).lines} >= {Decimal("0.50"), Decimal("0.20")}


@pytest.mark.parametrize(
    ("begin", "expensive"),
    [
        # 02:00–03:00 does not exist on that day in Berlin, comes twice on the other
        (datetime(2026, 3, 29, 0, 40, tzinfo=UTC), Decimal(0)),
        (datetime(2026, 10, 25, 0, 40, tzinfo=UTC), Decimal(1)),
    ],
)
def test_the_clock_is_changed_in_mid_charge(begin: datetime, expensive: Decimal) -> None:
    rule = TariffRestrictions(start_time="02:00", end_time="03:00")
    bench = Bench(offer=sold(TariffElement((energy("0.90"),), rule), TariffElement((energy("0.10"),))), wall=begin)
    bench.charge()
    bench.run(2_400, every_s=1.0)
    story = finished(bench)

    offer = story[0].offer
    assert offer is not None
    cost = price(offer, samples_of(story))
    dear = sum((line.quantity for line in cost.lines if line.unit_price == Decimal("0.90")), Decimal(0))
    whole = sum((line.quantity for line in cost.lines), Decimal(0))
    assert dear / whole == expensive


@pytest.mark.parametrize(
    ("begin", "rule", "share"),
    [
        (datetime(2028, 2, 28, 22, 50), {"start_date": "2028-02-29", "end_date": "2028-03-01"}, "after"),  # noqa: DTZ001
        (datetime(2028, 2, 29, 22, 50), {"start_date": "2028-02-29", "end_date": "2028-03-01"}, "before"),  # noqa: DTZ001
        (datetime(2026, 12, 31, 22, 50), {"start_date": "2027-01-01"}, "after"),  # noqa: DTZ001
        (datetime(2026, 12, 31, 22, 50), {"day_of_week": ("FRIDAY",)}, "after"),  # noqa: DTZ001
    ],
)
def test_midnight_of_a_leap_day_and_of_new_year(begin: datetime, rule: dict[str, object], share: str) -> None:
    """Ten minutes before and ten after midnight in Berlin."""
    days = TariffRestrictions(**rule)  # type: ignore[arg-type]
    offer = sold(TariffElement((energy("0.90"),), days), TariffElement((energy("0.10"),)))
    bench = Bench(offer=offer, wall=begin.replace(tzinfo=UTC))
    bench.charge()
    bench.run(1_200, every_s=1.0)
    story = finished(bench)

    first, second = price(offer, samples_of(story)).lines
    dear, cheap = (second, first) if share == "after" else (first, second)
    assert (dear.unit_price, cheap.unit_price) == (Decimal("0.90"), Decimal("0.10"))
    assert dear.quantity == pytest.approx(cheap.quantity, rel=Decimal("0.02"))


# ---- a clock that is not known -----------------------------------------------------------------------------------


def test_without_a_clock_the_offline_tariff_is_shown_and_frozen() -> None:
    bench = Bench(offer=BY_CLOCK, wall=AT_1970, quality=ClockQuality.UNKNOWN)

    assert bench.kiosk.offers[1].tariff == OFFLINE  # what the screen shows before the start
    bench.charge(for_s=60, offer=BY_CLOCK)
    story = finished(bench)

    assert story[0].offer is not None and story[0].offer.tariff == OFFLINE
    assert story[0].offer == BY_CLOCK.sold(clock_is_known=False)


def test_a_clock_that_steps_in_mid_charge_changes_no_price_and_tells_when_it_began() -> None:
    bench = Bench(offer=BY_CLOCK, wall=AT_1970, quality=ClockQuality.UNKNOWN)
    bench.charge(for_s=100, offer=BY_CLOCK)
    started_s = bench.journal[0].at.monotonic_ms / 1000
    bench.wall, bench.quality = NIGHT_BEGINS, ClockQuality.SYNCHRONISED  # NTP got through
    stepped_s = bench.s
    bench.run(120)

    assert bench.kiosk.offers[1].tariff == BY_CLOCK.tariff  # for the next one
    story = finished(bench)
    offer = story[0].offer
    assert offer is not None
    assert {line.unit_price for line in price(offer, samples_of(story)).lines} == {Decimal("0.40")}
    start = began(story)
    assert start.is_corrected and start.quality is ClockQuality.SYNCHRONISED
    assert abs(start.wall - (NIGHT_BEGINS - timedelta(seconds=stepped_s - started_s))) < timedelta(seconds=0.01)


def test_a_clock_that_steps_back_in_mid_charge_moves_no_price_window() -> None:
    """Anchored at Started and counted by the monotonic clock."""
    bench = Bench(offer=BY_CLOCK, wall=NIGHT_BEGINS - timedelta(seconds=100))
    bench.charge(for_s=40)
    bench.wall -= timedelta(hours=5)
    bench.quality = ClockQuality.ESTIMATED
    bench.run(120)
    story = finished(bench)

    offer = story[0].offer
    assert offer is not None
    assert [line.unit_price for line in price(offer, samples_of(story)).lines] == [Decimal("0.50"), Decimal("0.30")]


def test_without_a_clock_and_without_an_offline_tariff_nothing_is_sold() -> None:
    bench = Bench(offer=NO_OFFLINE, wall=AT_1970, quality=ClockQuality.UNKNOWN)
    assert bench.kiosk.offers == {}

    bench.quality, bench.wall = ClockQuality.SYNCHRONISED, NIGHT_BEGINS
    bench.sense()
    assert bench.kiosk.offers == {1: NO_OFFLINE}


def test_an_answer_whose_price_needs_a_clock_is_refused_where_there_is_none() -> None:
    bench = Bench(offer=ENERGY_ONLY, wall=AT_1970, quality=ClockQuality.UNKNOWN)
    bench.tap()
    bench.accept(offer=NO_OFFLINE)

    assert (bench.state(), bench.notice) == (State.IDLE, NoticeCode.NO_PRICE)
    assert not bench.journal


def test_a_start_command_whose_price_needs_a_clock_is_rejected_where_there_is_none() -> None:
    bench = Bench(offer=ENERGY_ONLY, wall=AT_1970, quality=ClockQuality.UNKNOWN)
    bench.kiosk = replace(bench.kiosk, offers={1: NO_OFFLINE})
    bench.command_start()

    assert [answer.status for answer in bench.answers] == [CommandStatus.REJECTED]
    assert "clock" in bench.answers[0].reason


# ---- a price that is promised until a time -----------------------------------------------------------------------


def test_a_price_that_has_ended_is_shown_and_sold_no_longer_until_a_new_one_comes() -> None:
    bench = Bench()
    until = bench.wall + timedelta(seconds=30)
    bench.say(events.OffersChanged({1: ENERGY_ONLY}, until))
    assert bench.kiosk.offers == {1: ENERGY_ONLY}
    assert bench.kiosk.next_deadline_s(bench.s) <= bench.s + 30

    bench.run(30)
    assert bench.kiosk.offers == {}

    bench.say(events.OffersChanged({1: BY_CLOCK}, until + timedelta(days=1)))
    assert bench.kiosk.offers == {1: BY_CLOCK}


def test_a_price_that_ends_in_mid_charge_stays_what_was_agreed() -> None:
    bench = Bench()
    bench.say(events.OffersChanged({1: ENERGY_ONLY}, bench.wall + timedelta(seconds=30)))
    bench.charge(for_s=90)

    assert bench.state() is State.DELIVERING and bench.kiosk.offers == {}
    finished(bench)


def test_the_screen_tells_the_true_start_once_the_clock_is_right() -> None:
    bench = Bench(offer=BY_CLOCK, wall=AT_1970, quality=ClockQuality.UNKNOWN)
    bench.charge(for_s=30, offer=BY_CLOCK)
    assert shown_start(bench).year == 1970

    bench.wall, bench.quality = NIGHT_BEGINS, ClockQuality.SYNCHRONISED
    bench.run(5)
    assert NIGHT_BEGINS - timedelta(seconds=40) < shown_start(bench) < NIGHT_BEGINS


def shown_start(bench: Bench) -> datetime:
    about = About("hk", "", "", "", "", "UTC", True, 0, (), (), {}, {})
    shown = snapshot(bench.kiosk, bench.now, about).evses[0].transaction
    assert shown is not None
    return shown.started_at


def test_a_price_published_for_later_is_sold_from_its_moment_on() -> None:
    """By the kiosk's own clock, whether it hears anybody or not; what began before stays at its price."""
    bench = Bench()
    dearer = offer_of((Dimension.ENERGY, "0.80", 1))
    change = LaterOffer(bench.now.wall + timedelta(seconds=90), 1, dearer)
    bench.say(events.OffersChanged({1: ENERGY_ONLY}, None, (change,)))

    assert bench.kiosk.offers[1] == ENERGY_ONLY
    bench.charge(for_s=20)
    assert bench.kiosk.offers[1] == ENERGY_ONLY
    bench.run(90)
    assert bench.kiosk.offers[1] == dearer
    assert bench.session().running.offer == ENERGY_ONLY


def test_the_kiosk_wakes_when_a_price_changes() -> None:
    bench = Bench()
    change = LaterOffer(bench.now.wall + timedelta(seconds=3_600), 1, ENERGY_ONLY)
    before_s = bench.now.s
    bench.say(events.OffersChanged({1: ENERGY_ONLY}, None, (change,)))

    assert bench.kiosk.offers_until_s == pytest.approx(before_s + 3_600)
