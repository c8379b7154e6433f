"""Our books are held against Stripe's own objects: at localstripe, and with partners, fees and reversals at our own
stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from billing.checkout import desk, reconcile, reconcile_stripe, refunds
from billing.checkout.checkout import Checkout
from billing.checkout.refunds import Rule
from billing.checkout.till import Till
from billing.cli import main
from billing.payments.stripe_access import StripeAccess
from billing.payments.stripe_provider import StripeProvider
from billing.settlement.agreement import Agreement, agree
from contract.commands import CommandKind
from tests.billing.checkout.shop import AGREED, Shop
from tests.billing.stories import NOON
from tests.stripe_servers import NotInstalled, running_localstripe, running_stand_in

KEY = {"Authorization": "Bearer sk_test_12345"}


@pytest.fixture
def stand_in() -> Iterator[str]:
    with running_stand_in() as url:
        yield url


@pytest.fixture
def localstripe() -> Iterator[str]:
    try:
        with running_localstripe() as url:
            yield url
    except NotInstalled as error:
        pytest.skip(str(error))


def at_stripe(engine: Engine, url: str, has_partner: bool) -> tuple[Shop, StripeProvider]:
    shop = Shop(engine)
    partner = {"cpo": "acct_cpo"} if has_partner else {}
    provider = StripeProvider(StripeAccess("sk_test_12345", "whsec", "operator", partner, url, has_search=has_partner))
    shop.till = Till(shop.run, {"stripe": provider}, lambda: shop.now)
    if not has_partner:
        shop.run(lambda c: agree(c, "hk-07", 1, Agreement(AGREED.host), NOON - timedelta(hours=1), NOON))
    return shop, provider


def held(shop: Shop, card: str) -> Checkout:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.run(lambda c: desk.pay(c, checkout.link_id, "stripe", card, shop.now))
    shop.work()
    return checkout


def charged(shop: Shop, card: str) -> Checkout:
    checkout = held(shop, card)
    shop.upload(shop.story_of(shop.obey(CommandKind.START), minutes=20, wh_per_minute=300))
    shop.work_until_rest()
    return checkout


def differences(shop: Shop, provider: StripeProvider) -> list[str]:
    currencies = shop.run(lambda c: reconcile.currencies_of(c, "stripe"))
    lines = []
    for statement in reconcile_stripe.fetch(provider, currencies):
        lines += shop.run(partial(reconcile.differences, provider="stripe", own_account="operator", theirs=statement))
    return lines


def test_charges_and_refunds_leave_no_difference_and_what_was_done_by_hand_is_told(
    engine: Engine, stand_in: str
) -> None:
    shop, provider = at_stripe(engine, stand_in, has_partner=True)
    checkout = charged(shop, "pm_ok")
    shop.run(lambda c: refunds.ask(c, checkout.payment_id, 50, Rule.SHARED, "the cable was wet", "olga", shop.now))
    shop.work_until_rest()
    payment = shop.payment(checkout)
    assert payment.sight is not None and payment.sight.fee_minor and payment.sight.refunded_minor == 50
    assert differences(shop, provider) == []

    form = {"payment_intent": payment.sight.hold_ref, "amount": 30}
    requests.post(f"{stand_in}/v1/refunds", form, headers=KEY, timeout=10).raise_for_status()
    assert differences(shop, provider)[0] == f"payment {checkout.payment_id}: refunded_minor is 50 here, 80 there"


def test_at_localstripe_a_charge_a_hold_and_a_release_leave_no_difference(engine: Engine, localstripe: str) -> None:
    shop, provider = at_stripe(engine, localstripe, has_partner=False)
    charged(shop, "pm_card_visa")
    released = held(shop, "pm_card_visa")
    shop.run(lambda c: desk.cancel(c, released.link_id, shop.now))
    shop.work_until_rest()
    running = held(shop, "pm_card_visa")
    assert differences(shop, provider) == []

    sight = shop.payment(running).sight
    assert sight is not None
    requests.post(
        f"{localstripe}/v1/payment_intents/{sight.hold_ref}/cancel", headers=KEY, timeout=10
    ).raise_for_status()
    assert differences(shop, provider) == [f"payment {running.payment_id}: state is authorised here, released there"]


def test_the_command_reconciles_with_every_provider_of_the_settings(
    tmp_path: Path, at_database: list[str], stand_in: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data-dir", str(tmp_path / "data"), *at_database]
    assert main(["init", *data]) == 0
    with (tmp_path / "data" / "billing.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[stripe]\nurl = "{stand_in}"\nsecret_key = "sk_test_12345"\nwebhook_secret = "whsec_x"\n')
    capsys.readouterr()
    requests.post(
        f"{stand_in}/v1/payment_intents",
        {
            "amount": 700,
            "currency": "eur",
            "payment_method": "pm_ok",
            "metadata[reference]": "P-9",
            "metadata[key]": "k",
        },
        headers=KEY,
        timeout=10,
    ).raise_for_status()

    assert main(["ledger", "reconcile", *data]) == 1
    assert "stripe: hold pi_" in (said := capsys.readouterr().out) and "for P-9: 700 there" in said
    text = (tmp_path / "data" / "billing.toml").read_text().replace(stand_in, "http://127.0.0.1:9")
    (tmp_path / "data" / "billing.toml").write_text(text)
    assert main(["ledger", "reconcile", *data]) == 2
    assert "stripe: " in capsys.readouterr().err
