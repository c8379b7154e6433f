"""kiosk-sim demo: everything at once. A fast tour that checks itself, a phone that pays, then a kiosk to play with.

Two stages, one after the other. The first one's time runs sixty times as fast, so that hours of charging pass in a
minute. The second runs in real time, as a phone's codes and its two minutes do; it stays up to play with.
"""

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
from worlds.phone import NoBrowser, chromium
from worlds.phone_tour import HAS_MINOR, PERSON, PhoneTour
from worlds.screen_commands import ScreenCommands
from worlds.stage import LIVE_CONFIG, NotTrue, Stage
from worlds.till import HOST_LOGIN, LIVE_TARIFF, OPERATOR, PASSWORD
from worlds.touchscreen import Touchscreen, display
from worlds.tour import Tour

SIZES = ("800x480", "1280x800")
ENDED_BY_HAND = 130
LANGUAGE = "en"
FAST, LIVE = "screen", "live"  # what the pictures of either stage begin with

Tell = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, default=Path("build/demo"), help="data, logs and pictures (%(default)s)")
    parser.add_argument("--size", choices=SIZES, default=SIZES[0], help="of the touchscreen (%(default)s)")
    parser.add_argument("--no-tour", action="store_true", help="only start everything, then stay up")
    parser.add_argument("--no-screen", action="store_true", help="without the touchscreen")


