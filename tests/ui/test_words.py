"""Lines break where each script allows it, and numbers are written as each language writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kiosk.ui.formats import Formats
from kiosk.ui.layout import Rect
from kiosk.ui.nodes import Text
from kiosk.ui.words import NEVER_FIRST, fit, pieces, wrapped


def square(words: str, size: float, bold: bool) -> float:
    """Every character as wide as it is high."""
    return len(words) * size


def test_latin_breaks_between_words() -> None:
    assert wrapped("one two three", 80, 10, False, square, pieces) == ("one two", "three")


def test_japanese_breaks_after_a_phrase() -> None:
    assert pieces("車から外してください。") == ["車から", "外してください。"]
    assert pieces("お支払いは必要です") == ["お支払いは", "必要です"]


def test_a_phrase_goes_down_the_scale_before_it_is_broken() -> None:
    fitted = fit(Text("料金はかかりません。", "lead", lines=3), Rect(0, 0, 212, 92), square)

    assert (fitted.lines, fitted.size) == (("料金はかかりません。",), 20)


def test_chinese_breaks_anywhere_but_before_a_pause() -> None:
    assert pieces("正在充电，请稍候") == ["正", "在", "充", "电，", "请", "稍", "候"]


def test_a_no_break_space_is_never_broken() -> None:
    assert pieces("then €\u00a00.10\u00a0/\u00a0min") == ["then ", "€\u00a00.10\u00a0/\u00a0min"]


@given(
    st.text(alphabet="車から外して、ください。「待」ヘルプ abc\u00a0", min_size=1, max_size=60), st.integers(20, 200)
)
def test_nothing_is_lost_and_no_line_begins_with_a_pause(words: str, width: int) -> None:
    lines = wrapped(words, width, 10, False, square, pieces)

    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    if all(square(piece, 10, False) <= width for piece in pieces(words)):
        assert not any(line[:1] and line[0] in NEVER_FIRST for line in lines[1:])


def test_words_go_down_the_scale_until_they_fit() -> None:
    fitted = fit(Text("1234567890", "title"), Rect(0, 0, 200, 40), square)

    assert (fitted.size, fitted.fits) == (20, True)
    assert not fit(Text("1234567890", "title"), Rect(0, 0, 100, 40), square).fits


def test_two_lines_are_even() -> None:
    fitted = fit(Text("aaa bbb ccc ddd eee", "body", lines=2), Rect(0, 0, 310, 60), square)

    assert fitted.lines == ("aaa bbb ccc", "ddd eee")


def test_evening_out_breaks_no_phrase() -> None:
    fitted = fit(Text("漏電保護が作動しました。", "lead", lines=3), Rect(0, 0, 200, 92), square)

    assert fitted.lines == ("漏電保護が", "作動しました。")


EN, DE, JA = (Formats(locale, "Europe/Berlin") for locale in ("en_GB", "de_DE", "ja_JP"))


def test_money_follows_the_language_with_a_space_that_does_not_break() -> None:
    assert [each.money(123_456, "EUR") for each in (EN, DE, JA)] == [
        "€\u00a01,234.56",
        "1.234,56\u00a0€",
        "€\u00a01,234.56",
    ]


def test_a_currency_without_minor_units_has_none() -> None:
    assert EN.money(1200, "JPY").endswith("\u00a01,200") and EN.unit_price(Decimal("59.5"), "JPY").endswith("59.5")


def test_a_price_shows_the_digits_it_has() -> None:
    assert EN.unit_price(Decimal("0.59"), "EUR") == "€\u00a00.59"
    assert EN.unit_price(Decimal("0.5899"), "EUR") == "€\u00a00.5899"


def test_times_are_local() -> None:
    at = datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC)

    assert (EN.clock(at), EN.clock_s(at), DE.date(at)) == ("00:30", "00:30:05", "02.07.2026")


def test_durations_read_as_on_a_watch() -> None:
    assert [Formats.duration(seconds) for seconds in (0, 65.9, 3_600, 36_061)] == [
        "0:00",
        "1:05",
        "1:00:00",
        "10:01:01",
    ]
