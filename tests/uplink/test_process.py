"""The uplink process between a real controller's socket and the real server: it drains, asks, and survives both."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from billing.tables import kiosk_keys
from contract.api import AuthorizeAnswer, AuthorizeRequest, AuthorizeStatus, RowBatch
from contract.identity import TokenKind
from kiosk.journal import Batch, JournalStore
from kiosk.journal.refused_rows import note_refused, refused_rows, sendable
from kiosk.panel import Access, Panel, QueryRefused
from kiosk.session.snapshot import Snapshot
from kiosk.uplink.enrol import enrol
from kiosk.wire import (
    Acknowledged,
    Fetch,
    ListVersion,
    OfflineCause,
    Online,
    RowsWaiting,
    SetAside,
    SignedList,
    WhyOffline,
)
from tests.billing.stories import CARD, NOON
from tests.journal.rows import row, started, status_row
from tests.uplink.conftest import Billing
from tests.uplink.test_tls import DAY, NOW, authority, enrol_over, served_over_tls

pytestmark = pytest.mark.bytes

PATIENCE_S = 30
BOARD = "10000000abcdef01"


@dataclass
class JournalDesk:
    """A controller's desk with a journal and nothing else."""

    store: JournalStore
    panel: Panel | None = None
    said: list[Any] = field(default_factory=list)
    came: int = 0

    def snapshot(self) -> Snapshot:
        raise AssertionError("nobody asks for it here")

    def intended(self, intent: Any, role: Any) -> str | None:
        return "none"

    async def query(self, name: str, fields: dict[str, Any]) -> Any:
        raise QueryRefused(name)

    def uplink_came(self) -> None:
        self.came += 1
        self.tell(ListVersion(0))
        self.tell(RowsWaiting(self.store.waiting()))

    def uplink_went(self) -> None:
        self.said.append("went")

    def uplink_said(self, said: Any) -> None:
        self.said.append(said)
        if isinstance(said, Fetch):
            self.tell(RowBatch(self.store.epoch(), tuple(sendable(self.store, said.fetch))))
        elif isinstance(said, SetAside):
            note_refused(self.store, said.set_aside, said.reason)
        elif isinstance(said, Acknowledged):
            self.store.acknowledge(said.acknowledged, said.epoch, NOON)
            self.tell(RowsWaiting(self.store.waiting()))

    def tell(self, heard: Any) -> None:
        assert self.panel is not None
        self.panel.to_uplink(heard)


async def until(what: str, is_true: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not is_true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


def enrolled(billing: Billing, tmp_path: Path, poll_s: int = 1) -> Path:
    """The configuration of a kiosk that was enrolled just now; its state is kept in `tmp_path`/state."""
    state = tmp_path / "state"
    state.mkdir()
    enrol(billing.url, billing.code(), state, BOARD)
    config = tmp_path / "kiosk.toml"
    config.write_text(
        f'[kiosk]\nstate_dir = "{state}"\nsocket = "{tmp_path}/c.sock"\nboard_serial = "{BOARD}"\n'
        f"[server]\ntimeout_s = 5\npoll_s = {poll_s}\nretry_least_s = 0.01\nretry_most_s = 0.1\n"
    )
    return config


def test_the_uplink_drains_asks_and_survives_both_sides(billing: Billing, tmp_path: Path) -> None:
    config = enrolled(billing, tmp_path)
    store = JournalStore(tmp_path / "journal.db")
    store.commit(Batch(tuple(status_row(f'{{"n":{n}}}') for n in range(250))))

    async def opened(desk: JournalDesk) -> Panel:
        desk.panel = Panel(tmp_path / "c.sock", Access(), desk)
        await desk.panel.start()
        return desk.panel

    async def story() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kiosk.uplink.main", "--config", str(config), stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        try:
            desk = JournalDesk(store)
            panel = await opened(desk)
            await until("the outbox is empty", lambda: store.waiting() == 0)
            batches = [len(said.acknowledged) for said in desk.said if isinstance(said, Acknowledged)]
            assert batches == [100, 100, 50]
            assert Online(True) in desk.said
            await until("a list", lambda: any(isinstance(said, SignedList) for said in desk.said))

            desk.tell(AuthorizeRequest("t1", "o1", "r1", 1, TokenKind.ISO14443, CARD))
            await until("an answer", lambda: any(isinstance(said, AuthorizeAnswer) for said in desk.said))
            assert next(s for s in desk.said if isinstance(s, AuthorizeAnswer)).status is AuthorizeStatus.ACCEPTED

            await panel.close()
            again = JournalDesk(store)
            store.commit(Batch((row(started("t1")),)))
            panel = await opened(again)
            await until("it came back", lambda: again.came == 1)
            await until("the new row is there", lambda: store.waiting() == 0)
            await panel.close()

            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
            errors = (await process.stderr.read()).decode()
            await process.wait()
        assert "Traceback" not in errors

    asyncio.run(story())
    assert os.path.exists(tmp_path / "state" / "enrolment.json")


def test_a_row_the_server_refuses_does_not_hold_up_the_others(billing: Billing, tmp_path: Path) -> None:
    config = enrolled(billing, tmp_path)
    store = JournalStore(tmp_path / "journal.db")
    too_large = status_row(f'{{"n":"{"x" * 4_100_000}"}}')  # billing.api.rows.ROWS_BODY
    store.commit(Batch((status_row('{"n":1}'), too_large, status_row('{"n":3}'))))

    async def story() -> None:
        desk = JournalDesk(store)
        desk.panel = panel = Panel(tmp_path / "c.sock", Access(), desk)
        await panel.start()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kiosk.uplink.main", "--config", str(config), stderr=asyncio.subprocess.PIPE
        )
        try:
            await until("only the refused row waits", lambda: store.waiting() == 1 and bool(refused_rows(store)))
        finally:
            process.kill()
            await process.communicate()
            await panel.close()
        assert [row.journal_no for row in store.unacknowledged()] == [2]
        assert "413" in refused_rows(store)[2]
        assert desk.said.count(Online(False)) <= 1

    asyncio.run(story())


