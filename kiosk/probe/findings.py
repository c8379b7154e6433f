"""What a check says: ok, warn or fail; what, where, likely cause, fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is looked at, `where` it is, `says` what was seen. `cause` and `fix` where it is not ok."""

    level: Level
    what: str
    where: str
    says: str
    cause: str = ""
    fix: str = ""

    def __str__(self) -> str:
        label = "FAIL" if self.level is Level.FAIL else self.level.value
        line = (
            f"{label:<4}  {self.what:<16} {self.where}: {self.says}"
            if self.where
            else f"{label:<4}  {self.what:<16} {self.says}"
        )
        if self.cause:
            line += f" | likely: {self.cause}"
        if self.fix:
            line += f" | fix: {self.fix}"
        return line


def ok(what: str, where: str, says: str) -> Finding:
    return Finding(Level.OK, what, where, says)


def warn(what: str, where: str, says: str, cause: str, fix: str) -> Finding:
    return Finding(Level.WARN, what, where, says, cause, fix)


def fail(what: str, where: str, says: str, cause: str, fix: str) -> Finding:
    return Finding(Level.FAIL, what, where, says, cause, fix)


def from_driver(what: str, where: str, message: str, cause: str, fix: str = "") -> Finding:
    """A failure out of a driver's own sentence, "PLACE: what was seen. Check this and that.": its advice is the fix."""
    seen, _, advice = message.partition(" Check ")
    _, _, after_place = seen.partition("): ")
    fixes = [f"check {advice.rstrip('.')}" if advice else "", fix]
    return fail(what, where, (after_place or seen).rstrip("."), cause, "; ".join(text for text in fixes if text))
