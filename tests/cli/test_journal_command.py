"""`kiosk journal` and `kiosk outbox`, with the controller and without."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contract.api import RowKind
from contract.codec import to_bytes
from contract.records import AuditRecord
from contract.tariff import TariffOffer
from contract.transaction import ClockQuality, Moment
from kiosk.journal import Batch, JournalStore, NewRow
from tests.cli.conftest import Run
from tests.cli.panel import Panel, evse, panel, snapshot

NOON = Moment(datetime(2026, 3, 1, 12, tzinfo=UTC), ClockQuality.SYNCHRONISED, "b" * 32, 5)


def journal_in(tmp_path: Path, rows: int, sent: int) -> None:
    """Audit rows, with a status row every tenth; the first `sent` are acknowledged."""
    (tmp_path / "kiosk.toml").write_text(f'[kiosk]\nstate_dir = "{tmp_path}"\n')
    store = JournalStore(tmp_path / "journal.db")
    for number in range(1, rows + 1):
        kind = RowKind.STATUS if number % 10 == 0 else RowKind.AUDIT
        store.commit(Batch((NewRow(kind, to_bytes(AuditRecord("ada", f"act {number}", NOON, 1))),)))
    store.acknowledge(range(1, sent + 1), "e", NOON.wall)
    store.close()


def numbers(text: str) -> list[int]:
    return [row["journal_no"] for row in json.loads(text)]


def test_without_a_controller_the_newest_rows_are_read_from_the_file(tmp_path: Path, kiosk: Run) -> None:
    journal_in(tmp_path, rows=37, sent=36)

    newest = kiosk("journal", "list", "--limit", "3")
    after = kiosk("journal", "list", "--after", "5", "--limit", "2", "--json")
    status = kiosk("journal", "list", "--kind", "status", "--limit", "2", "--json")

    assert newest.stdout.splitlines() == [
        "      35 sent audit         2026-03-01 12:00:00 by=ada evse_id=1 what=act 35",
        "      36 sent audit         2026-03-01 12:00:00 by=ada evse_id=1 what=act 36",
        "      37 WAIT audit         2026-03-01 12:00:00 by=ada evse_id=1 what=act 37",
    ]
    assert (numbers(after.stdout), numbers(status.stdout)) == ([6, 7], [20, 30])


def test_one_row_is_shown_whole_and_a_row_that_is_not_there_ends_with_1(tmp_path: Path, kiosk: Run) -> None:
    journal_in(tmp_path, rows=2, sent=1)

    there, gone = kiosk("journal", "show", "2", "--json"), kiosk("journal", "show", "9")

    assert json.loads(there.stdout)["body"]["what"] == "act 2"
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no row 9" in gone.stderr


def test_the_outbox_counts_what_waits(tmp_path: Path, kiosk: Run) -> None:
    journal_in(tmp_path, rows=5, sent=2)

    words, as_json = kiosk("outbox"), json.loads(kiosk("outbox", "--json").stdout)

    assert words.stdout.startswith(
        "outbox: 3 rows wait; no controller runs, nothing is sent\noldest:        3 WAIT audit"
    )
    assert (as_json["waiting"], as_json["oldest"]["journal_no"], as_json["epoch"]) == (3, 3, "e")
    assert as_json["set_aside"] == []


def test_a_running_controller_is_asked_instead_of_the_file(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    def answers(line: dict[str, Any], _: Panel) -> list[dict[str, Any]]:
        row = {"journal_no": 8, "kind": "audit", "body": '{"by":"ada","what":"stop"}'}
        if line["query"] == "outbox":
            aside = [{"journal_no": 8, "reason": "422: why not"}]
            return [{"answer": {"waiting": 1, "epoch": "e", "oldest": row, "is_online": False, "set_aside": aside}}]
        return [{"answer": [row]}] if line["query"] == "journal" else [{"error": "row 3 was pruned"}]

    with panel(tmp_path / "panel", snapshot(evse(1, offer)), answers) as made:
        listed = kiosk("journal", "list", "--kind", "audit", "--after", "7")
        shown = kiosk("journal", "show", "3")
        waiting = kiosk("outbox")

    assert "8 WAIT audit" in listed.stdout and "by=ada what=stop" in listed.stdout
    assert {"query": "journal", "limit": 50, "after": 7, "kind": "audit"} in made.heard
    assert (shown.returncode, shown.stderr) == (1, "kiosk: controller: row 3 was pruned\n")
    assert "1 row waits; the server does not answer" in waiting.stdout
    assert "set aside: row 8, which the server refuses: 422: why not" in waiting.stdout


def test_no_journal_at_all_ends_with_3(tmp_path: Path, kiosk: Run) -> None:
    (tmp_path / "kiosk.toml").write_text(f'[kiosk]\nstate_dir = "{tmp_path}"\n')

    done = kiosk("journal", "list")

    assert done.returncode == 3
    assert "there is no journal here" in done.stderr
