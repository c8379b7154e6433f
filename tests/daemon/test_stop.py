"""An orderly stop in the middle of a charge, with real drivers: open first, then the journal, then the end."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from contract.iec61851 import PilotState
from kiosk.session.events import ConnectorChosen
from kiosk.session.states import State
from kiosk.wire import Role, intent_line, pack, read_snapshot, unpack
from worlds.stage import Stage

PATIENCE_S = 60


@pytest.mark.bytes
@pytest.mark.xdist_group("stage")
def test_a_stopped_controller_opens_at_once_and_ends_the_charge_when_it_is_back(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage") as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        stage.wait_for("the controller listens", lambda: os.path.exists(stage.places.panel), PATIENCE_S)
        stage.street("plug", evse=1, car="zoe")
        with socket.socket(socket.AF_UNIX) as screen:
            screen.settimeout(PATIENCE_S)
            screen.connect(stage.places.panel)
            screen.sendall(pack({"hello": Role.SCREEN}))
            with screen.makefile("rb") as lines:
                for line in lines:
                    evse = read_snapshot(unpack(line)).evses[0]
                    if evse.state is State.IDLE and evse.offer is not None and evse.pilot is PilotState.B:
                        break
            screen.sendall(pack(intent_line(ConnectorChosen(1))))
            stage.street("tap", card="anna")
            stage.wait_for("energy flows", lambda: stage.delivered_wh(1) > 100, PATIENCE_S)
        pid = stage.launcher.pid("controller")
        assert pid is not None

        os.kill(pid, signal.SIGTERM)

        stage.wait_for("open", lambda: not stage.physics()["evses"]["1"]["is_closed"], 1.0)
        stage.wait_for("it is gone", lambda: stage.launcher.pid("controller") != pid, PATIENCE_S)
        ended = stage.wait_for(
            "one bill", lambda: [b for b in stage.till.billed().values() if b.cdrs] or None, PATIENCE_S
        )
        assert [(b.story[-1].stopped_reason, b.is_once) for b in ended] == [("PowerLoss", True)]
        assert abs(ended[0].energy_wh - stage.delivered_wh(1)) <= 2
        assert "Traceback" not in stage.last_words("controller")
