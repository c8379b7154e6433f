"""The simulated board as electronics, and the cabinet on it in real time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.cabinet import Cabinet, ContactorWiring
from sim.gpio_board import BAD_WRITE, FLAG_PULL_NONE, FLAG_PULL_UP, GPIO_BUSY, GPIO_NOT_ALLOCATED, GpioBoard
from tests.drivers.patience import until

PROGRAM, OTHER = 1, 2
COIL, AUX, HEART = 17, 4, 5


@pytest.fixture
def board() -> GpioBoard:
    return GpioBoard()


def test_lines_start_with_the_pulls_of_the_chip(board: GpioBoard) -> None:
    assert board.level(8) and not board.level(9)


def test_an_output_wins_over_the_street_and_the_street_over_resistors(board: GpioBoard) -> None:
    board.pull_externally(COIL, True)
    assert board.level(COIL)
    board.drive(COIL, False)
    assert not board.level(COIL)
    board.claim_output(PROGRAM, COIL, True)
    assert board.level(COIL)


def test_a_floating_line_stays_as_it_was(board: GpioBoard) -> None:
    board.claim_input(PROGRAM, COIL, FLAG_PULL_UP)
    board.claim_input(PROGRAM, COIL, FLAG_PULL_NONE)

    assert board.level(COIL)


def test_levels_outlive_the_program_and_end_with_the_power(board: GpioBoard) -> None:
    board.claim_output(PROGRAM, COIL, True)
    board.forget(PROGRAM)
    assert board.level(COIL)

    board.power_cycle()

    assert not board.level(COIL)


def test_a_line_has_one_owner(board: GpioBoard) -> None:
    assert board.write(PROGRAM, COIL, True) == GPIO_NOT_ALLOCATED
    assert board.claim_input(PROGRAM, COIL, 0) == 0
    assert board.write(PROGRAM, COIL, True) == BAD_WRITE
    assert board.claim_output(OTHER, COIL, True) == GPIO_BUSY
    assert board.free(PROGRAM, COIL) == 0
    assert board.claim_output(OTHER, COIL, True) == 0


def test_a_watcher_sees_every_change_and_what_was(board: GpioBoard) -> None:
    seen: list[bool] = []
    board.watch(COIL, lambda level, at_s: seen.append(level))
    board.claim_output(PROGRAM, COIL, False)
    for level in (True, True, False):
        board.write(PROGRAM, COIL, level)

    assert seen == [False, True, False]


@pytest.fixture
def moves() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def cabinet(board: GpioBoard, moves: list[tuple[str, bool]]) -> Iterator[Cabinet]:
    built = Cabinet(
        board,
        HEART,
        {"left": ContactorWiring(COIL, AUX)},
        on_change=lambda name, closed, at_s: moves.append((name, closed)),
    )
    board.claim_output(PROGRAM, HEART, False)
    board.claim_output(PROGRAM, COIL, False)
    board.claim_input(PROGRAM, AUX, FLAG_PULL_UP)
    yield built
    built.close()


def test_beats_and_a_command_close_a_contactor_and_its_feedback(
    board: GpioBoard, cabinet: Cabinet, moves: list[tuple[str, bool]]
) -> None:
    board.write(PROGRAM, COIL, True)
    for level in (True, False, True):
        assert board.level(AUX), "open"
        board.write(PROGRAM, HEART, level)

    until(lambda: not board.level(AUX), "the feedback closes")
    assert cabinet.contactors["left"].is_closed and moves == [("left", True)]

    # And with no more beats the relay opens it by itself.
    until(lambda: board.level(AUX), "the feedback opens")
    assert moves == [("left", True), ("left", False)]


def test_a_cut_of_the_mains_opens_at_once(board: GpioBoard, cabinet: Cabinet) -> None:
    cabinet.relay.drop_after_s = 60.0
    board.write(PROGRAM, COIL, True)
    for level in (True, False, True):
        board.write(PROGRAM, HEART, level)
    until(lambda: not board.level(AUX), "the feedback closes")

    cabinet.cut_mains()
    until(lambda: board.level(AUX), "the feedback opens")

    cut_s = cabinet.relay.changes[-1][0]
    last_edge_s = max(at_s for at_s, pin, _ in board.history if pin == HEART)
    assert cut_s - last_edge_s < cabinet.relay.drop_after_s


def test_a_stuck_auxiliary_contact_is_seen_on_its_line(board: GpioBoard, cabinet: Cabinet) -> None:
    left = cabinet.contactors["left"]
    left.stuck_feedback = True
    cabinet.touch()
    until(lambda: not board.level(AUX), "the stuck feedback shows")

    left.mend(0.0)
    cabinet.touch()

    until(lambda: board.level(AUX), "the mended feedback shows")
