"""The server's disk died and yesterday's backup was restored: the kiosks tell it again what it forgot."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing.database import open_database
from billing.facts import renew_epoch
from billing.intake import take_rows
from billing.lists import authorization_list
from billing.tables import cdrs, events, journal_rows, quarantine, transactions, vouchers
from billing.vouchers import new_voucher
from contract.api import RowBatch, RowKind
from contract.codec import to_bytes
from contract.identity import TokenKind
from contract.tokens import read_list
from kiosk.journal import Batch, JournalStore, NewRow
from tests.billing.databases import DATABASES, SERVER_KEY, Databases
from tests.billing.stories import NOON, charge

KIOSK = "hk-07"


class Server:
    """A billing database as an operator has it, backed up and restored as docs/operator.md says."""

    def __init__(self, databases: Databases, kind: str) -> None:
        self._databases, self._kind = databases, kind
        self._use(databases.fresh(kind))

    def _use(self, url: str) -> None:
        self.url, self.engine = url, open_database(url)

    def take(self, batch: RowBatch, now: datetime) -> Any:
        with self.engine.begin() as connection:
            return take_rows(connection, KIOSK, batch, now)

    def backup(self, target: Path) -> None:
        if self._kind == "sqlite":
            _typed("sqlite3", self.url.removeprefix("sqlite:///"), f".backup {target}")
        else:
            _typed("pg_dump", "--format=custom", f"--file={target}", self.url)

    def restore(self, source: Path) -> None:
        """The disk is gone: it begins with an empty one."""
        self.engine.dispose()
        url = self._databases.empty(self._kind)
        if self._kind == "sqlite":
            shutil.copyfile(source, url.removeprefix("sqlite:///"))
        else:
            _typed("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={url}", str(source))
        self._use(url)

    def renew_epoch(self) -> None:
        with self.engine.begin() as connection:
            renew_epoch(connection)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is about the kiosk's rows, but for when they came."""
        queries = {
            "events": select(events.c.event_key, events.c.journal_no, events.c.body),
            "transactions": select(
                transactions.c.transaction_id,
                transactions.c.order_id,
                transactions.c.account_id,
                transactions.c.started_ms,
                transactions.c.ended_ms,
                transactions.c.ended_seq,
            ),
            "cdrs": select(cdrs.c.transaction_id, cdrs.c.energy_wh, cdrs.c.incl_vat_minor, cdrs.c.body),
            "rows": select(journal_rows.c.journal_no, journal_rows.c.kind, journal_rows.c.body),
            "quarantine": select(quarantine.c.code, quarantine.c.transaction_id, quarantine.c.reason),
            "vouchers": select(vouchers.c.voucher_id, vouchers.c.order_id),
        }
        with self.engine.connect() as connection:
            found = {name: sorted(map(tuple, connection.execute(query))) for name, query in queries.items()}
        for cdr in found["cdrs"]:
            body = json.loads(cdr[-1])
            del body["last_updated"]
            found["cdrs"][found["cdrs"].index(cdr)] = (*cdr[:-1], json.dumps(body))
        return found


def _typed(program: str, *words: str) -> None:
    subprocess.run([program, *words], check=True, capture_output=True, timeout=60)


class Kiosk:
    """Its journal, and the way it empties it."""

    def __init__(self) -> None:
        self.store = JournalStore(sqlite3.connect(":memory:"))

    def send(self, server: Server, now: datetime, most: int, answers_get_lost: random.Random | None = None) -> None:
        while rows := self.store.unacknowledged(most):
            answer = server.take(RowBatch(self.store.epoch(), tuple(rows)), now)
            if answers_get_lost is not None and answers_get_lost.random() < 0.2:
                continue
            self.store.acknowledge(answer.acknowledged, answer.epoch, now)


def _rows(rng: random.Random, vouchers: list[str]) -> list[NewRow]:
    """Two charges, mingled as two EVSEs write them, and what stands between."""
    stories = [
        charge(
            evse_id=evse_id,
            transaction_id=f"{rng.getrandbits(64):016x}",
            order_id=f"{rng.getrandbits(64):016x}",
            receipt_id=f"{rng.getrandbits(64):016x}",
            minutes=rng.randrange(1, 5),
            wh_per_minute=rng.randrange(0, 300),
            parked_minutes=rng.choice([0, 0, 12]),
            **_payer(rng, vouchers),
        )
        for evse_id in (1, 2)
    ]
    rows: list[NewRow] = []
    while any(stories):
        story = rng.choice([story for story in stories if story])
        rows.append(NewRow(RowKind.TRANSACTION, to_bytes(story.pop(0))))
        if rng.random() < 0.2:
            rows.append(NewRow(RowKind.STATUS, b'{"n":%d}' % rng.randrange(10**9)))
    return rows


