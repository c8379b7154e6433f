"""What can be asked of a street: one function per command, and the table of their names.

Every command is `{"do": NAME, …}`; an unknown name or field is a Mistake that says what there is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sim.control import Mistake
from sim.gate import Gate
from sim.nfc_tag import UidCard
from sim.stopwatch import Stopwatch
from sim.street import Street
from sim.street_evse import StreetEvse
from sim.street_faults import BREAKS, FAULTS, mend_evse, mend_kiosk
from sim.type4_tag import Type4Tag, text_record

LONGEST_TEXT = 1_000
MOST_ROUNDS = 300
MOST_LOAD_A = 1_000


class Commands:
    """The commands of one street; `gate` is the cable to the server where the street has one."""

    def __init__(self, street: Street, gate: Gate | None = None) -> None:
        self._street, self._gate = street, gate
        self._cars = {car.name: car.vehicle() for car in street.plan.car}
        self._cards = {card.name: card.uid for card in street.plan.card}
        self._table: dict[str, Callable[..., dict[str, Any] | None]] = {
            "plug": self.plug,
            "unplug": self.unplug,
            "pause": self.pause,
            "load": self.load,
            "tap": self.tap,
            "tap-phone": self.tap_phone,
            "remove": self.remove,
            "scan": self.scan,
            "time_opening": self.time_opening,
            "press-estop": self.press_estop,
            "release-estop": self.release_estop,
            "trip-rcd": self.trip_rcd,
            "reset-rcd": self.reset_rcd,
            "fault": self.fault,
            "mend": self.mend,
            "mains": self.mains,
            "net": self.net,
            "physics": self.physics,
            "state": self.state,
        }

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        act = self._table.get(request["do"])
        if act is None:
            raise Mistake(f"unknown command {request['do']!r}; known: {', '.join(self._table)}")
        fields = {key: value for key, value in request.items() if key != "do"}
        try:
            inspect.signature(act).bind(**fields)
        except TypeError as error:
            raise Mistake(f"{request['do']}: {error}") from error
        return act(**fields) or {}

    def plug(self, evse: int, car: str | None = None, charged_wh: float | None = None) -> dict[str, Any]:
        """A car comes to the EVSE, with so much in its battery; without a name the first one that is free."""
        place = self._evse(evse)
        if place.outlet.vehicle is not None:
            raise Mistake(f"EVSE {evse}: {place.outlet.vehicle.name} is plugged in already")
        here = {other.outlet.vehicle.name for other in self._street.evses.values() if other.outlet.vehicle is not None}
        name = car or next((known for known in self._cars if known not in here), None)
        if name is None or name not in self._cars:
            raise Mistake(f"no such car is free: {car or 'any'}; cars: {', '.join(self._cars) or 'none'}")
        if name in here:
            raise Mistake(f"{name} is plugged in elsewhere")
        if charged_wh is not None:
            self._cars[name].charged_wh = float(charged_wh)
        with self._street.settled():
            place.outlet.plug_in(self._cars[name], self._street.now_s())
        return {"car": name}

    def unplug(self, evse: int, force: bool = False) -> dict[str, Any]:
        place = self._evse(evse)
        if place.is_locked and not force:
            raise Mistake(f"EVSE {evse}: the cable is locked")
        with self._street.settled():
            vehicle = place.outlet.unplug(self._street.now_s())
        if vehicle is None:
            raise Mistake(f"EVSE {evse}: no car is plugged in")
        return {"car": vehicle.name}

    def pause(self, evse: int, on: bool = True) -> None:
        """The car pauses, or goes on."""
        vehicle = self._evse(evse).outlet.vehicle
        if vehicle is None:
            raise Mistake(f"EVSE {evse}: no car is plugged in")
        with self._street.settled():
            vehicle.pause(on)

    def load(self, amps: float) -> None:
        """What everything else behind the site's connection draws, on each phase."""
        if self._street.site is None or not 0 <= amps <= MOST_LOAD_A:
            raise Mistake(f"load: want a street with [site], and 0 to {MOST_LOAD_A} A")
        with self._street.settled():
            self._street.site.other_a = (float(amps),) * 3

    def tap(self, card: str, hold_s: float = 1.0) -> dict[str, Any]:
        """Hold a card to the reader: a name of the street file, or a UID in hex. `hold_s` 0: until `remove`."""
        uid = self._cards.get(card, card)
        try:
            data = bytes.fromhex(uid)
        except ValueError as error:
            raise Mistake(f"no card {card!r}; cards: {', '.join(self._cards) or 'none'}, or a UID in hex") from error
        try:
            self._street.tap(UidCard(data), float(hold_s))
        except ValueError as error:
            raise Mistake(str(error)) from error
        return {"uid": uid}

    def tap_phone(self, code: str = "", hold_s: float = 1.0) -> None:
        """Hold a phone to the reader whose payment app says this code as an NFC tag; "" for one without such an app."""
        if len(code) > LONGEST_TEXT:
            raise Mistake(f"tap-phone: want at most {LONGEST_TEXT} characters")
        self._street.tap(Type4Tag(text_record(code) if code else None), float(hold_s))

    def remove(self) -> None:
        self._street.remove()

    def scan(self, text: str) -> None:
        if not 1 <= len(text) <= LONGEST_TEXT:
            raise Mistake(f"scan: want 1 to {LONGEST_TEXT} characters")
        self._street.scanner.scan(text)

    def press_estop(self) -> None:
        self._street.press(None, True)

    def release_estop(self) -> None:
        self._street.press(None, False)

    def time_opening(self, evse: int, rounds: int) -> dict[str, Any]:
        """Seconds from the EVSE's RCD line to the open command on its contactor's line, so many times."""
        plan = self._evse(evse).plan
        if plan.rcd_pin is None or plan.contactor is None or not 1 <= rounds <= MOST_ROUNDS:
            raise Mistake(f"EVSE {evse}: want an RCD line, a contactor line and 1 to {MOST_ROUNDS} rounds")
        watch = Stopwatch(self._street.board, plan.rcd_pin, plan.contactor.pin)
        return {"seconds": watch.samples(rounds)}

    def trip_rcd(self, evse: int) -> None:
        self._evse(evse)
        self._street.press(evse, True)

    def reset_rcd(self, evse: int) -> None:
        self._evse(evse)
        self._street.press(evse, False)

    def fault(self, kind: str, evse: int = 1) -> None:
        """Break something; `mend` repairs everything."""
        if kind not in BREAKS:
            raise Mistake(f"no fault {kind!r}; faults: {', '.join(FAULTS)}")
        BREAKS[kind](self._street, self._evse(evse))

    def mend(self, evse: int | None = None) -> None:
        """Repair every fault and release every safety line; with a number, only what belongs to that EVSE."""
        for place in self._street.evses.values() if evse is None else (self._evse(evse),):
            mend_evse(self._street, place)
        if evse is None:
            mend_kiosk(self._street)

    def mains(self, on: bool) -> None:
        if on:
            self._street.restore_mains()
        else:
            self._street.cut_mains()

    def net(self, on: bool) -> None:
        if self._gate is None:
            raise Mistake("this street was started without --server, so it has no cable to pull")
        if on:
            self._gate.open()
        else:
            self._gate.shut()

    def physics(self) -> dict[str, Any]:
        return self._street.physics()

    def state(self) -> dict[str, Any]:
        """Where things are: sockets, terminals, the server's port, cards, and each car's EVSE, None for none."""
        street, gate = self._street, self._gate
        at = {place.outlet.vehicle.name: e for e, place in street.evses.items() if place.outlet.vehicle is not None}
        return {
            "run": str(street.run),
            "gpio_socket": street.gpio_socket,
            "rate": street.rate,
            "server_port": None if gate is None else gate.port,
            "net": gate is not None and gate.is_open,
            "cars": {name: at.get(name) for name in self._cars},
            "cards": dict(self._cards),
        }

    def _evse(self, evse_id: int) -> StreetEvse:
        if evse_id not in self._street.evses:
            raise Mistake(f"no EVSE {evse_id}; EVSEs: {', '.join(map(str, self._street.evses))}")
        return self._street.evses[evse_id]
