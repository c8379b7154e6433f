"""kiosk-sim kills: kill -9 of controller and uplink at random moments of a charge, in the bytes tier.

After each kill must hold, by the simulated parts' own timers and the simulated physics:
- safety relay and contactor are open within a second of a controller's death, and stay so until it is back;
- the charge is at most one order, exactly one where energy flowed, and goes on by itself as a second transaction of
  it where it was killed in the middle; each transaction is on the server exactly once;
- its energy is right to the register's step, and kiosk and server name the same amount.
The launcher restarts what was killed, as systemd does. One seed draws all moments.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kiosk.session.events import ReceiptDismissed
from kiosk.session.snapshot import EvseView
from kiosk.session.states import State
from worlds.charges import SERVER_PATIENCE_S, STEP_PATIENCE_S, Charges
from worlds.eyes import Eyes
from worlds.stage import NotTrue, Stage

OPEN_WITHIN_S = 1.0
LONGEST_WAIT_S = 4.5  # from the tap: beyond the end of an undisturbed charge
HISTORY_PATIENCE_S = 5.0  # for the street to have it on record; what counts are the times in the record
JUST_BEFORE_S = 0.5  # a contactor seen closed may have opened by itself between the look and the kill
CHARGE_FOR_S = 2.0  # then somebody stops it, if nothing else did
EMPTY_WH = 5_000.0
PEOPLE = {1: ("anna", "zoe"), 2: ("ben", "id3")}  # EVSE → card, car
VICTIMS = (("controller",), ("controller",), ("controller",), ("uplink",), ("controller", "uplink"))


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill hit and what came of it."""

    number: int
    evse_id: int
    victims: tuple[str, ...]
    after_s: float  # real seconds from the tap
    state: str  # of the EVSE at that moment
    open_after_s: float | None  # None: it was open, or no controller was killed
    energy_wh: int
    reason: str


class Kills:
    """Rounds on one stage; each is one charge and one kill."""

    def __init__(self, charges: Charges, seed: int) -> None:
        self._charges, self._stage = charges, charges.stage
        self._random = random.Random(seed)
        self._known = set(self._stage.till.billed())

    def run(self, number: int) -> Round:
        """Raises NotTrue where anything that must hold does not."""
        stage, charges = self._stage, self._charges
        evse_id = self._random.choice(sorted(PEOPLE))
        victims = self._random.choice(VICTIMS)
        after_s = self._random.uniform(0.0, LONGEST_WAIT_S)
        card, car = PEOPLE[evse_id]
        charges.wait_until_ready(evse_id)
        before_wh = stage.delivered_wh(evse_id)
        stage.street("plug", evse=evse_id, car=car, charged_wh=EMPTY_WH)
        charges.choose(evse_id)
        stage.street("tap", card=card, hold_s=0.6)
        state = self._charge_until(evse_id, time.monotonic() + after_s)
        open_after_s = self._kill(victims)
        self._wait_for_end(evse_id)
        energy_wh, reason = self._check(evse_id, before_wh)
        return Round(number, evse_id, victims, after_s, state, open_after_s, energy_wh, reason)

    def _charge_until(self, evse_id: int, kill_at_s: float) -> str:
        """Live a charge until the moment comes: stop after a while, unplug. Returns the state it was in."""
        charges = self._charges
        stop_at_s = float("inf")
        while time.monotonic() < kill_at_s:
            evse = charges.eyes.evse(evse_id)
            if evse is not None and evse.state is State.DELIVERING and stop_at_s == float("inf"):
                stop_at_s = time.monotonic() + CHARGE_FOR_S
            self._move_on(evse_id, evse, time.monotonic() >= stop_at_s)
            time.sleep(0.02)
        evse = charges.eyes.evse(evse_id)
        return "unseen" if evse is None else evse.state.value

    def _move_on(self, evse_id: int, evse: EvseView | None, is_time: bool) -> None:
        """What people do: stop when they have enough, leave when it is over."""
        if evse is None:
            return
        if evse.state is State.DELIVERING and is_time:
            self._charges.stop_with_code(evse_id)
        elif evse.state is State.PARKED and self._is_plugged(evse_id):
            self._stage.street("unplug", evse=evse_id)

    def _is_plugged(self, evse_id: int) -> bool:
        return self._stage.physics()["evses"][str(evse_id)]["car"] is not None

    def _kill(self, victims: tuple[str, ...]) -> float | None:
        """Kill, and check that everything opens in time. Returns how long the contactor took."""
        stage = self._stage
        before = stage.physics()
        killed_s = max(stage.launcher.kill(victim) for victim in victims)
        if "controller" not in victims:
            return None
        closed = [name for name, evse in before["evses"].items() if evse["is_closed"]]
        relay_s, contactors_s = stage.wait_for(
            "relay and contactors open",
            lambda: self._opened_after(killed_s, before["relay"]["is_closed"], closed),
            HISTORY_PATIENCE_S,
            "street",
        )
        if max(relay_s, contactors_s) > OPEN_WITHIN_S:
            raise NotTrue(f"after kill -9 the relay took {relay_s:.3f} s, contactors {contactors_s:.3f} s")
        return contactors_s if closed else None

    def _opened_after(self, killed_s: float, relay_was_closed: bool, closed: list[str]) -> tuple[float, float] | None:
        """How long relay and contactors took by the street's own record; None while one of them has not opened."""
        physics = self._stage.physics()
        relay = [at_s for at_s, is_closed in physics["relay"]["changes"] if not is_closed and at_s >= killed_s]
        if relay_was_closed and not relay:
            return None
        last_s = killed_s
        for name in closed:
            opened = [at_s for at_s, is_closed, _ in physics["evses"][name]["moves"] if not is_closed]
            after = [at_s for at_s in opened if at_s >= killed_s - JUST_BEFORE_S]
            if not after:
                return None
            last_s = max(last_s, after[0])
        return (relay[0] - killed_s if relay else 0.0), last_s - killed_s

    def _wait_for_end(self, evse_id: int) -> None:
        """The kiosk is back and the charge is over; whoever still charges stops and leaves."""
        charges, stage = self._charges, self._stage
        deadline_s = time.monotonic() + 2 * STEP_PATIENCE_S
        since_s = time.monotonic()
        while True:
            evse = charges.eyes.evse(evse_id)
            if evse is not None and evse.state is State.IDLE and evse.transaction is None and not evse.goes_on:
                break
            self._move_on(evse_id, evse, time.monotonic() - since_s > CHARGE_FOR_S / 2)
            if evse is not None and evse.state is State.PREPARING and not self._is_plugged(evse_id):
                raise NotTrue(f"EVSE {evse_id} prepares without a car: {evse}")
            if time.monotonic() > deadline_s:
                raise NotTrue(f"EVSE {evse_id} does not end: {evse}\n{stage.last_words()}")
            time.sleep(0.05)
        if self._is_plugged(evse_id):
            stage.street("unplug", evse=evse_id)
        charges.wait_for(evse_id, "sees the cable out", lambda e: e.pilot is not None and not e.pilot.is_connected)
        charges.touch(ReceiptDismissed(evse_id))
        charges.wait_until_sent()

    def _check(self, evse_id: int, before_wh: float) -> tuple[int, str]:
        """At most one new order, right and once on the server; a kill in mid-charge makes two transactions of it."""
        stage = self._stage
        true_wh = stage.delivered_wh(evse_id) - before_wh
        billed = stage.till.billed()
        new = set(billed) - self._known
        if true_wh > 0 and not new:
            billed = stage.wait_for(
                f"the server has a transaction for {true_wh:.1f} Wh",
                lambda: found if set(found := stage.till.billed()) - self._known else None,
                SERVER_PATIENCE_S,
                "uplink",
                "controller",
            )
            new = set(billed) - self._known
        self._known |= new
        if not new:
            return 0, "nothing began"
        parts = self._charges.order_billed_once(new.pop(), true_wh)
        if foreign := new - {part.billed.transaction_id for part in parts}:
            raise NotTrue(f"one charge became several orders: {sorted(foreign)} are not of the first")
        reasons = [part.stopped_reason for part in parts]
        return sum(part.billed.energy_wh for part in parts), " + ".join(reason.value for reason in reasons if reason)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n", type=int, default=200, help="kills (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="draws every moment (default %(default)s)")
    parser.add_argument("--root", type=Path, help="data and logs (default: a temporary directory)")


