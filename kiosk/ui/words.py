"""How words break into lines and which size of the type scale they get. Pure: the width of a word is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.ui.layout import Measure, Rect
from kiosk.ui.nodes import Text
from kiosk.ui.tokens import TYPE

LINE_PITCH = 1.34  # of the size
SIZES = tuple(sorted({*TYPE.values(), 32, 42, 48}, reverse=True))
# JIS X 4051, the commonest of the characters that may not begin or end a line.
NEVER_FIRST = "、。，．・：；？！）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々％,.;:?!)%"
NEVER_LAST = "（「『【("


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines at one size; `fits` is False where even the smallest size is too wide or too tall."""

    lines: tuple[str, ...]
    size: float
    fits: bool


def fit(text: Text, rect: Rect, measure: Measure) -> Fitted:
    """The largest size down the scale at which the text fits its place."""
    start = TYPE[text.step]
    fitted = Fitted((text.text,), start, False)
    for size in (size for size in SIZES if size <= start):
        lines = (text.text,) if text.lines == 1 else wrapped(text.text, rect.w, size, text.bold, measure)
        width = max((measure(line, size, text.bold) for line in lines), default=0.0)
        height = size * (1.0 + LINE_PITCH * (len(lines) - 1))
        fits = width <= rect.w + 1 and len(lines) <= text.lines and height <= rect.h + 2
        fitted = Fitted(lines, size, fits)
        if fits:
            break
    return fitted


def wrapped(words: str, width: float, size: float, bold: bool, measure: Measure) -> tuple[str, ...]:
    """Break between words, and inside Japanese, Chinese and Korean text where its rules allow it."""
    lines: list[str] = []
    line = ""
    for piece in pieces(words):
        tried = line + piece
        if line and measure(tried.rstrip(" "), size, bold) > width:
            lines.append(line.rstrip(" "))
            line = piece.lstrip(" ")
        else:
            line = tried
    return (*lines, line.rstrip(" "))


def pieces(words: str) -> list[str]:
    """The parts a line may be broken between; a part keeps the blank that follows it."""
    parts: list[str] = []
    for sign in words:
        before = parts[-1][-1] if parts else ""
        starts_new = (
            not parts
            or before == " "
            or ((is_wide(sign) or is_wide(before)) and sign not in NEVER_FIRST and before not in NEVER_LAST)
        )
        if starts_new and sign != " ":
            parts.append(sign)
        elif parts:
            parts[-1] += sign
    return parts


def is_wide(sign: str) -> bool:
    return sign != "" and ("\u2e80" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" or "\uf900" <= sign <= "\uffef")
