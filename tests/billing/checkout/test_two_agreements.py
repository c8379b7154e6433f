"""An order in two parts that were sold under two agreements: everybody has what is theirs, however the money moves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from billing.checkout import refunds
from billing.checkout.checkout import Checkout
from billing.checkout.refunds import Rule
from billing.checkout.write_off import write_off
from billing.ledger.chart import Kind
from billing.settlement.agreement import Agreement, agree
from billing.settlement.allocation import HostTerms, PartnerTerms
from contract.transaction import StoppedReason
from sim.social.bank import HOLD_LIVES_S
from tests.billing.checkout.shop import Shop, sight_of

NEXT = Agreement(
    HostTerms("rosa", "EUR", per_use_minor=20, per_kwh=Decimal("2.5")),
    partners=PartnerTerms("volt", operator_permille=300),
)
NOBODY = Agreement()


@pytest.fixture(params=[NEXT, NOBODY], ids=["another partner", "no partner any more"])
def shop(engine: Engine, request: pytest.FixtureRequest) -> Shop:
    shop = Shop(engine)
    shop.run(lambda c: agree(c, "hk-07", 1, request.param, shop.now + timedelta(minutes=10), shop.now))
    return shop


def both_parts(shop: Shop, *, late: bool = False) -> Checkout:
    checkout, start = shop.started()
    one = shop.story_of(start, stopped_reason=StoppedReason.POWER_LOSS)
    shop.pass_time(hours=1)
    two = shop.going_on(one)
    if late:
        shop.pass_time(HOLD_LIVES_S + 60)
    shop.upload(one)
    shop.upload(two)
    shop.work_until_rest()
    return checkout


def test_a_capture_a_refund_and_a_chargeback_reach_both_partners_and_the_books_agree(shop: Shop) -> None:
    checkout = both_parts(shop)
    parts = shop.payment(checkout).split
    assert parts["cpo"] > 0 and sum(parts.values()) == shop.mina_paid
    assert all(shop.bank.balance(name) == part for name, part in parts.items() if name != "operator")
    shop.check()

    shop.run(lambda c: refunds.ask(c, checkout.payment_id, 50, Rule.SHARED, "it was wet", "Max", shop.now, 100))
    shop.work_until_rest()
    assert all(shop.balance(Kind.PARTNER_PAYABLE, name) == 0 for name in parts if name != "operator")
    shop.check()

    told = sight_of(shop.bank.charge_back(next(iter(shop.bank.holds)), shop.now.timestamp()))
    shop.till.tell(checkout.payment_id, told)
    assert shop.mina_paid == 0 and shop.owed_by(checkout) > 0
    shop.check()


def test_what_nobody_can_take_any_more_is_written_off_from_each(shop: Shop) -> None:
    checkout = both_parts(shop, late=True)
    assert shop.mina_paid == 0 and shop.owed_by(checkout) > 0

    shop.run(lambda c: write_off(c, checkout.payment_id, "nobody to ask", shop.now))

    assert shop.owed_by(checkout) == 0
    assert shop.balance(Kind.PARTNER_PAYABLE, "cpo") == shop.balance(Kind.PARTNER_PAYABLE, "volt") == 0
    shop.check()
