"""The operator's side navigation: the one list of what stands in it.

To add a page: one line here, a template `operator_NAME.html`, and `operator_page(request, NAME, …)` in its route.
"""

from __future__ import annotations

from dataclasses import dataclass

from billing.people.roles import Person, Role


@dataclass(frozen=True, slots=True)
class Place:
    """`counts`: which of billing.pages.operator_view.counts stands beside it, in a chip of that kind."""

    name: str
    path: str
    words: str
    counts: str = ""
    chip: str = ""
    roles: frozenset[Role] = frozenset({Role.ADMIN, Role.OPERATOR, Role.FINANCE})


PLACES = (
    Place("fleet", "/operator", "Fleet", "alarms", "bad"),
    Place("sessions", "/operator/sessions", "Sessions", "sessions"),
    Place("payments", "/operator/payments", "Payments"),
    Place("hosts", "/operator/hosts", "Hosts", "accounts", "warn"),
    Place("payouts", "/operator/payouts", "Payouts", roles=frozenset({Role.ADMIN, Role.FINANCE})),
    Place("unfinished", "/operator/unfinished", "Unfinished"),
    Place("decisions", "/operator/decisions", "To decide", "decisions", "warn"),
    Place("quarantine", "/operator/quarantine", "Quarantine"),
    Place("ledger", "/operator/ledger", "Ledger"),
    Place("tariffs", "/operator/tariffs", "Tariffs"),
    Place("people", "/operator/people", "People", roles=frozenset({Role.ADMIN})),
    Place("audit", "/operator/audit", "Audit log", roles=frozenset({Role.ADMIN})),
)
BELONGS_TO = {
    "session": "sessions",
    "kiosk": "fleet",
    "payment": "payments",
    "refund": "payments",
    "decision": "decisions",
    "ledger_order": "ledger",
    "tariff": "tariffs",
    "tariff_draft": "tariffs",
    "tariff_publish": "tariffs",
    "host": "hosts",
    "agree": "hosts",
    "run": "payouts",
    "payout_step": "payouts",
}  # a page of one thing → the place it is found under


def places_for(person: Person) -> list[Place]:
    return [place for place in PLACES if person.role in place.roles]
