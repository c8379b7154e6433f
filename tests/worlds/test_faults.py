"""Every kind of fault a world can draw, once: it shows where it should, it is answered, and it does no harm."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.transaction import ClockQuality
from kiosk.session.faults import FaultCode
from kiosk.session.session import Session
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from sim.vehicle import NEVER_S
from worlds.checker import check
from worlds.faults.kind import NotNow
from worlds.faults.kinds import KINDS, chosen
from worlds.faults.trouble import Episode
from worlds.fleet import LEAST_FAULTS_PER_100, summary, too_little
from worlds.forgiveness import RULES
from worlds.world import World

SEED, HOURS, LASTS_S = 34, 1.0, 400.0
SEED_WITH_PAYMENT_APPS = 37
STEP_S = 0.5


class Scene:
    """A world without any fault of its own, until one is begun where somebody charges."""

    def __init__(self, kind: str, begins_idle: bool = False) -> None:
        seed = SEED_WITH_PAYMENT_APPS if kind.startswith("provider_") else SEED
        self.world = World(seed, HOURS, faults=chosen("none"))
        self.kind = replace(KINDS[kind], lasts_s=(LASTS_S, LASTS_S))
        self.codes: set[FaultCode] = set()
        self.notices: set[NoticeCode] = set()
        self.evse_id = 1
        self.episode: Episode | None = None
        world = self.world
        world.boot()
        world.street.open()
        world.site.open()
        while self.episode is None and world.agenda.now_s < world.ends_s - 2 * LASTS_S:
            self.pass_s(STEP_S * 20)
            charging = [e for e, outlet in world.outlets.items() if outlet.power_w > 0]
            if charging or begins_idle:
                self.evse_id = charging[0] if charging else 1
                try:
                    self.episode = world.trouble.begin(self.kind, self.evse_id)
                except NotNow:
                    continue
        assert self.episode is not None, "nobody charged"

    @property
    def session(self) -> Session:
        assert self.world.kiosk is not None
        found = self.world.kiosk.controller.kiosk.session(self.evse_id)
        assert found is not None
        return found

    def pass_s(self, seconds: float) -> None:
        until_s = self.world.agenda.now_s + seconds
        while self.world.agenda.now_s < until_s:
            self.world._pass_until(min(until_s, self.world.agenda.now_s + STEP_S))
            if self.world.kiosk is not None:
                kiosk = self.world.kiosk.controller.kiosk
                self.codes |= {session.fault for session in kiosk.sessions if session.fault is not None}
                if kiosk.front.notice is not None:
                    self.notices.add(kiosk.front.notice.code)

    def sees(self, shows: Callable[[Scene], bool]) -> bool:
        """Within the time it lasts, and a moment after."""
        for _ in range(int((LASTS_S + 5) / STEP_S)):
            if shows(self):
                return True
            self.pass_s(STEP_S)
        return shows(self)


def faulted(*codes: FaultCode) -> Callable[[Scene], bool]:
    return lambda scene: bool(scene.codes & set(codes))


def told(*codes: NoticeCode) -> Callable[[Scene], bool]:
    return lambda scene: bool(scene.notices & set(codes))


def is_offline(scene: Scene) -> bool:
    return scene.world.kiosk is not None and not scene.world.kiosk.link.is_online()


def clock_is(quality: ClockQuality) -> Callable[[Scene], bool]:
    return lambda scene: scene.world.kiosk is not None and scene.world.now().clock_quality is quality


def goes_on_with_old_readings(scene: Scene) -> bool:
    meter, now_s = scene.session.facts.meter, scene.world.now().s
    return scene.session.state is State.DELIVERING and meter is not None and now_s - meter.at_s > 0.2


JOURNAL = faulted(FaultCode.JOURNAL_FAILED)
ANSWERS: dict[str, Callable[[Scene], bool]] = {
    "rcd_tripped": faulted(FaultCode.RCD_TRIPPED),
    "contactor_welded": faulted(FaultCode.CONTACTOR_WELDED),
    "contactor_stuck_open": faulted(FaultCode.CONTACTOR_STUCK_OPEN),
    "feedback_contradicts": faulted(
        FaultCode.CONTACTOR_DROPPED, FaultCode.CONTACTOR_WELDED, FaultCode.FLOWS_THOUGH_OPEN
    ),
    "feedback_lost": faulted(FaultCode.FEEDBACK_LOST),
    "over_current": faulted(FaultCode.OVER_CURRENT),
    "offer_ignored": lambda s: any(
        o.vehicle is not None and o.vehicle.mood.reaction_s == NEVER_S for o in s.world.outlets.values()
    ),
    "under_voltage": faulted(FaultCode.UNDER_VOLTAGE),
    "meter_silent": faulted(FaultCode.METER_LOST),
    "meter_late": goes_on_with_old_readings,
    "register_backwards": faulted(FaultCode.METER_IMPLAUSIBLE),
    "register_jumps": faulted(FaultCode.METER_IMPLAUSIBLE),
    "meter_swapped": faulted(FaultCode.METER_SWAPPED),
    "pilot_e": faulted(FaultCode.PILOT_FAULT),
    "pilot_f": faulted(FaultCode.PILOT_FAULT),
    "board_silent": faulted(FaultCode.PILOT_LOST),
    "board_diode_failure": faulted(FaultCode.DIODE_FAULT),
    "board_derating": lambda s: s.session.facts.board_derates and s.session.state is State.DELIVERING,
    "board_over_temperature": faulted(FaultCode.OVER_TEMPERATURE),
    "board_error": faulted(FaultCode.BOARD_FAULT),
    "cabinet_hot": lambda s: s.session.watch.heat > 0 and s.session.state is State.DELIVERING,
    "bus_noise": goes_on_with_old_readings,
    "gpio_gone": faulted(FaultCode.SAFETY_LINE_LOST),
    "reader_dead": lambda s: s.world.kiosk is not None and not s.world.kiosk.reader.health().is_good,
    "screen_dead": lambda s: s.world.cabinet.screen_is_dead,
    "disk_full": JOURNAL,
    "disk_read_only": JOURNAL,
    "disk_stalled": lambda s: s.session.state is State.DELIVERING and s.session.running.durable_seq >= 0,
    "journal_damaged": lambda s: s.world.disk.setbacks != [],
    "uplink_dead": is_offline,
    "server_refuses": is_offline,
    "certificate_expired": is_offline,
    "server_restored": lambda s: s.world.server.kept_wh() is not None,
    "clock_at_1970": clock_is(ClockQuality.UNKNOWN),
    "clock_stepped": lambda s: abs((s.world.clock.wall() - s.world.wall()).total_seconds()) >= 59,
    "stranger_taps": told(NoticeCode.UNKNOWN_TOKEN),
    "other_card_taps": lambda s: bool(s.notices) or any(x.state is State.PREPARING for x in sessions(s)),
    "taps_twice": lambda s: s.session.state in (State.PARKED, State.CLOSING, State.IDLE),
    "taps_and_leaves": lambda s: any(x.state in (State.AUTHORIZING, State.PREPARING) for x in sessions(s)),
    "wrong_codes": told(NoticeCode.WRONG_CODE, NoticeCode.CODE_LOCKED),
    "pulls_and_replugs": lambda s: s.session.state is State.IDLE or s.session.transaction is None,
    "changes_limit": lambda s: True,
    "plugs_into_other": lambda s: s.world.street.occupied != set(),
    "leaves_cable": lambda s: any(p is not None and p.lingers_also_s > 0 for p in s.world.street.people.values()),
}
ANSWERS |= dict.fromkeys(
    ("provider_away", "provider_misbehaves"),
    lambda s: s.world.purse is not None and (s.world.purse.trouble.is_down or s.world.purse.trouble.shuffles_webhooks),
)
# An operator's order is heard with the next poll of a slow world, after the scene: here it only must do no harm.
ORDERS = ("evse_closed", "evse_reserved", "stopped_by_order", "unlocked_by_order", "card_blocked")
ANSWERS |= dict.fromkeys(ORDERS, lambda s: True)
BEGIN_IDLE = {"contactor_stuck_open", "taps_and_leaves"}


def sessions(scene: Scene) -> tuple[Session, ...]:
    return () if scene.world.kiosk is None else scene.world.kiosk.controller.kiosk.sessions


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fault_shows_is_answered_and_does_no_harm(kind: str) -> None:
    scene = Scene(kind, begins_idle=kind in BEGIN_IDLE)
    if kind == "contactor_welded":  # shows once it should open
        person = scene.world.street.people[scene.evse_id]
        assert person is not None
        person.leave()

    assert scene.sees(ANSWERS[kind]), (scene.codes, scene.notices, scene.world.story[-10:])
    scene.world.calm()
    assert not check(scene.world).any(), scene.world.story[-10:]
    assert scene.world.activity.faults[kind] == 1
    assert any(kind in line for line in scene.world.story), "the story tells of it"


@functools.cache
def everything_on(seed: int) -> World:
    world = World(seed, 10.0, faults=chosen("all"))
    world.run()
    return world


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_worlds_with_everything_on_do_no_harm(seed: int) -> None:
    world = everything_on(seed)

    assert not check(world).any(), world.story[-10:]
    assert world.activity.sessions > 1
    assert len(world.activity.faults) > 12


def test_what_is_forgiven_belongs_to_a_rule_with_a_bound() -> None:
    forgiven = {name for seed in (1, 2, 3, 4) for name in everything_on(seed).activity.forgiven_wh}

    assert forgiven <= {rule.name for rule in RULES}
    assert {kind for rule in RULES for kind in rule.kinds} <= KINDS.keys()
    assert all(rule.most_wh.__doc__ for rule in RULES)


def test_a_world_whose_faults_are_named_has_those_and_no_others() -> None:
    world = World(5, 12.0, faults=chosen("meter_silent,power_cut"))
    world.run()

    assert set(world.activity.faults) <= {"meter_silent", "power_cut"}
    assert world.activity.faults["power_cut"] > 0


def test_a_kind_that_was_asked_for_and_hardly_seen_is_a_failure() -> None:
    report = summary([], 48.0, 1.0) | {"seeds": 100}
    activity = report["activity"]
    assert isinstance(activity, dict)
    activity["faults"] = {"rcd_tripped": int(LEAST_FAULTS_PER_100) - 1}

    assert "rcd_tripped 49 < 50" in too_little(report, 48.0, chosen("rcd_tripped"))


def test_an_unknown_kind_is_refused_with_the_list_of_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"mtr: want all, none or some of .*meter_silent"):
        chosen("mtr")
