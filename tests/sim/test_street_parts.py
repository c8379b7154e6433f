"""A street by itself: its file, its commands, its mains, the cable to the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.control import ControlServer, Mistake, ask
from sim.gate import Gate
from sim.street import Street
from sim.street_commands import Commands
from sim.street_evse import MeterTrouble
from sim.street_faults import FAULTS
from sim.street_plan import PlanError, load_plan
from worlds.stage import PLAN


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    street = Street(load_plan(PLAN), tmp_path, rate=60)
    yield street
    street.close()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("charger_w", "charger_kw", "charger_kw: unknown key"),
        ('bus = "rs485", address = 11', 'bus = "rs484", address = 11', "no [[bus]] named 'rs484'"),
        ('kind = "evse_din", bus = "rs485", address = 11', 'kind = "abb", bus = "rs485", address = 11', "board.kind"),
        ("contactor = { pin = 22, feedback_pin = 23 }", "", "an evse_din needs one"),
        ("seed = 1", "seed =", "Invalid value"),
    ],
)
def test_a_wrong_street_file_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = PLAN.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "street.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(PlanError) as refusal:
        load_plan(path)

    assert str(path) in str(refusal.value)
    assert said in str(refusal.value)


def test_a_command_that_cannot_be_followed_says_what_there_is(street: Street) -> None:
    commands = Commands(street)
    for request, said in (
        ({"do": "dance"}, "known: plug"),
        ({"do": "plug", "evse": 3}, "EVSEs: 1, 2"),
        ({"do": "plug", "evse": 1, "car": "tank"}, "cars: zoe"),
        ({"do": "plug"}, "evse"),
        ({"do": "tap", "card": "nobody"}, "cards: anna"),
        ({"do": "fault", "kind": "rain"}, "faults: weld"),
        ({"do": "net", "on": False}, "no cable to pull"),
        ({"do": "unplug", "evse": 1}, "no car"),
    ):
        with pytest.raises(Mistake, match=said.replace("[", r"\[")):
            commands(request)


def test_cars_come_and_go_over_the_control_socket(street: Street, tmp_path: Path) -> None:
    control = ControlServer(str(tmp_path / "control.sock"), Commands(street))
    try:
        assert ask(control.path, {"do": "plug", "evse": 1})["car"] == "zoe"
        assert ask(control.path, {"do": "plug", "evse": 2})["car"] == "id3"
        with pytest.raises(Mistake, match="plugged in already"):
            ask(control.path, {"do": "plug", "evse": 1})
        ask(control.path, {"do": "unplug", "evse": 1})
        seen = ask(control.path, {"do": "physics"})["evses"]
    finally:
        control.close()

    assert (seen["1"]["pilot"], seen["2"]["pilot"]) == ("A", "B")


NOT_HERE = (
    "board-warm",
    "board-hot",
    "board-derating",
    "site-meter-silent",
)  # an EVSE-DIN tells no heat, this street has no [site]


def test_every_fault_can_be_set_and_all_are_mended(street: Street) -> None:
    commands = Commands(street)
    commands({"do": "plug", "evse": 1})
    for kind in FAULTS:
        if kind not in NOT_HERE:
            commands({"do": "fault", "kind": kind, "evse": 1})
    for kind in NOT_HERE:
        with pytest.raises(Mistake):
            commands({"do": "fault", "kind": kind, "evse": 1})
    commands({"do": "mend"})
    evse = street.evses[1]

    assert not evse.meter_slave.is_silent and not evse.board_slave.is_silent
    assert evse.pilot_fault is None and evse.board.shown_state is None
    assert evse.meter_trouble == MeterTrouble()
    assert [len(line.devices) for line in street.lines.values()] == [4]
    assert not street.nfc.is_mute
    assert (street.run / "nfc").exists() and (street.run / "scanner").exists()


def test_without_mains_the_board_forgets_its_offer_and_nothing_answers(street: Street) -> None:
    commands = Commands(street)
    commands({"do": "plug", "evse": 1, "car": "zoe"})
    with street.settled():
        street.evses[1].board_slave.slave.source.write(1000, (16,))
    assert street.physics()["evses"]["1"]["pilot"] == "C"

    commands({"do": "mains", "on": False})

    dark = street.physics()
    assert dark["evses"]["1"]["offered_a"] == 0
    assert all(line.faults.is_silent for line in street.lines.values())
    assert not Path(street.gpio_socket).exists()

    commands({"do": "mains", "on": True})

    assert Path(street.gpio_socket).exists()
    assert not any(line.faults.is_silent for line in street.lines.values())


def test_a_shut_gate_hangs_up_and_refuses_until_it_is_opened() -> None:
    echo = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(echo,), daemon=True).start()
    gate = Gate(("127.0.0.1", echo.getsockname()[1]))
    try:
        held = socket.create_connection(("127.0.0.1", gate.port), 5)
        held.sendall(b"hello")
        assert held.recv(5) == b"hello"

        gate.shut()

        assert held.recv(5) == b""
        refused = socket.create_connection(("127.0.0.1", gate.port), 5)
        assert _answer(refused) == b""

        gate.open()

        assert _answer(socket.create_connection(("127.0.0.1", gate.port), 5)) == b"hello"
    finally:
        gate.close()
        echo.close()


def _answer(sock: socket.socket) -> bytes:
    """What comes back; nothing where the other side hung up."""
    with sock:
        sock.settimeout(5)
        try:
            sock.sendall(b"hello")
            return sock.recv(5)
        except ConnectionError:
            return b""


def _echo(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            while data := client.recv(100):
                client.sendall(data)
