"""A cap is kept to the cent: no vehicle, meter or tariff passes it, and the end lies close below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.price import Sample, TimeUse, price
from contract.tariff import Dimension, TariffOffer
from contract.transaction import StoppedReason, TransactionEvent
from kiosk.session import events, limits, taper, transaction
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.snapshot import Limit, LimitKind
from kiosk.session.states import State
from tests.session.bench import CODE, WITH_PARKING, Bench, Plug, offer_of

PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What a vehicle may do without breaking IEC 61851-1. `moods`: pauses and appetites, one per 7 s, in turn."""

    phases: int
    car_w: int
    reaction_s: float
    volts: float
    moods: tuple[float, ...]  # 0 is a pause, else the share of its power it takes


vehicles = st.builds(
    Vehicle,
    phases=st.sampled_from([1, 3]),
    car_w=st.sampled_from([1_400, 3_700, 7_360, 11_000, 22_080, 25_000]),
    reaction_s=st.sampled_from([0.0, 1.0, 3.0, 4.9]),
    volts=st.sampled_from([207.0, 230.0, 253.0]),
    moods=st.lists(st.sampled_from([0.0, 0.1, 1.0, 1.0, 1.0]), min_size=1, max_size=5).map(tuple),
)
meters = st.tuples(st.sampled_from([1, 1, 10, 100]), st.sampled_from([0.2, 0.5, 1.0, 2.0]))
energy_offers = st.builds(
    lambda cost, flat, step, vat: offer_of(
        (Dimension.ENERGY, cost[0], step), (Dimension.FLAT, flat, 1), vat=vat, currency=cost[1]
    ),
    st.sampled_from([("0.09", "EUR"), ("0.49", "EUR"), ("0.79", "EUR"), ("12", "EUR"), ("48", "JPY")]),
    st.sampled_from(["0", "0.35"]),
    st.sampled_from([1, 1, 100]),
    st.sampled_from([0, 19, 20]),
)
timed_offers = st.builds(
    lambda energy, hour, step: offer_of((Dimension.ENERGY, energy, 1), (Dimension.TIME, hour, step), vat=19),
    st.sampled_from(["0", "0.49"]),
    st.sampled_from(["3.00", "60.00"]),
    st.sampled_from([1, 60]),
)


def cost_of_wh(offer: TariffOffer, wh: int) -> int:
    return price(offer, (Sample(0, 0, TimeUse.NONE), Sample(1000, wh, TimeUse.NONE))).incl_vat_minor


def plug_of(vehicle: Vehicle, meter: tuple[int, float]) -> Plug:
    step_wh, every_s = meter
    plug = Plug(
        car_w=vehicle.car_w,
        phases=vehicle.phases,
        volts=vehicle.volts,
        reaction_s=vehicle.reaction_s,
        step_wh=step_wh,
        meter_every_s=every_s,
        slow_s=0.5,
    )
    plug.register_wh = 1_000_000.0 + step_wh * 0.93
    return plug


