"""How fast the server takes rows, over HTTP and signed, against what the bare database does with the same rows.

    python benchmarks/bench_intake.py [--rounds 5] [--charges 40] [--only sqlite|postgresql] [--json FILE]

A row is an event of a charge; sixty make one, an hour, and with its last one it is rated and booked. The server is
`kiosk-billing serve` in a process of its own (on PostgreSQL `--workers 2`), the kiosks are another. Per database:

- one row per POST, 8 kiosks at once : raw transactions of the same rows (SQLite: one connection of the driver, the same
  pragmas; PostgreSQL: pgbench with 8 clients). Goals: SQLite at least 0.3 with p99 ≤ 20 ms, PostgreSQL at least 0.10;
- 100 rows per POST : the same rows raw, 100 events per transaction (SQLite, 2 kiosks, goal 0.25), or all by COPY in
  one transaction (PostgreSQL, 8 kiosks, goal 0.20).

A raw transaction writes what the POST left behind in every table that grew, and no less. Ratios are taken within a
round, its two halves one after the other on the same disk; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from sqlalchemy import Engine, inspect, text

from benchmarks.intake_client import BOARD, ROWS_PER_CHARGE, kiosk_key
from billing.cli import main as kiosk_billing
from billing.database import BUSY_TIMEOUT_MS, open_database
from billing.directory import add_account, add_kiosk, load_tariff, set_offer
from billing.migrations import migrate
from billing.tables import kiosk_keys
from tests.billing.postgres import running_postgres
from tests.billing.stories import NOON, TARIFF

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "bench"  # on the disk, not in memory
KIOSKS = 8
START_PATIENCE_S = 240.0
GOALS = {
    "sqlite, 1 per POST, 8 kiosks : raw transactions": 0.30,
    "sqlite, 100 per POST : raw, 100 per transaction": 0.25,
    "postgresql, 1 per POST, 8 kiosks : pgbench, 8 clients": 0.10,
    "postgresql, 100 per POST : COPY": 0.20,
}
P99_GOAL_S = 0.020  # SQLite, one per POST
NOT_ABOUT_ROWS = {"used_nonces"}  # what the signature of a request costs is not given to the baseline
Rows = dict[str, list[tuple[Any, ...]]]


def furnish(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        load_tariff(connection, TARIFF, NOON)
        add_account(connection, "anna", NOON)
        for number in range(1, KIOSKS + 1):
            kiosk_id = add_kiosk(connection, f"bench-{number}", NOON, kiosk_id=f"bench-{number}")
            set_offer(connection, kiosk_id, 1, TARIFF.id, NOON, parking_grace_s=600)
            row = {"kiosk_id": kiosk_id, "board_serial": BOARD, "enrolled_ms": 0, "revoked_ms": None}
            public = kiosk_key(number).public_key().public_bytes_raw().hex()
            connection.execute(kiosk_keys.insert(), row | {"public_key": public})


@contextmanager
def serving(database_url: str, workers: int) -> Iterator[int]:
    """The port of a real server."""
    data = PLACE / "data"
    shutil.rmtree(data, ignore_errors=True)
    assert kiosk_billing(["init", "--json", "--data-dir", str(data), "--database", database_url]) == 0
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = int(door.getsockname()[1])
    words = ["serve", "--plain", "--port", str(port), "--workers", str(workers), "--database", database_url]
    process = subprocess.Popen([sys.executable, "-m", "billing", *words, "--data-dir", str(data)], cwd=ROOT)
    try:
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                assert process.poll() is None and time.monotonic() < deadline, "the server does not start"
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def load(port: int, clients: int, rows_per_post: int, charges: int) -> dict[str, float]:
    words = [str(word) for word in (port, clients, rows_per_post, charges, 1)]
    command = [sys.executable, "-m", "benchmarks.intake_client", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


# ---- what a POST left behind -----------------------------------------------------------------------------------------


def contents(engine: Engine) -> Rows:
    with engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
            for table in sorted(inspect(engine).get_table_names())
        }


def grown(before: Rows, after: Rows, keys: dict[str, list[int]], charges: int) -> Rows:
    """The new rows of each table that has one or more for every charge; `keys`: the places of its primary key.

    A row that was there and has changed is no new one: a chore may still be settling the bills of the round before.
    """
    found = {}
    for table, rows in after.items():
        if table not in NOT_ABOUT_ROWS and len(rows) - len(before[table]) >= charges:
            places = keys[table]
            known = {tuple(row[place] for place in places) for row in before[table]}
            found[table] = [row for row in rows if tuple(row[place] for place in places) not in known]
    return found


def primary_keys(engine: Engine) -> dict[str, list[int]]:
    asked = inspect(engine)
    found = {}
    for table in asked.get_table_names():
        names = [column["name"] for column in asked.get_columns(table)]
        found[table] = [names.index(name) for name in asked.get_pk_constraint(table)["constrained_columns"]]
    return found


def by_charge(rows: Rows, charges: int) -> list[Rows]:
    """Shared out evenly: every charge leaves the same number of rows in a table, in the order they were written."""
    each = {table: len(found) // charges for table, found in rows.items()}
    return [
        {table: found[n * each[table] : (n + 1) * each[table]] for table, found in rows.items()} for n in range(charges)
    ]


# ---- raw SQLite ------------------------------------------------------------------------------------------------------


def raw_sqlite(url: str, rows: Rows, charges: int, events_per_transaction: int) -> float:
    """Events per second."""
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")
    order = [table for table in in_order(rows) if table != "events"]
    insert = {
        table: f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(found[0]))})' for table, found in rows.items()
    }
    contact = "UPDATE kiosks SET last_contact_ms = ?, last_rows_ms = ?, arrival_age_ms = ? WHERE kiosk_id = 'bench-1'"
    steps: list[list[tuple[str, list[tuple[Any, ...]]]]] = []
    for share in by_charge(rows, charges):
        for number, event in enumerate(share["events"], start=1):
            step = [(insert["events"], [event]), (contact, [(number, number, number)])]
            if number == len(share["events"]):
                step += [(insert[table], share[table]) for table in order]
            steps.append(step)
    transactions = [steps[n : n + events_per_transaction] for n in range(0, len(steps), events_per_transaction)]
    if events_per_transaction > 1:
        transactions = [[_merged(transaction)] for transaction in transactions]
    began_s = time.perf_counter()
    for transaction in transactions:
        connection.execute("BEGIN IMMEDIATE")
        for step in transaction:
            for statement, values in step:
                connection.executemany(statement, values)
        connection.execute("COMMIT")
    span_s = time.perf_counter() - began_s
    connection.close()
    return len(steps) / span_s


def _merged(
    transaction: Sequence[list[tuple[str, list[tuple[Any, ...]]]]],
) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """One statement a table, as whoever writes 100 at once would do it."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for step in transaction:
        for statement, values in step:
            found.setdefault(statement, []).extend(values)
    return [
        (statement, values[-1:] if statement.startswith("UPDATE") else values) for statement, values in found.items()
    ]


