"""The four digits: whether they are right, and how guessing them is slowed.

Three wrong codes rest the keypad for `code_lock_s`, the next three for twice as long, and so on up to an hour: a day of
guessing tries about a hundred of 10,000 codes. The card that started stops at any time.
"""

from __future__ import annotations

from contract.records import GUESSING
from contract.values import replace
from kiosk.session.events import Audited, Now
from kiosk.session.session import Session
from kiosk.session.settings import Patience
from kiosk.session.snapshot import NoticeCode

WRONG_CODES = 3
LONGEST_LOCK_S = 3_600.0


def entered(
    session: Session, code: str, now: Now, patience: Patience
) -> tuple[Session, NoticeCode | None, Audited | None]:
    """The session after a try, what the screen says of a wrong one (None: the code is right), and what is logged."""
    t = session.transaction
    right = t.ids.stop_code if t is not None else session.held_code
    if now.s < session.code_locked_until_s:
        return session, NoticeCode.CODE_LOCKED, None
    if code and code == right:
        return replace(session, wrong_codes=0), None, None
    wrong = session.wrong_codes + 1
    if wrong % WRONG_CODES:
        return replace(session, wrong_codes=wrong), NoticeCode.WRONG_CODE, None
    locks = min(wrong // WRONG_CODES, 12)
    lock_s = min(LONGEST_LOCK_S, patience.code_lock_s * 2 ** (locks - 1))
    told = Audited("screen", f"{GUESSING}{wrong} wrong stop codes, keypad rests {lock_s:g} s", session.evse_id)
    return replace(session, wrong_codes=wrong, code_locked_until_s=now.s + lock_s), NoticeCode.CODE_LOCKED, told
