"""A card reader that hangs is reset through its own GPIO line, at a bounded rate, and told meanwhile."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from kiosk.drivers.gpio import GpioLines, GpioReset
from kiosk.drivers.pn532 import Pn532Reader
from sim.gpio_board import GpioBoard
from sim.gpio_server import GpioServer
from sim.pn532 import Pn532
from tests.drivers.patience import until
from tests.drivers.test_gpio import board, clock, lines, path, pi, server  # noqa: F401

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("gpio")]
RESET = 26


@pytest.mark.parametrize("heals", [True, False])
def test_a_reader_that_hangs_is_reset_by_its_line_and_told_for_how_long_it_was_dead(
    tmp_path: Path,
    board: GpioBoard,  # noqa: F811
    server: GpioServer,  # noqa: F811
    lines: GpioLines,  # noqa: F811
    heals: bool,
) -> None:
    chip = Pn532(str(tmp_path / "nfc"))
    reset = GpioReset(lines, "reset of reader", pin=RESET)
    board.watch(RESET, lambda level, at_s: chip.reset() if level and heals else None)
    reader = Pn532Reader("reader", str(tmp_path / "nfc"), reset=reset.pulse)
    try:
        until(lambda: reader.health().is_good, "a good start")
        assert board.level(RESET)

        chip.is_mute = True
        until(lambda: not reader.health().is_good, "told")

        assert "last good" in reader.health().message and "Check that the reader has power" in reader.health().message
        if heals:
            until(lambda: reader.health().is_good, "healed")
        else:
            until(lambda: "reset 2 times" in reader.health().message, "reset in vain")
        edges = [(at_s, level) for at_s, pin, level in board.history if pin == RESET and at_s]
        pulses = [(at_s, then_s) for (at_s, low), (then_s, high) in itertools.pairwise(edges) if high > low]
        assert pulses and all(then_s - at_s >= GpioReset.PULSE_S for at_s, then_s in pulses)
        assert all(later[0] - former[1] >= 0.5 for former, later in itertools.pairwise(pulses))
    finally:
        reader.close()
        chip.close()


def test_a_reset_line_that_is_busy_is_told_and_never_raises(
    board: GpioBoard,  # noqa: F811
    server: GpioServer,  # noqa: F811
    lines: GpioLines,  # noqa: F811
) -> None:
    reset = GpioReset(lines, "reset of reader", pin=RESET)
    board.break_line(RESET, -79)

    reset.pulse()

    assert not reset.health().is_good and "GPIO busy" in reset.health().message
    board.mend_line(RESET)
