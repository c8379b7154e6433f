"""A charge that is open at an EVSE which left the configuration: named, with the way out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from contract.codec import from_bytes
from contract.records import AuditRecord
from contract.transaction import EventType, TransactionEvent
from kiosk.cli.main import main as kiosk
from kiosk.journal import Batch, JournalStore
from tests.daemon.test_process import CONFIG, PATIENCE_S, folder
from tests.journal.rows import row, started, updated

__all__ = ["folder"]  # the fixture


def cut_at_evse(folder: Path, evse_id: int) -> Path:
    """The kiosk's folder with a charge open at that EVSE; the configuration has number 1 only."""
    (folder / "kiosk.toml").write_text(CONFIG.format(folder=folder))
    start = replace(started("cut"), evse_id=evse_id)
    store = JournalStore(folder / "state" / "journal.db")
    store.commit(Batch((row(start), row(updated(start, 1)))))
    store.close()
    return folder / "kiosk.toml"


def controller(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "kiosk.daemon.main", "--config", str(config), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_the_controller_does_not_start_and_names_transaction_evse_and_remedy(folder: Path) -> None:
    done = controller(cut_at_evse(folder, 7))

    assert done.returncode == 2
    assert "transaction cut is open at EVSE 7" in done.stderr
    assert "Put the EVSE back into the configuration" in done.stderr
    assert "kiosk journal close 7" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_named_command_ends_it_with_the_last_reading(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = cut_at_evse(folder, 7)
    assert kiosk(["journal", "close", "7", "--config", str(config)]) == 0
    assert "EVSE 7: 1 transaction closed" in capfd.readouterr().out

    store = JournalStore(folder / "state" / "journal.db")
    rows = store.rows(limit=10)
    assert store.project().open_transactions == ()
    store.close()
    before, ended = (from_bytes(TransactionEvent, kept.body) for kept in rows[1:3])
    assert (ended.event_type, ended.seq_no, ended.final) == (EventType.ENDED, 2, False)
    assert ended.meter.import_wh == before.meter.import_wh
    assert "closed with the last journaled reading" in from_bytes(AuditRecord, rows[3].body).what
    assert kiosk(["journal", "close", "7", "--config", str(config)]) == 1


def test_what_is_open_at_a_configured_evse_is_the_controllers_to_end(folder: Path) -> None:
    done = controller(cut_at_evse(folder, 1), "--close", "1")

    assert done.returncode == 2
    assert "EVSE 1 is in the configuration" in done.stderr
