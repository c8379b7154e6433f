"""What whoever stands at the screen has done so far: a touch, a token that waits, a notice. Each ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from contract.values import replace
from kiosk.session.events import IdTokenPresented
from kiosk.session.session import NEVER_S
from kiosk.session.snapshot import Limit, Notice
from kiosk.session.taps import Touch


@dataclass(frozen=True, slots=True)
class Looked:
    """A touch that the next token is about, and what waits for that token."""

    touch: Touch
    evse_id: int
    until_s: float
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """Times are kiosk monotonic seconds."""

    chosen_evse: int | None = None
    chosen_until_s: float = NEVER_S
    looked: Looked | None = None  # never beside a chosen connector: the newer touch stands
    waiting: IdTokenPresented | None = None
    waiting_until_s: float = NEVER_S
    plug_until_s: float = -NEVER_S  # a cable seen until then may have been in when the waiting token was read
    notice: Notice | None = None

    @property
    def touched(self) -> tuple[Touch, int | None]:
        """What the next token is about."""
        if self.chosen_evse is not None:
            return Touch.CHOSEN, self.chosen_evse
        return (Touch.NOTHING, None) if self.looked is None else (self.looked.touch, self.looked.evse_id)

    @property
    def deadlines_s(self) -> tuple[float, ...]:
        looked_s = NEVER_S if self.looked is None else self.looked.until_s
        notice_s = NEVER_S if self.notice is None else self.notice.until_s
        return self.chosen_until_s, looked_s, self.waiting_until_s, notice_s

    def choosing(self, evse_id: int, until_s: float) -> Front:
        return replace(self, chosen_evse=evse_id, chosen_until_s=until_s, looked=None, notice=None)

    def looking(self, looked: Looked) -> Front:
        return replace(self, looked=looked, chosen_evse=None, chosen_until_s=NEVER_S)

    def keeping(self, tap: IdTokenPresented, until_s: float, plug_until_s: float) -> Front:
        """A token waits for a connector; what was touched before is answered by the question. Where something was
        touched, no cable answers it."""
        is_open = self.touched == (Touch.NOTHING, None)
        plug_until_s = plug_until_s if is_open else -NEVER_S
        return replace(self, waiting=tap, waiting_until_s=until_s, plug_until_s=plug_until_s, looked=None)

    def at_rest(self) -> Front:
        """The token did something, or whoever stood here went back."""
        return Front()

    def after(self, now_s: float) -> Front:
        """What nobody came back for goes by itself."""
        front = self
        if front.chosen_evse is not None and now_s >= front.chosen_until_s:
            front = replace(front, chosen_evse=None, chosen_until_s=NEVER_S)
        if front.looked is not None and now_s >= front.looked.until_s:
            front = replace(front, looked=None)
        if front.waiting is not None and now_s >= front.waiting_until_s:
            front = replace(front, waiting=None, waiting_until_s=NEVER_S)
        if front.notice is not None and now_s >= front.notice.until_s:
            front = replace(front, notice=None)
        return front
