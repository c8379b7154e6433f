"""What the command's tests share: a tariff, and the command as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from sim.lgpio_client import environment

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "SUDO_USER"} | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def offer() -> TariffOffer:
    energy = PriceComponent(Dimension.ENERGY, Decimal("0.43"), Decimal(19))
    return TariffOffer(Tariff("day", 1, "EUR", (TariffElement((energy,)),)))


@pytest.fixture
def kiosk(tmp_path: Path) -> Run:
    """`kiosk(words…)` runs the command to its end, with socket and configuration in the test's directory.

    `pi` is the socket of a simulated board whose lines the command then finds as its GPIO.
    """

    def run(
        *words: str, stdin: str = "", patience_s: float = 60, pi: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        places = {"KIOSK_SOCKET": str(tmp_path / "panel"), "KIOSK_CONFIG": str(tmp_path / "kiosk.toml")}
        around = ENVIRONMENT if pi is None else environment(pi, ENVIRONMENT)
        return subprocess.run(
            [sys.executable, "-m", "kiosk.cli.main", *words],
            env=around | places,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )

    return run
