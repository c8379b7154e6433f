"""A real disk under a real controller: it fills up, turns read-only, comes back. Needs root for its file system."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.cli.conditions import standing
from kiosk.session.faults import FaultCode
from kiosk.session.states import State
from kiosk.wire import snapshot_line
from tests.faults.words import one_cause
from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.stage import Stage

CAN_MOUNT = os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists()
RECORD_S = 480  # kiosk seconds; the demo's clock runs at 60

pytestmark = [
    pytest.mark.bytes,
    pytest.mark.xdist_group("stage"),
    pytest.mark.skipif(not CAN_MOUNT, reason="needs root, ext4 and a loop device"),
]


class Disk:
    """A small ext4 file system in a file; the kernel turns it read-only at an error, as a Pi's does."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder
        with image.open("wb") as file:
            file.truncate(12_000_000)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-b", "4096", str(image)], check=True)

    def mount(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder)], check=False)
        if done.returncode:
            pytest.skip("this machine lets nobody mount")

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def freeze(self) -> None:
        """Every write waits, as on a card that no longer answers."""
        subprocess.run(["fsfreeze", "--freeze", str(self.folder)], check=True)

    def thaw(self) -> None:
        subprocess.run(["fsfreeze", "--unfreeze", str(self.folder)], check=False, capture_output=True)

    def fill(self) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (100_000, 1_000):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue  # it is full now, to within `size`

    def make_room(self) -> None:
        (self.folder / "filler").unlink()

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True, capture_output=True)

    def fail(self) -> None:
        """What the kernel does after a write error: no more writes, at once."""
        subprocess.run(["mount", "-o", "remount,abort", str(self.folder)], check=True, capture_output=True)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[Stage, Disk, Charges]]:
    with ExitStack() as stack:
        stage = stack.enter_context(Stage(tmp_path / "stage"))
        disk = Disk(tmp_path / "card.img", stage.places.state)
        disk.mount()
        stack.callback(disk.unmount)
        stage.start_server_and_street()
        text = stage.places.config.read_text(encoding="utf-8")
        wanted = "\n".join(
            f"record_s = {RECORD_S}" if line.startswith("record_s") else line for line in text.splitlines()
        )
        assert f"record_s = {RECORD_S}" in wanted
        stage.places.config.write_text(wanted, encoding="utf-8")
        stage.start_kiosk()
        stack.callback(stage.launcher.cut, ("controller", "uplink"))
        stack.callback(disk.thaw)  # first of all: nobody who waits for the disk can be killed before
        eyes = stack.enter_context(Eyes(stage.places.panel))
        yield stage, disk, Charges(stage, eyes)


def begin(charges: Charges) -> str:
    charges.wait_until_ready(1)
    charges.choose(1)
    charges.stage.street("plug", evse=1, car="zoe")
    charges.stage.street("tap", card="anna")
    evse = charges.wait_until_delivering(1, least_wh=200)
    assert evse.transaction is not None
    return evse.transaction.transaction_id


def is_out_for_the_journal(charges: Charges, evse_id: int) -> None:
    evse = charges.wait_for(
        evse_id,
        "is out of service for its journal",
        lambda e: e.state is State.OUT_OF_SERVICE and e.fault is not None and e.fault.code is FaultCode.JOURNAL_FAILED,
        30.0,
    )
    assert evse.why == ("fault:journal_failed",)
    assert evse.fault is not None and not evse.fault.is_latched


def told(charges: Charges) -> list[str]:
    """What `kiosk why` finds wrong with the kiosk itself."""
    snapshot = charges.eyes.snapshot
    assert snapshot is not None
    return [code for code in standing(snapshot_line(snapshot)["snapshot"]) if code.startswith("disk")]


