"""People who behave badly, each once. What a reader keeps from the kiosk (a card left on it) is not seen here."""

from __future__ import annotations

from contract.identity import IdToken, TokenKind
from kiosk.session.events import ConnectorChosen, LimitChosen, StopPressed
from kiosk.session.snapshot import Limit, LimitKind
from kiosk.session.states import State
from worlds.faults.kind import Kind, Mend, NotNow, Where
from worlds.visits import Person

WRONG_CODE = "12345"  # one digit too many: never right by chance


def _nothing() -> None:
    """Nothing to mend."""


def _present(at: Where, token: IdToken) -> None:
    if at.world.kiosk is None:
        raise NotNow
    at.world.kiosk.reader.present(token)
    at.world.stir()


def _person(at: Where) -> Person:
    person = at.world.street.people[at.evse_id]
    if person is None:
        raise NotNow
    return person


def tap_as_stranger(at: Where) -> Mend:
    """An unknown card while somebody charges."""
    _present(at, IdToken(TokenKind.ISO14443, f"99{at.rng.getrandbits(48):012X}"))
    return _nothing


def tap_other_card(at: Where) -> Mend:
    """Another customer's card, with nothing chosen on the screen."""
    _present(at, at.rng.choice(at.world.server.cards))
    return _nothing


def tap_twice(at: Where) -> Mend:
    """The card that is charging, twice within a few seconds: it stops, and it does not start again."""
    token = _person(at).token
    _present(at, token)
    at.world.agenda.after(at.rng.uniform(0.2, 4.0), lambda: _again(at, token))
    return _nothing


def _again(at: Where, token: IdToken) -> None:
    if at.world.kiosk is not None:
        _present(at, token)


def tap_and_leave(at: Where) -> Mend:
    """Chooses a connector, taps, and walks away without a vehicle."""
    if at.world.outlets[at.evse_id].vehicle is not None:
        raise NotNow
    at.world.touch(ConnectorChosen(at.evse_id))
    _present(at, at.rng.choice(at.world.server.cards))
    return _nothing


def guess_codes(at: Where) -> Mend:
    """Somebody wants to stop another's charge."""
    for n in range(at.rng.randrange(1, 6)):
        at.world.agenda.after(2.0 * n, lambda: at.world.touch(StopPressed(at.evse_id, WRONG_CODE)))
    return _nothing


def pull_and_replug(at: Where) -> Mend:
    """The plug comes out in the middle and goes in again; then the card is tapped anew, or not."""
    person, outlet = _person(at), at.world.outlets[at.evse_id]
    if outlet.vehicle is None:
        raise NotNow
    vehicle = outlet.unplug(at.world.agenda.now_s)
    assert vehicle is not None
    at.world.safety.note()

    def replug() -> None:
        if not person.is_gone and outlet.vehicle is None:
            outlet.plug_in(vehicle, at.world.agenda.now_s)
            at.world.vehicle_came(at.evse_id)
            if at.rng.random() < 0.7:
                at.world.agenda.after(at.rng.uniform(3, 40), tap)

    def tap() -> None:
        if not person.is_gone:
            at.world.touch(ConnectorChosen(at.evse_id))
            person.present(person.token)

    at.world.agenda.after(at.rng.uniform(0.3, 20), replug)
    return _nothing


def change_limit(at: Where) -> Mend:
    session = None if at.world.kiosk is None else at.world.kiosk.controller.kiosk.session(at.evse_id)
    if session is None or session.state not in (State.PREPARING, State.DELIVERING, State.PARKED):
        raise NotNow
    kind = at.rng.choice(list(LimitKind))
    limits = {LimitKind.ENERGY: 5_000, LimitKind.TIME: 3_600, LimitKind.MONEY: 500}
    limit = Limit(kind, round(limits[kind] * at.rng.uniform(0.1, 3)))
    at.world.touch(LimitChosen(at.evse_id, at.rng.choice([limit, limit, None])))
    return _nothing


def plug_into_other(at: Where) -> Mend:
    """A vehicle stands for a while at a connector that is not its driver's, which may be waiting for a vehicle."""
    person, world = _person(at), at.world
    other = next((e for e, o in world.outlets.items() if e != at.evse_id and o.vehicle is None), None)
    vehicle = world.outlets[at.evse_id].vehicle
    if other is None or vehicle is None or world.street.people[other] is not None:
        raise NotNow
    world.outlets[at.evse_id].unplug(world.agenda.now_s)
    world.safety.note()
    world.street.occupied.add(other)
    world.outlets[other].plug_in(vehicle, world.agenda.now_s)
    world.vehicle_came(other)

    def mend() -> None:
        world.outlets[other].unplug(world.agenda.now_s)
        world.safety.note()
        world.street.occupied.discard(other)
        if not person.is_gone and world.outlets[at.evse_id].vehicle is None:
            world.outlets[at.evse_id].plug_in(vehicle, world.agenda.now_s)
            world.vehicle_came(at.evse_id)

    return mend


def leave_cable(at: Where) -> Mend:
    """Stopped, and the cable stays in for an hour or two."""
    _person(at).lingers_also_s = at.rng.uniform(1_800, 7_200)
    return _nothing


KINDS = (
    Kind("stranger_taps", "people", tap_as_stranger, (1, 2), of_evse=False, while_charging=True),
    Kind("other_card_taps", "people", tap_other_card, (1, 2), of_evse=False, while_charging=True),
    Kind("taps_twice", "people", tap_twice, (5, 6), while_charging=True),
    Kind("taps_and_leaves", "people", tap_and_leave, (1, 2)),
    Kind("wrong_codes", "people", guess_codes, (10, 12), while_charging=True),
    Kind("pulls_and_replugs", "plug", pull_and_replug, (21, 22), while_charging=True),
    Kind("changes_limit", "people", change_limit, (1, 2), while_charging=True),
    Kind("plugs_into_other", "plug", plug_into_other, (20, 120), while_charging=True),
    Kind("leaves_cable", "cable", leave_cable, (1, 2), while_charging=True),
)
