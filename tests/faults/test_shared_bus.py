"""Two devices on one address of a bus that others share: who has that address stops, the others charge on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.transaction import StoppedReason
from kiosk.session.states import State
from tests.faults.forecourt import SHARED
from tests.faults.rows import SHARED_ROWS, Row
from tests.faults.scene import Charge, Scene
from tests.faults.story import play
from tests.faults.test_rows import name_of

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
CONCERNED, NEIGHBOUR = SHARED


@pytest.fixture(scope="module")
def neighbour(scene: Scene) -> Iterator[Charge]:
    """Meter and board of his EVSE hang on the same bus."""
    begun = scene.charge(NEIGHBOUR)
    yield begun
    scene.leave(NEIGHBOUR)
    scene.wait_until_idle(NEIGHBOUR)
    assert scene.billed(begun).stopped_reason is StoppedReason.EV_DISCONNECTED


@pytest.mark.parametrize("row", SHARED_ROWS, ids=name_of)
def test_an_address_given_twice_ends_the_charge_there_and_not_the_neighbours(
    scene: Scene, neighbour: Charge, row: Row
) -> None:
    before_wh = scene.delivered_wh(neighbour)

    play(scene, row, CONCERNED)

    evse = scene.eyes.evse(NEIGHBOUR.evse_id)
    assert evse is not None and evse.transaction is not None
    assert (evse.state, evse.transaction.transaction_id) == (State.DELIVERING, neighbour.transaction_id)
    assert scene.delivered_wh(neighbour) > before_wh
