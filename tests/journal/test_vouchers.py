"""A voucher is spent once at this kiosk, whatever power cuts, prunings and repetitions come in between."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kiosk.journal import Batch, JournalStore, VoucherAlreadySpent, open_journal
from kiosk.journal import store as store_module
from tests.journal.rows import NOON, ended, row, started, status_row

MEMORY = Path("/dev/shm")
VOUCHERS = [f"v{number}" for number in range(4)]


class OneUsePerVoucher(RuleBasedStateMachine):
    """The files as they stand after each commit are what a power cut leaves (tests/journal/test_power_cut.py)."""

    @initialize()
    def begin(self) -> None:
        self.home = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.path = Path(self.home.name) / "0" / "journal.db"
        self.path.parent.mkdir()
        self.store = open_journal(self.path, NOON).store
        self.order_of: dict[str, str] = {}
        self.count, self.boots, self.now = 0, 0, NOON
        self.newest_kept, store_module.NEWEST_KEPT = store_module.NEWEST_KEPT, 1

    @rule(voucher_id=st.sampled_from(VOUCHERS))
    def somebody_comes_with_a_voucher(self, voucher_id: str) -> None:
        self.count += 1
        story = replace(started(f"t{self.count}"), order_id=f"o{self.count}")
        try:
            self.store.commit(Batch((row(story),), ((voucher_id, story.order_id),)))
        except VoucherAlreadySpent:
            assert voucher_id in self.order_of
            return
        assert voucher_id not in self.order_of
        self.order_of[voucher_id] = story.order_id
        self.store.commit(Batch((row(ended(story, 1)),)))

    @precondition(lambda self: self.order_of)
    @rule(data=st.data())
    def the_same_order_goes_on(self, data: st.DataObject) -> None:
        voucher_id = data.draw(st.sampled_from(sorted(self.order_of)))
        self.count += 1
        story = replace(started(f"t{self.count}"), order_id=self.order_of[voucher_id])
        self.store.commit(Batch((row(story), row(ended(story, 1))), ((voucher_id, story.order_id),)))

    @rule(days=st.integers(0, 40))
    def the_server_hears_and_time_passes(self, days: int) -> None:
        self.store.acknowledge([one.journal_no for one in self.store.rows(limit=1000)], "e", self.now)
        self.now += timedelta(days=days)
        self.store.commit(Batch((status_row("newest"),)))

    @rule()
    def prune(self) -> None:
        while self.store.prune(self.now):
            pass

    @rule()
    def the_power_fails(self) -> None:
        self.boots += 1
        left = Path(self.home.name) / str(self.boots) / "journal.db"
        left.parent.mkdir()
        for part in ("", "-wal"):
            if (found := self.path.with_name(self.path.name + part)).exists():
                shutil.copy(found, left.with_name(left.name + part))
        self.store.close()
        self.path = left
        opened = open_journal(self.path, self.now)
        assert opened.setback is None
        self.store = opened.store

    @invariant()
    def every_use_is_known(self) -> None:
        if hasattr(self, "store"):
            assert self.store.project().spent_vouchers == set(self.order_of)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            store_module.NEWEST_KEPT = self.newest_kept
            self.home.cleanup()


OneUsePerVoucher.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_one_use_per_voucher = OneUsePerVoucher.TestCase


def test_pruning_goes_in_short_commits_until_nothing_is_left_to_prune(tmp_path: Path) -> None:
    store = JournalStore(tmp_path / "j.db")
    count = store_module.NEWEST_KEPT + 2 * store_module.PRUNED_AT_ONCE + 7
    numbers = store.commit(Batch(tuple(status_row(str(number)) for number in range(count))))
    store.acknowledge(numbers, "e", NOON)

    gone = [store.prune(NOON + timedelta(days=31)) for _ in range(4)]

    assert gone == [store_module.PRUNED_AT_ONCE, store_module.PRUNED_AT_ONCE, 7, 0]
    assert store.rows()[0].journal_no == 2 * store_module.PRUNED_AT_ONCE + 8
    store.close()
