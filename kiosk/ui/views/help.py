"""Help and the choice of a language."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.ui import acts
from kiosk.ui.acts import Act
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.frame import Frame, Seen, frame


@dataclass(frozen=True, slots=True)
class HelpStep:
    symbol: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class HelpView:
    frame: Frame
    steps: tuple[HelpStep, ...]
    call: str
    phone: str
    say: str
    back: str


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    name: str
    act: Act
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class LanguagesView:
    frame: Frame
    choices: tuple[LanguageChoice, ...]
    back: str


_STEPS = (("choose", "charge"), ("identify", "card"), ("plug", "down"), ("stop", "stop"))


def help_view(seen: Seen) -> HelpView:
    say = seen.say
    texts = {name: f"help.{name}_text" for name, _ in _STEPS}
    if not seen.phones_are_taken:
        texts["identify"] += "_no_phones"
    return HelpView(
        frame(seen, "help", say("help.title"), seen.snapshot.place, "brand"),
        tuple(HelpStep(symbol, say(f"help.{name}"), say(texts[name])) for name, symbol in _STEPS),
        say("fault.call"),
        seen.snapshot.helpline,
        seen.snapshot.kiosk_id,
        say("help.back"),
    )


def languages_view(seen: Seen) -> LanguagesView:
    choices = tuple(
        LanguageChoice(language.name, acts.Speak(code), code == seen.nav.language)
        for code, language in LANGUAGES.items()
    )
    title = " · ".join(language.say("languages.title") for language in LANGUAGES.values())
    return LanguagesView(frame(seen, "globe", title, seen.snapshot.place, "brand"), choices, seen.say("help.back"))
