"""The rows about the kiosk itself: each is found by what drivers, journal and uplink really say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.tariff import TariffOffer
from contract.transaction import ClockQuality
from kiosk import wire
from kiosk.cli.causes import CAUSES
from kiosk.cli.conditions import CONDITIONS, standing
from kiosk.cli.doctor import advice
from kiosk.drivers.modbus_errors import Place
from kiosk.probe import checks_snapshot
from kiosk.session.snapshot import DeviceView, ReaderView
from kiosk.wire import OfflineCause
from tests.cli.panel import evse, snapshot

LEFT = Place("meter", "left", "sdm630", "/dev/ttyRS485", 1)


def shown(offer: TariffOffer, **changes: Any) -> list[str]:
    """What the snapshot shows besides the EVSEs, read as the command reads it."""
    return standing(wire.snapshot_line(snapshot(evse(1, offer), **changes))["snapshot"])


def device(message: str, name: str = "left") -> dict[str, Any]:
    return {"devices": (DeviceView(name, False, message),)}


DRIVER_SAYS: dict[str, Callable[[], str]] = {
    "bus_babbles": lambda: LEFT.drowned(9.0, 12.0),
    "address_doubled": lambda: LEFT.doubled(9.0, 12.0),
    "answers_late": lambda: LEFT.too_late(0.7, 0.5, 9.0, 12.0),
    "wrong_device": lambda: LEFT.stranger(7, 9.0, 12.0),
}


@pytest.mark.parametrize("code", DRIVER_SAYS)
def test_what_a_bus_driver_says_is_found_again_as_its_row(offer: TariffOffer, code: str) -> None:
    assert shown(offer, **device(DRIVER_SAYS[code]())) == [code]


def test_garbled_answers_of_one_among_many_are_two_devices_on_one_address(offer: TariffOffer) -> None:
    assert shown(offer, **device(LEFT.garbled(9.0, 12.0, True))) == ["address_doubled"]
    assert shown(offer, **device(LEFT.garbled(9.0, 12.0, False))) == []


@pytest.mark.parametrize("cause", OfflineCause)
def test_each_reason_why_the_server_is_not_reached_has_a_row(offer: TariffOffer, cause: OfflineCause) -> None:
    code = "offline" if cause is OfflineCause.NO_ANSWER else cause.value

    assert shown(offer, is_online=False, offline_because=cause.value) == [code]


def test_only_what_is_wrong_is_told(offer: TariffOffer) -> None:
    assert shown(offer) == []
    clock = (DeviceView("clock", True, "clock: was set forward by 3600 s, 20 s ago"),)
    assert shown(offer, devices=clock) == ["clock_set"]
    assert shown(offer, clock_quality=ClockQuality.UNKNOWN) == ["clock_unknown"]
    assert shown(offer, is_online=False, offline_because="uplink_gone") == ["uplink_gone"]
    dead = (ReaderView("front", "nfc", False, "no answer"), ReaderView("scanner", "qr", True, ""))
    assert shown(offer, readers=dead) == ["nfc_reader_dead"]


def test_every_condition_has_its_sentence_and_its_fix() -> None:
    assert set(CONDITIONS) <= set(CAUSES)


def test_doctor_gives_a_part_that_fails_the_cause_and_the_fix_that_why_gives(offer: TariffOffer) -> None:
    drowned = device(LEFT.drowned(9.0, 12.0), "meter 'left'")
    whole = wire.snapshot_line(snapshot(evse(1, offer), **drowned, is_online=False))["snapshot"]

    told = advice(whole)

    assert told == {"part:meter 'left'": list(CAUSES["bus_babbles"]), "offline": list(CAUSES["offline"])}
    lines = [str(finding) for finding in checks_snapshot.all_of(whole, told)]
    (line,) = (line for line in lines if "meter 'left'" in line)
    assert line.startswith("FAIL  device") and f"| likely: {CAUSES['bus_babbles'][0]}" in line
    assert line.count("talks without pause") == 1


def test_the_snapshots_moment_is_no_part_of_it(offer: TariffOffer) -> None:
    assert shown(offer, at=datetime(1970, 1, 1, tzinfo=UTC)) == []
