"""What the core must know after a power cut and no event tells: one document, written in the commit it belongs to.

It is a level like any other output: `remembered` is a function of the kiosk, and the controller writes it down when
it has changed. It stays on the kiosk; a stop code is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from contract.codec import from_bytes, to_bytes
from contract.price import TimeUse
from contract.transaction import Authority, TransactionEvent
from contract.values import replace, value
from kiosk.session.events import Ids, Now
from kiosk.session.kiosk import Kiosk
from kiosk.session.leftovers import Interrupted, Unread
from kiosk.session.reservation import Reservation, after_restart
from kiosk.session.session import Session, resumed_after_restart
from kiosk.session.settings import Patience
from kiosk.session.states import State
from kiosk.session.transaction import recovered


@value
class Running:
    """A charge that nobody has stopped, and what only its driver's screen shows. Found open, it may go on."""

    transaction_id: str
    stop_code: str
    token_masked: str


@value
class Memory:
    """Of one EVSE."""

    evse_id: int
    held_for: Authority | None = None
    running: Running | None = None
    interrupted: Interrupted | None = None
    unread: Unread | None = None
    held_code: str = ""
    is_blocked: bool = False
    reservation: Reservation | None = None


@value
class Memories:
    evses: tuple[Memory, ...] = ()


def remembered(kiosk: Kiosk) -> Memories:
    """EVSEs without anything to remember are left out."""
    memories = (_of(session) for session in kiosk.sessions)
    return Memories(tuple(memory for memory in memories if memory is not None))


def to_text(memories: Memories) -> str:
    return to_bytes(memories).decode()


def from_text(text: str) -> Memories:
    """Raises WireError."""
    return from_bytes(Memories, text)


def _of(session: Session) -> Memory | None:
    if not _has_any(session):
        return None
    running, t = None, session.transaction
    if t is not None and session.was_plugged and session.state in (State.PREPARING, State.DELIVERING):
        running = Running(t.ids.transaction_id, t.ids.stop_code, t.token_masked)
    memory = Memory(
        session.evse_id,
        session.held_for,
        running,
        session.interrupted,
        session.unread,
        session.held_code,
        session.is_blocked,
        session.reservation,
    )
    return None if memory == Memory(session.evse_id) else memory


def _has_any(session: Session) -> bool:
    """At a glance, as this is asked at every beat: whether there can be anything to remember."""
    return (
        session.transaction is not None
        or session.held_for is not None
        or session.interrupted is not None
        or session.unread is not None
        or session.reservation is not None
        or session.is_blocked
        or bool(session.held_code)
    )


def recalled(
    stories: Iterable[Sequence[TransactionEvent]],
    memories: Memories,
    now: Now,
    patience: Patience,
    mint: Callable[[], Ids],
    may_go_on: Callable[[Authority, bool], bool],
) -> tuple[Session, ...]:
    """The sessions at boot: transactions found open on disk, and what was remembered of EVSEs without one.

    `may_go_on` says of an authority, and whether it was given offline, whether it still holds.
    """
    memory_of = {memory.evse_id: memory for memory in memories.evses}
    found = {}
    for story in stories:
        t = recovered(story, now)
        memory = memory_of.get(t.evse_id)
        running = memory.running if memory is not None else None
        goes_on_as = None
        if running is not None and running.transaction_id == t.ids.transaction_id:
            t = replace(t, token_masked=running.token_masked)
            is_on = patience.restart_within_s > 0 and t.samples[-1].time_use is not TimeUse.PARKING
            if is_on and may_go_on(t.authority, t.is_offline):
                goes_on_as = replace(t.ids, transaction_id=mint().transaction_id, stop_code=running.stop_code)
        resumed = resumed_after_restart(t, now, patience, goes_on_as)
        found[t.evse_id] = resumed if memory is None else _with_orders(resumed, memory, now)
    for evse_id, memory in memory_of.items():
        if evse_id not in found:
            left = memory.interrupted
            if left is not None and may_go_on(left.authority, left.is_offline):
                ids = replace(left.ids, transaction_id=mint().transaction_id)
                left = replace(left, ids=ids, found_s=now.s)
            else:
                left = None
            session = Session(evse_id, held_for=memory.held_for, interrupted=left, unread=memory.unread)
            found[evse_id] = _with_orders(replace(session, held_code=memory.held_code), memory, now)
    return tuple(found.values())


def _with_orders(session: Session, memory: Memory, now: Now) -> Session:
    kept = None if memory.reservation is None else after_restart(memory.reservation, now)
    return replace(session, is_blocked=memory.is_blocked, reservation=kept)
