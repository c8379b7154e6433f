"""Everybody's part of a sale: to the minor unit, with and without host, partners, energy and price."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.checkout.parts import capture_parts
from billing.ledger.chart import Account, Kind
from billing.ledger.draft import Draft
from billing.settlement.agreement import Agreement
from billing.settlement.allocation import Bearer, HostTerms, PartnerTerms, Sale, allocate
from billing.settlement.entries import Parties, capture_entry, sale_entry
from billing.settlement.sales import Sold

ROSA = HostTerms("rosa", "EUR", per_use_minor=50, per_kwh=Decimal("2.5"), per_hour=Decimal(30))
SALE = Sale(1_190, {"19": 190}, energy_wh=10_000, connected_ms=3_600_000, electricity_cost_minor=300)

sales = st.builds(
    Sale,
    gross_minor=st.integers(2_000, 10**6),
    vat_minor=st.fixed_dictionaries({"19": st.integers(0, 1_000), "7": st.integers(0, 1_000)}),
    energy_wh=st.integers(0, 10**6),
    connected_ms=st.integers(0, 10**9),
    electricity_cost_minor=st.integers(0, 10**5),
    is_own_use=st.booleans(),
)
hosts = st.none() | st.builds(
    HostTerms,
    st.just("rosa"),
    st.just("EUR"),
    st.integers(0, 500),
    st.decimals(0, 30, places=3),
    st.decimals(0, 500, places=2),
    paid_by=st.sampled_from(Bearer),
)
partners = st.none() | st.builds(PartnerTerms, st.just("cpo"), st.integers(0, 500), st.integers(0, 1000))


def test_the_host_has_the_electricity_and_the_fee_and_the_operator_the_rest() -> None:
    found = allocate(SALE, ROSA)

    assert (found.host.electricity_minor, found.host.per_use_minor) == (300, 50)
    assert (found.host.per_kwh_minor, found.host.per_hour_minor) == (25, 30)
    assert found.operator_minor == 1_190 - 190 - 405


def test_a_use_without_energy_and_a_host_at_home_are_paid_nothing() -> None:
    nothing = Sale(100, {}, energy_wh=0, connected_ms=60_000, electricity_cost_minor=0)
    at_home = Sale(0, {}, 5_000, 60_000, 150, is_own_use=True)

    assert allocate(nothing, ROSA).host.total_minor == allocate(at_home, ROSA).host.total_minor == 0


def test_a_free_charge_costs_the_operator_what_the_host_gets() -> None:
    free = Sale(0, {}, energy_wh=10_000, connected_ms=3_600_000, electricity_cost_minor=300)

    assert allocate(free, ROSA).operator_minor == -405


def test_an_interrupted_use_pays_once_what_is_agreed_per_use() -> None:
    shares = PartnerTerms("cpo", operator_fixed_minor=30, operator_permille=100)
    first, second = (Sale(500, {}, 4_000, 600_000, 100, is_continued=later) for later in (False, True))

    parts = [allocate(part, ROSA, shares) for part in (first, second)]

    assert [part.host.per_use_minor for part in parts] == [50, 0]
    assert [part.operator_minor + part.host.total_minor for part in parts] == [80, 50]


def test_with_partners_the_host_is_paid_out_of_exactly_one_share() -> None:
    shares = PartnerTerms("cpo", operator_fixed_minor=20, operator_permille=100)
    by_provider = HostTerms("rosa", "EUR", 50, Decimal("2.5"), Decimal(30), paid_by=Bearer.PROVIDER)
    plain, ours, theirs = (
        allocate(SALE, None, shares),
        allocate(SALE, ROSA, shares),
        allocate(SALE, by_provider, shares),
    )

    assert (plain.operator_minor, plain.provider_minor) == (120, 880)
    assert (ours.operator_minor, ours.provider_minor) == (120 - 405, 880)
    assert (theirs.operator_minor, theirs.provider_minor) == (120, 880 - 405)


@given(sales, hosts, partners)
def test_the_parts_are_the_whole(sale: Sale, host: HostTerms | None, shares: PartnerTerms | None) -> None:
    found = allocate(sale, host, shares)

    assert found.gross_minor == sale.gross_minor
    assert found.provider_minor == 0 or shares is not None


@given(sales, hosts, partners, st.integers(1, 10**6), st.integers(0, 50))
def test_sold_and_paid_leaves_the_payer_with_what_was_not_paid(
    sale: Sale, host: HostTerms | None, shares: PartnerTerms | None, taken: int, fee: int
) -> None:
    found = allocate(sale, host, shares)
    parties = Parties("o", "anna", "EUR", host and host.host_id, shares and shares.provider_id)
    taken = min(taken, sale.gross_minor)
    parts = capture_parts(taken, [Sold(parties, sale, Agreement(), found)])
    drafts = [sale_entry("C1", parties, found), capture_entry("p", parties, "social", taken, parts, fee)]

    owed = sum(_on(draft, parties.owing) for draft in drafts if draft is not None)
    assert owed == sale.gross_minor - taken
    assert sum(parts.values()) == taken and min(parts.values()) >= 0
    assert sum(_on(d, Account(Kind.PAYMENT_COST, "social", "EUR")) for d in drafts if d) == fee


def _on(draft: Draft, account: Account) -> int:
    return sum(leg.amount for leg in draft.legs if leg.account == account)
