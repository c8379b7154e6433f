"""What a person may decide about a charge."""

from __future__ import annotations

from enum import StrEnum


class Choice(StrEnum):
    RECORDED = "recorded"
    PROVED = "proved"
    NOTHING = "nothing"
    KEEP = "keep"
    WAIT = "wait"

    @property
    def bills(self) -> bool:
        """Whether a bill is written by it, if only of nothing."""
        return self in (Choice.RECORDED, Choice.PROVED, Choice.NOTHING)
