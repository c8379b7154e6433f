"""The control pilot's words, from IEC 61851-1 Annex A."""

from __future__ import annotations

from enum import StrEnum


class PilotState(StrEnum):
    """What the pilot line says about the vehicle (IEC 61851-1:2017, table A.2)."""

    A = "A"  # no vehicle
    B = "B"  # vehicle connected, not ready for energy
    C = "C"  # vehicle asks for energy
    D = "D"  # vehicle asks for energy and for ventilation
    E = "E"  # supply fault: pilot shorted or without power
    F = "F"  # EVSE not available

    @property
    def is_connected(self) -> bool:
        return self in _CONNECTED

    @property
    def asks_for_energy(self) -> bool:
        return self in _ASKING


_CONNECTED = (PilotState.B, PilotState.C, PilotState.D)
_ASKING = (PilotState.C, PilotState.D)

LEAST_OFFER_A = 6  # IEC 61851-1 table A.8: a duty cycle below 10 % (6 A) offers nothing