def _payer(rng: random.Random, vouchers: list[str]) -> dict[str, Any]:
    if vouchers and rng.random() < 0.4:
        voucher_id = vouchers.pop()
        return {"token_kind": TokenKind.VOUCHER, "voucher_id": voucher_id, "account_id": f"voucher:{voucher_id}"}
    return {}


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 12), ("postgresql", 3)])
def test_a_restored_server_ends_as_if_nothing_had_happened(
    databases: Databases, tmp_path: Path, kind: str, examples: int
) -> None:
    @given(seed=st.integers(0, 2**32))
    @settings(max_examples=examples, deadline=None)
    def holds(seed: int) -> None:
        live(Server(databases, kind), Server(databases, kind), tmp_path, random.Random(seed))

    holds()


def live(unlucky: Server, lucky: Server, folder: Path, rng: random.Random) -> None:
    """The same days for both; the one's disk dies in between."""
    with unlucky.engine.begin() as connection:
        for _ in range(3):
            new_voucher(connection, KIOSK, 9_000, "EUR", NOON + timedelta(days=30), NOON, SERVER_KEY)
    copy_of = folder / "begin.db"
    unlucky.backup(copy_of)
    lucky.restore(copy_of)
    with unlucky.engine.connect() as connection:
        known = [row[0] for row in connection.execute(select(vouchers.c.voucher_id))]
    pieces = [_rows(rng, known) for _ in range(4)]
    kiosk, twin, now = Kiosk(), Kiosk(), NOON
    backup_after, restore_after = sorted((rng.randrange(4), rng.randrange(4)))
    backup = folder / "backup.db"
    for number, rows in enumerate(pieces):
        now += timedelta(hours=1)
        for row in rows:
            kiosk.store.commit(Batch((row,)))
            twin.store.commit(Batch((row,)))
        if number == backup_after:
            unlucky.backup(backup)  # before, in the middle of, or after this piece's upload
        kiosk.send(unlucky, now, rng.randrange(1, 30), rng)
        if number == restore_after:
            unlucky.restore(backup)
            unlucky.renew_epoch()
        twin.send(lucky, now, 100)
    kiosk.store.commit(Batch((NewRow(RowKind.STATUS, b'{"n":"last"}'),)))
    twin.store.commit(Batch((NewRow(RowKind.STATUS, b'{"n":"last"}'),)))

    kiosk.send(unlucky, now, 7)
    twin.send(lucky, now, 7)

    assert unlucky.contents() == lucky.contents()
    assert len(lucky.contents()["cdrs"]) == 8
    assert kiosk.store.waiting() == 0
    for server in (unlucky, lucky):
        server.engine.dispose()


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Server]:
    made = Server(databases, request.param)
    yield made
    made.engine.dispose()


def test_without_a_new_epoch_the_server_would_miss_what_the_kiosk_thinks_it_has(server: Server, tmp_path: Path) -> None:
    """Why the operator is told to renew it."""
    kiosk, rng = Kiosk(), random.Random(1)
    kiosk.store.commit(Batch((NewRow(RowKind.STATUS, b'{"n":0}'),)))
    kiosk.send(server, NOON, 100)
    server.backup(tmp_path / "backup.db")
    kiosk.store.commit(Batch(tuple(_rows(rng, []))))
    kiosk.send(server, NOON, 100)
    server.restore(tmp_path / "backup.db")

    kiosk.store.commit(Batch((NewRow(RowKind.STATUS, b'{"n":1}'),)))
    kiosk.send(server, NOON, 100)
    assert server.contents()["cdrs"] == []

    server.renew_epoch()
    kiosk.store.commit(Batch((NewRow(RowKind.STATUS, b'{"n":2}'),)))
    kiosk.send(server, NOON, 100)
    assert len(server.contents()["cdrs"]) == 2


def test_a_kiosk_with_a_newer_list_than_the_restored_server_gets_one_above_its_own(server: Server) -> None:
    def fetch(after: int) -> str | None:
        with server.engine.begin() as connection:
            return authorization_list(connection, KIOSK, after, NOON, SERVER_KEY)

    first = fetch(0)
    assert first is not None
    version = read_list(first, (SERVER_KEY.public_key(),)).version

    above = fetch(version + 5)  # heard before the backup was restored

    assert above is not None
    assert read_list(above, (SERVER_KEY.public_key(),)).version == version + 6
    assert fetch(version + 6) is None
