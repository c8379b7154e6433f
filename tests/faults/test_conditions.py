"""What is wrong with the kiosk besides its EVSEs: broken outside, told by the technician's command, while one charge
goes on through all of it and is billed once at the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.certificates import make_certificate
from billing.settings import server_time
from contract.transaction import StoppedReason
from kiosk.cli.causes import CAUSES
from kiosk.cli.conditions import standing
from kiosk.cli.doctor import advice
from kiosk.probe.checks_snapshot import all_of
from kiosk.session.states import State
from tests.faults.forecourt import CABLES
from tests.faults.scene import Charge, Scene

LEFT, RIGHT, THIRD = CABLES[:3]
HERE = ("127.0.0.1",)
NO_PART = ("reader_lost",)  # each reader has its own line
GONE_PATIENCE_S = 40.0  # the kiosk tells of a process after 15 s

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def charge(scene: Scene) -> Iterator[Charge]:
    """It begins before the first of these tests and ends after the last."""
    begun = scene.charge(LEFT)
    yield begun
    scene.leave(LEFT)
    assert scene.billed(begun).stopped_reason is StoppedReason.EV_DISCONNECTED
    scene.wait_until_idle(LEFT)


@pytest.fixture(autouse=True)
def goes_on(scene: Scene, charge: Charge) -> Iterator[None]:
    """Whatever a test breaks: energy flows, in the same transaction, before and after."""
    yield
    before_wh = scene.delivered_wh(charge)
    scene.stage.wait_for("energy flows", lambda: scene.delivered_wh(charge) > before_wh, 5.0, "controller")
    evse = scene.charges.wait_for(LEFT.evse_id, "delivers", lambda e: e.state is State.DELIVERING)
    assert evse.transaction is not None and evse.transaction.transaction_id == charge.transaction_id


def codes(scene: Scene) -> list[str]:
    return [cause["code"] for cause in scene.causes(LEFT)]


def is_told(scene: Scene, code: str, patience_s: float = 20.0) -> None:
    """`kiosk why` names it, and doctor says the same of the part it is about."""
    scene.stage.wait_for(f"why says {code}", lambda: code in codes(scene), patience_s, "controller", "uplink")
    shown = scene.shown()
    if code in standing(shown) and code not in NO_PART:
        lines = [str(finding) for finding in all_of(shown, advice(shown))]
        assert any(CAUSES[code][0] in line for line in lines), (code, lines)


def is_over(scene: Scene, code: str) -> None:
    scene.stage.wait_for(f"why no longer says {code}", lambda: code not in codes(scene), 20.0, "controller")


def log_says(scene: Scene, words: str) -> None:
    scene.stage.wait_for(f"the log says {words}", lambda: words in scene.logged(), 10.0, "controller")


def test_a_server_out_of_reach_is_told_and_a_known_card_begins_on_the_kiosks_own_list(scene: Scene) -> None:
    scene.stage.street("net", on=False)
    is_told(scene, "offline")
    begun = scene.charge(RIGHT)
    scene.leave(RIGHT)
    scene.wait_until_idle(RIGHT)

    scene.stage.street("net", on=True)

    is_over(scene, "offline")
    assert scene.billed(begun).stopped_reason is StoppedReason.EV_DISCONNECTED


def test_a_server_that_refuses_is_told_as_such(scene: Scene) -> None:
    scene.charges.wait_until_online()
    with scene.stage.till.revoked():
        is_told(scene, "server_refuses")

    is_over(scene, "server_refuses")


def test_a_certificate_that_does_not_hold_is_told_until_it_is_renewed_and_a_dead_screen_is_missed(scene: Scene) -> None:
    scene.charges.wait_until_online()
    scene.close_eyes()
    data = scene.stage.till.folder

    make_certificate(data, HERE, server_time() - timedelta(days=3), 1)
    scene.stage.launcher.kill("server")
    is_told(scene, "certificate_expired")
    make_certificate(data, ("other.example",), server_time())
    scene.stage.launcher.kill("server")
    is_told(scene, "certificate_refused")
    make_certificate(data, HERE, server_time())
    scene.stage.launcher.kill("server")
    is_over(scene, "certificate_refused")

    is_told(scene, "screen_gone", GONE_PATIENCE_S)
    scene.open_eyes()
    is_over(scene, "screen_gone")
    scene.charges.wait_until_online()


def test_readers_that_hang_or_are_pulled_are_told_and_read_again_and_a_dead_uplink_is_missed(scene: Scene) -> None:
    scene.stage.launcher.cut(("uplink",))
    scene.stage.street("fault", kind="nfc-mute")
    is_told(scene, "nfc_reader_dead")
    is_over(scene, "nfc_reader_dead")  # its reset line did that: nobody mended it

    for kind in ("nfc-unplugged", "scanner-unplugged"):
        scene.stage.street("fault", kind=kind)
    for code in ("nfc_reader_dead", "scanner_gone", "reader_lost"):
        is_told(scene, code)
    log_says(scene, "card reader: pn532 at ")
    log_says(scene, "scanner: serial scanner at ")
    scene.stage.street("mend")
    for code in ("nfc_reader_dead", "scanner_gone", "reader_lost"):
        is_over(scene, code)

    card = scene.charge(RIGHT)
    scene.leave(RIGHT)
    scene.wait_until_idle(RIGHT)
    scene.charges.choose(THIRD.evse_id)
    scene.stage.street("scan", text=scene.stage.till.voucher(2_000))
    scene.charges.wait_for(THIRD.evse_id, "takes the voucher", lambda e: e.transaction is not None)
    scene.stage.street("plug", evse=THIRD.evse_id, car=THIRD.who)
    scene.charges.wait_until_delivering(THIRD.evse_id)
    scene.leave(THIRD)
    scene.wait_until_idle(THIRD)
    is_told(scene, "uplink_gone", GONE_PATIENCE_S)

    scene.stage.launcher.restore(("uplink",))

    is_over(scene, "uplink_gone")
    assert scene.billed(card).stopped_reason is StoppedReason.EV_DISCONNECTED
