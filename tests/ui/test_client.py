"""The client of the controller's socket survives whatever comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kiosk.session import events
from kiosk.session.snapshot import Snapshot
from kiosk.ui.client import Client
from kiosk.wire import pack, snapshot_line
from tests.ui import samples as s

SNAPSHOT_LINE = pack(snapshot_line(s.snapshot()))


async def heard_through(path: Path, *lines: bytes) -> tuple[list[Snapshot], list[bytes]]:
    """What a client hears from a controller that closes after each line and sends the next to the next caller."""
    heard: list[Snapshot] = []
    said: list[bytes] = []
    waiting = list(lines)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.extend([await reader.readline(), await reader.readline()])
        if waiting:
            writer.write(waiting.pop(0))
        writer.close()

    client = Client(path, heard.append)
    task = asyncio.create_task(client.run())
    async with await asyncio.start_unix_server(meet, path):
        async with asyncio.timeout(20):
            while len(heard) < lines.count(SNAPSHOT_LINE):
                await asyncio.sleep(0.01)
    task.cancel()
    return heard, said


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json\n",
        b'{"snapshot":{"kiosk_id":1}}\n',
        b'{"refused":"full"}\n',
        b'{"error":"no"}\n',
        b"[1]\n",
        b"\xff\n",
    ],
)
def test_a_wrong_line_is_no_end(line: bytes, tmp_path: Path) -> None:
    heard, said = asyncio.run(heard_through(tmp_path / "c.sock", line, SNAPSHOT_LINE))

    assert heard == [s.snapshot()]
    assert said == [b'{"hello":"screen"}\n', b'{"alive":true}\n'] * 2


def test_an_intent_without_a_controller_is_dropped_not_kept(tmp_path: Path) -> None:
    client = Client(tmp_path / "c.sock", lambda _: None)

    assert client.send(events.ConnectorChosen(1)) is False


def test_an_error_in_the_screen_itself_does_not_end_the_client(tmp_path: Path) -> None:
    calls = 0

    def fails_once(_: Snapshot) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyError("a screen's own mistake")

    async def story() -> None:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SNAPSHOT_LINE)
            await reader.readline()

        client = Client(tmp_path / "c.sock", fails_once)
        task = asyncio.create_task(client.run())
        async with await asyncio.start_unix_server(meet, tmp_path / "c.sock"), asyncio.timeout(20):
            while calls < 2:
                await asyncio.sleep(0.01)
            task.cancel()

    asyncio.run(story())

    assert calls == 2


def test_a_controller_that_holds_the_line_and_says_nothing_is_called_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiosk.ui.client.SILENCE_S", 0.1)

    async def story() -> int:
        calls = 0
        again = asyncio.Event()

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                again.set()
            await reader.read()

        task = asyncio.create_task(Client(tmp_path / "c.sock", lambda _: None).run())
        async with await asyncio.start_unix_server(meet, tmp_path / "c.sock"), asyncio.timeout(20):
            await again.wait()
            task.cancel()
        return calls

    assert asyncio.run(story()) >= 2