def charge_to_the_end(bench: Bench, vehicle: Vehicle, cap_minor: int | None, limit: Limit | None = None) -> None:
    """Until it ends by itself, the vehicle changing its mind every 7 s."""
    plug = bench.plugs[1]
    bench.plug_in()
    bench.run(1)
    bench.tap()
    bench.accept(cap_minor=cap_minor)
    if limit is not None and bench.state() is not State.IDLE:
        bench.say(events.LimitChosen(1, limit))
    began_s = bench.s
    while bench.state() is not State.IDLE:
        assert bench.s < began_s + 7200, f"still {bench.state()}"
        mood = vehicle.moods[int(bench.s - began_s) // 7 % len(vehicle.moods)]
        if bench.s > began_s + 120:
            mood = 1.0
        plug.pilot = PilotState.C if mood else PilotState.B
        plug.car_w = round(vehicle.car_w * (mood or 1.0))
        bench.run(0.5, every_s=0.5)


def least_of_a_stop(evse: EvseSettings, meter: tuple[int, float]) -> int:
    """The stated bound in Wh: one step of the register, or what the least current delivers while it stops."""
    step_wh, every_s = meter
    flows_s = every_s + 0.5 + taper.METER_LAG_S + limits.LOOK_S + taper.stop_s(PATIENCE)
    return taper.most_wh(taper.most_w(evse, 6), flows_s, step_wh)


def used_wh(ended: TransactionEvent, bench: Bench) -> int:
    return ended.meter.import_wh - bench.story()[0].meter.import_wh


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(vehicles, meters, energy_offers, st.integers(5, 150), st.booleans())
def test_the_end_lies_below_the_cap_by_no_more_than_one_stop_at_the_least_current(
    vehicle: Vehicle, meter: tuple[int, float], offer: TariffOffer, seconds: int, is_own_limit: bool
) -> None:
    soon_wh = 200 if is_own_limit else 0  # chosen while energy flows: nearer than that there is no time to lower it
    cap_minor = max(1, cost_of_wh(offer, vehicle.car_w * seconds // 3600 + soon_wh))
    bench = Bench(offer=offer, plugs={1: plug_of(vehicle, meter)})
    limit = Limit(LimitKind.MONEY, cap_minor) if is_own_limit else None
    evse = bench.kiosk.settings.evses[0]
    charge_to_the_end(bench, vehicle, None if is_own_limit else cap_minor, limit)
    if not bench.journal:
        assert cap_minor < cost_of_wh(offer, least_of_a_stop(evse, meter) + 10)
        return

    cost_minor = bench.ended.total_incl_vat_minor
    assert cost_minor is not None
    assert cost_minor <= cap_minor
    assert cap_minor <= cost_of_wh(offer, used_wh(bench.ended, bench) + least_of_a_stop(evse, meter))


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(vehicles, meters, timed_offers, st.integers(20, 400))
def test_time_that_is_priced_passes_no_cap_and_current_is_not_lowered_for_it(
    vehicle: Vehicle, meter: tuple[int, float], offer: TariffOffer, cap_minor: int
) -> None:
    bench = Bench(offer=offer, plugs={1: plug_of(vehicle, meter)})
    bench.plug_in()
    bench.run(1)
    bench.tap()
    bench.accept(cap_minor=cap_minor)
    for _ in range(240):
        bench.run(0.5, every_s=0.5)
        assert bench.session().taper is None
    if bench.state() is not State.IDLE:
        bench.unplug()
        bench.run_until(State.IDLE)

    assert not bench.journal or (bench.ended.total_incl_vat_minor or 0) <= cap_minor


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(vehicles, meters, st.integers(200, 900))
def test_an_energy_limit_ends_below_it_by_no_more_than_one_stop_at_the_least_current(
    vehicle: Vehicle, meter: tuple[int, float], limit_wh: int
) -> None:
    bench = Bench(plugs={1: plug_of(vehicle, meter)})
    charge_to_the_end(bench, vehicle, None, Limit(LimitKind.ENERGY, limit_wh))

    least_wh = least_of_a_stop(bench.kiosk.settings.evses[0], meter)
    assert limit_wh - least_wh <= used_wh(bench.ended, bench) <= limit_wh
    assert bench.ended.stopped_reason is StoppedReason.ENERGY_LIMIT_REACHED


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    car_w=st.integers(3_700, 25_000),
    volts=st.sampled_from([230.0, 253.0]),
    meter_every_s=st.floats(0.2, 4.5),
    slow_s=st.sampled_from([0.1, 1.7]),
    step_wh=st.sampled_from([1, 100]),
    cap_minor=st.integers(10, 100),
)
def test_a_vehicle_that_never_follows_a_lower_offer_passes_no_cap(
    car_w: int, volts: float, meter_every_s: float, slow_s: float, step_wh: int, cap_minor: int
) -> None:
    plug = Plug(car_w=car_w, volts=volts, meter_every_s=meter_every_s, slow_s=slow_s, step_wh=step_wh, reaction_s=1e9)
    bench = Bench(plugs={1: plug})
    bench.plug_in()
    bench.run(1)
    bench.tap()
    bench.accept(cap_minor=cap_minor)
    bench.run_until(State.IDLE, at_most_s=3600)

    assert not bench.journal or (bench.ended.total_incl_vat_minor or 0) <= cap_minor


def test_a_reading_that_comes_before_a_vehicle_must_follow_proves_nothing() -> None:
    evse = EvseSettings(1)
    lower = taper.lowered(taper.begun(evse, 10.0), 100.0)
    early, late = MeterReading(104.9, 0, power_w=0), MeterReading(105.0, 0, power_w=0)

    assert (lower.most_a, lower.claim_a) == (16, 32)
    assert taper.seen(lower, early, evse).claim_a == 32
    assert taper.seen(lower, replace(late, power_w=22_080), evse).claim_a == 32
    assert taper.seen(lower, late, evse).claim_a == 16


def test_current_is_halved_step_by_step_and_each_step_waits_until_the_last_is_obeyed() -> None:
    bench = Bench(plugs={1: Plug(car_w=22_080, reaction_s=3.0)})
    bench.charge(cap_minor=100)
    offers = []
    while bench.state() is State.DELIVERING:
        amps = bench.plugs[1].wanted.offered_a
        if not offers or offers[-1][1] != amps:
            offers.append((bench.s, amps))
        bench.run(0.25)

    assert [amps for _, amps in offers] == [32, 16, 8, 6]
    steps_s = [later - now for (now, _), (later, _) in pairwise(offers)][1:]
    assert all(step_s >= bench.kiosk.settings.evses[0].protection.follow_s for step_s in steps_s)


def test_the_current_comes_back_when_the_driver_moves_the_limit_away() -> None:
    bench = Bench(plugs={1: Plug(car_w=22_080)})
    bench.charge()
    bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 130)))
    bench.run(20)
    assert bench.plugs[1].wanted.offered_a < 32
    bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 10_000)))

    assert bench.plugs[1].wanted.offered_a == 32


