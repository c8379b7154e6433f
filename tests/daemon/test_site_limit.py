"""The site's limit on the wires: two EVSEs and the site's meter on buses of their own, cars that take their time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from kiosk.session.faults import RULE_OF, FaultCode
from tests.faults.forecourt import CABLES, FALLBACK_A, SITE_LIMIT_A, files
from tests.faults.scene import Scene
from worlds.stage import NotTrue, Stage

FIRST, SECOND = CABLES[:2]
AMPS_W = 3 * 230.0
LOOK_EVERY_S = 0.01
SLACK_A = 0.1
PATIENCE_S = 30.0

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("site")]


@dataclass(frozen=True, slots=True)
class Look:
    """The truth at one moment: what both boards offer, what both cars draw, what the site's fuse carries. A."""

    offered: tuple[float, float]
    drawn: tuple[float, float]
    site: float


@contextmanager
def watched(scene: Scene) -> Iterator[list[Look]]:
    """Every moment of the block, by the street's physics."""
    looks: list[Look] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(LOOK_EVERY_S):
            truth = scene.stage.physics()
            evses = [truth["evses"][str(cable.evse_id)] for cable in (FIRST, SECOND)]
            offered, drawn = ([evse[what] for evse in evses] for what in ("offered_a", "power_w"))
            looks.append(Look(tuple(offered), tuple(watts / AMPS_W for watts in drawn), max(truth["site_a"])))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield looks
    finally:
        is_over.set()
        thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("site")
    plan, config = files(folder, (FIRST, SECOND), has_site=True)
    with Stage(folder / "stage", plan=plan, config=config) as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        made = Scene(stage)
        made.charges.wait_until_online()
        yield made
        made.close_eyes()


def until(scene: Scene, what: str, is_so: Callable[[tuple[float, float]], bool]) -> None:
    def look() -> bool:
        truth = scene.stage.physics()["evses"]
        return is_so((truth["1"]["offered_a"], truth["2"]["offered_a"]))

    try:
        scene.stage.wait_for(what, look, PATIENCE_S, "controller")
    except NotTrue as error:
        shown = {cable.evse_id: scene.status(cable) for cable in (FIRST, SECOND)}
        raise NotTrue(f"{error}\n{scene.stage.physics()}\n{shown}") from error


def test_the_second_car_is_offered_current_only_after_the_fall_of_the_first_was_measured(site: Scene) -> None:
    site.charge(FIRST)
    until(site, "the first has nearly all", lambda offered: offered[0] >= SITE_LIMIT_A - 2)

    with watched(site) as looks:
        site.begin(SECOND)
        site.charges.wait_until_delivering(SECOND.evse_id, least_wh=20)
        until(site, "both have their share", lambda offered: min(offered) >= SITE_LIMIT_A / 2 - 1)

    assert all(sum(look.offered) <= SITE_LIMIT_A for look in looks)
    assert all(look.site <= SITE_LIMIT_A + SLACK_A for look in looks)
    first_offer = next(look for look in looks if look.offered[1] > 0)
    assert first_offer.drawn[0] <= first_offer.offered[0] + SLACK_A < SITE_LIMIT_A - 2
    waited = [look for look in looks if look.offered[0] < SITE_LIMIT_A - 2 and look.offered[1] == 0]
    assert len({round(look.drawn[0]) for look in waited}) > 1  # it was seen to fall meanwhile
    assert "site_limit:shared:2" in site.status(FIRST)["why"]


def test_other_load_lowers_both_and_a_silent_site_meter_leaves_the_fixed_limit(site: Scene) -> None:
    site.stage.street("load", amps=16)
    until(site, "both made room", lambda offered: 0 < sum(offered) <= SITE_LIMIT_A - 16)
    site.stage.street("load", amps=0)
    until(site, "both have their share again", lambda offered: sum(offered) > FALLBACK_A)

    site.stage.street("fault", kind="site-meter-silent")

    until(site, "the fixed limit", lambda offered: 0 < sum(offered) <= FALLBACK_A)
    for cable in (FIRST, SECOND):
        told = site.kiosk("why", str(cable.evse_id)).stdout
        assert "The site's meter has no fresh reading: the fixed fallback limit holds. [site_limit:fallback]" in told
    site.stage.street("mend")
    until(site, "the meter counts again", lambda offered: sum(offered) > FALLBACK_A)


def test_a_car_that_does_not_follow_is_opened_and_its_share_goes_to_the_other(site: Scene) -> None:
    code = FaultCode.OFFER_IGNORED
    until(site, "both have their share", lambda offered: min(offered) >= SITE_LIMIT_A / 2 - 2)
    charge = site.under_way(FIRST)
    site.stage.street("fault", kind="car-deaf", evse=FIRST.evse_id)

    site.stage.street("load", amps=12)

    site.wait_until_open(FIRST)
    site.wait_until_out(FIRST, code)
    assert site.billed(charge).stopped_reason == RULE_OF[code].stopped_reason
    status, why = site.status(FIRST), site.tells(FIRST, code)
    assert (status["fault"]["code"], status["fault"]["is_latched"]) == (code, RULE_OF[code].latches)
    assert "drew more than it was offered" in why["sentence"]
    assert f"evse {FIRST.evse_id}: Faulted {code}" in site.logged()
    until(site, "the other has what is left", lambda offered: offered[0] == 0 and offered[1] >= SITE_LIMIT_A - 12 - 2)
    site.leave(FIRST)
    site.wait_until_idle(FIRST)
