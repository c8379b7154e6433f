"""How words break into lines and which size of the type scale they get. Pure: the width of a word is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kiosk.ui.layout import Measure, Rect
from kiosk.ui.nodes import Text
from kiosk.ui.tokens import TYPE

LINE_PITCH = 1.34  # of the size
SIZES = tuple(sorted({*TYPE.values(), 32, 42, 48}, reverse=True))
# JIS X 4051, the commonest of the characters that may not begin or end a line.
NEVER_FIRST = "、。，．・：；？！）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々％,.;:?!)%"
NEVER_LAST = "（「『【("
Cut = Callable[[str], list[str]]
PAUSES = "、。，．・：；？！）」』】"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines at one size; `fits` is False where even the smallest size is too wide or too tall."""

    lines: tuple[str, ...]
    size: float
    fits: bool


def fit(text: Text, rect: Rect, measure: Measure) -> Fitted:
    """The largest size down the scale at which the text fits; phrases are broken only where none fits whole."""
    whole = _fit(text, rect, measure, pieces)
    if whole.fits or text.lines == 1:
        return whole
    broken = _fit(text, rect, measure, loose_pieces)
    return broken if broken.fits else whole


def _fit(text: Text, rect: Rect, measure: Measure, cut: Cut) -> Fitted:
    start = TYPE[text.step]
    fitted = Fitted((text.text,), start, False)
    for size in (size for size in SIZES if size <= start):
        lines: tuple[str, ...] = (text.text,)
        if text.lines > 1:
            lines = balanced(text.text, rect.w, size, text.bold, measure, cut)
        width = max((measure(line, size, text.bold) for line in lines), default=0.0)
        height = size * (1.0 + LINE_PITCH * (len(lines) - 1))
        fits = width <= rect.w + 1 and len(lines) <= text.lines and height <= rect.h + 2
        fitted = Fitted(lines, size, fits)
        if fits:
            break
    return fitted


def balanced(words: str, width: float, size: float, bold: bool, measure: Measure, cut: Cut) -> tuple[str, ...]:
    """As few lines as fit, and among those the most even ones: no last line of one word."""
    best = wrapped(words, width, size, bold, measure, cut)
    if len(best) == 1:
        return best
    longest = max(measure(piece.rstrip(" "), size, bold) for piece in cut(words))
    narrower = width
    while narrower - size / 2 >= max(longest, width / 2):
        narrower -= size / 2
        tried = wrapped(words, narrower, size, bold, measure, cut)
        if len(tried) > len(best):
            break
        best = tried
    return best


def wrapped(words: str, width: float, size: float, bold: bool, measure: Measure, cut: Cut) -> tuple[str, ...]:
    """Break at \n and between pieces. A piece wider than the line sticks out: the caller goes down the scale."""
    if "\n" in words:
        return tuple(line for part in words.split("\n") for line in wrapped(part, width, size, bold, measure, cut))
    lines: list[str] = []
    line = ""
    for piece in cut(words):
        tried = line + piece
        if line and measure(tried.rstrip(" "), size, bold) > width:
            lines.append(line.rstrip(" "))
            line = piece.lstrip(" ")
        else:
            line = tried
    return (*lines, line.rstrip(" "))


def pieces(words: str) -> list[str]:
    """The parts a line may be broken between; a part keeps the blank that follows it.

    Japanese has no blanks: a phrase ends with hiragana or a pause, and the next begins with anything else.
    """
    return _cut(words, _phrase_ends) if any(map(is_hiragana, words)) else loose_pieces(words)


def loose_pieces(words: str) -> list[str]:
    """As `pieces`, but broken between any two signs of Japanese or Chinese that may end and begin a line."""
    return _cut(words, _may_part)


def _cut(words: str, ends: Callable[[str, str], bool]) -> list[str]:
    parts: list[str] = []
    for sign in words:
        before = parts[-1][-1] if parts else ""
        if not parts or (before == " " and sign != " " and sign not in NEVER_FIRST) or ends(before, sign):
            parts.append(sign)
        else:
            parts[-1] += sign
    return parts


def _may_part(before: str, sign: str) -> bool:
    if sign in " \u00a0" or before == "\u00a0" or sign in NEVER_FIRST or before in NEVER_LAST:
        return False
    return is_wide(sign) or is_wide(before)


def _phrase_ends(before: str, sign: str) -> bool:
    if not _may_part(before, sign) or before in "おご":  # the polite prefix belongs to what follows
        return False
    return before in PAUSES or (is_hiragana(before) and not is_hiragana(sign))


def is_hiragana(sign: str) -> bool:
    return "\u3041" <= sign <= "\u309f"


def is_wide(sign: str) -> bool:
    return sign != "" and ("\u2e80" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" or "\uf900" <= sign <= "\uffef")
