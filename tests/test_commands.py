"""Commands at the controller: delivered in any order, any number of times, across restarts, each acts at most once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.api import CommandAnswer, CommandStatus
from contract.changeable import CHANGEABLE, problem
from contract.commands import NEEDS, Command, CommandKind, lacks, read_command, sign_command
from contract.iec61851 import PilotState
from contract.tokens import ForgedText
from contract.transaction import EventType
from kiosk.controller import DOCUMENT_OVERRIDES, Found
from kiosk.session.memory import from_text
from kiosk.session.overrides import applied, merged, readable
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.states import State
from tests.rig import KEY, Rig
from tests.session.bench import WITH_PARKING

COMMANDS = (
    Command("start-1", CommandKind.START, 60, 1, account_id="anna", offer=WITH_PARKING),
    Command("start-2", CommandKind.START, 60, 2, account_id="ben", offer=WITH_PARKING),
    Command("reserve", CommandKind.RESERVE, 60, 2, account_id="cleo", reservation_id="r-1", hold_s=600),
    Command("cancel", CommandKind.CANCEL_RESERVATION, 60, reservation_id="r-1"),
    Command("close", CommandKind.CHANGE_AVAILABILITY, 60, 1, is_operative=False),
    Command("open", CommandKind.CHANGE_AVAILABILITY, 60, 1, is_operative=True),
    Command("unlock", CommandKind.UNLOCK, 60, 1),
    Command("stop", CommandKind.STOP, 60, transaction_id="tx-unknown"),
    Command("set", CommandKind.SET_CONFIG, 60, settings={"patience.plug_in_s": "120"}),
    Command("late", CommandKind.START, 60, 1, account_id="anna", offer=WITH_PARKING, age_s=60),
)


def restarted(rig: Rig) -> Rig:
    """The next boot: what was answered and what stands are known from the disk."""
    answers: dict[str, CommandAnswer] = {}
    for audit in rig.disk.audits():
        if audit.command_id is not None:
            status = CommandStatus(audit.what.removeprefix("command "))
            answers[audit.command_id] = CommandAnswer(
                audit.command_id, status, audit.reason or "", audit.transaction_id
            )
    stories = tuple(
        tuple(event for event in rig.disk.events() if event.transaction_id == name)
        for name in dict.fromkeys(event.transaction_id for event in rig.disk.events())
    )
    memory = rig.disk.documents.get("memory")
    found = Found(
        open_transactions=tuple(s for s in stories if all(e.event_type is not EventType.ENDED for e in s)),
        answers=answers,
        overrides=readable(rig.disk.documents.get(DOCUMENT_OVERRIDES)),
        **({} if memory is None else {"memories": from_text(memory)}),  # type: ignore[arg-type]
    )
    after = Rig(found=found)
    after.disk.rows, after.disk.documents = rig.disk.rows, rig.disk.documents
    after.server.answers = rig.server.answers
    return after


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("command"), st.integers(0, len(COMMANDS) - 1)),
            st.tuples(st.just("time"), st.integers(1, 4)),
            st.tuples(st.just("restart"), st.just(0)),
            st.tuples(st.just("disk"), st.integers(0, 1)),
        ),
        max_size=30,
    )
)
def test_however_commands_arrive_each_is_obeyed_once_and_always_answered_alike(story: list[tuple[str, int]]) -> None:
    rig = Rig()
    rig.beat(2)
    given_ids = set()
    for what, number in story:
        match what:
            case "command":
                given_ids.add(COMMANDS[number].command_id)
                rig.controller.take_command(sign_command(replace(COMMANDS[number], kiosk_id="hk-07"), KEY))
            case "time":
                rig.beat(number)
            case "disk":
                rig.disk.hangs = bool(number)
            case "restart":
                rig = restarted(rig)
                rig.beat(2)
    rig.disk.hangs = False
    rig.beat(3)
    for command_id in given_ids:  # the server repeats what it has no answer to
        command = next(one for one in COMMANDS if one.command_id == command_id)
        rig.controller.take_command(sign_command(replace(command, kiosk_id="hk-07"), KEY))
    rig.beat(4)

    answers: dict[str, set[tuple[CommandStatus, str | None]]] = {}
    for answer in rig.server.answers:
        answers.setdefault(answer.command_id, set()).add((answer.status, answer.transaction_id))
    assert set(answers) == given_ids
    assert all(len(each) == 1 for each in answers.values())
    started = [e.authority.command_id for e in rig.disk.events() if e.authority is not None]
    assert len(started) == len(set(started)) and "late" not in started
    for command_id in started:
        assert {status for status, _ in answers[str(command_id)]} == {CommandStatus.ACCEPTED}
    written = [audit.command_id for audit in rig.disk.audits() if audit.command_id is not None]
    assert len(written) == len(set(written))


def test_a_reservation_that_waited_at_the_server_is_the_shorter_for_it() -> None:
    rig = Rig()
    rig.beat(2)
    reserve = replace(COMMANDS[2], age_s=50)
    rig.controller.commanded(reserve)
    rig.beat(2)
    kept = rig.controller.kiosk.sessions[1].reservation
    assert kept is not None and round(kept.until_s - rig.s) in range(548, 552)
    rig.controller.commanded(replace(reserve, command_id="over", hold_s=40, age_s=50))
    rig.beat(3)

    assert rig.server.answers[-1].status is CommandStatus.EXPIRED


@pytest.mark.parametrize("kind", CommandKind)
def test_every_kind_names_what_it_lacks(kind: CommandKind) -> None:
    bare = Command("c-1", kind, 60)

    assert all(name in lacks(bare) for name in NEEDS[kind])
    rig = Rig()
    rig.beat(2)
    rig.controller.commanded(bare)
    rig.beat(3)
    expected = CommandStatus.ACCEPTED if kind is CommandKind.UPDATE_LIST else CommandStatus.REJECTED
    assert [answer.status for answer in rig.server.answers] == [expected]


def test_a_command_without_a_name_or_for_another_kiosk_is_no_command() -> None:
    for wrong in (replace(COMMANDS[0], command_id=""), replace(COMMANDS[0], kiosk_id="hk-08")):
        with pytest.raises(ForgedText):
            read_command(sign_command(wrong, KEY), [KEY.public_key()], "hk-07")


# ---- settings by the server --------------------------------------------------------------------------------------


def test_a_setting_holds_at_once_and_after_a_restart_and_is_written_down() -> None:
    rig = Rig()
    rig.beat(2)
    update = {"patience.plug_in_s": "45", "kiosk.stop_with_code": "false", "kiosk.helpline": "+49 30 99"}
    rig.controller.commanded(Command("c-1", CommandKind.SET_CONFIG, 60, settings=update))
    rig.beat(3)
    assert rig.controller.kiosk.settings.patience.plug_in_s == 45
    assert rig.snapshot().helpline == "+49 30 99"
    assert any("settings: patience.plug_in_s=45" in audit.what for audit in rig.disk.audits())
    after = restarted(rig)
    after.beat(2)
    assert after.controller.kiosk.settings.patience.plug_in_s == 45
    assert not after.controller.kiosk.settings.stop_with_code
    assert "patience.plug_in_s=45" in after.snapshot().overrides
    after.controller.commanded(Command("c-2", CommandKind.SET_CONFIG, 60, settings={"patience.plug_in_s": ""}))
    after.beat(3)

    assert after.controller.kiosk.settings.patience.plug_in_s == after.patience.plug_in_s


@pytest.mark.parametrize(
    ("update", "why"),
    [
        ({"site.limit_a": "63"}, "site.limit_a: not a key the server may change"),
        ({"patience.plug_in_s": "5"}, "want 30 to 600 seconds"),
        ({"patience.plug_in_s": "nan"}, "want 30 to 600 seconds"),
        ({"patience.plug_in_s": "soon"}, "want seconds"),
        ({"kiosk.stop_with_code": "yes"}, "want true or false"),
        ({"kiosk.helpline": "x" * 41}, "want at most 40"),
        ({"patience.plug_in_s": "45", "patience.unknown_s": "3"}, "patience.unknown_s: not a key"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_and_nothing_of_the_update_is_applied(
    update: dict[str, str], why: str
) -> None:
    rig = Rig()
    rig.beat(2)
    before = rig.controller.kiosk.settings
    rig.controller.commanded(Command("c-1", CommandKind.SET_CONFIG, 60, settings=update))
    rig.beat(3)

    assert rig.server.answers[0].status is CommandStatus.REJECTED and why in rig.server.answers[0].reason
    assert rig.controller.kiosk.settings == before


def test_no_setting_the_server_may_change_touches_amps_or_protection() -> None:
    bare = KioskSettings((EvseSettings(1),))
    extremes = {key: "600" for key in CHANGEABLE if key.startswith("patience.")} | {"kiosk.stop_with_code": "true"}
    changed = applied(bare, {key: value for key, value in extremes.items() if not problem({key: value})})

    assert (changed.evses, changed.site) == (bare.evses, bare.site)
    assert merged({"a": "1", "b": "2"}, {"a": "", "c": "3"}) == {"b": "2", "c": "3"}
    assert readable('{"patience.plug_in_s": "45", "gone": "1", "kiosk.helpline": 5}') == {"patience.plug_in_s": "45"}
    assert readable("[]") == readable(None) == readable("{") == {}


def test_an_evse_closed_by_order_with_a_vehicle_waiting_begins_again_when_it_is_opened() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    rig.controller.commanded(replace(COMMANDS[4]))
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    assert rig.state() is State.IDLE and rig.server.asked == []
    rig.controller.commanded(replace(COMMANDS[5]))
    rig.beat(2)
    rig.tap()

    assert rig.state() is State.AUTHORIZING
