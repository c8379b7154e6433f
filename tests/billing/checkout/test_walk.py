"""The walk of one phone, from the device to the receipt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine, update

from billing.checkout import desk
from billing.checkout.checkout import Reason
from billing.checkout.holds import hold_minor_at, set_hold
from billing.checkout.tables import bills, checkouts
from billing.checkout.view import Step, Stopping
from billing.directory import load_tariff
from contract.api import CommandStatus
from contract.commands import CommandKind
from contract.tariff import Dimension, PriceComponent, TariffElement
from tests.billing.checkout.shop import Shop
from tests.billing.stories import TARIFF, charge


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


def test_the_phone_stops_the_charge_at_once_or_as_soon_as_it_has_begun(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    shop.run(lambda c: desk.stop(c, checkout.link_id, shop.now))
    assert shop.view(checkout).stopping is Stopping.ASKED
    start = next(command for command in shop.commands() if command.kind is CommandKind.START)
    shop.answer(start, of="t-1")
    story = shop.story_of(start, transaction_id="t-1")
    shop.upload(story[:1])
    shop.work()
    stop = next(command for command in shop.commands() if command.kind is CommandKind.STOP)
    assert stop.transaction_id == "t-1"
    shop.answer(stop, CommandStatus.REJECTED, "EVSE 1 is parked")
    assert shop.view(checkout).stopping is Stopping.REFUSED
    shop.run(lambda c: desk.stop(c, checkout.link_id, shop.now))

    assert [command.transaction_id for command in shop.commands()] == ["t-1"]
    assert shop.view(checkout).stopping is Stopping.ASKED


def test_a_phone_that_changes_its_mind_before_the_start_has_everything_back(shop: Shop) -> None:
    waiting, paying = shop.begin(), shop.begin()
    shop.pay(paying)
    shop.till.pay()  # the money is held; the start was not sent yet
    assert shop.mina_held == 4_000
    for checkout in (waiting, paying):
        shop.run(lambda c, name=checkout.link_id: desk.cancel(c, name, shop.now))
        assert shop.view(checkout).reason is Reason.CANCELLED
    shop.work_until_rest()

    kinds = [command.kind for command in shop.commands()]
    assert kinds.count(CommandKind.CANCEL_RESERVATION) == 2 and CommandKind.START not in kinds
    assert shop.mina_held == shop.mina_paid == 0
    shop.check()


def test_the_price_that_was_shown_binds_though_the_tariff_changes_while_the_phone_pays(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    dearer = replace(TARIFF, version=2, elements=(TariffElement((PriceComponent(Dimension.ENERGY, Decimal(9)),)),))
    shop.run(lambda c: load_tariff(c, dearer, shop.now))
    shop.pay(checkout)
    shop.work()
    start = shop.obey(CommandKind.START)
    story = shop.story_of(start)
    shop.upload(story)
    shop.work()

    assert start.offer is not None and start.offer.tariff == TARIFF
    assert shop.mina_paid == story[-1].total_incl_vat_minor and shop.view(checkout).step is Step.FINISHED


def test_the_hold_is_the_rule_of_the_evse_the_kiosk_or_the_currency(shop: Shop) -> None:
    def held(evse_id: int) -> int:
        return shop.run(lambda c: hold_minor_at(c, "hk-07", evse_id, "EUR"))

    assert held(1) == 4_000 and shop.run(lambda c: hold_minor_at(c, "hk-07", 1, "JPY")) == 5_000
    shop.run(lambda c: set_hold(c, "hk-07", 0, 3_000))
    shop.run(lambda c: set_hold(c, "hk-07", 2, 9_000))

    assert (held(1), held(2)) == (3_000, 9_000) and shop.begin().hold_minor == 3_000


def test_a_checkout_that_fails_is_logged_and_holds_up_no_other(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    broken = shop.begin()
    shop.run(lambda c: c.execute(update(checkouts).where(checkouts.c.link_id == broken.link_id).values(body="{}")))
    shop.pass_time(2)
    checkout, story = shop.charged()

    assert shop.view(checkout).step is Step.FINISHED and shop.mina_paid == story[-1].total_incl_vat_minor
    assert broken.link_id[:8] in caplog.text and broken.link_id not in caplog.text
    shop.till.look()
    assert caplog.text.count(broken.link_id[:8]) == 1  # it waits


def test_a_bill_that_fails_is_logged_and_holds_up_no_other_of_its_kiosk(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = ([*charge(transaction_id=name, order_id=f"order-{name}")] for name in ("broken", "good"))
    shop.upload(broken)
    shop.upload(good)
    shop.run(lambda c: c.execute(update(bills).where(bills.c.order_id == "order-broken").values(body="{}")))

    shop.till.look()
    shop.till.look()

    bill = shop.bill("order-good")
    assert bill is not None and bill.total_minor == good[-1].total_incl_vat_minor
    assert caplog.text.count("bills order-br") == 1  # it waits


def test_a_payment_of_a_provider_that_left_the_settings_says_so_and_holds_up_no_other(shop: Shop) -> None:
    orphan = shop.begin()
    shop.run(lambda c: desk.pay(c, orphan.link_id, "gone", "token", shop.now))
    shop.work()

    assert "not set up" in shop.payment(orphan).last_error
    shop.run(lambda c: desk.cancel(c, orphan.link_id, shop.now))
    checkout, _ = shop.charged()
    assert shop.view(checkout).step is Step.FINISHED
