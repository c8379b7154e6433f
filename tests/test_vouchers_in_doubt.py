"""After a damaged journal nobody knows which vouchers were spent: without the server none is taken."""

from __future__ import annotations

from dataclasses import replace

from contract.api import AuthorizeAnswer, AuthorizeStatus
from kiosk.session.events import ConnectorChosen
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from tests.rig import CARD, Rig, voucher
from tests.session.bench import WITH_PARKING


def in_doubt() -> Rig:
    rig = Rig()
    rig.controller.knowledge = replace(rig.controller.knowledge, vouchers_in_doubt=True)
    rig.server.online = False
    rig.beat(4)
    return rig


def come(rig: Rig, token: object) -> None:
    rig.controller.post(ConnectorChosen(1))
    rig.beat()
    rig.reader.tokens.append(token)  # type: ignore[arg-type]
    rig.beat(8)


def test_an_offline_voucher_is_refused_and_a_card_is_not() -> None:
    rig = in_doubt()

    come(rig, voucher())
    notice = rig.controller.kiosk.front.notice
    assert (rig.state(1), notice and notice.code) == (State.IDLE, NoticeCode.NO_ANSWER)

    come(rig, CARD)
    assert rig.state(1) is State.PREPARING


def test_the_doubt_ends_with_the_server_and_is_not_asked_again_after_a_restart() -> None:
    rig = in_doubt()

    rig.server.online = True
    rig.beat(4)
    rig.server.online = False
    rig.beat(4)

    assert rig.disk.documents["vouchers_in_doubt"] == "no"
    come(rig, voucher())
    assert rig.state(1) is State.PREPARING


def test_two_answers_for_one_voucher_in_one_beat_start_one_charge() -> None:
    rig = Rig()
    for evse_id in (1, 2):
        rig.controller.post(ConnectorChosen(evse_id))
        rig.beat()
        rig.reader.tokens.append(voucher())
        rig.beat(4)
    assert [rig.state(1), rig.state(2)] == [State.AUTHORIZING, State.AUTHORIZING]

    for asked in rig.server.asked:
        yes = AuthorizeAnswer(
            asked.transaction_id, AuthorizeStatus.ACCEPTED, WITH_PARKING, "guest", voucher_id="v-1", cap_minor=1000
        )
        rig.controller.answered(yes, rig.now)
    rig.beat(8)

    assert sorted([rig.state(1), rig.state(2)]) == [State.IDLE, State.PREPARING]
    assert [voucher_id for voucher_id, _ in rig.disk.spent] == ["v-1"]
