"""The controller's socket: roles by credentials, newest snapshot only, wrong lines answered, nobody waits."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contract.api import (
    AuthorizeAnswer,
    AuthorizeStatus,
    CommandAnswer,
    CommandStatus,
    Disclaim,
    Row,
    RowBatch,
    RowKind,
)
from contract.codec import WireError
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.transaction import ClockQuality
from kiosk.panel import Access, Panel, QueryRefused
from kiosk.panel import client as client_module
from kiosk.panel.access import Peer, access
from kiosk.session.events import NoticeDismissed, ResetPressed, StopCommanded
from kiosk.session.snapshot import Snapshot
from kiosk.wire import (
    Acknowledged,
    Fetch,
    ListVersion,
    OfflineCause,
    Online,
    Role,
    RowsWaiting,
    SignedList,
    WhyOffline,
    hears_line,
    intent_line,
    read_hears,
    read_says,
    read_snapshot,
    says_line,
)
from tests.cli.panel import delivering

PATIENCE_S = 20


def snapshot_at(at_s: float, place: str = "here") -> Snapshot:
    return Snapshot(
        kiosk_id="k1",
        place=place,
        operator="",
        helpline="",
        address="http://x",
        time_zone="UTC",
        at=datetime(2026, 11, 21, tzinfo=UTC),
        at_s=at_s,
        clock_quality=ClockQuality.SYNCHRONISED,
        boot_id="b",
        is_online=True,
        outbox_rows=0,
        chosen_evse=None,
        token_waits=False,
        token_waits_s=None,
        notice=None,
        evses=(),
        readers=(),
        devices=(),
    )


@dataclass
class RecordingDesk:
    """Stands where the daemon stands."""

    heard: list[Any] = field(default_factory=list)
    is_full: bool = False
    shown: Snapshot = field(default_factory=lambda: snapshot_at(0))

    def snapshot(self) -> Snapshot:
        return self.shown

    def intended(self, intent: Any, role: Role) -> str | None:
        self.heard.append((role, intent))
        return "busy" if self.is_full else None

    async def query(self, name: str, fields: dict[str, Any]) -> Any:
        if name != "row":
            raise QueryRefused(f"no query {name}")
        return {"asked": fields}

    def uplink_came(self) -> None:
        self.heard.append("came")

    def uplink_went(self) -> None:
        self.heard.append("went")

    def uplink_said(self, said: Any) -> None:
        self.heard.append(said)


@dataclass
class Caller:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, line: dict[str, Any] | bytes) -> None:
        self.writer.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
        found: dict[str, Any] = json.loads(line) if line else {}
        return found


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_true():
            await asyncio.sleep(0.005)


class House:
    """A panel on a real socket, and callers."""

    def __init__(self, path: Path, allowed: Access = Access()) -> None:  # noqa: B008
        self.path, self.desk = path, RecordingDesk()
        self.panel = Panel(path, allowed, self.desk)
        self.callers: list[Caller] = []

    async def call(self, role: str | None) -> Caller:
        caller = Caller(*await asyncio.open_unix_connection(self.path))
        self.callers.append(caller)
        if role is not None:
            caller.say({"hello": role})
        return caller


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "s.sock")
    await house.panel.start()
    try:
        yield house
    finally:
        for caller in house.callers:
            caller.writer.close()
        await house.panel.close()
        await asyncio.sleep(0)


def test_a_screen_gets_the_snapshot_and_every_newer_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            screen = await house.call("screen")
            assert read_snapshot(await screen.hear()) == snapshot_at(0)

            house.panel.publish(snapshot_at(1))

            assert read_snapshot(await screen.hear()) == snapshot_at(1)

    asyncio.run(story())


def test_a_technician_gets_one_snapshot_until_he_watches(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            technician = await house.call("technician")
            await technician.hear()
            house.panel.publish(snapshot_at(1))
            technician.say({"watch": True})
            await until(lambda: house.panel.is_watched)
            house.panel.publish(snapshot_at(2))

            assert read_snapshot(await technician.hear()).at_s == 2

    asyncio.run(story())


def test_a_stop_code_is_shown_to_the_screen_and_to_nobody_else(tmp_path: Path) -> None:
    tariff = Tariff("t", 1, "EUR", (TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.4"), Decimal(19)),)),))
    busy = replace(snapshot_at(0), evses=(delivering(1, TariffOffer(tariff)),))

    async def story() -> None:
        async with opened(tmp_path) as house:
            house.desk.shown = busy
            screen, technician = await house.call("screen"), await house.call("technician")
            greeted = [read_snapshot(await caller.hear()) for caller in (screen, technician)]
            technician.say({"watch": True})
            await until(lambda: sum(client.is_watching for client in house.panel._clients) == 2)
            house.panel.publish(busy)
            published = [read_snapshot(await caller.hear()) for caller in (screen, technician)]

        for for_screen, for_technician in (greeted, published):
            assert for_screen == busy
            assert codes(for_screen) == ["4711"] and codes(for_technician) == [""]

    asyncio.run(story())


def codes(shown: Snapshot) -> list[str]:
    return [evse.transaction.stop_code for evse in shown.evses if evse.transaction is not None]


def test_intents_reach_the_desk_and_only_those_of_the_role(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            screen, technician = await house.call("screen"), await house.call("technician")
            await screen.hear()
            await technician.hear()
            screen.say(intent_line(NoticeDismissed()))
            screen.say(intent_line(ResetPressed(1, "somebody")))
            assert "role screen may send" in (await screen.hear())["error"]
            technician.say(intent_line(StopCommanded(None, 1, "anna")))
            await until(lambda: len(house.desk.heard) == 2)

            assert house.desk.heard == [
                (Role.SCREEN, NoticeDismissed()),
                (Role.TECHNICIAN, StopCommanded(None, 1, "anna")),
            ]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"no json\n", "not JSON"),
        (b"[1]\n", "want an object"),
        (b'{"intent": "StopPressed", "evse_id": "1", "code": "1234"}\n', "StopPressed.evse_id: want int"),
        (b'{"intent": "StopPressed", "evse_id": 1, "code": "1", "x": 1}\n', "StopPressed.x: unknown key"),
        (b'{"watch": true}\n', "a screen may not say watch"),
        (b'{"query": "row"}\n', "a screen may not say query"),
        (b"{}\n", "a screen may not say nothing"),
    ],
)
def test_a_wrong_line_is_answered_and_changes_nothing(tmp_path: Path, line: bytes, complaint: str) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            screen = await house.call("screen")
            await screen.hear()
            screen.say(line)
            assert complaint in (await screen.hear())["error"]
            screen.say(intent_line(NoticeDismissed()))
            await until(lambda: bool(house.desk.heard))

    asyncio.run(story())


def test_a_refused_intent_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            house.desk.is_full = True
            screen = await house.call("screen")
            await screen.hear()
            screen.say(intent_line(NoticeDismissed()))

            assert await screen.hear() == {"error": "busy"}

    asyncio.run(story())


def test_a_technician_asks_and_is_answered_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            technician = await house.call("technician")
            await technician.hear()
            technician.say({"query": "row", "journal_no": 7})
            technician.say({"query": "weather"})

            assert await technician.hear() == {"answer": {"asked": {"journal_no": 7}}}
            assert await technician.hear() == {"error": "no query weather"}

    asyncio.run(story())


@pytest.mark.parametrize("hello", [b'{"hello": "king"}\n', b'{"hello": "screen", "x": 1}\n', b'{"hullo": "screen"}\n'])
def test_a_wrong_greeting_is_refused_and_the_socket_closed(tmp_path: Path, hello: bytes) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            caller = await house.call(None)
            caller.say(hello)
            assert "want" in (await caller.hear())["refused"]
            assert await caller.hear() == {}

    asyncio.run(story())


def test_a_line_too_long_ends_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            screen = await house.call("screen")
            await screen.hear()
            screen.say(b"x" * (client_module.LONGEST_SHORT_LINE + 70_000))
            assert "line of more than" in (await screen.hear())["error"]

    asyncio.run(story())


def test_a_screen_that_does_not_read_gets_only_the_newest_snapshot(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            slow, quick = await house.call("screen"), await house.call("screen")
            await slow.hear()
            await quick.hear()
            slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
            for at_s in range(1, 101):
                house.panel.publish(snapshot_at(at_s, place="x" * 50_000))
                while read_snapshot(await quick.hear()).at_s != at_s:
                    pass
            slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
            seen = [read_snapshot(await slow.hear()).at_s]
            while seen[-1] != 100:
                seen.append(read_snapshot(await slow.hear()).at_s)

            assert len(seen) < 50
            assert seen == sorted(set(seen))

    asyncio.run(story())


def test_a_client_that_never_reads_its_answers_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_LINES_WAITING", 4)

    async def story() -> None:
        async with opened(tmp_path) as house:
            uplink = await house.call("uplink")
            await until(lambda: "came" in house.desk.heard)
            row = Row(1, RowKind.STATUS, "x" * 100_000)
            uplink.reader._transport.pause_reading()  # type: ignore[attr-defined]
            sent = 0
            while house.panel.to_uplink(RowBatch("e", (row,) * 20)):
                sent += 1
                assert sent < 100
                await asyncio.sleep(0)
            await until(lambda: "went" in house.desk.heard)

            assert not house.panel.to_uplink(RowsWaiting(1))

    asyncio.run(story())


def test_the_uplink_talks_and_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            assert not house.panel.to_uplink(ListVersion(1))
            uplink = await house.call("uplink")
            uplink.say(says_line(Online(True)))
            uplink.say(says_line(SignedList("KL1." + "x" * 200_000)))
            uplink.say({"intent": "NoticeDismissed"})
            assert "want one of online" in (await uplink.hear())["error"]
            assert house.panel.to_uplink(ListVersion(3))
            assert read_hears(await uplink.hear()) == ListVersion(3)
            uplink.writer.close()
            await until(lambda: house.desk.heard[-1] == "went")

            assert house.desk.heard == ["came", Online(True), SignedList("KL1." + "x" * 200_000), "went"]

    asyncio.run(story())


def test_a_second_uplink_takes_the_place_of_the_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            first = await house.call("uplink")
            await until(lambda: "came" in house.desk.heard)
            second = await house.call("uplink")
            assert await first.hear() == {}
            assert house.panel.to_uplink(RowsWaiting(2))
            assert read_hears(await second.hear()) == RowsWaiting(2)

            assert house.desk.heard == ["came", "came"]

    asyncio.run(story())


def test_a_socket_left_by_a_dead_controller_is_replaced(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path):
            async with opened(tmp_path) as house:
                screen = await house.call("screen")
                assert "snapshot" in await screen.hear()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("peer", "may"),
    [
        (Peer(1, 0, frozenset()), {Role.SCREEN, Role.UPLINK, Role.TECHNICIAN}),
        (Peer(1, os.geteuid(), frozenset()), {Role.SCREEN, Role.UPLINK, Role.TECHNICIAN}),
        (Peer(1, 7001, frozenset()), {Role.SCREEN}),
        (Peer(1, 7002, frozenset()), {Role.UPLINK}),
        (Peer(1, 7003, frozenset({7009})), {Role.TECHNICIAN}),
        (Peer(1, 7004, frozenset({7004})), set()),
    ],
)
def test_a_role_needs_the_right_credentials(peer: Peer, may: set[Role]) -> None:
    allowed = Access(screen_uid=7001, uplink_uid=7002, technician_gid=7009)

    assert {role for role in Role if allowed.allows(role, peer)} == may
    assert peer.uid in (0, os.geteuid()) or not any(Access().allows(role, peer) for role in Role)


def test_a_user_the_system_does_not_know_is_named() -> None:
    with pytest.raises(LookupError, match="nobody-of-that-name"):
        access("nobody-of-that-name", None, None)


@pytest.mark.parametrize(
    "said",
    [
        Online(False),
        WhyOffline(OfflineCause.CERTIFICATE_EXPIRED, "the server's certificate ended"),
        AuthorizeAnswer("t", AuthorizeStatus.BLOCKED),
        Fetch(100),
        Acknowledged((1, 2, 3), "epoch"),
        SignedList("KL1.a.b"),
    ],
)
def test_what_the_uplink_says_survives_the_wire(said: Any) -> None:
    assert read_says(json.loads(json.dumps(says_line(said)))) == said


@pytest.mark.parametrize(
    "heard",
    [
        Disclaim(("a", "b")),
        CommandAnswer("c", CommandStatus.EXPIRED),
        RowBatch("", (Row(1, RowKind.AUDIT, '{"é":1}'),)),
        RowsWaiting(0),
        ListVersion(4),
    ],
)
def test_what_the_uplink_hears_survives_the_wire(heard: Any) -> None:
    assert read_hears(json.loads(json.dumps(hears_line(heard)))) == heard


@pytest.mark.parametrize("line", [{}, {"fetch": 0}, {"fetch": 101}, {"online": 1}, {"list": "x", "online": True}])
def test_a_wrong_uplink_line_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        read_says(line)