def in_order(rows: Rows) -> list[str]:
    """Tables so that what is referred to comes first."""
    first = ["events", "transactions", "cdrs", "sales", "ledger_entries", "ledger_postings"]
    return [table for table in first if table in rows] + sorted(set(rows) - set(first))


# ---- raw PostgreSQL --------------------------------------------------------------------------------------------------


def raw_copy(url: str, rows: Rows) -> float:
    """Events per second."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        began_s = time.perf_counter()
        for table in in_order(rows):
            with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                for row in rows[table]:
                    copy.write_row(row)
        connection.commit()
        return len(rows["events"]) / (time.perf_counter() - began_s)


def pgbench(url: str, rows: Rows, columns: dict[str, list[str]], charges: int, seconds: int) -> float:
    """Transactions per second of 8 clients: an event each, and one in sixty brings the rows of a whole charge along."""
    share = by_charge(rows, charges)[0]
    contact = f"UPDATE kiosks SET last_contact_ms = {_R}, last_rows_ms = {_R} WHERE kiosk_id = {_KIOSK};"
    event = [_insert("events", columns["events"], share["events"][1]), contact]
    ended = list(event)
    for table in in_order(rows):
        if table != "events":
            ended += [_insert(table, columns[table], row) for row in share[table]]
    scripts = []
    for name, weight, statements in (("event", ROWS_PER_CHARGE - 1, event), ("ended", 1, ended)):
        path = PLACE / f"{name}.sql"
        begin = ["\\set r random(1, 9000000000000000)", f"\\set c 1 + mod(:client_id, {KIOSKS})", "BEGIN;"]
        path.write_text("\n".join([*begin, *statements, "END;"]) + "\n")
        scripts += ["-f", f"{path}@{weight}"]
    command = ["pgbench", "-n", "-M", "prepared", "-c", str(KIOSKS), "-j", "2", "-T", str(seconds), *scripts, url]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None or "aborted" in done.stderr:
        raise SystemExit(f"bench_intake: pgbench: {done.stderr[-500:]}")
    return float(found[1])


_R = "(:r)::bigint"
_KIOSK = "'bench-' || (:c)::int::text"
_TEXT = f"md5({_R}::text)"
# What makes a copied row another one; the same number makes the same text, so rows that belong together stay so.
_KEYS = {
    **dict.fromkeys(("event_key", "transaction_id", "cdr_id", "cdr_key", "key", "order_id", "receipt_key"), _TEXT),
    "kiosk_id": _KIOSK,
    "entry_no": "currval(pg_get_serial_sequence('ledger_entries', 'entry_no'))",
}


def _insert(table: str, names: Sequence[str], row: Sequence[Any]) -> str:
    own = {
        name: value for name, value in zip(names, row, strict=True) if (table, name) != ("ledger_entries", "entry_no")
    }
    values = [_KEYS.get(name) or _literal(value) for name, value in own.items()]
    return f"INSERT INTO {table} ({', '.join(own)}) VALUES ({', '.join(values)});"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    # pgbench reads a colon before a letter as a variable: none is left in front of one.
    quoted = str(value).replace("'", "''")
    return "'" + re.sub(r":(?=\w)", ": ", quoted) + "'"


# ---- the rounds ------------------------------------------------------------------------------------------------------


def measure(name: str, fresh: Callable[[], str], workers: int, rounds: int, charges: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    p99s: list[float] = []
    url = fresh()
    engine = open_database(url)
    furnish(engine)
    with serving(url, workers) as port:
        load(port, KIOSKS, 1, KIOSKS)  # caches, compiled statements
        load(port, 1, 100, 10)
        for _ in range(rounds):
            for rows_per_post in (1, 100):
                clients = 2 if (name, rows_per_post) == ("sqlite", 100) else KIOSKS
                amount = charges if rows_per_post == 1 else 2 * charges
                before = contents(engine)
                app = load(port, clients, rows_per_post, amount)
                rows = grown(before, contents(engine), primary_keys(engine), amount)
                bare_url = fresh()
                bare = open_database(bare_url)
                furnish(bare)
                _copy_accounts(engine, bare)
                if name == "sqlite":
                    raw = raw_sqlite(bare_url, rows, amount, rows_per_post)
                elif rows_per_post == 1:
                    columns = {t: [c["name"] for c in inspect(bare).get_columns(t)] for t in rows}
                    raw = pgbench(bare_url, rows, columns, amount, 3)
                else:
                    raw = raw_copy(bare_url, rows)
                bare.dispose()
                label = next(goal for goal in GOALS if goal.startswith(f"{name}, {rows_per_post} per"))
                found.setdefault(label, []).append(app["rows_per_s"] / raw)
                found.setdefault(f"{label} rows/s", []).append(app["rows_per_s"])
                found.setdefault(f"{label} raw/s", []).append(raw)
                if rows_per_post == 1:
                    p99s.append(app["p99_s"])
    engine.dispose()
    results = {}
    for label, goal in GOALS.items():
        if label in found:
            ratio = statistics.median(found[label])
            results[label] = {
                "ratio": round(ratio, 3),
                "goal": f"≥ {goal}",
                "is_met": ratio >= goal,
                "spread": [round(min(found[label]), 3), round(max(found[label]), 3)],
                "rows_per_s": round(statistics.median(found[f"{label} rows/s"])),
                "raw_per_s": round(statistics.median(found[f"{label} raw/s"])),
            }
    p99_s = statistics.median(p99s)
    results[f"{name}, 1 per POST, 8 kiosks, p99 ms"] = {
        "value": round(p99_s * 1000, 1),
        "goal": f"≤ {P99_GOAL_S * 1000:.0f}" if name == "sqlite" else "",
        "is_met": name != "sqlite" or p99_s <= P99_GOAL_S,
    }
    return results


def _copy_accounts(engine: Engine, bare: Engine) -> None:
    """What was opened once stays out of the raw transactions."""
    with engine.connect() as source, bare.begin() as target:
        for row in source.execute(text("SELECT * FROM ledger_accounts")).mappings():
            target.execute(
                text("INSERT INTO ledger_accounts (name, kind, owner, unit) VALUES (:name, :kind, :owner, :unit)"),
                dict(row),
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--charges", type=int, default=40)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    numbers = itertools.count(1)
    results: dict[str, Any] = {}
    if wanted.only != "postgresql":
        results |= measure(
            "sqlite", lambda: f"sqlite:///{PLACE / f'{next(numbers)}.db'}", 1, wanted.rounds, wanted.charges
        )
    if wanted.only != "sqlite":
        with running_postgres(is_durable=True, parent=PLACE) as server:
            results |= measure("postgresql", server.empty, 2, wanted.rounds, wanted.charges)
    shutil.rmtree(PLACE, ignore_errors=True)
    for label, result in results.items():
        print(f"{label:60s} {json.dumps(result, ensure_ascii=False)}", file=sys.stderr)
    print(json.dumps({"benchmark": "intake", **results}, ensure_ascii=False))
    if wanted.json:
        wanted.json.write_text(json.dumps(results, ensure_ascii=False))


if __name__ == "__main__":
    main()
