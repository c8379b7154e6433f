"""What the phone's pages stand on, step by step through one charge, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from billing.checkout import desk
from billing.checkout.checkout import Checkout
from billing.checkout.view import Step, Stopping
from billing.orders import Order, OrderKind, give
from billing.pages.phone_device_view import DeviceState
from billing.pages.phone_facts import MOST_POINTS, device_facts, order_facts
from billing.pages.phone_order_view import OrderFacts, order_page
from billing.pages.render import LANGUAGES
from contract.api import CommandStatus
from contract.commands import CommandKind
from tests.billing.checkout.shop import Shop


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def facts(shop: Shop, checkout: Checkout) -> OrderFacts:
    """What the page stands on now; and the page can be made of it in every language."""
    found = shop.run(lambda c: order_facts(c, checkout.link_id, "en", shop.now))
    for language in LANGUAGES:
        assert order_page(found, language, shop.now).values["title"]
    return found


def state(shop: Shop, evse_id: int = 1, can_pay: bool = True) -> DeviceState:
    return shop.run(lambda c: device_facts(c, "hk-07", evse_id, can_pay, shop.now)).state


def test_the_facts_follow_a_charge_from_the_reservation_to_the_receipt(shop: Shop) -> None:
    checkout, start = shop.started()
    told = facts(shop, checkout)
    assert told.view.step is Step.STARTING and told.start is not None and told.start.was_heard
    assert (told.start.until - told.start.sent).total_seconds() == start.ttl_s
    assert told.moments.held is not None and told.powers == () and told.stop_code == ""
    story = shop.story_of(start, minutes=5, parked_minutes=12)
    shop.upload(story[:4])
    shop.work()
    told = facts(shop, checkout)
    assert told.view.step is Step.CHARGING and told.elapsed_ms == 180_000
    assert told.powers == tuple((minute * 60_000, 9_000) for minute in range(4))
    assert told.stop_code == start.stop_code and not told.is_paused
    shop.upload(story[4:10])
    told = facts(shop, checkout)
    assert told.view.step is Step.PARKED and told.parked_at == story[5].at.wall
    shop.upload(story[10:])
    shop.work_until_rest()
    told = facts(shop, checkout)

    assert told.view.step is Step.FINISHED and told.receipt is not None and told.receipt.lines
    assert told.moments.taken is not None and told.moments.refunded is None


def test_a_stop_that_was_asked_for_is_known_from_the_first_moment(shop: Shop) -> None:
    checkout, start = shop.started()
    shop.upload(shop.story_of(start)[:3])
    shop.work()
    shop.run(lambda c: desk.stop(c, checkout.link_id, shop.now))
    told = facts(shop, checkout)

    assert told.view.stopping is Stopping.ASKED and told.stop_asked_at == shop.now


def test_a_start_that_failed_has_its_release_and_what_else_is_free(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    (start,) = [command for command in shop.commands() if command.kind is CommandKind.START]
    shop.answer(start, CommandStatus.REJECTED, "a cable of somebody else")
    shop.pass_time(2)
    shop.work_until_rest()
    told = facts(shop, checkout)

    assert told.view.step is Step.FAILED and told.moments.released is not None
    assert [(one.evse_id, one.is_same_price) for one in told.alternatives] == [(2, True)]


def test_a_long_charge_shows_a_curve_of_bounded_length(shop: Shop) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start, minutes=MOST_POINTS + 200, wh_per_minute=20)
    for first in range(0, MOST_POINTS + 50, 90):
        shop.upload(story[first : first + 90])
    shop.work()
    told = facts(shop, checkout)

    assert 100 < len(told.powers) <= MOST_POINTS + 1 and told.powers[-1][0] == told.elapsed_ms


def test_a_connector_is_free_kept_busy_closed_or_out_of_reach(shop: Shop) -> None:
    assert state(shop) is DeviceState.FREE and state(shop, can_pay=False) is DeviceState.NO_PAYMENT
    checkout, start = shop.started()
    assert state(shop) is DeviceState.RESERVED and state(shop, 2) is DeviceState.FREE
    story = shop.story_of(start)
    shop.upload(story[:2])
    shop.work()
    assert state(shop) is DeviceState.OCCUPIED
    shop.upload(story[2:])
    shop.work()
    assert state(shop) is DeviceState.FREE and checkout.kept_until > shop.now
    shop.run(lambda c: give(c, Order("hk-07", OrderKind.CLOSE, evse_id=1), shop.now))
    shop.obey(CommandKind.CHANGE_AVAILABILITY)
    assert state(shop) is DeviceState.OUT_OF_SERVICE
    shop.run(lambda c: give(c, Order("hk-07", OrderKind.RESERVE, evse_id=2, account_id="anna", minutes=30), shop.now))
    shop.obey(CommandKind.RESERVE)
    assert state(shop, 2) is DeviceState.RESERVED
    shop.now += timedelta(minutes=5)
    assert state(shop) is DeviceState.NOT_REACHABLE
