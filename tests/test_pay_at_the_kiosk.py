"""System D where the kiosk reads the phone's payment code: every process is real, and the payment app's own books say
what was paid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from billing.checkout import desk
from billing.database import open_database
from billing.settings import SETTINGS_FILE, default_database_url, server_time
from contract.transaction import StoppedReason
from kiosk.session.events import ConnectorShown, NoticeDismissed
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from tests.social_server import MERCHANT_SECRET, WEBHOOK_SECRET, Running, running
from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.stage import Stage

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("street")]
PATIENCE_S = 30.0


@dataclass
class Forecourt:
    charges: Charges
    social: Running

    @property
    def stage(self) -> Stage:
        return self.charges.stage

    def code_of(self, person: str) -> str:
        """As the person's app shows it now."""
        return self.social.bank.issue_token(person, time.time())

    def wait_for_notice(self, code: NoticeCode) -> None:
        eyes = self.charges.eyes

        def is_shown() -> bool:
            now = eyes.snapshot
            return now is not None and now.notice is not None and now.notice.code is code

        self.stage.wait_for(f"the screen says {code}", is_shown, PATIENCE_S, "controller", "server")
        eyes.send(NoticeDismissed())


@pytest.fixture(scope="module")
def forecourt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forecourt]:
    with running() as social, Stage(tmp_path_factory.mktemp("paid") / "stage") as stage:
        social.bank.open_account("paul", 10)
        with (stage.till.folder / SETTINGS_FILE).open("a", encoding="utf-8") as file:
            file.write(f'[social]\nurl = "{social.url}"\nmerchant_secret = "{MERCHANT_SECRET}"\n')
            file.write(f'webhook_secret = "{WEBHOOK_SECRET.decode()}"\nfee_account = "operator"\n')
        stage.start_server_and_street()
        stage.start_kiosk()
        with Eyes(stage.places.panel) as eyes:
            charges = Charges(stage, eyes)
            charges.wait_until_ready(1)
            charges.wait_until_online()
            yield Forecourt(charges, social)


def test_a_phone_at_the_card_reader_pays_for_what_flowed_and_only_the_stop_code_ends_it(forecourt: Forecourt) -> None:
    charges, stage, bank = forecourt.charges, forecourt.stage, forecourt.social.bank
    before_wh = stage.delivered_wh(1)
    charges.choose(1)
    stage.street("tap-phone", code=forecourt.code_of("mina"))
    charges.wait_for(1, "holds the phone's money", lambda e: e.transaction is not None and e.transaction.is_by_phone)
    assert [hold.state for hold in bank.holds.values()] == ["authorised"]
    stage.street("plug", evse=1, car="zoe")
    charges.wait_until_delivering(1, least_wh=200)
    charges.touch(ConnectorShown(1))
    stage.street("scan", text=forecourt.code_of("mina"))
    forecourt.wait_for_notice(NoticeCode.PAYMENT_STOPS_NOTHING)
    charges.stop_with_code(1)
    charges.wait_for(1, "is parked", lambda e: e.state is State.PARKED)
    stage.street("unplug", evse=1)
    ended = charges.wait_for(1, "shows a receipt", lambda e: e.state is State.IDLE and e.receipt is not None)
    assert ended.receipt is not None and ended.receipt.is_by_phone
    checked = charges.billed_once(ended.receipt.transaction_id, stage.delivered_wh(1) - before_wh)
    hold = next(iter(bank.holds.values()))
    stage.wait_for("the money is taken", lambda: hold.state == "captured", PATIENCE_S, "server")

    assert checked.stopped_reason is StoppedReason.LOCAL and checked.minor > 0
    assert hold.captured_minor == checked.minor == 10_000 - bank.balance("mina")
    assert len(bank.holds) == 1 and sum(hold.split.values()) == checked.minor


def test_a_phone_that_pays_on_its_own_keeps_the_connector_with_the_cable_in_and_starts_the_charge(
    forecourt: Forecourt,
) -> None:
    charges, stage = forecourt.charges, forecourt.stage
    stage.street("plug", evse=2, car="id3")
    charges.wait_for(2, "sees the car", lambda e: e.pilot is not None and e.pilot.is_connected)
    engine = open_database(default_database_url(stage.till.folder))
    with engine.begin() as connection:
        checkout = desk.begin(connection, "hk-07", 2, "en", server_time())
    kept = charges.wait_for(2, "is kept for the phone", lambda e: e.reserved_for_phone)
    with engine.begin() as connection:
        desk.pay(connection, checkout.link_id, "social", forecourt.code_of("mina"), server_time())
    begun = charges.wait_for(2, "has begun", lambda e: e.transaction is not None, PATIENCE_S)
    engine.dispose()
    charges.wait_until_delivering(2)
    charges.stop_with_code(2)
    charges.wait_for(2, "is parked", lambda e: e.state is State.PARKED)
    stage.street("unplug", evse=2)
    charges.wait_for(2, "is free again", lambda e: e.state is State.IDLE and e.transaction is None)

    assert kept.reserved_s is not None and kept.reserved_s > 60 * (stage.rate - 1), "as long as the phone was told"
    assert begun.transaction is not None and begun.transaction.is_by_phone and begun.reserved_s is None


def test_an_app_that_refuses_says_why_on_the_screen_and_nothing_was_taken(forecourt: Forecourt) -> None:
    charges, stage, bank = forecourt.charges, forecourt.stage, forecourt.social.bank
    used = forecourt.code_of("mina")
    bank.hold("another shop's", used, 1, "EUR", "a coffee elsewhere", time.time())
    for text, reason in (
        (forecourt.code_of("paul"), NoticeCode.PAYMENT_NO_MONEY),
        (used, NoticeCode.PAYMENT_USED),
        ("spay:nobody:t1", NoticeCode.PAYMENT_UNKNOWN),
    ):
        charges.choose(2)
        stage.street("scan", text=text)
        forecourt.wait_for_notice(reason)
        charges.wait_for(2, "is free again", lambda e: e.state is State.IDLE and e.transaction is None)

    assert bank.balance("paul") == 10


def test_without_the_server_a_payment_code_is_refused_at_once(forecourt: Forecourt) -> None:
    charges, stage = forecourt.charges, forecourt.stage
    stage.street("net", on=False)
    charges.wait_until_online(False)
    charges.choose(2)
    stage.street("scan", text="spay:mina:t000099")
    forecourt.wait_for_notice(NoticeCode.PAYMENT_OFFLINE)
    stage.street("net", on=True)

    charges.wait_until_online()
