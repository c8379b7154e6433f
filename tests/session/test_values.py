"""The core's own `replace` does what that of dataclasses does."""

from __future__ import annotations

import dataclasses

import pytest

from contract.values import replace
from kiosk.session.session import Session
from kiosk.session.settings import EvseSettings
from kiosk.session.states import State


def test_a_value_is_replaced_as_dataclasses_do_it() -> None:
    session = Session(1, since_s=3.0, wishes_closed=True)

    changed = replace(session, state=State.IDLE, deadline_s=9.0)

    assert changed == dataclasses.replace(session, state=State.IDLE, deadline_s=9.0)
    assert session.state is State.OUT_OF_SERVICE


def test_a_replaced_value_is_checked_again() -> None:
    with pytest.raises(ValueError, match="max_a"):
        replace(EvseSettings(1), max_a=5)


def test_a_field_that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError, match="stat"):
        replace(Session(1), stat=State.IDLE)
