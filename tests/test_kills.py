"""kill -9 of controller and uplink at random moments of a charge, ten of them; `make kills` does two hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from worlds.kills import OPEN_WITHIN_S, Round, kills


@pytest.mark.bytes
@pytest.mark.xdist_group("kills")
def test_a_killed_controller_or_uplink_leaves_no_closed_contactor_and_no_wrong_bill(tmp_path: Path) -> None:
    told: list[Round] = []

    rounds = kills(tmp_path / "stage", 10, 20, told.append)

    assert told == rounds
    assert len(rounds) == 10
    assert any(r.reason == "PowerLoss + Local" and r.energy_wh > 0 for r in rounds), "one was killed and went on"
    assert all(r.open_after_s is None or r.open_after_s <= OPEN_WITHIN_S for r in rounds)
