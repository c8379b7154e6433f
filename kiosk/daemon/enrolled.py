"""Notices that the kiosk was enrolled, or enrolled anew, while the controller runs."""

from __future__ import annotations

from pathlib import Path

from kiosk.config import Enrolment, NotEnrolled, read_enrolment


class EnrolmentFile:
    """Looks at the file, and reads it only when it is another than last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self.problem = ""

    def changed(self) -> Enrolment | None:
        """The enrolment, where there is one that was not returned yet. One that cannot be read is `problem`."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except OSError:
            seen = None
        if seen is not None and seen == self._seen:
            return None
        self._seen = seen
        try:
            found = read_enrolment(self._path)
        except NotEnrolled as error:
            self.problem = str(error)
            return None
        self.problem = ""
        return found
