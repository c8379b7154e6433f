"""The walk of one phone, from the device to the receipt."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from billing.checkout.checkout import Reason
from billing.checkout.view import Step
from contract.api import CommandStatus
from contract.commands import CommandKind
from tests.billing.checkout.shop import Shop


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def test_a_phone_pays_charges_and_pays_what_was_used(shop: Shop) -> None:
    checkout = shop.begin()
    assert shop.view(checkout).step is Step.RESERVED
    reserve = shop.obey(CommandKind.RESERVE)
    assert (reserve.hold_s, reserve.account_id) == (120, checkout.payer)
    shop.pay(checkout)
    assert shop.view(checkout).step is Step.PAYING
    shop.work()
    assert shop.mina_held == 4_000 and shop.view(checkout).step is Step.STARTING
    start = shop.obey(CommandKind.START)
    assert (start.account_id, start.cap_minor, start.offer) == (checkout.payer, 4_000, checkout.offer)
    story = shop.story_of(start)
    shop.upload(story[:1])
    shop.work()
    shop.upload(story[1:4])
    shop.pass_time(20)
    running = shop.view(checkout)
    assert running.step is Step.CHARGING and running.energy_wh == 450 and running.value_age_s == 20
    assert running.total_minor > 0 and running.money.held_minor == 4_000
    shop.upload(story[4:])
    assert shop.view(checkout).step is Step.FINISHING
    shop.work()

    done = shop.view(checkout)
    total_minor = story[-1].total_incl_vat_minor
    assert done.step is Step.FINISHED and done.is_final and done.total_minor == total_minor == done.money.taken_minor
    assert shop.mina_paid == total_minor and shop.mina_held == 0
    assert shop.bank.balance("cpo") > 0 and shop.owed_by(checkout) == 0
    assert "HK-07: 0.750\u00a0kWh" in shop.bank.notices[-1].text and done.receipt_key is not None
    shop.check()


def test_a_connector_the_kiosk_does_not_keep_costs_nothing(shop: Shop) -> None:
    checkout = shop.begin()
    (reserve,) = shop.commands()
    shop.answer(reserve, CommandStatus.REJECTED, "EVSE 1 has a cable in")
    shop.pay(checkout)
    shop.work_until_rest()

    view = shop.view(checkout)
    assert (view.step, view.reason) == (Step.FAILED, Reason.OCCUPIED)
    assert shop.mina_held == shop.mina_paid == 0
    shop.check()
