"""The demo's tour: a card, a voucher without a server, a power cut, and the queue drained.

Each step is told when it has become true, with energy and money. What is told of energy was held against the
simulated physics, what is told of money against the server's bill.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from contract.transaction import StoppedReason
from kiosk.session.snapshot import EvseView, TransactionView
from kiosk.session.states import State
from worlds.charges import Charges, Checked
from worlds.hands import Hands
from worlds.pages import photograph_page
from worlds.stage import NotTrue
from worlds.troubles import Troubles

ENERGY_LIMIT_WH = 10_000  # at sixty times the speed a stop may take 3 kWh: nearer there would be nothing to see
FIRST_STOP_WH = 900
CUT_AT_WH = 500
GO_ON_WH = 300  # after the power cut
VOUCHER_MINOR = 2_000
LIMIT_PATIENCE_S = 100.0
HTTP_PATIENCE_S = 10.0

Tell = Callable[[str], None]


@dataclass
class Tour:
    """One tour; `hands` touch the screen."""

    charges: Charges
    hands: Hands
    pictures: Path
    tell: Tell
    receipts: dict[str, TransactionView] = field(default_factory=dict)  # by name of the step
    done: dict[str, list[Checked]] = field(default_factory=dict)  # the transactions of each order
    true_wh: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """All of it. Raises NotTrue at the first thing that is not as it must be."""
        self.first_screens()
        self.charge_by_card()
        self.charge_by_voucher_without_server()
        self.power_cut()
        self.drain()
        Troubles(self.charges, self.hands, self.tell).run()
        self.photograph_pages()

    # ---- the steps ---------------------------------------------------------------------------------------------------

    def first_screens(self) -> None:
        charges = self.charges
        for evse_id in (1, 2):
            charges.wait_until_ready(evse_id)
        charges.wait_until_online()
        self.hands.wait_for_first_screen()
        self.hands.shoot("home")
        self.hands.look_around()
        evse = charges.wait_until_ready(1)
        self.tell(f"kiosk ready, server there, price shown: {_price(evse)}")

    def charge_by_card(self) -> None:
        charges, stage = self.charges, self.charges.stage
        before_wh = stage.delivered_wh(1)
        self.hands.choose(1)
        self.hands.shoot("identify")
        stage.street("tap", card="anna")
        evse = charges.wait_for(1, "knows the card", lambda e: e.state is State.PREPARING)
        self.tell(f"card tapped at the reader, accepted by the server; EVSE 1 asks for the cable ({_masked(evse)})")
        self.hands.shoot("plug-in")
        stage.street("plug", evse=1, car="zoe")
        charges.wait_until_delivering(1, 100)
        self.tell("car plugged in, contactor closed, energy flows")
        self.hands.set_limit(1, ENERGY_LIMIT_WH)
        evse = charges.wait_until_delivering(1, FIRST_STOP_WH)
        self.tell(f"charging live: {_usage(evse)}, limit {ENERGY_LIMIT_WH / 1000:g} kWh set on the screen")
        self.hands.shoot("charging")
        self.hands.stop_with_code(1)
        evse = charges.wait_for(1, "is parked", lambda e: e.state is State.PARKED)
        self.tell("stopped with the four-digit code; parked until the cable is out")
        self.hands.shoot("parked")
        self._leave("card", 1, before_wh)
        self._check("card", StoppedReason.LOCAL)
        self._fetch_receipt("card")

    def charge_by_voucher_without_server(self) -> None:
        charges, stage = self.charges, self.charges.stage
        voucher = stage.till.voucher(VOUCHER_MINOR)
        stage.street("net", on=False)
        charges.wait_until_online(False)
        self.tell("the server is unreachable: the cable to it is pulled")
        before_wh = stage.delivered_wh(2)
        self.hands.choose(2)
        evse = charges.wait_until_ready(2)
        self.hands.shoot("identify-offline")
        self.tell(f"price shown before the start, without the server: {_price(evse)}")
        stage.street("scan", text=voucher)
        evse = charges.wait_for(2, "knows the voucher", lambda e: e.transaction is not None)
        if evse.transaction is None or not evse.transaction.is_offline:
            raise NotTrue(f"the voucher was not accepted offline: {evse}")
        self.tell(f"QR voucher over {VOUCHER_MINOR / 100:.2f} EUR accepted by the kiosk alone")
        stage.street("plug", evse=2, car="zoe")
        charges.wait_until_delivering(2, 100)
        self.hands.set_limit(2, ENERGY_LIMIT_WH)
        self.hands.shoot("charging-offline")
        charges.wait_for(2, "stops at its limit", lambda e: e.state is State.PARKED, LIMIT_PATIENCE_S)
        self.tell(f"stopped by itself at the limit of {ENERGY_LIMIT_WH / 1000:g} kWh")
        self._leave("voucher", 2, before_wh)
        receipt = self.receipts["voucher"]
        if receipt.transaction_id in stage.till.billed():
            raise NotTrue("the server has heard of the voucher's charge although the network is down")
        waiting = self._outbox()
        if waiting == 0:
            raise NotTrue("nothing waits for the server although the network is down")
        early = self._page(receipt.receipt_url)
        if early.status_code != 200 or "not yet" not in early.text.lower():
            raise NotTrue(f"{receipt.receipt_url} does not say that the charge was not yet received")
        self.tell(f"receipt with its QR code on the screen; {waiting} records wait on disk for the server")

    def power_cut(self) -> None:
        charges, stage = self.charges, self.charges.stage
        before_wh = stage.delivered_wh(1)
        stage.street("plug", evse=1, car="id3")
        charges.wait_for(1, "sees the car", lambda e: e.pilot is not None and e.pilot.is_connected)
        stage.street("tap", card="ben")
        evse = charges.wait_until_delivering(1, CUT_AT_WH)
        assert evse.transaction is not None
        transaction_id = evse.transaction.transaction_id
        self.tell(f"a second card, known from the signed list, charges at EVSE 1: {_usage(evse)}")
        cut_s = stage.cut()
        physics = stage.wait_for("the contactor opens", self._all_open, 2.0)
        moves = physics["evses"]["1"]["moves"]
        self.tell(f"mains cut: the kiosk is dead, the contactor open after {max(0.0, moves[-1][0] - cut_s):.2f} s")
        true_wh = stage.delivered_wh(1) - before_wh
        time.sleep(1.0)
        stage.restore()
        before_cut = evse.transaction
        evse = charges.wait_for(
            1,
            "is back and goes on by itself",
            lambda e: e.state is State.DELIVERING and e.transaction is not None and e.transaction.is_continued,
            25.0,
        )
        assert evse.transaction is not None
        if abs(charges.stage.delivered_wh(1) - before_wh - true_wh) < 0.001:
            raise NotTrue("nothing flows although the charge went on")
        if evse.transaction.receipt_id != before_cut.receipt_id or evse.transaction.transaction_id == transaction_id:
            raise NotTrue(f"not a new transaction under the same receipt: {evse.transaction}")
        self.tell(
            f"mains back: {transaction_id[:8]}… closed with PowerLoss after {true_wh / 1000:.3f} kWh, and the order "
            f"goes on by itself as {evse.transaction.transaction_id[:8]}…"
        )
        charges.wait_until_delivering(1, evse.transaction.energy_wh + GO_ON_WH)
        self.hands.wait_for_window()
        self.hands.wait_for_charge(1)
        self.hands.shoot("charging-after-power-cut")
        self.hands.stop_with_code(1)
        charges.wait_for(1, "is parked", lambda e: e.state is State.PARKED)
        self.tell("stopped with the code that was shown before the power cut")
        self._leave("power cut", 1, before_wh)

    def drain(self) -> None:
        charges, stage = self.charges, self.charges.stage
        stage.street("net", on=True)
        charges.wait_until_online()
        charges.wait_until_sent()
        self.tell("network back, the queue is drained")
        self._check("voucher", StoppedReason.ENERGY_LIMIT_REACHED)
        self._check_order("power cut")
        self._fetch_receipt("voucher")
        self._fetch_receipt("power cut")
        on_server = stage.till.billed()
        if len(on_server) != sum(len(parts) for parts in self.done.values()):
            raise NotTrue(f"{self.done.keys()} billed, but {len(on_server)} transactions on the server")
        if aside := stage.till.kept_aside():
            raise NotTrue(f"the server kept rows aside: {aside}")
        total_wh = sum(part.billed.energy_wh for parts in self.done.values() for part in parts)
        total_minor = sum(part.minor for parts in self.done.values() for part in parts)
        self.tell(
            f"{len(on_server)} transactions, each exactly once on the server, kiosk and server agree to the cent: "
            f"{total_wh / 1000:.3f} kWh, {total_minor / 100:.2f} EUR"
        )

    def photograph_pages(self) -> None:
        for number, (name, receipt) in enumerate(self.receipts.items(), 1):
            path = self.pictures / f"receipt-{number}-{name.replace(' ', '-')}.png"
            if why := photograph_page(receipt.receipt_url, path):
                self.tell(f"(no picture of the receipt page: {why})")
                return
        self.tell(f"receipt pages photographed; all pictures are in {self.pictures}")

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _leave(self, name: str, evse_id: int, before_wh: float) -> None:
        """Unplug, and look at the receipt."""
        charges, stage = self.charges, self.charges.stage
        stage.street("unplug", evse=evse_id)
        evse = charges.wait_for(evse_id, "shows the receipt", lambda e: e.state is State.IDLE and e.receipt is not None)
        assert evse.receipt is not None
        self.receipts[name] = evse.receipt
        self.true_wh[name] = stage.delivered_wh(evse_id) - before_wh
        self.hands.shoot("receipt-" + name.replace(" ", "-"))
        self.hands.dismiss_receipt(evse_id)

    def _check(self, name: str, reason: StoppedReason) -> None:
        """The server's bill of a step against physics and the kiosk's own price."""
        checked = self.charges.billed_once(self.receipts[name].transaction_id, self.true_wh[name])
        if checked.stopped_reason is not reason:
            raise NotTrue(f"the charge by {name} ended with {checked.stopped_reason}, not {reason}")
        self.done[name] = [checked]
        self.tell(
            f"{name}: {checked.true_wh / 1000:.4f} kWh flowed, {checked.billed.energy_wh / 1000:.3f} kWh billed, "
            f"{checked.minor / 100:.2f} EUR on kiosk and server ({reason.value})"
        )

    def _check_order(self, name: str) -> None:
        """A charge of two parts: the power cut ended one, its driver the other."""
        parts = self.charges.order_billed_once(self.receipts[name].transaction_id, self.true_wh[name])
        reasons = [part.stopped_reason for part in parts]
        if reasons != [StoppedReason.POWER_LOSS, StoppedReason.LOCAL]:
            raise NotTrue(f"the charge by {name} ended with {reasons}")
        self.done[name] = parts
        sums = " + ".join(f"{part.minor / 100:.2f}" for part in parts)
        self.tell(
            f"{name}: {self.true_wh[name] / 1000:.4f} kWh flowed, billed in two parts of one order, "
            f"{sums} = {sum(part.minor for part in parts) / 100:.2f} EUR on kiosk and server"
        )

    def _fetch_receipt(self, name: str) -> None:
        url = self.receipts[name].receipt_url
        page = self._page(url)
        amount = f"{sum(part.minor for part in self.done[name]) / 100:.2f}"
        if page.status_code != 200 or amount not in page.text:
            raise NotTrue(f"receipt page {url}: status {page.status_code}, no {amount} in it")
        self.tell(f"receipt page of the charge by {name} shows {amount} EUR: {url}")

    def _page(self, url: str) -> requests.Response:
        """As a phone that was given the test authority sees it."""
        believed = str(self.charges.stage.till.authority)
        return requests.get(url, timeout=HTTP_PATIENCE_S, headers={"Accept-Language": "en"}, verify=believed)

    def _outbox(self) -> int:
        seen = self.charges.eyes.snapshot
        return 0 if seen is None else seen.outbox_rows

    def _all_open(self) -> dict[str, Any] | None:
        physics = self.charges.stage.physics()
        is_open = not any(evse["is_closed"] for evse in physics["evses"].values())
        return physics if is_open and not physics["relay"]["is_closed"] else None


def _price(evse: EvseView) -> str:
    """The offer in words: gross prices, as the screen shows them."""
    if evse.offer is None:
        raise NotTrue(f"EVSE {evse.evse_id} shows no price")
    units = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h parked", "FLAT": "charge"}
    parts = [
        f"{component.gross.normalize():f} {evse.offer.tariff.currency}/{units[component.type.value]}"
        for element in evse.offer.tariff.elements
        for component in element.price_components
    ]
    return ", ".join(parts)


def _masked(evse: EvseView) -> str:
    return "" if evse.transaction is None else f"card {evse.transaction.token}"


def _usage(evse: EvseView) -> str:
    t = evse.transaction
    if t is None:
        return "nothing yet"
    power = "?" if t.power_w is None else f"{t.power_w / 1000:.1f}"
    return f"{power} kW, {t.energy_wh / 1000:.2f} kWh, {t.bill.total_minor / 100:.2f} {t.bill.currency}"
