"""The event loop around the controller's beats.

Law:
- Safety inputs are looked at every `SAFETY_POLL_S`; a change, news or a deadline brings a whole beat at once.
- The heartbeat and systemd's watchdog are fed by completed beats only.
- However this ends, contactors are told to open first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from contract.codec import WireError, utc_text
from contract.tokens import ForgedText
from kiosk.authority import Knowledge
from kiosk.config import Config
from kiosk.controller import DOCUMENT_LIST, Controller, Found, Identity
from kiosk.daemon.attendance import Attendance
from kiosk.daemon.clock import Clock
from kiosk.daemon.clock_steps import ClockSteps
from kiosk.daemon.desk import FrontDesk, JournalRecorder, UplinkLine
from kiosk.daemon.enrolled import EnrolmentFile
from kiosk.daemon.health_log import HealthLog
from kiosk.daemon.mint import mint
from kiosk.daemon.parts import Hardware
from kiosk.journal import Batch, JournalDamaged, JournalStore, JournalWriter, Projection, suspect
from kiosk.journal.aside import kept
from kiosk.journal.unwritable import opens_now
from kiosk.journal.values import LAST_WALL
from kiosk.notify import Notify
from kiosk.panel import Access, Panel
from kiosk.session.memory import Memories, from_text
from kiosk.session.overrides import readable
from kiosk.wire import Role

log = logging.getLogger("kiosk.daemon")

# Real seconds, all of them.
SAFETY_POLL_S = 0.0025  # the rest of the 5 ms is for a beat or a snapshot that is under way
BEAT_EVERY_S = 0.1
FASTEST_BEAT_S = 0.02  # where kiosk time runs faster
PUBLISH_EVERY_S = 0.25
PUBLISH_AT_MOST_EVERY_S = 0.04
ENROLMENT_EVERY_S = 2.0
LAST_WALL_EVERY_S = 600.0  # of kiosk time where that runs faster
PRUNE_EVERY_S = 86_400.0
PRUNE_FIRST_S = 600.0  # after the start, which has enough to do
PRUNE_PAUSE_S = 1.0  # between two short commits, so that what happens here goes first
ASIDE_EVERY_S = 60.0
FLUSH_PATIENCE_S = 5.0
LONGEST_RELEASE_S = 5.0  # for every board to say that it holds 0 A


class Daemon:
    """Everything joined. `stop` may be called from a signal handler of the loop."""

    def __init__(
        self, config: Config, hardware: Hardware, store: JournalStore, found: Projection, clock: Clock, allowed: Access
    ) -> None:
        loop = asyncio.get_running_loop()
        self._config, self._hardware, self._clock = config, hardware, clock
        self._writer = JournalWriter(store)
        self._recorder = JournalRecorder(self._writer, store, loop)
        self._line = UplinkLine()
        self._enrolment = EnrolmentFile(config.kiosk.enrolment)
        place = config.kiosk
        self._controller = Controller(
            config.settings,
            Identity(place.place, place.operator, place.helpline, place.address, place.time_zone),
            hardware.parts,
            self._knowledge(found),
            self._recorder,
            self._line,
            mint,
            Found(
                tuple(story.events for story in found.open_transactions),
                tuple(asked.transaction_id for asked in found.asked),
                found.answers,
                _memories(found, config),
                readable(found.overrides_text),
            ),
            clock.now(),
        )
        self._controller.rate = config.clock.rate
        self._desk = FrontDesk(self._controller, self._recorder, self._line, clock)
        self._attendance, self._steps, self._health = Attendance(), ClockSteps(), HealthLog()
        self._panel = Panel(place.socket, allowed, self._desk)
        self._line.panel = self._panel
        self._controller.notes.journal = _note_of_setback(store, config)
        self._notify = Notify()
        self._is_stopping = False
        self._waits_for_journal = False
        self.journal_is_back = False

    def wait_for_journal(self, why: str) -> None:
        """Nothing is sold until the journal's disk takes it; then this ends, for a new start."""
        self._controller.last_error = why
        self._waits_for_journal = True

    def stop(self) -> None:
        self._is_stopping = True

    async def run(self) -> None:
        """Until `stop`. An error of a task that should never end ends everything, contactors first."""
        tasks: list[asyncio.Task[Any]] = []
        try:
            tasks += [_start(serve()) for serve in self._hardware.tasks]
            await self._panel.start()
            tasks.append(_start(self._upkeep()))
            await self._beats(tasks)
            log.info("stopping")
        finally:
            self._release()
            self._notify.send("STOPPING=1")
            await self._end(tasks)

    async def _beats(self, tasks: list[asyncio.Task[Any]]) -> None:
        beat_every_s = max(FASTEST_BEAT_S, BEAT_EVERY_S / max(1.0, self._config.clock.rate))
        deadline_s = last_beat_s = published_s = fed_s = float("-inf")
        is_news = False
        while not self._is_stopping:
            real_s, now = time.monotonic(), self._clock.now()
            is_due = now.s >= deadline_s or self._controller.has_news() or self._controller.safety_inputs_changed()
            if is_due or real_s - last_beat_s >= beat_every_s:
                is_news = is_news or is_due
                deadline_s, last_beat_s = self._controller.beat(now), real_s
                if published_s == float("-inf"):
                    self._notify.send("READY=1")
                    log.info("ready: %d EVSE, socket %s", len(self._config.evses), self._config.kiosk.socket)
                    published_s = real_s
                if self._notify.watchdog_s is not None and real_s - fed_s >= self._notify.watchdog_s / 2:
                    self._notify.send("WATCHDOG=1")
                    fed_s = real_s
            pause_s = PUBLISH_AT_MOST_EVERY_S if is_news else PUBLISH_EVERY_S
            # A snapshot takes about as long as a beat: a fault that came meanwhile goes first.
            if real_s - published_s >= pause_s and not self._controller.safety_inputs_changed():
                published_s, is_news = real_s, False
                self._desk.tell_waiting()
                if self._panel.is_watched:
                    self._panel.publish(self._desk.snapshot())
            for task in tasks:
                if task.done():
                    await task  # raises what ended it
                    raise RuntimeError(f"{task.get_name()} ended by itself")
            self._check_journal()
            await asyncio.sleep(SAFETY_POLL_S)

    def _check_journal(self) -> None:
        """A damaged journal is mended by a new start, once nobody charges here. Raises JournalDamaged."""
        if self._writer.damage and all(s.transaction is None for s in self._controller.kiosk.sessions):
            suspect(self._config.kiosk.journal)
            raise JournalDamaged(f"{self._config.kiosk.journal}: {self._writer.damage}; starting anew to mend it")

    def _release(self) -> None:
        """Less never waits, not even for the reason of the end."""
        for parts in self._hardware.parts.evses.values():
            parts.contactor.command(False)
            parts.pilot.offer(0)

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Let the boards say that they hold 0 A and the journal write what it was given; then close everything."""
        await self._see_zero()
        until_s = time.monotonic() + FLUSH_PATIENCE_S
        while self._recorder.under_way and time.monotonic() < until_s:
            await asyncio.sleep(SAFETY_POLL_S)
        await self._panel.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        closing = [asyncio.to_thread(closable.close) for closable in self._hardware.closables]
        closing.append(asyncio.to_thread(self._close_journal))
        await asyncio.gather(*closing)

    async def _see_zero(self) -> None:
        """A board without a watchdog goes on offering what it was told last. Bounded: one that is dead holds nobody up
        for longer than two exchanges of its bus, the write and its reading back."""
        boards = self._hardware.boards
        patience_s = min(2 * max((board.less_within_s for board in boards), default=0.0), LONGEST_RELEASE_S)
        until_s = time.monotonic() + patience_s
        while not all(board.holds_zero for board in boards):
            if time.monotonic() >= until_s:
                log.error("stopping: not every board has said that it holds 0 A")
                return
            await asyncio.sleep(SAFETY_POLL_S)

    def _close_journal(self) -> None:
        if not self._writer.close(FLUSH_PATIENCE_S):
            log.error("journal: the disk did not take everything within %g s", FLUSH_PATIENCE_S)

    # ---- now and then -------------------------------------------------------------------------------------------

    def _knowledge(self, found: Projection) -> Knowledge:
        known = Knowledge(
            "",
            spent_vouchers=found.spent_vouchers,
            drawn_minor=dict(found.drawn_minor),
            vouchers_in_doubt=found.vouchers_in_doubt,
        )
        enrolment = self._enrolment.changed()
        if enrolment is None:
            log.warning("%s", self._enrolment.problem)
            return known
        known = replace(known, kiosk_id=enrolment.kiosk_id, server_keys=enrolment.keys())
        if found.list_text is None:
            return known
        try:
            return known.with_list(found.list_text)
        except ForgedText as error:
            log.error("the list in the journal (%s) is not used: %s", DOCUMENT_LIST, error)
            return known

    async def _upkeep(self) -> None:
        """Enrolment, the lower bound of time, pruning, damaged journals that were taken away."""
        wall_s, aside_s = float("-inf"), time.monotonic()
        prune_s = time.monotonic() - PRUNE_EVERY_S + PRUNE_FIRST_S
        wall_every_s = LAST_WALL_EVERY_S / max(1.0, self._config.clock.rate)
        while True:
            enrolment = self._enrolment.changed()
            if enrolment is not None:
                log.info("enrolled as %s", enrolment.kiosk_id)
                known = self._controller.knowledge
                self._controller.knowledge = Knowledge(
                    enrolment.kiosk_id,
                    enrolment.keys(),
                    spent_vouchers=known.spent_vouchers,
                    drawn_minor=known.drawn_minor,
                    vouchers_in_doubt=known.vouchers_in_doubt,
                )
                self._desk.tell_list_version()
            if self._waits_for_journal:
                path, now = self._config.kiosk.journal, self._clock.wall()
                self.journal_is_back = await asyncio.to_thread(opens_now, path, now)
                self._is_stopping = self._is_stopping or self.journal_is_back
            real_s = time.monotonic()
            self._look_around(real_s)
            if real_s - wall_s >= wall_every_s:
                wall_s = real_s
                self._writer.append(Batch(documents={LAST_WALL: utc_text(self._clock.wall())}), _log_failure)
            if real_s - prune_s >= PRUNE_EVERY_S:
                prune_s = real_s
                self._prune()
            if self._controller.notes.journal and real_s - aside_s >= ASIDE_EVERY_S:
                aside_s = real_s
                if not kept(self._config.kiosk.journal).count:
                    self._controller.notes.journal = ""
            await asyncio.sleep(ENROLMENT_EVERY_S)

    def _look_around(self, real_s: float) -> None:
        """Who is here, whether the clock was set, and what changed its health: for the snapshot and the log."""
        wanted = {Role.SCREEN, Role.UPLINK} if self._controller.knowledge.kiosk_id else {Role.SCREEN}
        here = self._attendance.look(wanted, self._panel.roles, real_s, self._panel.silent_s(real_s))
        clock = self._steps.look(real_s, time.time())
        self._controller.notes.processes = here if clock is None else (*here, clock)
        readers, devices = self._controller.views()
        self._health.look((*readers, *devices))

    def _prune(self) -> None:
        """A short commit, and another one after a pause as long as there was something to prune."""
        now = self._clock.wall()

        def pruned(gone: int | None, error: Exception | None) -> None:
            _log_failure(error)
            if gone:
                log.info("journal: %d old rows pruned", gone)
                asyncio.get_running_loop().call_later(PRUNE_PAUSE_S, self._prune)

        if not self._is_stopping:
            self._recorder.do(lambda store: store.prune(now), pruned)


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=getattr(work, "__qualname__", "task"))


def _memories(found: Projection, config: Config) -> Memories:
    """What the core remembers; of a document another program wrote, nothing."""
    try:
        memories = from_text(found.memory_text) if found.memory_text is not None else Memories()
    except WireError as error:
        log.error("what was remembered of the EVSEs is not used: %s", error)
        return Memories()
    known = {evse.evse_id for evse in config.evses}
    for lost in [memory.evse_id for memory in memories.evses if memory.evse_id not in known]:
        log.warning("EVSE %d left the configuration: what was remembered of it is given up", lost)
    return memories


def _note_of_setback(store: JournalStore, config: Config) -> str:
    """As long as damaged files are kept here, the technician hears of them."""
    aside = kept(config.kiosk.journal)
    if not aside.count:
        return ""
    try:
        return str(store.setback() or f"damaged journals are kept in {aside.folder}")
    except WireError as error:
        return f"damaged journals are kept in {aside.folder}; the newest one's report: {error}"


def _log_failure(error: Exception | None) -> None:
    if error is not None:
        log.error("journal: %s", error)