def test_a_vehicle_that_rests_just_below_its_cap_is_not_waited_for_for_ever() -> None:
    bench = Bench()
    bench.charge(cap_minor=100)
    while bench.session().taper is None:
        bench.run(0.25)
    bench.plug_in(pilot=PilotState.B)
    bench.run(bench.patience.taper_s + 2, every_s=1)
    bench.run_until(State.IDLE)

    assert bench.ended.stopped_reason is StoppedReason.LOCAL_OUT_OF_CREDIT


def test_a_small_voucher_is_never_offered_much() -> None:
    bench = Bench(plugs={1: Plug(car_w=22_080)})
    bench.charge(cap_minor=2, voucher_id="v-1")
    offered = {bench.plugs[1].wanted.offered_a}
    while bench.state() is State.DELIVERING:
        bench.run(0.25)
        offered.add(bench.plugs[1].wanted.offered_a)
    bench.run_until(State.IDLE)

    assert max(offered) == 8
    assert 1 <= (bench.ended.total_incl_vat_minor or 0) <= 2


def test_a_guests_charge_leaves_the_parking_reserve_of_what_is_held() -> None:
    bench = Bench(offer=WITH_PARKING)  # 6.00/h and 20 % VAT: ten minutes are 1.20
    bench.charge(cap_minor=500, voucher_id="v-1")
    bench.run_until(State.PARKED, at_most_s=7200)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert 378 <= (bench.ended.total_incl_vat_minor or 0) <= 380


def test_at_most_half_of_a_small_voucher_is_kept_for_parking() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(cap_minor=100, voucher_id="v-1")
    bench.run_until(State.PARKED, at_most_s=7200)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert 48 <= (bench.ended.total_incl_vat_minor or 0) <= 50


def test_a_members_charge_may_use_all_of_the_cap() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(cap_minor=500)
    bench.run_until(State.PARKED, at_most_s=7200)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert 498 <= (bench.ended.total_incl_vat_minor or 0) <= 500


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    vehicles,
    meters,
    st.integers(40, 400),
    st.sampled_from([1, 60, 600]),
    st.integers(0, 900),
    st.integers(0, 3600),
)
def test_a_guest_never_owes_more_than_was_held_however_long_the_cable_stays_in(
    vehicle: Vehicle, meter: tuple[int, float], cap_minor: int, step_s: int, grace_s: int, stays_s: int
) -> None:
    offer = offer_of((Dimension.ENERGY, "0.50", 1), (Dimension.PARKING_TIME, "12.00", step_s), grace_s=grace_s)
    bench = Bench(offer=offer, plugs={1: plug_of(vehicle, meter)})
    bench.charge(for_s=30, cap_minor=cap_minor, voucher_id="v-1")
    while bench.state() is State.DELIVERING and bench.s < 1500:
        bench.run(1, every_s=0.5)
    if bench.state() is State.DELIVERING:
        bench.say(events.StopPressed(1, CODE))
    bench.run(stays_s, every_s=2.5)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert (bench.ended.total_incl_vat_minor or 0) <= cap_minor


def test_far_from_a_limit_nothing_is_priced(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    reckoned = transaction.settled
    monkeypatch.setattr(transaction, "settled", lambda *asked: counted.append(1) or reckoned(*asked))
    bench = Bench()
    bench.charge(cap_minor=2_000)
    counted.clear()
    bench.run(1200, every_s=0.1)

    assert bench.state() is State.DELIVERING
    assert len(counted) <= 12_000 / 100
