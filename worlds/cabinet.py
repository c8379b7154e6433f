"""What stands between a kiosk's drivers and the street, whether it is whole, and who comes to mend it.

It outlives the kiosk's boots. A fault changes something here and says when the kiosk's loop would come across it:
the loop of a world jumps, and would else find a silent device only when something else happens.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from kiosk.session.events import ResetPressed
from kiosk.session.faults import RULE_OF, FaultCode
from kiosk.session.states import State
from worlds.twins import HeartbeatTwin, InputTwin, ReaderTwin
from worlds.wires import Wires

if TYPE_CHECKING:
    from worlds.world import World

BEAT_S = 0.1  # the real loop beats at least so often
OFTEN_S = 5.0  # where answers come late or not


class Cabinet:
    """`wires` and `rcds` by evse_id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wires = {e: Wires(rng=random.Random(f"wires-{world.seed}-{e}")) for e in world.outlets}
        self.rcds = {e: InputTwin(f"rcd {e}") for e in world.outlets}
        self.estop = InputTwin("emergency stop")
        self.screen_is_dead = False
        self._gpio_is_there = self._reader_is_there = True

    def reader(self) -> ReaderTwin:
        """For a kiosk that boots."""
        reader = ReaderTwin("reader")
        reader.is_dead = not self._reader_is_there
        return reader

    def heartbeat(self) -> HeartbeatTwin:
        heartbeat = HeartbeatTwin()
        heartbeat.is_cut = not self._gpio_is_there
        return heartbeat

    # ---- when the loop comes across it ---------------------------------------------------------------------------

    def catch_up(self) -> None:
        """What the loop knows of a current that flows: it goes on all the time, also where a world has jumped."""
        for outlet in self.world.outlets.values():
            outlet.advance(self.world.agenda.now_s)
        if any(outlet.power_w for outlet in self.world.outlets.values()):
            self.world.stir()
            self.world.look_at_kiosk()

    def look_soon(self, evse_id: int) -> None:
        """After the next poll of what polls.py does not compare, and when what is silent, or not believed, has grown
        too old."""
        times, patience, wires = self.world.times[evse_id], self.world.settings.patience, self.wires[evse_id]
        self.world.agenda.after(max(times.pilot_period_s, times.meter_period_s) + BEAT_S, self.world.stir)
        for poll_s, stale_s, grows_old in (
            (times.pilot_period_s, patience.pilot_stale_s, wires.pilot_is_cut),
            (times.feedback_period_s, patience.feedback_stale_s, wires.feedback_is_cut),
            (times.meter_period_s, patience.meter_stale_s, True),
        ):
            if grows_old:
                self.world.agenda.after(poll_s + stale_s + BEAT_S, self.world.stir)

    def look_often(self, evse_id: int) -> None:
        """As long as its line is slow."""
        self.world.stir()
        if self.wires[evse_id].is_slow:
            self.world.agenda.after(OFTEN_S, lambda: self.look_often(evse_id))

    def rewire(self, evse_id: int) -> None:
        """The drivers repeat what the line may not have carried, and what it carries may count otherwise now."""
        if self.world.kiosk is not None:
            contactor, pilot, _ = self.world.kiosk.twins[evse_id]
            contactor.repeat()
            pilot.repeat()
        self.look_soon(evse_id)

    # ---- parts all EVSEs share -----------------------------------------------------------------------------------

    def set_gpio(self, is_there: bool) -> None:
        """Without it no line follows or is read, inputs count as active, and the safety relay starves."""
        self._gpio_is_there = is_there
        for line in (self.estop, *self.rcds.values()):
            line.is_cut = not is_there
        if self.world.kiosk is not None:
            self.world.kiosk.heartbeat.is_cut = not is_there
        for evse_id, wires in self.wires.items():
            if not self.world.times[evse_id].has_switching_board:
                wires.commands_are_cut = wires.feedback_is_cut = not is_there
            self.rewire(evse_id)
        self.world.stir_safety()

    def set_reader(self, is_there: bool) -> None:
        self._reader_is_there = is_there
        if self.world.kiosk is not None:
            self.world.kiosk.reader.is_dead = not is_there

    # ---- the technician ------------------------------------------------------------------------------------------

    def technician(self) -> None:
        """Resets what is latched, and believes a meter that nobody uses as it stands now."""
        boot = self.world.kiosk
        if boot is None:
            return
        has_acted = False
        for session in boot.controller.kiosk.sessions:
            fault, meter = session.fault, boot.twins[session.evse_id][2]
            if session.state is State.OUT_OF_SERVICE and fault is not None and RULE_OF[fault].latches:
                has_acted |= boot.controller.post(ResetPressed(session.evse_id, "technician"))
            if meter.doubted() is not None and session.transaction is None:
                if not self.world.trouble.is_broken("meter", session.evse_id):
                    if fault is FaultCode.METER_IMPLAUSIBLE:
                        boot.controller.post(ResetPressed(session.evse_id, "technician"))
                    else:
                        meter.start_anew()
                    self.look_soon(session.evse_id)
                    has_acted = True
        if has_acted:
            self.world.stir()