def test_an_expired_certificate_keeps_the_kiosk_offline_and_is_told_once(tmp_path: Path) -> None:
    with served_over_tls(tmp_path, NOW - 40 * DAY, 30) as billing:
        state = tmp_path / "state"
        state.mkdir()
        enrol_over(billing, tmp_path)
        for part in ("enrolment.json", "uplink"):
            (tmp_path / part).rename(state / part)
        config = tmp_path / "kiosk.toml"
        config.write_text(
            f'[kiosk]\nstate_dir = "{state}"\nsocket = "{tmp_path}/c.sock"\nboard_serial = "{BOARD}"\n[server]\n'
            f'ca_file = "{authority(tmp_path)}"\ntimeout_s = 5\npoll_s = 1\nretry_least_s = 0.01\nretry_most_s = 0.1\n'
        )
        store = JournalStore(tmp_path / "journal.db")
        store.commit(Batch((status_row("{}"),)))

        async def story() -> str:
            desk = JournalDesk(store)
            desk.panel = panel = Panel(tmp_path / "c.sock", Access(), desk)
            await panel.start()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "kiosk.uplink.main", "--config", str(config), stderr=asyncio.subprocess.PIPE
            )
            assert process.stderr is not None
            told = ""
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while "ended on" not in told:
                        told += (await process.stderr.readline()).decode()
                    await asyncio.sleep(0.5)  # some more tries
            finally:
                process.kill()
                told += (await process.communicate())[1].decode()
                await panel.close()
            assert Online(False) in desk.said and Online(True) not in desk.said
            why = [said.because for said in desk.said if isinstance(said, WhyOffline)]
            assert why == [OfflineCause.CERTIFICATE_EXPIRED], "once, however often it tries"
            return told

        told = asyncio.run(story())
        assert told.count("ended on") == 1
        assert store.waiting() == 1


def test_a_request_that_ends_well_after_another_was_refused_takes_no_reason_away(
    billing: Billing, tmp_path: Path
) -> None:
    """The operator withdraws the key while a poll is held: the next row is refused, then the poll ends well."""
    config = enrolled(billing, tmp_path, poll_s=6)
    store = JournalStore(tmp_path / "journal.db")

    async def story() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kiosk.uplink.main", "--config", str(config), stderr=asyncio.subprocess.DEVNULL
        )
        desk = JournalDesk(store)
        desk.panel = panel = Panel(tmp_path / "c.sock", Access(), desk)
        try:
            await panel.start()
            await until("a list", lambda: any(isinstance(said, SignedList) for said in desk.said))
            held = billing.app.state.server.watch._waiting
            await until("a poll is held", lambda: bool(held))
            with billing.engine.begin() as connection:
                connection.execute(update(kiosk_keys).values(revoked_ms=0))
            begun = len(desk.said)

            def refusals() -> list[Any]:
                """What was told of being offline since, in order."""
                return [said for said in desk.said[begun:] if isinstance(said, Online | WhyOffline)]

            store.commit(Batch((status_row("{}"),)))
            desk.tell(RowsWaiting(1))
            await until("it is refused", lambda: Online(False) in refusals())
            await until("the poll ends well", lambda: Online(True) in refusals())
            await until("it is refused again", lambda: refusals().count(Online(False)) == 2)
            await until("and the reason is told again", lambda: isinstance(refusals()[-1], WhyOffline))
        finally:
            process.kill()
            await process.wait()
            await panel.close()

    asyncio.run(story())