def run(args: argparse.Namespace) -> int:
    """0 if every kill left everything right, 1 otherwise."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up like Ctrl-C
    with tempfile.TemporaryDirectory(prefix="kiosk-kills-") as folder:
        root = args.root or Path(folder) / "stage"
        try:
            rounds = kills(root, args.n, args.seed, print_round)
        except NotTrue as error:
            print(f"kills: seed {args.seed}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("kills: ended by hand", file=sys.stderr)
            return 130
    slowest = max((r.open_after_s for r in rounds if r.open_after_s is not None), default=0.0)
    began = sum(1 for r in rounds if r.reason != "nothing began")
    print(
        f"{len(rounds)} kills, seed {args.seed}: {began} transactions, each once on the server and right to the "
        f"register's step; slowest opening {slowest:.3f} s"
    )
    return 0


def print_round(r: Round) -> None:
    opened = "" if r.open_after_s is None else f", open after {r.open_after_s:.3f} s"
    print(
        f"{r.number:4} EVSE {r.evse_id} {'+'.join(r.victims):17} {r.after_s:4.1f} s after the tap, {r.state:13}"
        f" → {r.energy_wh:5} Wh, {r.reason}{opened}",
        flush=True,
    )


def kills(root: Path, n: int, seed: int, tell: Callable[[Round], None]) -> list[Round]:
    """`n` rounds on a fresh stage. Raises NotTrue."""
    rounds = []
    with Stage(root) as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        with Eyes(stage.places.panel) as eyes:
            charges = Charges(stage, eyes)
            charges.wait_until_ready(1)
            charges.wait_until_online()
            doer = Kills(charges, seed)
            for number in range(1, n + 1):
                rounds.append(doer.run(number))
                tell(rounds[-1])
            if aside := stage.till.kept_aside():
                raise NotTrue(f"the server kept rows aside: {aside}")
    return rounds
