"""Texts are data: a language is added without touching Python, and a wrong file is refused by name."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files

import pytest
from fontTools.ttLib import TTFont

from contract.currency import MINOR_DIGITS
from contract.transaction import StoppedReason
from contract.words.numbers import money
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import NoticeCode
from kiosk.ui.faces import FACES, extract, face_file
from kiosk.ui.texts import LANGUAGES, REFERENCE, TextsWrong, differences, parse

SOURCE = (files("kiosk.ui") / "texts" / "en.toml").read_text(encoding="utf-8")


def wrong_in(source: str) -> list[str]:
    return differences(parse("xx", source), LANGUAGES[REFERENCE])


def test_three_languages_are_there_and_right() -> None:
    assert {"en", "de", "ja"} <= set(LANGUAGES)
    assert all(differences(language, LANGUAGES[REFERENCE]) == [] for language in LANGUAGES.values())
    assert all(language.face in FACES for language in LANGUAGES.values())


def test_a_missing_text_is_named() -> None:
    assert wrong_in(SOURCE.replace('help = "Help"\n', "", 1)) == ["texts/xx.toml: frame.help is missing"]


def test_an_unknown_key_is_named() -> None:
    assert wrong_in(SOURCE.replace("[frame]\n", '[frame]\nhepl = "x"\n', 1)) == [
        "texts/xx.toml: frame.hepl: unknown key"
    ]


def test_a_lost_placeholder_is_named() -> None:
    source = SOURCE.replace('"Reconnecting, as of {time}"', '"Reconnecting"')

    assert wrong_in(source) == ["texts/xx.toml: frame.silent: want the placeholders time"]


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(TextsWrong, match=r"frame\.help: want a text"):
        parse("xx", SOURCE.replace('help = "Help"\n', 'help = ""\n', 1))


def test_a_language_says_who_it_is() -> None:
    with pytest.raises(TextsWrong, match="name, locale and face"):
        parse("xx", SOURCE.replace('name = "English"\n', "", 1))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words(language: str) -> None:
    texts = LANGUAGES[language].texts
    wanted = {f"notice.{code.value}.{part}" for code in NoticeCode for part in ("title", "text", "action")}
    wanted |= {f"fault.{code.value}.{part}" for code in FaultCode for part in ("what", "detail", "do")}
    wanted |= {f"reason.{reason.value}" for reason in StoppedReason}

    assert wanted - texts.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_shouts_or_begs(language: str) -> None:
    for key, text in LANGUAGES[language].texts.items():
        assert "!" not in text and "！" not in text and "please" not in text.lower(), key


def test_every_currency_has_a_sign_the_screen_can_draw() -> None:
    extract()
    for language in LANGUAGES.values():
        letters = TTFont(face_file(language.face, "Regular"), lazy=True).getBestCmap()
        for currency in MINOR_DIGITS:
            written = money(Decimal("1234.5"), currency, language.locale, MINOR_DIGITS[currency], 3)
            assert not [sign for sign in written if ord(sign) not in letters and sign not in "\u00a0\u202f\u200f"], (
                currency
            )
