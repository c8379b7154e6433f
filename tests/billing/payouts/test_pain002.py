"""The bank's reports: what is final is taken once, what is on its way changes nothing, what is not ours is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from billing.directory import NotKnown
from billing.payouts.pain002 import BadReport, Verdict, report_of
from billing.payouts.runs import find_payout, make_run, take_report
from billing.payouts.states import State
from tests.billing.payouts.test_runs import APRIL, all_is_right, furnish_march


def report(group: str = "", *transfers: tuple[str, str, str], run: str = "PR-0001", version: str = "10") -> bytes:
    """As a bank writes it: the state of the whole, and (end-to-end id, state, reason) of each."""
    told = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{state}</TxSts>"
        + (f"<StsRsnInf><Rsn><Cd>{why}</Cd></Rsn><AddtlInf>account closed</AddtlInf></StsRsnInf>" if why else "")
        + "</TxInfAndSts>"
        for name, state, why in transfers
    )
    whole = f"<GrpSts>{group}</GrpSts>" if group else ""
    return (
        f'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>B1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{run}</OrgnlMsgId>{whole}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{run}</OrgnlPmtInfId>{told}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()


def test_a_report_is_read_in_every_version() -> None:
    for version in ("03", "10", "14"):
        read = report_of(report("PART", ("PR-0001-001", "RJCT", "AC04"), ("PR-0001-002", "ACSP", ""), version=version))

        assert read.run == "PR-0001" and read.all_said is None
        assert read.said == {"PR-0001-001": Verdict(State.REJECTED, "AC04 account closed")}


def test_what_is_final_is_taken_once(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    on_its_way, settled = report_of(report("ACCP")), report_of(report("ACSC"))

    assert take_report(connection, on_its_way, "frida", APRIL) == []
    assert [one.is_new for one in take_report(connection, settled, "frida", APRIL)] == [True]
    assert [one.is_new for one in take_report(connection, settled, "frida", APRIL)] == [False]
    assert find_payout(connection, "PR-0001-001").state is State.PAID and all_is_right(connection)


def test_a_refusal_brings_its_reason(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    take_report(connection, report_of(report("", ("PR-0001-001", "RJCT", "AC04"))), "frida", APRIL)

    last = find_payout(connection, "PR-0001-001").steps[-1]
    assert (last.state, last.detail) == (State.REJECTED, "AC04 account closed")


def test_a_report_about_somebody_elses_transfers_changes_nothing(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)

    with pytest.raises(NotKnown, match="PR-0001-009"):
        take_report(connection, report_of(report("ACSC", ("PR-0001-009", "ACSC", ""))), "frida", APRIL)
    with pytest.raises(NotKnown, match="PR-0007"):
        take_report(connection, report_of(report("ACSC", run="PR-0007")), "frida", APRIL)
    assert find_payout(connection, "PR-0001-001").state is State.BATCHED


@pytest.mark.parametrize(
    "text", [b"", b"<a/>", b"no XML", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', report(run=" ")]
)
def test_what_is_no_report_is_refused(text: bytes) -> None:
    with pytest.raises(BadReport):
        report_of(text)
