"""While energy flows: the charge itself, its limit, and the question before it stops."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from contract.currency import from_minor
from contract.tariff import Dimension
from contract.transaction import ChargingState
from kiosk.session.snapshot import EvseView, Limit, LimitKind, TransactionView
from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.navigation import (
    MOST_STEPS,
    least_steps,
    limit_value,
    meter_is_stale,
    used_so_far,
)
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame
from kiosk.ui.views.home import free_elsewhere
from kiosk.ui.views.prices import parking_words, unit_price


@dataclass(frozen=True, slots=True)
class Chip:
    text: str
    symbol: str
    tint: str


@dataclass(frozen=True, slots=True)
class CurveWords:
    points: tuple[tuple[float, float], ...]
    x_max: float
    y_max: float
    y_labels: tuple[tuple[float, str], ...]
    x_labels: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class ChargingView:
    """`is_stale`: the numbers are the last ones known, and shown as such."""

    frame: Frame
    is_stale: bool
    cost_words: str
    cost: str
    sum: str
    time_words: str
    time: str
    energy_words: str
    energy: str
    goal_words: str | None
    goal_share: float
    car: Chip
    power_words: str
    power: str
    live: Chip
    curve: CurveWords
    note: Chip
    limit: str
    limit_sub: str
    limit_act: Act
    stop: str
    stop_act: Act
    others: str | None


@dataclass(frozen=True, slots=True)
class LimitKindWords:
    name: str
    symbol: str
    act: Act
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class LimitView:
    frame: Frame
    kinds: tuple[LimitKindWords, ...]
    ask: str
    value: str
    about: str
    used: str
    used_share: float
    can_less: bool
    can_more: bool
    back: str
    remove: str | None
    remove_act: Act
    set: str
    set_act: Act


def charging_view(seen: Seen, evse: EvseView, transaction: TransactionView) -> ChargingView:
    say, formats, bill = seen.say, seen.formats, transaction.bill
    meter_stale = meter_is_stale(transaction)
    is_stale = meter_stale or seen.is_silent
    limit = transaction.limit
    other = free_elsewhere(seen, evse.evse_id)
    return ChargingView(
        frame=frame(seen, "bolt", say(_title(transaction)), _where(seen, evse, transaction)),
        is_stale=is_stale,
        cost_words=say("charging.cost"),
        cost=formats.money(bill.total_minor, bill.currency),
        sum=sum_words(seen, transaction),
        time_words=say("charging.time"),
        time=formats.duration(transaction.elapsed_s),
        energy_words=say("charging.energy"),
        energy=formats.energy(transaction.energy_wh),
        goal_words=say("charging.goal", limit=limit_words(seen, limit, bill.currency)) if limit else None,
        goal_share=round(used_so_far(limit.kind, transaction) / limit.value, 3) if limit else 0.0,
        car=Chip(seen.say("charging.unknown"), "clock", "ink2") if seen.is_silent else _car(seen, transaction),
        power_words=say("charging.power"),
        power=f"–{formats.power(0)[-3:]}" if is_stale else formats.power(transaction.power_w or 0),
        live=_live(seen, transaction, is_stale),
        curve=curve_words(seen, evse, transaction),
        note=_note(seen, evse, transaction, meter_stale),
        limit=limit_words(seen, limit, bill.currency) if limit else say("charging.set_limit"),
        limit_sub=say("charging.change_limit") if limit else say("charging.no_limit"),
        limit_act=acts.Open(Page.LIMIT),
        stop=say("charging.stop"),
        stop_act=acts.Open(Page.STOP),
        others=_others(seen, other) if len(seen.snapshot.evses) > 1 else None,
    )


def _where(seen: Seen, evse: EvseView, transaction: TransactionView) -> str:
    where = connector_words(seen, evse)
    return f"{where} · {seen.say('connector.by_phone')}" if transaction.is_by_phone else where


def _title(transaction: TransactionView) -> str:
    if transaction.charging_state is ChargingState.CHARGING:
        return "charging.title"
    return "charging.title_paused"


def _car(seen: Seen, transaction: TransactionView) -> Chip:
    match transaction.charging_state:
        case ChargingState.SUSPENDED_EV:
            return Chip(seen.say("charging.suspended_ev"), "car", "warn")
        case ChargingState.SUSPENDED_EVSE:
            return Chip(seen.say("charging.suspended_evse"), "clock", "warn")
        case ChargingState.CHARGING:
            return Chip(seen.say("charging.flows"), "bolt", "charge")
        case _:
            return Chip(seen.say("charging.starting"), "clock", "ink2")


def _live(seen: Seen, transaction: TransactionView, is_stale: bool) -> Chip:
    if not is_stale:
        return Chip(seen.say("charging.live"), "check", "charge")
    if transaction.last_value_at is None:
        return Chip(seen.say("charging.no_value"), "warn", "warn")
    time = seen.formats.clock_s(transaction.last_value_at)
    return Chip(seen.say("charging.last_value", time=time), "warn", "warn")


def _note(seen: Seen, evse: EvseView, transaction: TransactionView, meter_stale: bool) -> Chip:
    if seen.is_silent:
        return Chip(seen.say("charging.note_silent"), "warn", "warn")
    if meter_stale:
        return Chip(seen.say("charging.note_meter"), "warn", "warn")
    if not transaction.is_on_disk:
        return Chip(seen.say("charging.note_disk"), "warn", "warn")
    if transaction.nears_its_end:
        return Chip(seen.say("charging.note_near"), "clock", "ink2")
    if (words := _cap_words(seen, transaction)) is not None:
        return Chip(words, "warn", "warn")
    if any(cause.startswith("heat:") for cause in evse.why):
        return Chip(seen.say("charging.note_hot"), "warn", "warn")
    if transaction.is_continued:
        return Chip(seen.say("charging.note_continued"), "check", "ink2")
    if (words := site_words(seen, evse)) is not None:
        return Chip(words, "bolt", "ink2")
    if transaction.is_offline:
        return Chip(seen.say("charging.note_offline"), "offline", "ink2")
    return Chip(parking_words(seen, transaction.offer), "clock", "ink2")


def _cap_words(seen: Seen, transaction: TransactionView) -> str | None:
    """Where it will stop by itself, once that is in sight; what a voucher keeps for parking is said with it."""
    cap_minor, money = transaction.cap_minor, transaction.bill.currency
    if cap_minor is None:
        return None
    stops_minor = cap_minor if transaction.charge_cap_minor is None else transaction.charge_cap_minor
    if transaction.bill.total_minor * 10 < stops_minor * 8:
        return None
    cap = seen.formats.money(stops_minor, money)
    if stops_minor == cap_minor:
        return seen.say("charging.note_cap", cap=cap)
    return seen.say("charging.note_cap_parking", cap=cap, rest=seen.formats.money(cap_minor - stops_minor, money))


def site_words(seen: Seen, evse: EvseView) -> str | None:
    """What the site's limit means for this driver; None where it does not bind."""
    if not any(cause.startswith("site_limit:") for cause in evse.why):
        return None
    numbers = ", ".join(str(number) for number in evse.shares_with)
    if not numbers:
        return seen.say("charging.note_less")
    return seen.say("charging.note_shares" if evse.offered_a else "charging.note_turn", numbers=numbers)


