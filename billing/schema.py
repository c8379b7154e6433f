"""Every table of the server in one MetaData: whoever creates or compares a database asks here."""

from __future__ import annotations

from billing.checkout.tables import bills, checkouts, hold_rules, refunds
from billing.decisions.tables import decisions
from billing.drivers.tables import drivers, mail_links
from billing.hosts.tables import HOSTS_APPEND_ONLY, hosts
from billing.ledger.tables import APPEND_ONLY
from billing.mail.tables import mails
from billing.ocpi.tables import ocpi_locations
from billing.payments.tables import payment_steps, payments
from billing.payouts.tables import PAYOUTS_APPEND_ONLY
from billing.people.tables import audit_log, people
from billing.settlement.tables import agreements, sales
from billing.tables import metadata
from billing.tariffs.tables import tariff_drafts

_OTHERS = (
    *HOSTS_APPEND_ONLY,
    *PAYOUTS_APPEND_ONLY,
    hosts,
    payments,
    payment_steps,
    agreements,
    sales,
    people,
    audit_log,
    drivers,
    mail_links,
    mails,
    checkouts,
    bills,
    refunds,
    hold_rules,
    decisions,
    tariff_drafts,
    ocpi_locations,
)
assert all(table.metadata is metadata for table in (*APPEND_ONLY, *_OTHERS))

__all__ = ["metadata"]
