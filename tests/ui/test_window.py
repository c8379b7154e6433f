"""The real window, real touches, and a controller at the other end of the socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops

from contract.iec61851 import PilotState
from kiosk.session import events
from kiosk.session.snapshot import Limit, LimitKind, Snapshot
from kiosk.session.states import State
from kiosk.ui import acts, faces
from kiosk.ui.acts import Page
from kiosk.ui.layout import Rect
from kiosk.ui.navigation import Nav
from kiosk.ui.tokens import Theme
from tests.ui import samples as s
from tests.ui.glassware import Window, display, kiosk_ui, until
from tests.ui.peer import Controller

pytestmark = [pytest.mark.screen, pytest.mark.xdist_group("screen")]
NAV = Nav("en", "en")
LIGHT = Theme("light")


def rgb(token: str) -> tuple[int, ...]:
    return tuple(round(channel * 255) for channel in LIGHT.rgba(token)[:3])


@pytest.fixture(scope="module", params=[(800, 480), (1280, 800)], ids=["800x480", "1280x800"])
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Window, Controller]]:
    """One window for all tests of a size; each begins at a first screen of its own."""
    faces.register()
    socket = tmp_path_factory.mktemp("panel") / "controller.sock"
    controller = Controller(socket, s.snapshot()).start()
    with display(1280, 800) as shown_on, kiosk_ui(shown_on, request.param, socket) as window:
        until(controller.greeted.is_set, "the screen greets")
        until(lambda: shows_home(window), "the first screen")
        yield window, controller
        assert window.process.poll() is None
    controller.stop()


@pytest.fixture
def scene(standing: tuple[Window, Controller]) -> tuple[Window, Controller]:
    window, controller = standing
    controller.show(s.snapshot())
    until(lambda: shows_home(window), "the first screen")
    while not controller.intents.empty():
        controller.intents.get()
    return window, controller


def shows_home(window: Window) -> bool:
    rect = window.place_of(acts.Choose(1), s.snapshot(), NAV)
    return near(window, rect, 0.2, 0.88, "charge") and badge_is(window, "brand")


def near(window: Window, rect: Rect, x: float, y: float, token: str) -> bool:
    """Whether the pixel at these shares of a place has the colour."""
    pixel = window.look().getpixel((int(rect.x + rect.w * x), int(rect.y + rect.h * y)))
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, rgb(token), strict=True)) < 12


def badge_is(window: Window, token: str) -> bool:
    scale = window.size[1] / 480 if window.size[0] == 800 else 1.6
    return near(window, Rect(16 * scale, 12 * scale, 48 * scale, 48 * scale), 0.1, 0.5, token)


def codes(window: Window) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(window.look())]


def charging(window: Window, controller: Controller) -> Snapshot:
    """Lead the screen into a charge at connector 1, as a driver's card does."""
    controller.show(s.snapshot(s.evse(1, state=State.AUTHORIZING), s.evse(2)))
    now = s.snapshot(s.delivering(1), s.evse(2), minutes=18.7)
    until(lambda: badge_is(window, "charge"), "the card is being checked")
    controller.show(now)
    rect = window.place_of(acts.Open(Page.STOP), now, replace(NAV, focus=1))
    until(lambda: near(window, rect, 0.9, 0.5, "stop_fill"), "the charging screen")
    return now


