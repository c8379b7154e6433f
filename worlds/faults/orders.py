"""What an operator orders from the server while people are about: close, reserve, stop, unlock, block a card."""

from __future__ import annotations

from contract.commands import Command, CommandKind
from worlds.faults.kind import Kind, Mend, NotNow, Where
from worlds.visits import Person

TTL_S = 3_600  # a world's kiosk polls seldom


def _nothing() -> None:
    """Nothing to mend."""


def _order(at: Where, kind: CommandKind, **fields: object) -> None:
    command = Command("", kind, TTL_S, **fields)  # type: ignore[arg-type]
    at.world.server.order(command, at.world.wall())


def close_evse(at: Where) -> Mend:
    _order(at, CommandKind.CHANGE_AVAILABILITY, evse_id=at.evse_id, is_operative=False)
    return lambda: _order(at, CommandKind.CHANGE_AVAILABILITY, evse_id=at.evse_id, is_operative=True)


def reserve(at: Where) -> Mend:
    """For somebody who may or may not come; it ends by itself."""
    account = f"member{at.rng.randrange(len(at.world.server.cards))}"
    name = f"r-{at.rng.getrandbits(32):08x}"
    hold_s = at.rng.randrange(600, 5_400)
    _order(at, CommandKind.RESERVE, evse_id=at.evse_id, reservation_id=name, account_id=account, hold_s=hold_s)
    if at.rng.random() < 0.5:
        return _nothing
    return lambda: _order(at, CommandKind.CANCEL_RESERVATION, reservation_id=name)


def stop(at: Where) -> Mend:
    """A charge the server knows of."""
    kiosk = at.world.kiosk
    session = None if kiosk is None else kiosk.controller.kiosk.session(at.evse_id)
    if session is None or session.transaction is None:
        raise NotNow
    _order(at, CommandKind.STOP, transaction_id=session.transaction.ids.transaction_id)
    return _nothing


def unlock(at: Where) -> Mend:
    _order(at, CommandKind.UNLOCK, evse_id=at.evse_id)
    return _nothing


def block_card(at: Where) -> Mend:
    """The card of somebody who charges is reported lost, and found again."""
    person: Person | None = at.world.street.people[at.evse_id]
    if person is None or person.token not in at.world.server.cards:
        raise NotNow
    token = person.token
    at.world.server.block(token, True, at.world.wall())
    return lambda: at.world.server.block(token, False, at.world.wall())


KINDS = (
    Kind("evse_closed", "orders", close_evse, (600, 5_400)),
    Kind("evse_reserved", "orders", reserve, (600, 3_600)),
    Kind("stopped_by_order", "orders", stop, (1, 2), while_charging=True),
    Kind("unlocked_by_order", "orders", unlock, (1, 2), while_charging=True),
    Kind("card_blocked", "cards", block_card, (1_800, 7_200), while_charging=True),
)
