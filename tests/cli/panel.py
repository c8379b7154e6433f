"""A scripted controller on a real Unix socket: greets with a snapshot and does what a test's function says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.tariff import TariffOffer
from contract.transaction import ChargingState, ClockQuality
from kiosk import wire
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import (
    Availability,
    Bill,
    DeviceView,
    EvseView,
    FaultView,
    ReaderView,
    Snapshot,
    TransactionView,
)
from kiosk.session.states import State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Reply = Callable[[dict[str, Any], "Panel"], list[dict[str, Any]]]


@dataclass(slots=True)
class Panel:
    """What a client sent is in `heard`; `reply` gives the lines that answer each line after the hello."""

    path: Path
    snapshot: Snapshot
    reply: Reply
    heard: list[dict[str, Any]] = field(default_factory=list)
    greeting: dict[str, Any] | None = None

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines:
            try:
                for text in lines:
                    self._hear(json.loads(text), client)
            except OSError:
                return  # the client went away in mid-line, as clients may

    def _hear(self, line: dict[str, Any], client: socket.socket) -> None:
        self.heard.append(line)
        greeted = self.greeting or wire.snapshot_line(self.snapshot)
        for answer in [greeted] if "hello" in line else self.reply(line, self):
            client.sendall(wire.pack(answer))


def say_nothing(_: dict[str, Any], __: Panel) -> list[dict[str, Any]]:
    return []


@contextmanager
def panel(path: Path, snapshot: Snapshot, reply: Reply = say_nothing) -> Iterator[Panel]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(8)
    made = Panel(path, snapshot, reply)
    threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
    try:
        yield made
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def evse(evse_id: int, offer: TariffOffer | None, **fields: Any) -> EvseView:
    """A free, healthy EVSE, but for what the test says."""
    free = EvseView(
        evse_id=evse_id,
        connector_id=1,
        connector_type="Type 2",
        max_power_w=22_080,
        state=State.IDLE,
        in_state_s=90.0,
        deadline_in_s=None,
        status=Availability.AVAILABLE,
        pilot=PilotState.A,
        contactor_closed=False,
        wants_contactor_closed=False,
        offered_a=0,
        offer=offer,
        transaction=None,
        receipt=None,
        receipt_in_s=None,
        fault=None,
        held=False,
        why=(),
    )
    return replace(free, **fields)


def delivering(evse_id: int, offer: TariffOffer, **fields: Any) -> EvseView:
    deal = TransactionView(
        transaction_id="a" * 32,
        receipt_id="b" * 32,
        receipt_url="https://pay.example/r/b",
        token="…9AF1",
        stop_code="4711",
        started_at=NOON,
        elapsed_s=725,
        energy_wh=2_205,
        power_w=11_040,
        meter_age_s=0.4,
        meter_quality=Quality.GOOD,
        last_value_at=NOON,
        charging_state=ChargingState.CHARGING,
        is_offline=False,
        bill=Bill("EUR", 113, 18, ()),
        offer=offer,
        curve=(),
    )
    return evse(
        evse_id,
        offer,
        state=State.DELIVERING,
        in_state_s=725.0,
        status=Availability.OCCUPIED,
        pilot=PilotState.C,
        contactor_closed=True,
        wants_contactor_closed=True,
        offered_a=16,
        transaction=replace(deal, **fields),
    )


def faulted(evse_id: int, offer: TariffOffer | None, code: FaultCode, is_latched: bool = True) -> EvseView:
    return evse(
        evse_id,
        offer,
        state=State.OUT_OF_SERVICE,
        in_state_s=7_380.0,
        status=Availability.FAULTED,
        fault=FaultView(code, NOON, is_latched, "line 17 is high"),
        why=(code.value,),
    )


def snapshot(*evses: EvseView, **fields: Any) -> Snapshot:
    whole = Snapshot(
        kiosk_id="K-7",
        place="Bahnhofstraße 3",
        operator="Stadtwerke",
        helpline="+49 30 1234",
        address="https://pay.example/k/7",
        time_zone="Europe/Berlin",
        at=NOON,
        at_s=1000.0,
        clock_quality=ClockQuality.SYNCHRONISED,
        boot_id="c" * 32,
        is_online=True,
        outbox_rows=0,
        chosen_evse=None,
        token_waits=False,
        token_waits_s=None,
        notice=None,
        evses=evses,
        readers=(ReaderView("front", "nfc", True, ""),),
        devices=(DeviceView("meter 'main'", True, ""),),
    )
    return replace(whole, **fields)
