"""Two sessions that share one supply: what the site's limit does to them, from the tap to the bill."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from contract.iec61851 import PilotState
from contract.transaction import ChargingState, EventType, StoppedReason
from kiosk.session.facts import Facts
from kiosk.session.faults import FaultCode
from kiosk.session.settings import SiteSettings
from kiosk.session.site import Site
from kiosk.session.states import State
from kiosk.session.view import _why
from tests.session.bench import Bench, Plug


@dataclass(slots=True)
class SharedPlug(Plug):
    """A three-phase vehicle that follows its offer, or not, with a meter that shows each phase."""

    charger_a: int = 32
    obeys: bool = True
    drawn_a: int = 0

    def sense(self, now_s: float) -> Facts:
        if self.pilot in (PilotState.B, PilotState.C):
            offers = self.wanted.offered_a >= 6 or not self.obeys
            self.pilot = PilotState.C if offers else PilotState.B
        flows = self.closed and self.pilot.asks_for_energy
        follows_a = min(self.charger_a, self.wanted.offered_a)
        self.drawn_a = (follows_a if self.obeys else max(self.drawn_a, follows_a)) if flows else 0
        self.car_w = self.drawn_a * 690
        facts = Plug.sense(self, now_s)
        assert facts.meter is not None
        return replace(facts, meter=replace(facts.meter, current_ma=(self.drawn_a * 1000,) * 3))


def bench(limit_a: int, *plugs: SharedPlug) -> Bench:
    made = Bench(len(plugs), plugs=dict(enumerate(plugs, start=1)))
    site = SiteSettings(limit_a)
    made.kiosk = replace(made.kiosk, settings=replace(made.kiosk.settings, site=site), site=Site(site))
    made.run(10)
    return made


def begin(bench: Bench, evse_id: int) -> None:
    bench.plug_in(evse_id, PilotState.B)
    bench.choose(evse_id)
    bench.tap(value=f"CARD{evse_id}")
    bench.accept(account=f"account-{evse_id}")


def why(bench: Bench, evse_id: int) -> tuple[str, ...]:
    return _why(bench.kiosk, bench.session(evse_id), bench.now, None)


def offered(bench: Bench) -> list[int]:
    return [bench.kiosk.wants(bench.s)[evse_id].offered_a for evse_id in bench.plugs]


def test_the_second_charge_begins_once_the_fall_of_the_first_was_measured() -> None:
    shared = bench(32, SharedPlug(), SharedPlug())
    begin(shared, 1)
    shared.run(30)
    assert offered(shared) == [32, 0]

    begin(shared, 2)
    shared.run(2)

    assert shared.state(2) is State.PREPARING
    assert why(shared, 2)[0] == "site_limit:waits_for_fall:1"
    shared.run(30)
    assert shared.state(2) is State.DELIVERING
    assert offered(shared) == [16, 16]
    assert why(shared, 1) == ("charging_state:Charging", "site_limit:shared:2")


def test_a_turn_that_is_over_is_a_pause_and_no_end() -> None:
    shared = bench(7, SharedPlug(), SharedPlug())
    begin(shared, 1)
    shared.run(20)
    begin(shared, 2)
    shared.run(890)
    assert offered(shared) == [7, 0]
    assert why(shared, 2)[0] == "site_limit:waits_for_turn"

    shared.run(60)

    assert offered(shared) == [0, 7]
    assert shared.state(1) is State.DELIVERING
    assert not shared.plugs[1].closed
    paused = [event for event in shared.journal if event.charging_state is ChargingState.SUSPENDED_EVSE]
    assert paused and all(event.evse_id == 1 for event in paused)
    shared.run(950)
    assert offered(shared) == [7, 0]
    assert shared.plugs[1].closed


def test_the_contactor_of_a_vehicle_that_ignores_its_offer_opens_within_seconds() -> None:
    stubborn = SharedPlug(obeys=False)
    shared = bench(32, stubborn, SharedPlug())
    begin(shared, 1)
    shared.run(30)
    begin(shared, 2)
    lowered_s = shared.s
    while stubborn.closed:
        assert shared.s < lowered_s + 7
        shared.run(0.25)

    assert shared.s >= lowered_s + 5
    assert shared.session(1).fault is FaultCode.OFFER_IGNORED
    shared.run(30)
    assert shared.state(1) is State.OUT_OF_SERVICE, "as long as the cable is in"
    ended = [event for event in shared.journal if event.event_type is EventType.ENDED]
    assert [event.stopped_reason for event in ended] == [StoppedReason.OTHER]
    assert offered(shared) == [0, 32]
    shared.unplug(1)
    shared.run(1)
    assert shared.state(1) is State.IDLE


@pytest.mark.parametrize("limit_a", [6, 7, 11, 13, 20, 32, 63])
def test_nothing_closes_on_an_offer_of_nothing(limit_a: int) -> None:
    shared = bench(limit_a, SharedPlug(), SharedPlug(), SharedPlug())
    for evse_id in (1, 2, 3):
        begin(shared, evse_id)
        was_closed = [plug.closed for plug in shared.plugs.values()]
        for _ in range(80):
            shared.run(0.25)
            for plug, before in zip(shared.plugs.values(), was_closed, strict=True):
                assert before or not plug.closed or plug.wanted.offered_a >= 6
            was_closed = [plug.closed for plug in shared.plugs.values()]
            assert sum(plug.drawn_a for plug in shared.plugs.values()) <= limit_a


def test_without_a_shared_limit_every_evse_offers_what_it_may() -> None:
    alone = Bench(2)
    alone.charge(10)

    assert alone.kiosk.wants(alone.s)[1].offered_a == 32
    assert alone.kiosk.site is None


def test_what_heat_takes_from_one_is_given_to_the_other() -> None:
    shared = bench(40, SharedPlug(), SharedPlug())
    begin(shared, 1)
    begin(shared, 2)
    shared.run(60)
    assert offered(shared) == [20, 20]
    shared.plugs[1].temperature_dc = 720
    shared.run(60)

    assert offered(shared) == [16, 24]
    assert why(shared, 1) == ("charging_state:Charging", "heat:half")
    shared.plugs[1].temperature_dc = 500
    shared.run(60)
    assert offered(shared) == [20, 20]


def test_a_vehicle_that_keeps_its_former_current_when_heat_lowers_it_is_opened_within_seconds() -> None:
    stubborn = SharedPlug(obeys=False)
    shared = bench(18, stubborn)
    begin(shared, 1)
    shared.run(30)
    assert stubborn.drawn_a == 18
    stubborn.temperature_dc = 720
    lowered_s = shared.s
    while stubborn.closed:
        assert shared.s < lowered_s + 8, "18 A of 16 A are within the tolerance of a vehicle alone, not of a site"
        shared.run(0.25)

    assert shared.session(1).fault is FaultCode.OFFER_IGNORED
