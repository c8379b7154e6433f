"""The demo's second part, in real time: a phone pays, two accounts get their parts, the host reads what a use earned.

Each step is told when it has become true. What the payment app's server says of its own accounts is held against our
ledger; what the host's page says is held against the bill.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from playwright.sync_api import Browser

from contract.transaction import StoppedReason
from kiosk.session.snapshot import EvseView, NoticeCode
from kiosk.session.states import State
from worlds.charges import STEP_PATIENCE_S, Charges, Checked
from worlds.hands import Hands
from worlds.phone import Camera, Office, Phone, read_code
from worlds.stage import MERCHANT_SECRET, NotTrue, program
from worlds.till import HOST, HOST_LOGIN, OPERATOR, PARTNER, PASSWORD

PERSON = "mina"
HAS_MINOR = 20_000
ENOUGH_WH = 110  # of real charging: twenty seconds
SECOND_WH = 40
HTTP_PATIENCE_S = 10.0
CLI_PATIENCE_S = 60.0
SETTLED_PATIENCE_S = 40.0

Tell = Callable[[str], None]


@dataclass
class PhoneTour:
    """Runs on a stage in real time that has a payment app's server."""

    charges: Charges
    hands: Hands
    browser: Browser
    pictures: Path
    tell: Tell

    def run(self) -> None:
        """All of it. Raises NotTrue at the first thing that is not as it must be."""
        self._camera = Camera(self.pictures)
        phone = Phone(self.browser, self._camera)
        self.scan_the_screen(phone)
        self.pay(phone)
        first = self.charge_and_stop(phone)
        second = self.pay_by_code()
        self.both_accounts([first, second])
        self.look_at_the_office([first, second])

    # ---- the steps ---------------------------------------------------------------------------------------------------

    def scan_the_screen(self, phone: Phone) -> None:
        self.charges.wait_until_ready(1)
        self.charges.wait_until_online()
        self.hands.wait_for_first_screen()
        self.hands.choose(1)
        evse = self.charges.wait_for(1, "shows a code for phones", lambda e: e.phone is not None)
        assert evse.phone is not None
        address = evse.phone.address
        picture = self.hands.shoot("scan-to-pay")
        if picture is not None:
            seen = [text for text in read_code(picture) if "/d/" in text]
            if not seen:
                raise NotTrue(f"no code of a device's address can be read in {picture}")
            address = seen[0]
        phone.open(address, "Connector 1")
        phone.shoot("phone-price")
        self.tell("the phone reads the screen's code: the device, its price in words, what an amount buys")

    def pay(self, phone: Phone) -> None:
        phone.touch("Reserve and pay")
        self.charges.wait_for(1, "is kept for the phone", lambda e: e.reserved_for_phone)
        self.hands.shoot("kept-for-a-phone")
        self.tell("reserve and pay: the connector is kept for two minutes, and its screen says so")
        phone.shoot("payment-app")
        phone.confirm_payment(PERSON)
        self.charges.wait_for(1, "is started by the server", lambda e: e.state is State.PREPARING)
        self.hands.shoot("plug-in-by-phone")
        phone.expect("Plug in")
        phone.shoot("phone-plug-in")
        held_minor = HAS_MINOR - self._available_minor()
        self.tell(
            f"{PERSON} confirms in the payment app: {held_minor / 100:.2f} EUR held, nothing taken, EVSE 1 starts"
        )

    def charge_and_stop(self, phone: Phone) -> Checked:
        charges, stage = self.charges, self.charges.stage
        before_wh = stage.delivered_wh(1)
        stage.street("plug", evse=1, car="zoe")
        evse = charges.wait_until_delivering(1, ENOUGH_WH, patience_s=60.0)
        assert evse.transaction is not None
        phone.expect("Charging")
        self.hands.shoot("charging-by-phone")
        phone.shoot("phone-charging")
        self.tell(
            f"it charges: {_so_far(evse)}; the screen shows it, and the phone what has reached the server by then"
        )
        phone.touch("Stop charging")
        phone.shoot("phone-stop")
        phone.touch("Stop now")
        charges.wait_for(1, "is stopped by the phone", lambda e: e.state is not State.DELIVERING, 20.0)
        stage.street("unplug", evse=1)
        charges.wait_for(1, "shows the receipt", lambda e: e.state is State.IDLE and e.receipt is not None)
        self.hands.dismiss_receipt(1)
        true_wh = stage.delivered_wh(1) - before_wh
        checked = charges.billed_once(evse.transaction.transaction_id, true_wh)
        if checked.stopped_reason is not StoppedReason.REMOTE:
            raise NotTrue(f"stopped by {checked.stopped_reason}, not by the phone")
        phone.expect(f"{checked.minor / 100:.2f}")
        phone.shoot("phone-finished")
        self.tell(f"stopped from the phone: {true_wh / 1000:.4f} kWh, {checked.minor / 100:.2f} EUR, and the receipt")
        return checked

    def pay_by_code(self) -> Checked:
        """The other direction: the kiosk reads the phone's payment code. A used one is refused, with words."""
        charges, stage = self.charges, self.charges.stage
        before_wh = stage.delivered_wh(2)
        code = self._social("POST", f"/app/people/{PERSON}/tokens")["token"]
        stage.street("plug", evse=2, car="id3")
        charges.wait_for(2, "sees the car", lambda e: e.pilot is not None and e.pilot.is_connected)
        self.hands.choose(2)
        stage.street("scan", text=code)
        evse = charges.wait_until_delivering(2, SECOND_WH, patience_s=60.0)
        assert evse.transaction is not None
        self.tell(f"a payment code read by the kiosk's scanner starts EVSE 2 once the money is held: {_so_far(evse)}")
        self.hands.stop_with_code(2)
        charges.wait_for(2, "is parked", lambda e: e.state is not State.DELIVERING)
        stage.street("unplug", evse=2)
        charges.wait_for(2, "shows the receipt", lambda e: e.state is State.IDLE and e.receipt is not None)
        self.hands.dismiss_receipt(2)
        checked = charges.billed_once(evse.transaction.transaction_id, stage.delivered_wh(2) - before_wh)
        self.hands.choose(2)
        stage.street("scan", text=code)
        stage.wait_for(
            "a used code is refused",
            lambda: (
                (seen := charges.eyes.snapshot) is not None
                and seen.notice is not None
                and seen.notice.code is NoticeCode.PAYMENT_USED
            ),
            STEP_PATIENCE_S,
            "uplink",
            "server",
        )
        self.hands.shoot("payment-refused")
        self.hands.dismiss_notice()
        self.hands.go_home()
        self.tell(f"{checked.minor / 100:.2f} EUR for it; the same code a second time is refused: nothing was taken")
        return checked

    def both_accounts(self, paid: list[Checked]) -> None:
        """Each capture in two parts on two accounts, and both books come to the same."""
        total_minor = sum(one.minor for one in paid)

        def taken() -> dict[str, Any] | None:
            statement = self._social("GET", "/v1/statement", {"Authorization": f"Bearer {MERCHANT_SECRET}"})
            states = {hold["state"] for hold in statement["holds"]}
            done = sum(hold["captured_minor"] for hold in statement["holds"]) == total_minor
            return statement if done and "authorised" not in states else None

        statement = self.charges.stage.wait_for("everything is taken, and no more", taken, SETTLED_PATIENCE_S, "server")
        left_minor = HAS_MINOR - self._available_minor()
        if left_minor != total_minor:
            raise NotTrue(f"{PERSON} paid {left_minor}, billed were {total_minor}")
        parts = statement["balances"]
        if parts.get(PARTNER, 0) <= 0 or sum(parts.values()) + statement["fees_minor"] != total_minor:
            raise NotTrue(f"{total_minor} paid, but on the accounts are {parts} and {statement['fees_minor']} of fees")
        words = ", ".join(f"{name} {minor / 100:.2f}" for name, minor in parts.items())
        self.tell(f"split settlement of {total_minor / 100:.2f} EUR: {words}, fee {statement['fees_minor'] / 100:.2f}")
        self._billing("ledger", "check")
        self._billing("ledger", "reconcile")
        self.tell("our books and the social server's books agree to zero: kiosk-billing ledger check, ledger reconcile")

    def look_at_the_office(self, paid: list[Checked]) -> None:
        """The host's pages with the same uses, and the operator's."""
        url = self.charges.stage.server_url
        host = Office(self.browser, self._camera, url)
        host.sign_in(HOST_LOGIN, PASSWORD)
        words = host.open("/host", "host-today")
        earned = self.charges.stage.till.earned_by_host()
        for one in paid:
            amount = f"{earned[one.billed.transaction_id] / 100:.2f}"
            if amount not in words:
                raise NotTrue(f"the host's page does not show {amount} for {one.billed.transaction_id}:\n{words[:800]}")
        month = datetime.now(ZoneInfo(HOST.time_zone)).strftime("%Y-%m")
        host.open(f"/host/statements/{month}", "host-statement")
        total = sum(earned[one.billed.transaction_id] for one in paid)
        self.tell(f"the host signs in and sees both uses with their calculation: {total / 100:.2f} EUR to be paid out")
        operator = Office(self.browser, self._camera, url)
        operator.sign_in(OPERATOR, PASSWORD)
        operator.open("/operator", "operator-fleet")
        operator.open(f"/operator/sessions/hk-07/{paid[0].billed.transaction_id}", "operator-session")
        self.tell("the operator's pages photographed: the fleet, and one session")

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _available_minor(self) -> int:
        found: int = self._social("GET", f"/app/people/{PERSON}")["available_minor"]
        return found

    def _social(self, method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        url = self.charges.stage.social_url + path
        answer = requests.request(method, url, headers=headers, timeout=HTTP_PATIENCE_S)
        if not answer.ok:
            raise NotTrue(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
        words: dict[str, Any] = answer.json()
        return words

    def _billing(self, *words: str) -> None:
        """A command of the operator's that must find nothing wrong."""
        argv = [program("kiosk-billing"), *words, "--data-dir", str(self.charges.stage.till.folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CLI_PATIENCE_S, check=False)
        if done.returncode != 0:
            raise NotTrue(f"kiosk-billing {' '.join(words)}: {done.stdout}{done.stderr}")


def _so_far(evse: EvseView) -> str:
    t = evse.transaction
    assert t is not None
    return f"{t.energy_wh / 1000:.3f} kWh, {t.bill.total_minor / 100:.2f} {t.bill.currency}"
