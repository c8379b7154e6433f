"""How the command ends: one number a script can act on, one line a person can act on.

| code | meaning                                                             |
|------|---------------------------------------------------------------------|
| 0    | done, nothing wrong found                                           |
| 1    | done, and the answer is bad news: a fault, a failed check, no tag   |
| 2    | the command line or the configuration is wrong                      |
| 3    | the controller or the device cannot be reached                      |
| 4    | refused: by the controller, by a safety rule, or for want of rights |
"""

from __future__ import annotations

OK = 0
FINDING = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4


class Trouble(Exception):
    """The command ends here; str() is the whole line for the person, `code` the number for the script."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
