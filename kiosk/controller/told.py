"""Readers and devices with their health, in the words of their drivers: for the snapshot and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kiosk.controller.ports import Notes
from kiosk.devices import Device
from kiosk.sensing import Parts
from kiosk.session.snapshot import DeviceView, ReaderView


def readers_told(parts: Parts) -> tuple[ReaderView, ...]:
    told = []
    for kind, reader in parts.readers:
        health = reader.health()
        told.append(ReaderView(reader.name, kind, health.is_good, health.message))
    return tuple(told)


def devices_told(parts: Parts, disk_note: str, notes: Notes) -> Iterator[DeviceView]:
    """Each by its name; with its kind before it, as drivers write it, where several have the same. `disk_note`: what is
    wrong with the disk now, "" for nothing."""
    kinds: list[tuple[str, Device | None]] = [
        (kind, device)
        for of_evse in parts.evses.values()
        for kind, device in (
            ("contactor", of_evse.contactor),
            ("board", of_evse.pilot),
            ("meter", of_evse.meter),
            ("rcd", of_evse.rcd),
            ("lock", of_evse.lock),
        )
    ]
    kinds += [("input", parts.emergency_stop), ("output", parts.heartbeat), ("site meter", parts.site_meter)]
    there = [(kind, device) for kind, device in kinds if device is not None]
    times = Counter(device.name for _, device in there)
    for kind, device in there:
        health = device.health()
        name = device.name if times[device.name] == 1 else f"{kind} '{device.name}'"
        yield DeviceView(name, health.is_good, health.message)
    note = disk_note or notes.journal
    yield DeviceView("journal", not note, note)
    if notes.refused_row:
        yield DeviceView("outbox", False, notes.refused_row)
    yield from notes.processes


def complaint(parts: Parts, evse_id: int, disk_note: str) -> str:
    """The first complaint of this EVSE's drivers, else the disk's; "" for none."""
    of_evse = parts.evses[evse_id]
    for device in (parts.emergency_stop, of_evse.rcd, of_evse.contactor, of_evse.pilot, of_evse.meter):
        if device is not None and not (health := device.health()).is_good:
            return health.message
    return f"journal: {disk_note}" if disk_note else ""
