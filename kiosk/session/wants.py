"""Wants: what the outputs of one EVSE should be. Levels, not commands; each has a safe value."""

from __future__ import annotations

from contract.values import value


@value
class Wants:
    """`offered_a` is 0 or 6 to 80 A per phase. `heartbeat` False lets the external safety relay drop."""

    contactor_closed: bool = False
    offered_a: int = 0
    locked: bool = False
    heartbeat: bool = True


SAFE = Wants()