def test_a_full_disk_ends_a_charge_in_time_and_bills_it_when_there_is_room(stage: tuple[Stage, Disk, Charges]) -> None:
    scene, disk, charges = stage
    transaction_id = begin(charges)

    disk.fill()
    charges.wait_for(2, "sells nothing more", lambda e: e.state is State.OUT_OF_SERVICE, 30.0)
    still = charges.eyes.evse(1)
    is_out_for_the_journal(charges, 1)

    assert still is not None and still.state is State.DELIVERING  # what runs goes on for a while
    assert not scene.physics()["evses"]["1"]["is_closed"]
    assert told(charges) == ["disk_full"]
    one_cause(charges.eyes.snapshot, 1, FaultCode.JOURNAL_FAILED, "disk_full")
    delivered_wh = scene.delivered_wh(1)
    disk.make_room()
    charges.wait_for(2, "is free again", lambda e: e.state is State.IDLE, 60.0)
    checked = charges.billed_once(transaction_id, delivered_wh)
    assert checked.stopped_reason == "Other"
    assert scene.till.kept_aside() == []


def test_a_disk_turned_read_only_ends_a_charge_and_bills_it_once_it_is_writable(
    stage: tuple[Stage, Disk, Charges],
) -> None:
    scene, disk, charges = stage
    transaction_id = begin(charges)

    disk.fail()
    is_out_for_the_journal(charges, 1)
    is_out_for_the_journal(charges, 2)
    assert told(charges) == ["disk_read_only"]
    one_cause(charges.eyes.snapshot, 1, FaultCode.JOURNAL_FAILED, "disk_read_only")
    assert not scene.physics()["evses"]["1"]["is_closed"]
    delivered_wh = scene.delivered_wh(1)
    scene.launcher.cut(("controller", "uplink"))
    disk.unmount()
    subprocess.run(["fsck.ext4", "-p", str(disk.image)], check=False, capture_output=True)
    disk.mount()
    scene.launcher.restore(("controller", "uplink"))

    checked = charges.billed_once(transaction_id, delivered_wh)
    assert checked.stopped_reason == "PowerLoss"
    charges.wait_for(1, "is well again", lambda e: e.fault is None, 30.0)


def test_a_disk_that_hangs_ends_a_charge_in_time_and_bills_it_when_it_comes_back(
    stage: tuple[Stage, Disk, Charges],
) -> None:
    scene, disk, charges = stage
    transaction_id = begin(charges)

    disk.freeze()
    is_out_for_the_journal(charges, 1)
    delivered_wh = scene.delivered_wh(1)
    line = charges.eyes.snapshot
    assert line is not None
    assert not scene.physics()["evses"]["1"]["is_closed"]
    assert standing(snapshot_line(line)["snapshot"]) == ["disk_stalled"]
    disk.thaw()

    checked = charges.billed_once(transaction_id, delivered_wh)
    assert checked.stopped_reason == "Other"
    charges.wait_for(1, "is well again", lambda e: e.fault is None, 30.0)


def test_a_kiosk_that_starts_on_a_read_only_disk_says_why_and_goes_on_by_itself_once_it_is_writable(
    stage: tuple[Stage, Disk, Charges],
) -> None:
    scene, disk, charges = stage
    transaction_id = begin(charges)
    scene.launcher.cut(("controller", "uplink"))
    disk.remount("ro")
    scene.launcher.restore(("controller", "uplink"))

    is_out_for_the_journal(charges, 1)
    is_out_for_the_journal(charges, 2)
    assert told(charges) == ["disk_read_only"]
    assert not scene.physics()["evses"]["1"]["is_closed"]
    delivered_wh = scene.delivered_wh(1)
    pid = scene.launcher.pid("controller")
    disk.remount("rw")
    checked = charges.billed_once(transaction_id, delivered_wh)
    assert checked.stopped_reason == "PowerLoss"
    charges.wait_for(2, "is well again", lambda e: e.fault is None, 30.0)
    assert scene.launcher.pid("controller") == pid, "nobody had to start it"


def test_a_kiosk_that_starts_on_a_full_disk_says_why_and_goes_on_by_itself_once_there_is_room(
    stage: tuple[Stage, Disk, Charges],
) -> None:
    scene, disk, charges = stage
    charges.wait_until_ready(1)
    scene.launcher.cut(("controller", "uplink"))
    disk.fill()
    scene.launcher.restore(("controller", "uplink"))

    charges.wait_for(2, "sells nothing", lambda e: e.state is State.OUT_OF_SERVICE, 30.0)
    is_out_for_the_journal(charges, 2)
    disk.make_room()
    charges.wait_for(2, "is well again", lambda e: e.fault is None, 60.0)
    begin(charges)