def _others(seen: Seen, other: EvseView | None) -> str:
    return seen.say("charging.other_free", number=other.evse_id) if other else seen.say("charging.others")


def sum_words(seen: Seen, transaction: TransactionView) -> str:
    """41.95 kWh × € 0.59, with what else stands on the bill."""
    bill = transaction.bill
    parts = []
    energy = [line for line in bill.lines if line.dimension == Dimension.ENERGY.value]
    rest_minor = sum(line.amount_minor for line in bill.lines if line.dimension != Dimension.ENERGY.value)
    if energy:
        quantity = seen.formats.quantity_kwh(sum((Decimal(line.quantity) for line in energy), Decimal(0)))
        if len(energy) == 1:
            parts.append(f"{quantity} × {unit_price(seen, Decimal(energy[0].unit_price_gross), bill.currency)}")
        else:  # at several prices: the receipt has a line for each
            amount_minor = sum(line.amount_minor for line in energy)
            parts.append(f"{quantity}: {seen.formats.money(amount_minor, bill.currency)}")
    if rest_minor or not parts:
        parts.append(seen.formats.money(rest_minor, bill.currency))
    return " + ".join(parts)


def limit_words(seen: Seen, limit: Limit, currency: str) -> str:
    match limit.kind:
        case LimitKind.ENERGY:
            amount = seen.formats.number(Decimal(limit.value) / 1000, 0, 1)
            return seen.say("limit.of_energy", amount=amount)
        case LimitKind.MONEY:
            return seen.formats.money(limit.value, currency)
        case LimitKind.TIME:
            hours, minutes = divmod(limit.value // 60, 60)
            if hours == 0:
                return seen.say("limit.of_minutes", minutes=minutes)
            return seen.say("limit.of_hours", hours=hours, minutes=f"{minutes:02d}")


def curve_words(seen: Seen, evse: EvseView, transaction: TransactionView) -> CurveWords:
    """Axes that suit the points: the time so far and a sixth more, power to the next round number."""
    points = tuple((float(point.elapsed_s), float(point.power_w)) for point in transaction.curve)
    last_s = max([float(transaction.elapsed_s), *(t for t, _ in points)])
    x_max = max(300.0, last_s * 1.17)
    top_w = max([evse.max_power_w * 0.25, 1000.0, *(w for _, w in points)])
    step_w = next(
        step for step in (500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 1_000_000) if top_w / step <= 4
    )
    count = int(top_w // step_w)
    y_max = max(top_w * 1.1, count * step_w * 1.1)
    y_labels = tuple(
        (float(k * step_w), seen.formats.number(Decimal(k * step_w) / 1000, 0, 1)) for k in range(count + 1)
    )
    formats = seen.formats
    x_labels: list[tuple[float, str]] = [(0.0, formats.clock(transaction.started_at))]
    if last_s >= x_max * 0.25:
        x_labels.append((last_s, formats.clock(seen.snapshot.at)))
    return CurveWords(points, x_max, y_max, y_labels, tuple(x_labels))


_KIND_SYMBOLS = {LimitKind.ENERGY: "bolt", LimitKind.MONEY: "coins", LimitKind.TIME: "clock"}


def limit_view(seen: Seen, evse: EvseView, transaction: TransactionView) -> LimitView:
    say, nav, currency = seen.say, seen.nav, transaction.bill.currency
    kind = nav.limit_kind
    limit = Limit(kind, limit_value(kind, nav.limit_steps, currency))
    kinds = tuple(
        LimitKindWords(say(f"limit.{each.value}"), _KIND_SYMBOLS[each], acts.PickLimit(each), each is kind)
        for each in LimitKind
    )
    used = {
        LimitKind.ENERGY: seen.formats.energy(transaction.energy_wh),
        LimitKind.MONEY: seen.formats.money(transaction.bill.total_minor, currency),
        LimitKind.TIME: seen.formats.duration(transaction.elapsed_s),
    }[kind]
    least = least_steps(kind, transaction)
    return LimitView(
        frame(seen, "bolt", say("limit.title"), connector_words(seen, evse)),
        kinds,
        say("limit.ask"),
        limit_words(seen, limit, currency),
        _about(seen, limit, transaction),
        say("limit.used", used=used),
        round(used_so_far(kind, transaction) / limit.value, 3),
        nav.limit_steps > least,
        nav.limit_steps < MOST_STEPS,
        say("limit.back"),
        say("limit.remove") if transaction.limit else None,
        acts.SetLimit(evse.evse_id, True),
        say("limit.set"),
        acts.SetLimit(evse.evse_id),
    )


def _about(seen: Seen, limit: Limit, transaction: TransactionView) -> str:
    """What the limit comes to in the other unit, where the tariff makes that plain."""
    component = transaction.offer.tariff.component(Dimension.ENERGY)
    currency = transaction.bill.currency
    if component is None or component.price == 0 or limit.kind is LimitKind.TIME:
        return seen.say("limit.then_stops")
    if limit.kind is LimitKind.ENERGY:
        cost = component.gross * limit.value / 1000
        return seen.say("limit.about", amount=seen.formats.unit_price(round(cost, 2), currency))
    energy = from_minor(limit.value, currency) / component.gross
    return seen.say("limit.about", amount=seen.formats.number(energy, 1) + "\u00a0kWh")
