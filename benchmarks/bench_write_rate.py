"""How much a kiosk writes to its card in an hour: idle, with one EVSE charging, and with two.

The kiosk's own controller and journal run in a simulated street in virtual time, online, with the journal as a file on
this machine's disk and every commit flushed. Prints one JSON line, per virtual hour: rows, commits (acknowledgements
included), bytes this process caused to be written (write_bytes of /proc/self/io, which counts whole pages,
checkpoints included), and what that makes in a year.

    python benchmarks/bench_write_rate.py [FOLDER]     FOLDER: on a real disk, not on tmpfs; ten seconds in all
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from contract.codec import utc_text
from contract.identity import IdToken
from kiosk.daemon.loop import LAST_WALL_EVERY_S
from kiosk.journal import Batch, JournalStore
from kiosk.journal.values import LAST_WALL
from kiosk.session.events import ConnectorChosen
from kiosk.session.states import State
from sim.vehicle import Vehicle
from worlds.world import World

HOURS = 3
SETTLE_S = 300.0


class QuietWorld(World):
    """No trouble and no visitors but those asked for."""

    def __init__(self, path: Path, charging: int) -> None:
        super().__init__(seed=1, hours=HOURS)
        self.disk.store = JournalStore(path)
        self.charging = charging

    def begin(self) -> None:
        self.boot()
        self._note_time()
        self._pass_until(SETTLE_S)
        for evse_id in range(1, self.charging + 1):
            self._charge(evse_id)
        self._pass_until(2 * SETTLE_S)
        assert self.kiosk is not None
        states = [session.state for session in self.kiosk.controller.kiosk.sessions]
        assert states.count(State.DELIVERING) == self.charging, states

    def go_on(self, span_s: float) -> None:
        self._pass_until(self.agenda.now_s + span_s)

    def _charge(self, evse_id: int) -> None:
        assert self.kiosk is not None
        car = Vehicle(name="car", battery_wh=500_000.0, charged_wh=10_000.0, charger_w=11_000.0)
        self.outlets[evse_id].plug_in(car, self.agenda.now_s)
        self._pass_until(self.agenda.now_s + 5.0)
        self.kiosk.controller.post(ConnectorChosen(evse_id))
        token: IdToken = self.server.cards[evse_id]
        self.kiosk.reader.present(token)
        self.kiosk.due_s = self.agenda.now_s
        self._pass_until(self.agenda.now_s + 60.0)

    def _note_time(self) -> None:
        """What the daemon writes besides the controller's rows."""
        self.disk.store.commit(Batch(documents={LAST_WALL: utc_text(self.wall())}))
        self.agenda.after(LAST_WALL_EVERY_S, self._note_time)


def written_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise OSError("/proc/self/io says nothing of write_bytes")


def measure(folder: Path, charging: int) -> dict[str, Any]:
    world = QuietWorld(folder / f"{charging}.db", charging)
    world.begin()
    store = world.disk.store
    with closing(store):
        commits, frames, before = _counted(world), _last_number(store), written_bytes()
        world.go_on(HOURS * 3600.0)
        caused, rows = written_bytes() - before, _last_number(store) - frames
        states = [session.state for session in world.kiosk.controller.kiosk.sessions] if world.kiosk else []
    assert states.count(State.DELIVERING) == charging, states
    per_hour = caused / HOURS
    return {
        "charging": charging,
        "rows_per_h": round(rows / HOURS, 1),
        "commits_per_h": round(commits() / HOURS, 1),
        "bytes_per_h": round(per_hour),
        "gb_per_year": round(per_hour * 24 * 365 / 1e9, 2),
    }


def _counted(world: World) -> Callable[[], int]:
    """Counts what the store is asked to commit from now on, acknowledgements included."""
    count, store = [0], world.disk.store
    commit, acknowledge = store.commit, store.acknowledge

    def counted_commit(batch: Batch) -> list[int]:
        count[0] += 1
        return commit(batch)

    def counted_acknowledge(*words: Any) -> None:
        count[0] += 1
        acknowledge(*words)

    store.commit, store.acknowledge = counted_commit, counted_acknowledge  # type: ignore[method-assign]
    return lambda: count[0]


def _last_number(store: JournalStore) -> int:
    newest = store.newest_rows(1)
    return newest[0].journal_no if newest else 0


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        print(json.dumps([measure(Path(folder), charging) for charging in (0, 1, 2)]))


if __name__ == "__main__":
    main()
