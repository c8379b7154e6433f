"""A decision in words, the same for the audit log, the session's page and the story of its money."""

from __future__ import annotations

from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from contract.currency import from_minor

CHOICES = {
    Choice.PROVED: "Bill what is proved",
    Choice.RECORDED: "Bill the record as it came",
    Choice.NOTHING: "Bill nothing",
    Choice.KEEP: "Keep what was decided",
    Choice.WAIT: "Wait some days",
}


def deed_of(decision: Decision) -> str:
    """What who asked for it did: "decided: bill nothing, 0.00 EUR: the meter was wet"."""
    verb = "decided" if decision.is_granted and not decision.needs_second else "asked for"
    amount = ""
    if decision.amount_minor is not None and decision.currency is not None:
        amount = f", {from_minor(decision.amount_minor, decision.currency):f} {decision.currency}"
    elif decision.until is not None:
        amount = f", until {decision.until:%Y-%m-%d}"
    return f"{verb}: {CHOICES[decision.choice].lower()}{amount}: {decision.why}"


def story_of(decision: Decision) -> str:
    """Who decided what and why, and what a second person made of it."""
    told = f"{decision.asked_by} {deed_of(decision)}"
    if decision.is_granted is None:
        return f"{told} (waits for a second person)"
    if decision.needs_second or not decision.is_granted:
        return f"{told} ({decision.decided_by} {'agreed' if decision.is_granted else 'refused'})"
    return told
