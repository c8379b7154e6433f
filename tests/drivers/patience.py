"""Waiting for a real thread, process or terminal: as short as it takes, bounded, and saying what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], what: str, patience_s: float = 10.0) -> T:
    """The first truthy result of `look`. Raises AssertionError after `patience_s`."""
    deadline_s = time.monotonic() + patience_s
    while not (result := look()):
        assert time.monotonic() < deadline_s, f"waited {patience_s} s in vain: {what}"
        time.sleep(0.005)
    return result
