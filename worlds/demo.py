"""kiosk-sim demo: everything at once, a tour that checks itself, then a kiosk to play with."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.hands import Finger, Hands, Intents, Mirror
from worlds.stage import NotTrue, Stage
from worlds.till import OPERATOR, PASSWORD
from worlds.touchscreen import Touchscreen, display
from worlds.tour import Tour

SIZES = ("800x480", "1280x800")
ENDED_BY_HAND = 130
LANGUAGE = "en"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, default=Path("build/demo"), help="data, logs and pictures (%(default)s)")
    parser.add_argument("--size", choices=SIZES, default=SIZES[0], help="of the touchscreen (%(default)s)")
    parser.add_argument("--no-tour", action="store_true", help="only start everything, then stay up")
    parser.add_argument("--no-screen", action="store_true", help="without the touchscreen")


def run(args: argparse.Namespace) -> int:
    """0: the tour was right. 1: something was not. 130: ended by hand in the middle of it."""
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started us with Ctrl-C ignored
        signal.signal(number, _as_interrupt)
    is_done = threading.Event()
    try:
        with ExitStack() as stack:
            stage = _start(args, stack, is_done)
            if sys.stdin.isatty() or args.no_tour:
                _explain(stage)
                signal.pause()
    except NotTrue as error:
        print(f"\nNOT TRUE: {error}\nAll logs: {args.root / 'logs'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nended by hand; everything was put away", file=sys.stderr)
        return 0 if is_done.is_set() else ENDED_BY_HAND
    return 0


def _start(args: argparse.Namespace, stack: ExitStack, is_done: threading.Event) -> Stage:
    """Everything started and the tour made. Raises NotTrue."""
    began_s = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began_s:6.1f} s  {text}", flush=True)

    stage = stack.enter_context(Stage(args.root))
    stage.start_server_and_street()
    tell(f"server at {stage.server_url}; a street whose time runs {stage.rate:g} times as fast as yours")
    tell("the kiosk's clock runs with the street, so times on screens, pictures and receipts do too; not the server's")
    mirror = Mirror(LANGUAGE)
    eyes = stack.enter_context(Eyes(stage.places.panel, mirror.saw))
    charges = Charges(stage, eyes)
    hands: Hands = Intents(charges)
    if not args.no_screen:
        hands = _start_screen(args.size, charges, mirror, stack, tell)
        hands.wait_for_window()
        hands.shoot("no-controller")
    stage.start_kiosk()
    tell("kiosk enrolled with a one-time code; controller, uplink and touchscreen started")
    if not args.no_tour:
        Tour(charges, hands, stage.places.root, tell).run()
        tell("the tour is over, everything was as it must be")
    is_done.set()
    return stage


def _start_screen(size: str, charges: Charges, mirror: Mirror, stack: ExitStack, tell: Callable[[str], None]) -> Hands:
    width, height = (int(part) for part in size.split("x"))
    shown_on, is_own = stack.enter_context(display((width, height)))
    if not is_own:
        tell(f"no display here: the screen is drawn on Xvfb; pictures in {charges.stage.places.root}")
    env = {"DISPLAY": shown_on}
    if not is_own:
        env["LIBGL_ALWAYS_SOFTWARE"] = "1"
    words = ("--socket", charges.stage.places.panel, "--size", size, "--language", LANGUAGE, "--theme", "light")
    stage = charges.stage
    stage.start_screen(words, env)
    stack.callback(stage.launcher.stop, "ui")  # before its display goes
    screen = Touchscreen(shown_on, (width, height), lambda: stage.launcher.pid("ui"))
    return Finger(charges, screen, mirror, stage.places.root)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(stage: Stage) -> None:
    print(
        f"""
It is yours now; Ctrl-C ends it. From another terminal, in this directory (plug first, then tap; or touch a connector
on the screen, then tap):

  .venv/bin/kiosk-sim plug 1 zoe        a car comes to EVSE 1 (zoe, id3, leaf, moody)
  .venv/bin/kiosk-sim tap anna          a card at the reader (anna, ben, stranger)
  .venv/bin/kiosk-sim tap-phone CODE    a phone at the reader, with its payment app's code
  .venv/bin/kiosk-sim scan TEXT         a code at the scanner: voucher, member, payment app
  .venv/bin/kiosk-sim unplug 1          the car leaves
  .venv/bin/kiosk-sim cut / restore     the mains fail and come back
  .venv/bin/kiosk-sim net off / net on  the cable to the server
  .venv/bin/kiosk-sim press-estop       and release-estop, trip-rcd 1, weld 1, meter-silent 1, mend
  .venv/bin/kiosk-sim physics           what is true; kiosk-sim --help lists everything
  .venv/bin/kiosk status --socket {stage.places.panel}

  A voucher over 20.00 EUR:   {stage.till.voucher(2_000)}
  The operator's page:        {stage.server_url}/operator   (sign in as {OPERATOR}, password: {PASSWORD};
                              its test authority is unknown to your browser, which will say so)
  Logs:                       {stage.places.logs}
"""
    )
