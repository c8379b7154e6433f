"""The thin thread, in real processes: a card, a cable, a contactor, a meter, a receipt on the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from contract.transaction import StoppedReason
from kiosk.session.events import NoticeDismissed
from kiosk.session.states import State
from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.stage import PLAN, Stage

WATCHDOG_S = 5.0  # what the kiosk sets in the board: kiosk.drivers.heidelberg

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("street")]


@pytest.fixture(scope="module")
def charges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charges]:
    root: Path = tmp_path_factory.mktemp("street") / "stage"
    with Stage(root) as stage:
        # Nobody pays here; a server that takes no payments has no screen show codes.
        stage.till.take_payments("http://127.0.0.1:9", "no-merchant", "no-webhook")
        stage.start_server_and_street()
        stage.start_kiosk()
        with Eyes(stage.places.panel) as eyes:
            yield Charges(stage, eyes)


def test_a_tap_becomes_energy_a_bill_and_a_receipt(charges: Charges) -> None:
    stage = charges.stage
    charges.wait_until_ready(1)
    charges.wait_until_online()
    before_wh = stage.delivered_wh(1)

    charges.choose(1)
    stage.street("tap", card="anna")
    prepared = charges.wait_for(1, "knows the card", lambda e: e.transaction is not None)
    stage.street("plug", evse=1, car="zoe")
    charges.wait_until_delivering(1, least_wh=200)
    charges.stop_with_code(1)
    charges.wait_for(1, "is parked", lambda e: e.state is State.PARKED)
    stage.street("unplug", evse=1)
    ended = charges.wait_for(1, "shows a receipt", lambda e: e.state is State.IDLE and e.receipt is not None)
    assert prepared.transaction is not None and ended.receipt is not None
    checked = charges.billed_once(ended.receipt.transaction_id, stage.delivered_wh(1) - before_wh)
    page = requests.get(ended.receipt.receipt_url, timeout=10, verify=str(stage.till.authority))

    assert ended.receipt.transaction_id == prepared.transaction.transaction_id
    assert checked.stopped_reason is StoppedReason.LOCAL
    assert checked.true_wh >= 200
    assert checked.minor > 0
    assert page.status_code == 200
    assert f"{checked.billed.energy_wh / 1000:.3f}"[:4] in page.text
    assert stage.till.kept_aside() == []


def test_the_server_believes_what_the_screen_shows_though_the_kiosks_time_runs_faster(charges: Charges) -> None:
    stage = charges.stage
    charges.wait_until_online()

    def is_ahead() -> bool:
        now = charges.eyes.snapshot
        return now is not None and now.at > datetime.now(UTC) + timedelta(minutes=5)

    stage.wait_for("kiosk time is minutes ahead", is_ahead, 20.0)
    shown = charges.wait_for(2, "shows its codes for phones", lambda e: e.phone is not None).phone
    assert shown is not None
    address, _, proof = shown.address.partition("?s=")
    page = requests.get(shown.address, timeout=10, verify=str(stage.till.authority))

    assert address.endswith("/d/hk-07/2") and page.status_code == 200
    assert stage.till.believes(2, proof, shown.code) == (True, True)
    assert stage.till.believes(1, proof, shown.code) == (False, False)


@pytest.mark.parametrize("way", [{"do": "tap-phone", "code": "spay:nobody:1"}, {"do": "scan", "text": "spay:nobody:2"}])
def test_a_payment_code_from_nobodys_app_comes_back_from_the_server_with_a_reason(
    charges: Charges, way: dict[str, str]
) -> None:
    stage = charges.stage
    charges.wait_until_ready(1)
    charges.wait_until_online()
    charges.choose(1)
    stage.street(**way)

    def refused() -> bool:
        now = charges.eyes.snapshot
        return now is not None and now.notice is not None and now.notice.code.name.startswith("PAYMENT_")

    stage.wait_for("the refusal on the screen", refused, 20.0)
    charges.eyes.send(NoticeDismissed())
    stage.wait_for(
        "the notice is gone", lambda: (now := charges.eyes.snapshot) is not None and now.notice is None, 20.0
    )

    charges.wait_for(1, "is free again", lambda e: e.state is State.IDLE and e.transaction is None)


def test_a_board_without_relay_charges_and_opens_by_its_own_watchdog(tmp_path: Path) -> None:
    demo = PLAN.parent
    files = {"plan": demo / "street-heidelberg.toml", "config": demo / "kiosk-heidelberg.toml"}
    with Stage(tmp_path / "stage", **files) as stage, Eyes(stage.places.panel) as eyes:
        stage.start_server_and_street()
        stage.start_kiosk()
        charges = Charges(stage, eyes)
        charges.wait_until_ready(1)
        charges.wait_until_online()
        charges.choose(1)
        stage.street("tap", card="anna")
        stage.street("plug", evse=1, car="zoe")
        evse = charges.wait_until_delivering(1, least_wh=100)
        assert evse.transaction is not None

        killed_s = stage.launcher.cut(("controller",))

        stage.wait_for("the board opens", lambda: not stage.physics()["evses"]["1"]["is_closed"], 20.0)
        opened_s, is_closed, _ = stage.physics()["evses"]["1"]["moves"][-1]
        stage.launcher.restore(("controller",))
        checked = charges.billed_once(evse.transaction.transaction_id, stage.delivered_wh(1))
        assert not is_closed
        assert opened_s - killed_s <= WATCHDOG_S + 0.5
        assert checked.stopped_reason is StoppedReason.POWER_LOSS
