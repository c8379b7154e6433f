"""A pilot board asked what the vehicle does: read only, so a board is left as it is."""

from __future__ import annotations

from contract.iec61851 import PilotState
from kiosk.config import Board
from kiosk.drivers import evse_din, heidelberg
from kiosk.drivers.modbus_bus import ModbusBus
from kiosk.drivers.quantity_reads import QuantityReads

STATE_REGISTERS = {evse_din.SLUG: ("vehicle_state", evse_din), heidelberg.SLUG: ("state", heidelberg)}


async def read_pilot(bus: ModbusBus, board: Board) -> PilotState | None:
    """The pilot's state; None where the board gives none. Raises BusError."""
    register, driver = STATE_REGISTERS[board.kind]
    board_map = driver.board_map()
    seat = bus.seat("board", board.name, board.kind, board.address, board_map.min_gap_s)
    samples = await QuantityReads(seat, board_map, board_map.named([register])).read()
    value = samples[register].value
    return None if value is None else driver.STATES.get(int(value), PilotState.E)
