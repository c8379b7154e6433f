"""A simulated NFC chip on a terminal, and the kiosk's reader on it."""

from __future__ import annotations

import pytest

from kiosk.drivers.pn532 import Pn532Reader
from sim.pn532 import Pn532
from tests.drivers.patience import until


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("nfc") / "reader")


@pytest.fixture
def chip(path: str):  # type: ignore[no-untyped-def]
    device = Pn532(path)
    yield device
    device.close()


@pytest.fixture
def reader(chip: Pn532):  # type: ignore[no-untyped-def]
    device = Pn532Reader("reader", chip.path)
    until(lambda: device.health().is_good, "the reader opens")
    yield device
    device.close()