def test_a_touched_connector_becomes_an_intent_and_the_answer_the_next_screen(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    window.touch(acts.Choose(2), s.snapshot(), NAV)

    assert controller.intents.get(timeout=10) == events.ConnectorChosen(2)

    chosen = s.snapshot(chosen_evse=2)
    controller.show(chosen)
    until(lambda: badge_is(window, "charge"), "the screen that asks for a card")
    until(lambda: codes(window) == [s.phone(2).address + "&hl=en"], "the code of the chosen connector")
    window.touch(acts.Home(), chosen, replace(NAV, focus=2))

    assert controller.intents.get(timeout=10) == events.ConnectorChosen(None)


def test_a_phone_scans_the_code_of_the_minute_on_the_first_screen_and_nothing_without_network(
    scene: tuple[Window, Controller],
) -> None:
    window, controller = scene
    until(lambda: codes(window) == [s.phone(1).address + "&hl=en"], "the code of the first free connector")
    later = replace(s.phone(1), address=s.phone(1).address[:-4] + "NEXT")
    controller.show(s.snapshot(s.evse(1, phone=later), s.evse(2)))
    until(lambda: codes(window) == [later.address + "&hl=en"], "the next minute's code")
    controller.show(s.snapshot(s.evse(1), s.evse(2, pilot=PilotState.B)))
    until(lambda: codes(window) == [s.phone(2).address + "&hl=en"], "the code where a car is plugged in")
    controller.show(s.snapshot(is_online=False))
    until(lambda: codes(window) == [], "no code that would lead nowhere")

    assert shows_home(window)


def test_the_screen_goes_to_the_connector_a_phone_has_reserved_and_back(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    kept = s.evse(1, reserved_for_phone=True, reserved_s=90.0, reserved_until=s.START)
    controller.show(s.snapshot(kept, s.evse(2)))
    until(lambda: badge_is(window, "charge"), "the reservation's screen")
    window.touch(acts.Home(), s.snapshot(kept, s.evse(2)), replace(NAV, focus=1))
    until(lambda: badge_is(window, "brand"), "the first screen for somebody else")
    window.touch(acts.Choose(2), s.snapshot(kept, s.evse(2)), NAV)

    assert controller.intents.get(timeout=10) == events.ConnectorChosen(None)
    assert controller.intents.get(timeout=10) == events.ConnectorChosen(2)


def test_a_button_looks_pressed_while_the_finger_is_on_it(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    rect = window.place_of(acts.Open(Page.HELP), s.snapshot(), NAV)
    window.press(rect.x + rect.w / 2, rect.y + rect.h / 2)
    until(lambda: near(window, rect, 0.95, 0.5, "pressed"), "the pressed look")
    # Moved off before it is let go: not meant.
    window._finger("mousemove", "400", "300")
    window.release()
    until(lambda: near(window, rect, 0.95, 0.5, "surface"), "the normal look")

    assert shows_home(window) and controller.intents.empty()


def test_a_charge_is_stopped_with_its_code(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    now = charging(window, controller)
    nav = replace(NAV, focus=1)
    window.touch(acts.Open(Page.STOP), now, nav)
    until(lambda: badge_is(window, "stop_fill"), "the question before the stop")
    nav = replace(nav, page=Page.STOP)
    for digit in "1234":
        window.touch(acts.Digit(digit), now, nav)
    stop = window.place_of(acts.Stop(1), now, replace(nav, digits="1234"))
    until(lambda: near(window, stop, 0.95, 0.5, "stop_fill"), "four digits")
    window.touch(acts.Stop(1), now, replace(nav, digits="1234"))

    assert controller.intents.get(timeout=10) == events.ConnectorShown(1)
    assert controller.intents.get(timeout=10) == events.StopPressed(1, "1234")


def test_a_limit_is_set(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    now = charging(window, controller)
    nav = replace(NAV, focus=1)
    window.touch(acts.Open(Page.LIMIT), now, nav)
    nav = replace(nav, page=Page.LIMIT)
    set_place = window.place_of(acts.SetLimit(1), now, nav)
    until(lambda: near(window, set_place, 0.95, 0.5, "charge"), "the limit's screen")
    window.touch(acts.PickLimit(LimitKind.MONEY), now, nav)
    window.touch(acts.StepLimit(1), now, nav)
    window.touch(acts.SetLimit(1), now, nav)

    assert controller.intents.get(timeout=10) == events.ConnectorShown(1)
    assert controller.intents.get(timeout=10) == events.LimitChosen(1, Limit(LimitKind.MONEY, 2500))


def test_the_language_is_chosen_in_its_own_name(scene: tuple[Window, Controller]) -> None:
    window, _ = scene
    english = window.look()
    for language in ("ja", "en"):
        window.touch(acts.Open(Page.LANGUAGES), s.snapshot(), NAV)
        page = replace(NAV, page=Page.LANGUAGES)
        place = window.place_of(acts.Speak("de"), s.snapshot(), page)
        until(lambda place=place: near(window, place, 0.5, 0.9, "surface") and not shows_home(window), "the languages")  # type: ignore[misc]
        window.touch(acts.Speak(language), s.snapshot(), page)
        until(lambda: shows_home(window), "home again")
        if language == "ja":
            until(lambda: differ(english, window.look()), "another language")

    until(lambda: not differ(english, window.look()), "English again")


def differ(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is not None


def test_a_silent_controller_is_shown_and_a_restarted_one_found(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    now = charging(window, controller)
    live = window.look()
    scale = window.size[0] / 800
    warning = Rect(76 * scale, 40 * scale, 300 * scale, 24 * scale)

    controller.is_mute = True
    until(lambda: near(window, warning, 0.95, 0.5, "warn_t"), "the line that says the numbers are old")
    controller.is_mute = False
    until(lambda: near(window, warning, 0.95, 0.5, "surface"), "live numbers again")
    controller.stop()
    until(lambda: near(window, warning, 0.95, 0.5, "warn_t"), "the line that says the numbers are old")
    controller.start()
    controller.show(now)
    until(controller.greeted.is_set, "the screen greets again")
    until(lambda: not differ(live, window.look()), "the same screen as before")


def test_the_receipt_shows_its_address_as_a_code(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    charging(window, controller)
    ended = s.snapshot(s.with_receipt(), s.evse(2), minutes=44)
    controller.show(ended)
    until(lambda: s.RECEIPT_URL in codes(window), "the receipt's code")
    window.touch(acts.DismissReceipt(1), ended, replace(NAV, focus=1))

    assert controller.intents.get(timeout=10) == events.ReceiptDismissed(1)


def test_a_second_driver_starts_while_the_first_one_charges(scene: tuple[Window, Controller]) -> None:
    window, controller = scene
    now = charging(window, controller)
    window.touch(acts.Home(), now, replace(NAV, focus=1))
    until(lambda: badge_is(window, "brand"), "the first screen")
    window.touch(acts.Choose(2), now, NAV)

    assert controller.intents.get(timeout=10) == events.ConnectorChosen(None)
    assert controller.intents.get(timeout=10) == events.ConnectorChosen(2)


def test_pictures_are_taken_of_each_screen_that_appears(tmp_path: Path) -> None:
    socket = tmp_path / "controller.sock"
    controller = Controller(socket, s.snapshot()).start()
    photos = tmp_path / "photos"
    try:
        with display(800, 480) as shown_on, kiosk_ui(shown_on, (800, 480), socket, "--screenshots", str(photos)):
            until(lambda: list(photos.glob("*-home.png")), "a picture of the first screen")
            controller.show(s.snapshot(chosen_evse=1))
            until(lambda: list(photos.glob("*-identify.png")), "a picture of the next")
    finally:
        controller.stop()

    assert Image.open(next(photos.glob("*-home.png"))).size == (800, 480)