def run(args: argparse.Namespace) -> int:
    """0: all was right. 1: something was not. 130: ended by hand in the middle of it."""
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started us with Ctrl-C ignored
        signal.signal(number, _as_interrupt)
    is_done = threading.Event()
    began_s = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began_s:6.1f} s  {text}", flush=True)

    try:
        with ExitStack() as stack:
            # Made first, as it clears the folder; started when the tour is over.
            live = stack.enter_context(Stage(args.root, config=LIVE_CONFIG, tariff=LIVE_TARIFF))
            if not args.no_tour:
                with ExitStack() as first:
                    _tour(args, first, tell)
            _live(args, live, stack, tell)
            is_done.set()
            if sys.stdin.isatty() or args.no_tour:
                _explain(live)
                signal.pause()
            else:
                tell("no terminal here, so the demo ends; with --no-tour it stays until it is stopped")
    except NotTrue as error:
        print(f"\nNOT TRUE: {error}\nAll logs: {args.root}/logs, {args.root}/tour/logs", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nended by hand; everything was put away", file=sys.stderr)
        return 0 if is_done.is_set() else ENDED_BY_HAND
    return 0


def _tour(args: argparse.Namespace, stack: ExitStack, tell: Tell) -> None:
    """The fast stage, from its beginning to its end. Raises NotTrue."""
    stage = stack.enter_context(Stage(args.root / "tour"))
    stage.start_server_and_street()
    tell(f"server at {stage.server_url}; a street whose time runs {stage.rate:g} times as fast as yours")
    tell("the kiosk's clock runs with the street, so times on screens, pictures and receipts do too; not the server's")
    charges, hands = _kiosk(args, stage, stack, FAST, tell)
    tell("kiosk enrolled with a one-time code; controller, uplink and touchscreen started")
    Tour(charges, hands, args.root, tell).run()
    tell("the tour is over, everything was as it must be")


def _live(args: argparse.Namespace, stage: Stage, stack: ExitStack, tell: Tell) -> None:
    """The stage in real time, with a payment app. Raises NotTrue."""
    stage.start_social({PERSON: HAS_MINOR})
    stage.start_server_and_street()
    stage.till.agree(stage.evse_ids)
    tell(f"a second kiosk, in real time: server at {stage.server_url}, payment app at {stage.social_url}/app")
    charges, hands = _kiosk(args, stage, stack, LIVE, tell)
    if args.no_tour:
        return
    try:
        with chromium() as browser:
            PhoneTour(charges, hands, browser, args.root, tell).run()
    except NoBrowser as error:
        raise NotTrue(f"the phone needs a browser: {error}; make setup installs Debian's chromium") from error
    tell(f"everything was as it must be; all pictures are in {args.root}")


def _kiosk(args: argparse.Namespace, stage: Stage, stack: ExitStack, series: str, tell: Tell) -> tuple[Charges, Hands]:
    mirror = Mirror(LANGUAGE)
    eyes = stack.enter_context(Eyes(stage.places.panel, mirror.saw))
    charges = Charges(stage, eyes)
    hands: Hands = Intents(charges)
    if not args.no_screen:
        hands = _start_screen(args, charges, mirror, stack, series, tell)
        hands.wait_for_window()
        if series == FAST:
            hands.shoot("no-controller")
    stage.start_kiosk()
    return charges, hands


def _start_screen(
    args: argparse.Namespace, charges: Charges, mirror: Mirror, stack: ExitStack, series: str, tell: Tell
) -> Hands:
    width, height = (int(part) for part in args.size.split("x"))
    shown_on, is_own = stack.enter_context(display((width, height)))
    env = {"DISPLAY": shown_on}
    if not is_own:
        env["LIBGL_ALWAYS_SOFTWARE"] = "1"
        if series == FAST:
            tell(f"no display here: the screen is drawn on Xvfb; pictures in {args.root}")
    stage = charges.stage
    words = ("--socket", stage.places.panel, "--size", args.size, "--language", LANGUAGE, "--theme", "light")
    stage.start_screen(words, env)
    stack.callback(stage.launcher.stop, "ui")  # before its display goes
    screen = Touchscreen(shown_on, (width, height), lambda: stage.launcher.pid("ui"))
    commands = ScreenCommands(screen, mirror, lambda: charges.eyes.snapshot, lambda: stage.launcher.pid("ui"))
    stage.at_the_screen |= {"touch": commands.touch, "picture": commands.picture}
    return Finger(charges, screen, mirror, args.root, series)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(stage: Stage) -> None:
    print(
        f"""
It is yours now, in real time; Ctrl-C ends it. From another terminal, in this directory (plug first, then tap; or touch
a connector on the screen, then tap; kiosk-sim touch does it where the screen is none you can reach):

  .venv/bin/kiosk-sim plug 1 zoe        a car comes to EVSE 1 (zoe, id3, leaf, moody)
  .venv/bin/kiosk-sim tap anna          a card at the reader (anna, ben, stranger)
  .venv/bin/kiosk-sim tap-phone CODE    a phone at the reader, with its payment app's code
  .venv/bin/kiosk-sim scan TEXT         a code at the scanner: voucher, member, payment app
  .venv/bin/kiosk-sim unplug 1          the car leaves
  .venv/bin/kiosk-sim touch "Choose 1"  a finger on the screen; picture FILE.png shows it and lists its buttons
  .venv/bin/kiosk-sim cut / restore     the mains fail and come back
  .venv/bin/kiosk-sim net off / net on  the cable to the server
  .venv/bin/kiosk-sim press-estop       and release-estop, trip-rcd 1, weld 1, meter-silent 1, mend
  .venv/bin/kiosk-sim physics           what is true; kiosk-sim --help lists everything
  .venv/bin/kiosk status --socket {stage.places.panel}
  .venv/bin/kiosk doctor --socket {stage.places.panel} --config {stage.places.config}

  By phone (your browser will say that it does not know the demo's test authority; the six digits stand on the screen):
    a charge at EVSE 1:       {stage.server_url}/d/hk-07/1
    {PERSON}'s payment app:      {stage.social_url}/app   (its payment codes also go to kiosk-sim scan)
  A voucher over 20.00 EUR:   {stage.till.voucher(2_000)}
  The operator's pages:       {stage.server_url}/operator   (user {OPERATOR}, password {PASSWORD})
  The host's pages:           {stage.server_url}/host   (user {HOST_LOGIN}, the same password)
  Logs:                       {stage.places.logs}
"""
    )
