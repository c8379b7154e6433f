"""What the launcher of the demo and of the tests puts first on the controller's PYTHONPATH: the street's `lgpio`.

The controller then runs `import RPi.GPIO` from the real rpi-lgpio, which imports this folder's `lgpio` and talks to
the simulated board through a socket, without knowing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def environment(socket_path: str, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a process sees the board behind `socket_path` as the GPIO of a Raspberry Pi 4."""
    result = dict(os.environ if inherited is None else inherited)
    later = result.get("PYTHONPATH", "")
    result["PYTHONPATH"] = f"{FOLDER}{os.pathsep}{later}" if later else str(FOLDER)
    result["KIOSK_SIM_GPIO_SOCKET"] = socket_path
    result["RPI_LGPIO_REVISION"] = "c03114"  # Raspberry Pi 4 B, 4 GB, rev 1.4
    result["RPI_LGPIO_CHIP"] = "0"
    return result
