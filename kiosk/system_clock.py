"""Whether somebody keeps the system's clock right."""

from __future__ import annotations

import ctypes
from pathlib import Path

SYNCHRONISED_FILE = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd touches it; see its manual page
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
TIMEX_BYTES = 256  # struct timex is 208 bytes on 64-bit Linux; zeros mean: change nothing


def is_system_clock_synchronised() -> bool:
    """Whether timesyncd or the kernel says so. A sandbox may forbid the second question; that counts as no."""
    if SYNCHRONISED_FILE.exists():
        return True
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= state < TIME_ERROR
