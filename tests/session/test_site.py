"""The site's limit: any vehicles, in any order, and a clock that only this test moves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contract.metering import MeterReading
from kiosk.session.consumer import Demand
from kiosk.session.settings import SiteSettings
from kiosk.session.shares import Asker, fill
from kiosk.session.site import Site, SiteFacts, allocate, share_of

STEP_S = 0.5
REACTION_S = 4.5


@dataclass
class Car:
    """Draws anything up to the most it was offered during its reaction time; which part of it, the test says."""

    evse_id: int
    phases: tuple[int, ...] = (0, 1, 2)
    charger_a: float = 32.0
    uses: int = 3
    most_a: int = 32
    reads_every_s: float = 1.0
    reaction_s: float = REACTION_S
    obeys: bool = True
    is_here: bool = False
    is_awake: bool = True
    share: float = 1.0
    came_s: float = 0.0
    departs_s: float | None = None
    offers: deque[tuple[float, int]] = field(default_factory=deque)
    read: tuple[float, tuple[int, ...]] | None = None
    changes: int = 0
    stubborn_a: float = 0.0

    def ceiling_a(self, now_s: float) -> int:
        """The most it was offered within the reaction time."""
        begun = [(at_s, amps) for at_s, amps in self.offers if at_s <= now_s - self.reaction_s][-1:]
        return max((amps for at_s, amps in [*begun, *self.offers] if at_s >= (begun[0][0] if begun else 0)), default=0)

    def drawn_a(self, now_s: float) -> tuple[float, float, float]:
        on = [0.0, 0.0, 0.0]
        if self.is_here and self.is_awake:
            amps = min(self.charger_a, self.ceiling_a(now_s)) * self.share
            if not self.obeys:
                amps = self.stubborn_a = max(self.stubborn_a, amps)
            for phase in self.phases[: self.uses]:
                on[phase] = amps
        return on[0], on[1], on[2]

    def demand(self, now_s: float) -> Demand:
        on = self.drawn_a(now_s)
        if self.read is None or now_s >= self.read[0] + self.reads_every_s:
            self.read = now_s, tuple(round(on[phase] * 1000) for phase in self.phases)
        return Demand(
            self.evse_id, self.phases, self.most_a, asks=self.is_here, is_awake=self.is_here and self.is_awake,
            is_plugged=self.is_here, came_s=self.came_s, departs_s=self.departs_s, current_ma=self.read[1],
            current_at_s=self.read[0], open_at_s=None if self.is_here and self.is_awake else now_s,
        )  # fmt: skip

    def offer(self, amps: int, now_s: float) -> None:
        if not self.offers or self.offers[-1][1] != amps:
            self.offers.append((now_s, amps))
            self.changes += 1


@dataclass
class Bench:
    """Site, cars and other load, stepped together."""

    cars: list[Car]
    site: Site
    now_s: float = 100.0
    other_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    meter_answers: bool = True
    worst_over_a: float = 0.0
    least_offered_a: dict[int, int] = field(default_factory=dict)
    facts: SiteFacts = field(default_factory=lambda: SiteFacts(()))
    unserved_s: dict[int, float] = field(default_factory=dict)
    longest_wait_s: float = 0.0

    def pass_s(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.step()

    def step(self) -> None:
        self.now_s += STEP_S
        drawn = [self.other_a, *(car.drawn_a(self.now_s) for car in self.cars)]
        total = [round(1000 * sum(amps[phase] for amps in drawn)) for phase in range(3)]
        has_meter = self.site.settings.has_meter and self.meter_answers
        reading = MeterReading(self.now_s, 0, current_ma=tuple(total)) if has_meter else None
        self.facts = SiteFacts(tuple(car.demand(self.now_s) for car in self.cars), reading)
        self.site = allocate(self.site, self.facts, self.now_s)
        for car in self.cars:
            offered_a = share_of(self.site, car.evse_id, self.facts).offered_a
            assert offered_a == 0 or 6 <= offered_a <= car.most_a
            car.offer(offered_a, self.now_s)
            waited_s = self.unserved_s.get(car.evse_id, 0.0) + STEP_S if car.is_here and offered_a == 0 else 0.0
            self.unserved_s[car.evse_id] = waited_s
            self.longest_wait_s = max(self.longest_wait_s, waited_s)
        self.worst_over_a = max(self.over_a(), self.worst_over_a)

    def over_a(self) -> float:
        """By how much the cars may exceed the limit now, whatever they draw of what they may."""
        over_a = -1000.0
        for phase in range(3):
            sum_a = sum(
                min(car.charger_a, car.ceiling_a(self.now_s))
                for car in self.cars
                if car.is_here and car.is_awake and phase in car.phases[: car.uses]
            )
            over_a = max(over_a, sum_a + self.other_a[phase] - self.site.settings.limit_a)
        return over_a

    def offered(self) -> list[int]:
        return [self.site.consumer(car.evse_id).offered_a for car in self.cars]


def bench(*cars: Car, **changes: object) -> Bench:
    here = list(cars)
    for car in here:
        car.is_here = True
    made = Bench(here, Site(SiteSettings(**({"limit_a": 32} | changes))))  # type: ignore[arg-type]
    return made


def test_two_cars_share_equally_and_one_alone_has_it_all() -> None:
    one, two = Car(1), Car(2)
    two_come_later = bench(one, two)
    two.is_here = False
    two_come_later.pass_s(20)
    assert two_come_later.offered() == [32, 0]

    two.is_here = True
    two_come_later.pass_s(30)

    assert two_come_later.offered() == [16, 16]
    assert two_come_later.worst_over_a <= 0
    one.is_here = False
    two_come_later.pass_s(30)
    assert two_come_later.offered() == [0, 32]


def test_an_offer_is_raised_only_after_the_others_fall_was_measured() -> None:
    slow, second = Car(1, reads_every_s=30.0), Car(2)
    site = bench(slow, second)
    second.is_here = False
    site.pass_s(20)
    second.is_here = True
    site.pass_s(8)
    assert site.offered() == [16, 0], "lowered at once, and the meter of the first has not been read since"

    site.pass_s(30)

    assert site.offered() == [16, 16]


def test_a_car_that_does_not_obey_within_five_seconds_is_told_apart() -> None:
    stubborn, second = Car(1, obeys=False), Car(2)
    site = bench(stubborn, second)
    second.is_here = False
    site.pass_s(20)
    second.is_here = True
    lowered_at_s = site.now_s
    while not site.site.consumer(1).ignores:
        site.step()
        assert site.now_s < lowered_at_s + 8

    assert site.now_s > lowered_at_s + 5
    assert site.offered()[1] == 0, "nothing is raised beside a car that has not fallen"
    site.pass_s(60)
    assert site.offered()[1] == 0
    stubborn.is_here = False
    site.pass_s(20)
    assert site.offered() == [0, 32]
    assert not site.site.consumer(1).ignores


def test_a_little_too_much_is_no_disobedience_and_nobody_else_is_given_it() -> None:
    close, second = Car(1, charger_a=6.8, obeys=False, came_s=20.0), Car(2, came_s=10.0)
    site = bench(close, second, limit_a=12)
    second.is_here = False
    site.pass_s(60)
    second.is_here = True
    site.pass_s(30)

    assert not site.site.consumer(1).ignores
    drawn_a = sum(car.drawn_a(site.now_s)[0] for car in site.cars)
    assert drawn_a <= 12, site.offered()


def test_single_phase_cars_on_rotated_wiring_do_not_share_a_phase() -> None:
    site = bench(Car(1, (0, 1, 2), uses=1), Car(2, (1, 2, 0), uses=1))
    site.pass_s(120)

    assert site.offered() == [32, 32]
    assert site.worst_over_a <= 0


def test_a_car_that_takes_little_leaves_the_rest_to_the_other() -> None:
    site = bench(Car(1, charger_a=10.0), Car(2))
    site.pass_s(180)

    assert site.offered() == [12, 20]


def test_a_sleeping_car_keeps_six_amps_and_gets_its_share_when_it_wakes() -> None:
    sleeper = Car(1, is_awake=False)
    site = bench(sleeper, Car(2))
    site.pass_s(60)
    assert site.offered() == [6, 26]

    sleeper.is_awake = True
    site.pass_s(60)

    assert site.offered() == [16, 16]
    assert site.worst_over_a <= 0


def test_where_there_is_not_enough_for_all_they_take_turns_and_nobody_starves() -> None:
    cars = [Car(n) for n in (1, 2, 3)]
    for number, car in enumerate(cars):
        car.came_s = float(number)
    site = bench(*cars, limit_a=13)
    site.pass_s(30)
    assert site.offered() == [7, 6, 0], "first come, first served"

    site.pass_s(4 * 3600)

    assert site.longest_wait_s <= 900 + 30
    assert all(car.changes < 3 * 4 * 4 for car in cars)


def test_a_driver_with_a_departure_time_is_put_forward_by_one_turn() -> None:
    cars = [Car(1), Car(2), Car(3, departs_s=9_000.0)]
    for number, car in enumerate(cars):
        car.came_s = float(number)
    site = bench(*cars, limit_a=7)
    site.pass_s(20)
    assert site.offered() == [0, 0, 7]


def test_a_stale_site_meter_falls_back_to_the_fixed_limit() -> None:
    site = bench(Car(1), Car(2), limit_a=63, has_meter=True, fallback_a=16)
    site.other_a = (20.0, 10.0, 10.0)
    site.pass_s(60)
    assert site.offered() == [21, 21]

    site.meter_answers = False
    site.pass_s(1)

    assert site.offered() == [8, 8]
    assert share_of(site.site, 1, site.facts).causes == ("site_limit:shared:2", "site_limit:fallback")


def test_other_load_that_rises_lowers_the_offers_at_once() -> None:
    site = bench(Car(1), Car(2), limit_a=40, has_meter=True, fallback_a=12)
    site.pass_s(60)
    assert site.offered() == [19, 20] or site.offered() == [20, 19]

    site.other_a = (10.0, 0.0, 0.0)
    site.pass_s(2)
    assert sum(site.offered()) <= 30
    site.pass_s(6)
    assert site.over_a() <= 0


def test_noise_of_the_other_load_does_not_make_the_offers_flap() -> None:
    site = bench(Car(1), Car(2), limit_a=40, has_meter=True, fallback_a=12)
    site.pass_s(60)
    before = [car.changes for car in site.cars]
    for number in range(600):
        noise_a = 4.0 + (number * 7919 % 13) / 6
        site.other_a = (noise_a, 4.0, 4.0)
        site.step()
    changed = [car.changes - earlier for car, earlier in zip(site.cars, before, strict=True)]

    assert max(changed) <= 4


BEHAVIOURS = st.lists(
    st.tuples(
        st.integers(0, 2),  # which car
        st.sampled_from(["come", "go", "sleep", "wake", "draw"]),
        st.floats(0.0, 1.0),
        st.floats(0.5, 40.0),  # until the next act
    ),
    min_size=1,
    max_size=25,
)
CARS = st.builds(
    Car,
    evse_id=st.just(0),
    phases=st.sampled_from([(0, 1, 2), (1, 2, 0), (2, 0, 1), (0,), (1,)]),
    charger_a=st.sampled_from([10.0, 16.0, 20.0, 32.0]),
    most_a=st.sampled_from([16, 32]),
    reads_every_s=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
    reaction_s=st.floats(0.0, REACTION_S),
)


@given(st.lists(CARS, min_size=3, max_size=3), BEHAVIOURS, st.integers(6, 70), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_limit_holds_in_any_order_of_events_while_vehicles_obey(
    cars: list[Car], acts: list[tuple[int, str, float, float]], limit_a: int, single: bool
) -> None:
    for number, car in enumerate(cars, start=1):
        car.evse_id, car.uses = number, len(car.phases) if not single else 1
    site = Bench(cars, Site(SiteSettings(limit_a)))
    site.pass_s(10)
    for which, act, share, lasts_s in acts:
        car = cars[which]
        match act:
            case "come" if not car.is_here:
                car.is_here, car.came_s, car.share = True, site.now_s, 1.0
            case "go":
                car.is_here = False
            case "sleep" | "wake":
                car.is_awake = act == "wake"
            case "draw":
                car.share = share
        site.pass_s(lasts_s)
        assert site.worst_over_a <= 0

    # Once nothing happens any more, everything comes to rest, and everyone who asks is served in his turn.
    for car in cars:
        car.is_awake = True
    site.pass_s(150)
    before, shares = [car.changes for car in cars], site.offered()
    fits = all(6 * sum(phase in car.phases for car in cars if car.is_here) <= limit_a for phase in range(3))
    site.longest_wait_s = 0.0
    site.pass_s(300)

    assert site.worst_over_a <= 0
    if fits:
        assert [car.changes for car in cars] == before, shares
        assert all(amps >= 6 for amps, car in zip(site.offered(), cars, strict=True) if car.is_here)


@given(st.lists(CARS, min_size=2, max_size=4), st.integers(6, 13))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([Car(0), Car(0), Car(0), Car(0)], 6)
def test_nobody_starves(cars: list[Car], limit_a: int) -> None:
    for number, car in enumerate(cars, start=1):
        car.evse_id, car.is_here, car.uses = number, True, len(car.phases)
    site = Bench(cars, Site(SiteSettings(limit_a, turn_s=60.0, rest_s=10.0)))
    site.pass_s(1200)

    assert site.longest_wait_s <= len(cars) * (60 + 30)
    assert site.worst_over_a <= 0


@given(
    st.lists(
        st.tuples(st.sampled_from([(0, 1, 2), (0,), (1,), (2,), (1, 2)]), st.integers(6, 80), st.integers(6, 80)),
        min_size=1,
        max_size=6,
    ),
    st.tuples(st.integers(36, 200), st.integers(36, 200), st.integers(36, 200)),
)
def test_shares_fill_the_budget_and_never_more(
    wishes: list[tuple[tuple[int, ...], int, int]], budget: tuple[int, int, int]
) -> None:
    askers = [Asker(n, phases, max(a, b), min(a, b)) for n, (phases, a, b) in enumerate(wishes)]
    levels = fill(askers, budget)
    used = [sum(levels[a.evse_id] for a in askers if phase in a.phases) for phase in range(3)]

    assert all(amps <= most for amps, most in zip(used, budget, strict=True))
    for asker in askers:
        has_all = levels[asker.evse_id] == asker.most_a
        assert has_all or any(used[phase] == budget[phase] for phase in asker.phases)
