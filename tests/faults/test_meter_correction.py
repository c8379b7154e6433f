"""A meter that was silent at the end and comes back with a higher register: what flowed unseen is billed after all,
once, by a Credit CDR and a new one, and the receipt says what changed."""

from __future__ import annotations

import pytest
import requests

from contract.transaction import EventType
from kiosk.session.faults import FaultCode
from tests.faults.forecourt import CABLES
from tests.faults.scene import Scene
from worlds.charges import SERVER_PATIENCE_S, STEP_WH

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
LEFT = CABLES[0]
GROSS_PER_KWH_MINOR = 48  # worlds.till.TARIFF
SEEN_BEFORE_WH = 25.0  # 22 kW for the kiosk seconds between two polls, and one more


def test_what_flowed_while_the_meter_was_silent_is_billed_when_it_answers_again(scene: Scene) -> None:
    charge = scene.charge(LEFT)
    scene.stage.street("fault", kind="meter-silent", evse=LEFT.evse_id)
    silent_wh = scene.delivered_wh(charge)
    scene.wait_until_out(LEFT, FaultCode.METER_LOST)
    scene.wait_until_open(LEFT)
    first = scene.billed(charge, max(0.0, silent_wh - SEEN_BEFORE_WH)).billed
    true_wh = scene.delivered_wh(charge)
    (bill,) = scene.stage.till.documents(charge.transaction_id)

    scene.stage.street("mend", evse=LEFT.evse_id)
    documents = scene.stage.wait_for(
        "the bill is taken back and written anew",
        lambda: found if len(found := scene.stage.till.documents(charge.transaction_id)) > 1 else None,
        SERVER_PATIENCE_S,
        "controller",
        "server",
    )

    assert first.story[-1].final is False and bill.energy_wh < true_wh - STEP_WH
    before, credit, after = documents
    assert before == bill and credit.takes_back == bill.cdr_id and after.takes_back is None
    assert (credit.energy_wh, credit.minor) == (-bill.energy_wh, -bill.minor)
    assert abs(after.energy_wh - true_wh) <= 2 * STEP_WH
    assert abs(after.minor - true_wh * GROSS_PER_KWH_MINOR / 1000) <= 1
    corrected = scene.billed(charge).billed  # as ever: the kiosk's price and the server's are the same
    assert (corrected.energy_wh, corrected.cdr_minor) == (after.energy_wh, after.minor)
    kinds = [event["event_type"] for event in scene.journaled(charge.transaction_id)]
    assert kinds.count(EventType.METER_CORRECTION) == 1 and kinds[-1] == EventType.METER_CORRECTION
    assert kinds.count(EventType.ENDED) == 1
    page = requests.get(
        f"{scene.stage.server_url}/r/{corrected.receipt_key}",
        timeout=10,
        headers={"Accept-Language": "en"},
        verify=str(scene.stage.till.authority),
    ).text
    assert "Version 2" in page and f"{(after.energy_wh - bill.energy_wh) / 1000:.3f}" in page
    scene.wait_until_idle(LEFT)
    assert scene.delivered_wh(charge) == true_wh, "nothing flowed afterwards"
    scene.leave(LEFT)
