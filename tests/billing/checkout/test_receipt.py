"""The driver's receipt of what a phone paid: held, taken, given free, given back, and what it came to."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from billing.checkout import refunds
from billing.checkout.refunds import Rule
from billing.pages.receipt_view import Receipt, find_receipt
from billing.pages.render import LANGUAGES
from tests.billing.checkout.shop import Shop


def receipt_of(shop: Shop, receipt_id: str, language: str = "en") -> Receipt:
    found = shop.run(lambda c: find_receipt(c, receipt_id, language, shop.now))
    assert found is not None
    return found


def rows(receipt: Receipt) -> dict[str, str]:
    return {name.partition(",")[0]: value.replace("\u00a0", " ") for name, value in receipt.payment}


def test_a_receipt_tells_what_was_held_taken_and_given_free(engine: Engine) -> None:
    shop = Shop(engine)
    _, story = shop.charged(minutes=20, wh_per_minute=300)
    shop.work_until_rest()
    receipt = receipt_of(shop, story[0].receipt_id)

    assert rows(receipt) | {"Started with": ""} == {
        "Started with": "", "Held": "€ 40.00", "Taken": "€ 3.84", "Given free again": "€ 36.16",
    }  # fmt: skip
    assert receipt.you_paid == receipt.total == "€\u00a03.84"
    assert "Held, 14:00" in receipt.payment[1][0], "by the clock of the place"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refund_stands_on_the_receipt(engine: Engine, language: str) -> None:
    shop = Shop(engine)
    checkout, story = shop.charged(minutes=20, wh_per_minute=300)
    shop.work_until_rest()
    name = checkout.payment_id
    shop.run(lambda c: refunds.ask(c, name, 50, Rule.SHARED, "the cable was wet", "olga", shop.now))
    shop.work_until_rest()
    receipt = receipt_of(shop, story[0].receipt_id, language)

    assert "the cable was wet" in receipt.paid
    assert len(receipt.payment) == 6 and "3" in receipt.you_paid and "34" in receipt.you_paid
    if language == "en":
        assert (
            rows(receipt)["Refunded"] == "−€ 0.50"
            and rows(receipt)["of which VAT"] == "−€ 0.08"
            and "within five working days" in receipt.paid
        )


def test_while_a_charge_runs_only_the_hold_is_told(engine: Engine) -> None:
    shop = Shop(engine)
    answer = shop.ask(shop.bank.issue_token("mina", shop.now.timestamp()))
    story = shop.direct_story(answer, "t-1")
    shop.upload(story[:3])
    receipt = receipt_of(shop, story[0].receipt_id)

    assert receipt.state == "charging" and receipt.you_paid == ""
    assert rows(receipt) == {"Started with": "Payment app, at the kiosk", "Held": "€ 40.00"}
