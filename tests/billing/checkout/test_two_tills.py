"""Two processes that both believe to keep the till: everything is done once."""

from __future__ import annotations

import threading

import pytest

from billing.checkout.till import Till
from billing.checkout.view import Step
from billing.database import open_database
from tests.billing.checkout.shop import Shop


def test_two_tills_at_once_hold_take_and_book_once(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(open_database(database_url))
    shop.bank.open_account("mina", 90_000)
    charges = [shop.started() for _ in range(4)]
    stories = [shop.story_of(start, order_id=f"o-{number}") for number, (_, start) in enumerate(charges)]
    for story in stories:
        shop.upload(story)
    tills = [Till(shop.run, {"social": shop.door}, lambda: shop.now) for _ in range(2)]
    threads = [threading.Thread(target=till.work) for till in tills]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shop.work_until_rest()

    assert [shop.view(checkout).step for checkout, _ in charges] == [Step.FINISHED] * 4
    total_minor = sum(story[-1].total_incl_vat_minor or 0 for story in stories)
    assert sum(move.amount_minor for move in shop.bank.moves if move.why == "remittance") == total_minor
    assert len(shop.bank.holds) == 4 and "changed by somebody else" not in caplog.text
    shop.check()
    shop.engine.dispose()
