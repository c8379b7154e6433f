"""The bank's answer to our file: ISO 20022 pain.002, customer payment status report, whatever its version.

Law: only what is final moves money. Settled (ACSC, ACCC) is paid, RJCT is rejected; accepted, pending and whatever else
a bank says on the way says nothing yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree

from billing.payouts.states import State

FINAL = {"ACSC": State.PAID, "ACCC": State.PAID, "RJCT": State.REJECTED}
LARGEST = 5_000_000


class BadReport(ValueError):
    """The file is no pain.002, or does not say whom it answers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """`run` is our message id; `said` by end-to-end id; `all_said` holds for whatever is not named."""

    run: str
    said: dict[str, Verdict] = field(default_factory=dict)
    all_said: Verdict | None = None


def report_of(text: bytes) -> Report:
    """Raises BadReport."""
    if len(text) > LARGEST or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise BadReport(f"want a report of at most {LARGEST} bytes that declares no types of its own")
    try:
        document = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadReport(f"not XML: {error}") from error
    report = document.find("{*}CstmrPmtStsRpt")
    run = "" if report is None else report.findtext("{*}OrgnlGrpInfAndSts/{*}OrgnlMsgId", "").strip()
    if report is None or not run:
        raise BadReport("no pain.002: CstmrPmtStsRpt with OrgnlMsgId is missing")
    group = report.find("{*}OrgnlGrpInfAndSts")
    all_said = None if group is None else _verdict(group, "GrpSts")
    for part in report.findall("{*}OrgnlPmtInfAndSts"):
        all_said = _verdict(part, "PmtInfSts") or all_said
    said = {}
    for one in report.findall(".//{*}TxInfAndSts"):
        verdict, name = _verdict(one, "TxSts"), one.findtext("{*}OrgnlEndToEndId", "").strip()
        if verdict is not None and name:
            said[name] = verdict
    return Report(run, said, all_said)


def _verdict(part: ElementTree.Element, name: str) -> Verdict | None:
    state = FINAL.get(part.findtext(f"{{*}}{name}", "").strip())
    if state is None:
        return None
    code = part.findtext("{*}StsRsnInf/{*}Rsn/{*}Cd", "").strip()
    more = " ".join(found.text or "" for found in part.findall("{*}StsRsnInf/{*}AddtlInf")).strip()
    return Verdict(state, "" if state is State.PAID else " ".join(word for word in (code, more) if word)[:200])
