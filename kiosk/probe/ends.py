"""How the probe ends: the exit codes of the command that started it (docs/technician.md)."""

from __future__ import annotations

OK = 0
FINDING = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4


class Trouble(Exception):
    """The probe ends here; str() is the whole line for the person, `code` the number for the script."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
