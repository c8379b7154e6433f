"""What stands behind the panel: intents, questions and the uplink's lines on their way to controller and journal.

Everything here runs in the event loop's thread; what the journal's thread answers comes back through the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandAnswer, Disclaim, Row, RowBatch, RowKind
from contract.codec import to_wire
from contract.list_change import WrongBase
from kiosk.controller import Controller, Write
from kiosk.daemon.clock import Clock
from kiosk.journal import Batch, JournalError, JournalStore, JournalWriter, NewRow
from kiosk.journal.refused_rows import forget_refused, note_refused, refused_rows, sendable
from kiosk.panel import Panel, QueryRefused
from kiosk.session.snapshot import Snapshot
from kiosk.wire import (
    Acknowledged,
    Fetch,
    Intent,
    ListVersion,
    Online,
    Role,
    RowsWaiting,
    SetAside,
    SignedCommand,
    SignedList,
    UplinkHears,
    UplinkSays,
    WhyOffline,
)

log = logging.getLogger("kiosk.desk")

T = TypeVar("T")

MOST_LETTERS = 1000  # disclaims and command answers kept for an uplink that is away
MOST_ROWS_ASKED = 1000


class JournalRecorder:
    """The controller's Recorder: its writes go to the journal's thread, the answers come back into the loop."""

    def __init__(self, writer: JournalWriter, store: JournalStore, loop: asyncio.AbstractEventLoop) -> None:
        self._writer, self._store, self._loop = writer, store, loop
        self.under_way = 0
        self.has_urgent = True  # rows the server should have at once, and the uplink was not told of

    def write(self, write: Write, done: Callable[[Exception | None], None]) -> None:
        rows = tuple(NewRow(entry.kind, entry.body) for entry in write.entries)
        self.under_way += 1

        def finish(error: Exception | None) -> None:
            self.under_way -= 1
            self.has_urgent = self.has_urgent or not write.may_wait
            done(error)

        batch = Batch(rows, write.spends, dict(write.documents))
        self._writer.append(batch, lambda error: _call_in(self._loop, finish, error))

    def waiting(self) -> int:
        return self._store.waiting()

    def do(self, task: Callable[[JournalStore], T], done: Callable[[T | None, Exception | None], None]) -> None:
        """A short task on the journal's thread; `done` in the loop."""
        self._writer.do(task, lambda result, error: _call_in(self._loop, done, result, error))

    async def ask(self, task: Callable[[JournalStore], T]) -> T:
        """The same, awaited. Raises what the journal raises."""
        answer: asyncio.Future[T] = self._loop.create_future()

        def done(result: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        self.do(task, done)
        return await answer


def _call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> None:
    """From the journal's thread; a loop that has ended needs no answer any more."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *arguments)


class UplinkLine:
    """The controller's Uplink: lines to the uplink process, which may be away."""

    def __init__(self) -> None:
        self.panel: Panel | None = None
        self.says_online = False
        self._letters: deque[UplinkHears] = deque(maxlen=MOST_LETTERS)

    def is_online(self) -> bool:
        return self.says_online

    def ask(self, request: AuthorizeRequest) -> None:
        self._send(request)

    def disclaim(self, transaction_ids: tuple[str, ...]) -> None:
        self._keep(Disclaim(transaction_ids))

    def answer(self, answer: CommandAnswer) -> None:
        self._keep(answer)

    def refresh_list(self, version: int) -> None:
        self._send(ListVersion(version, is_due=True))  # an uplink that is away asks by itself when it comes

    def came(self) -> None:
        """Say what was kept while the uplink was away."""
        while self._letters and self._send(self._letters[0]):
            self._letters.popleft()

    def _keep(self, letter: UplinkHears) -> None:
        if not self._send(letter):
            self._letters.append(letter)

    def _send(self, heard: UplinkHears) -> bool:
        return self.panel is not None and self.panel.to_uplink(heard)


class FrontDesk:
    """kiosk.panel.Desk."""

    def __init__(self, controller: Controller, recorder: JournalRecorder, line: UplinkLine, clock: Clock) -> None:
        self._controller, self._recorder, self._line, self._clock = controller, recorder, line, clock
        self._told_waiting: int | None = None
        self._must_forget = False  # that rows were refused: an uplink came anew, and the disk has not taken it yet
        controller.notes.offline_because = "uplink_gone"
        self._newest_list: str | None = None  # while it is read
        self._reading: asyncio.Task[None] | None = None

    def snapshot(self) -> Snapshot:
        return self._controller.snapshot(self._clock.now(), self._clock.shared_wall())

    def intended(self, intent: Intent, role: Role) -> str | None:
        log.info("%s: %s", role, type(intent).__name__)  # never its fields: one of them is a stop code
        return None if self._controller.post(intent) else "the kiosk is busy; try again"

    # ---- the uplink ---------------------------------------------------------------------------------------------

    def uplink_came(self) -> None:
        log.info("uplink is here")
        self._line.says_online = False
        self._controller.notes.offline_because = ""
        self._told_waiting, self._recorder.has_urgent = None, True
        self._must_forget = True
        self._forget_refused()  # before the uplink can ask for rows
        self._line.came()
        self.tell_list_version()
        self.tell_waiting()

    def uplink_went(self) -> None:
        log.warning("uplink is gone")
        self._line.says_online = False
        self._controller.notes.offline_because = "uplink_gone"

    def tell_list_version(self) -> None:
        self._tell(ListVersion(self._controller.list_version()))

    def tell_waiting(self) -> None:
        """The number of waiting rows, where it is another than was told last or some of them are urgent."""
        waiting, has_urgent = self._recorder.waiting(), self._recorder.has_urgent
        is_news = waiting != self._told_waiting or has_urgent
        if is_news and self._tell(RowsWaiting(waiting, may_wait=not has_urgent)):
            self._told_waiting, self._recorder.has_urgent = waiting, False

    def uplink_said(self, said: UplinkSays) -> None:
        match said:
            case Online(is_online):
                if is_online != self._line.says_online:
                    log.info("server %s", "answers" if is_online else "does not answer")
                self._line.says_online = is_online
                if is_online:
                    self._controller.notes.offline_because = ""
            case WhyOffline(because, detail):
                log.warning("server not reached, %s: %s", because, detail)
                self._controller.notes.offline_because = because.value
            case AuthorizeAnswer():
                self._controller.answered(said, self._clock.now())
            case Fetch(limit):
                if self._must_forget:
                    self._forget_refused()
                self._recorder.do(lambda store: RowBatch(store.epoch(), tuple(sendable(store, limit))), self._fetched)
            case Acknowledged(numbers, epoch):
                now = self._clock.wall()
                self._recorder.do(lambda store: store.acknowledge(numbers, epoch, now), self._acknowledged)
            case SetAside(number, reason):
                log.error("the server refuses row %d, which stays here: %s", number, reason)
                told = f"outbox: the server refuses row {number}, which stays here: {reason}"
                self._recorder.do(lambda store: note_refused(store, number, reason), partial(self._noted, told))
            case SignedList(text):
                self._take_list(text)
            case SignedCommand(text):
                self._controller.take_command(text)

    def _fetched(self, batch: RowBatch | None, error: Exception | None) -> None:
        if error is not None:
            log.error("journal: %s", error)
        # An answer in any case, or the uplink would wait for ever; it hears of waiting rows again with the next one.
        self._tell(batch if batch is not None else RowBatch("", ()))

    def _forget_refused(self) -> None:
        self._recorder.do(forget_refused, self._forgot)

    def _forgot(self, count: int | None, error: Exception | None) -> None:
        if error is not None:
            log.error("journal: %s; refused rows stay aside until it takes writes again", error)
        else:
            self._must_forget = False
            self._controller.notes.refused_row = ""
            if count:
                log.info("%d rows the server refused go out again", count)

    def _noted(self, told: str, _: None, error: Exception | None) -> None:
        self._controller.notes.refused_row = told  # here, or what was forgotten just before would take it back
        if error is not None:
            log.error("journal: %s; the server gets the refused row again", error)

    def _acknowledged(self, _: None, error: Exception | None) -> None:
        if error is not None:
            log.error("journal: %s; the server will get these rows again", error)
        self._told_waiting = None
        self.tell_waiting()

    def _take_list(self, text: str) -> None:
        """Read the newest list in a thread: 20,000 cards take longer than a safety input may wait."""
        is_reading = self._newest_list is not None
        self._newest_list = text
        if not is_reading:
            self._reading = asyncio.create_task(self._read_lists())

    async def _read_lists(self) -> None:
        while (text := self._newest_list) is not None:
            known = self._controller.knowledge
            try:
                read = await asyncio.to_thread(known.with_list, text)
                read.offers()  # a signed list may still name an EVSE that is no number
            except WrongBase as error:
                self._controller.want_full_list(str(error))
                if self._newest_list is text:
                    self._newest_list = None
                continue
            except ValueError as error:  # ForgedText among them
                log.error("list from the server refused: %s", error)
            else:
                if self._controller.knowledge.kiosk_id == known.kiosk_id:  # not enrolled anew meanwhile
                    before = self._controller.list_version()
                    self._controller.adopt(read)
                    if self._controller.list_version() != before:
                        log.info("list version %d is in force", self._controller.list_version())
            self.tell_list_version()
            if self._newest_list is text:
                self._newest_list = None

    def _tell(self, heard: UplinkHears) -> bool:
        return self._line.panel is not None and self._line.panel.to_uplink(heard)

    # ---- the technician -----------------------------------------------------------------------------------------

    async def query(self, name: str, fields: dict[str, Any]) -> Any:
        """Raises QueryRefused."""
        try:
            match name:
                case "journal":
                    return await self._journal(fields)
                case "row":
                    number = _number(fields, "journal_no", None, 2**63 - 1)
                    _nothing_else(fields)
                    row = await self._recorder.ask(lambda store: store.row(number))
                    if row is None:
                        raise QueryRefused(f"there is no row {number}")
                    return to_wire(row)
                case "outbox":
                    _nothing_else(fields)
                    return await self._outbox()
                case "snapshot":
                    _nothing_else(fields)
                    return to_wire(self.snapshot())
        except JournalError as error:
            raise QueryRefused(str(error)) from error
        raise QueryRefused(f"query {name!r}: want journal, row, outbox or snapshot")

    async def _journal(self, fields: dict[str, Any]) -> Any:
        kind = fields.pop("kind", None)
        if kind is not None and kind not in tuple(RowKind):
            raise QueryRefused(f"kind: want one of {', '.join(RowKind)}")
        wanted = None if kind is None else RowKind(kind)
        limit = _number(fields, "limit", 100, MOST_ROWS_ASKED)
        if fields.get("after") is None:
            fields.pop("after", None)
            _nothing_else(fields)
            rows = await self._recorder.ask(lambda store: store.newest_rows(limit, wanted))
        else:
            after = _number(fields, "after", None, 2**63 - 1)
            _nothing_else(fields)
            rows = await self._recorder.ask(lambda store: store.rows(after, limit, wanted))
        return [to_wire(row) for row in rows]

    async def _outbox(self) -> Any:
        def look(store: JournalStore) -> tuple[str, list[Row], dict[int, str]]:
            return store.epoch(), store.unacknowledged(1), refused_rows(store)

        epoch, oldest, refused = await self._recorder.ask(look)
        first = to_wire(oldest[0]) if oldest else None
        return {
            "waiting": self._recorder.waiting(),
            "epoch": epoch,
            "oldest": first,
            "is_online": self._line.is_online(),
            "set_aside": [{"journal_no": number, "reason": reason} for number, reason in refused.items()],
        }


def _number(fields: dict[str, Any], name: str, default: int | None, most: int) -> int:
    value = fields.pop(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise QueryRefused(f"{name}: want a whole number from 0 to {most}")
    return value


def _nothing_else(fields: dict[str, Any]) -> None:
    if fields:
        raise QueryRefused(f"{', '.join(fields)}: unknown key")
