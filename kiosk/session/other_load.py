"""What everything else behind the site's connection draws, from the site's meter and the EVSEs' own. Pure.

The meters are not read at the same moment, so the answer is two bounds per phase:
- `least`: certain. The site's newest reading minus all that the EVSEs may be drawing, or minus what their meters showed
  around it. More than the limit leaves is lowered at once.
- `most`: the highest of the last WINDOW_S seconds. Only what it leaves is handed out, so noise raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from contract.metering import MeterReading
from contract.values import replace, value
from kiosk.session.shares import NOTHING, PHASES, PerPhase

WINDOW_S = 20.0
PATIENCE_S = 4.0  # for the EVSEs' readings after one of the site; then what they may draw counts instead
NEWS_MA = 200
KEPT = 40  # estimates, and
KEPT_READINGS = 8  # readings of one EVSE: at one a second enough to bracket one of the site

Drawn = tuple[float, PerPhase]  # asked at (monotonic seconds), mA per phase of the site


@value
class Bounds:
    """mA per phase of the site."""

    least: PerPhase
    most: PerPhase


@value
class OtherLoad:
    """What was seen lately."""

    newest: MeterReading | None = None
    pending: MeterReading | None = None  # waits for the EVSEs' readings after it
    compared: PerPhase | None = None  # mA of the site, when last compared with the EVSEs
    settled: tuple[tuple[float, Bounds], ...] = ()
    drawn: tuple[tuple[int, tuple[Drawn, ...]], ...] = ()


def looked(
    load: OtherLoad, site: MeterReading, drawn: Mapping[int, Drawn], claims: Mapping[int, PerPhase], now_s: float
) -> OtherLoad:
    """With the newest readings. `claims`: what each EVSE may be drawing at most, mA per phase."""
    former = dict(load.drawn)
    windows = {evse_id: _with(former.get(evse_id, ()), newest) for evse_id, newest in drawn.items()}
    pending = load.pending
    if load.newest is None or site.at_s > load.newest.at_s:
        pending = pending or site
    load = replace(load, newest=site, pending=pending, drawn=tuple(windows.items()))
    if pending is None:
        return load
    is_bracketed = all(window[-1][0] >= pending.at_s for window in windows.values())
    if not is_bracketed and now_s < pending.at_s + PATIENCE_S:
        return load
    least, most = list(currents_ma(pending)), list(currents_ma(pending))
    for evse_id, claim in claims.items():
        low, high = _around(windows.get(evse_id, ()), pending.at_s, claim)
        if high != NOTHING:
            least = [max(0, least[phase] - high[phase]) for phase in range(PHASES)]
            most = [max(0, most[phase] - low[phase]) for phase in range(PHASES)]
    bounds = Bounds((least[0], least[1], least[2]), (most[0], most[1], most[2]))
    kept = [old for old in load.settled if old[0] >= now_s - WINDOW_S][-KEPT:]
    # The reading that came in the meantime is next; where none did, the EVSEs go on being compared with the next one.
    settled = (*kept, (pending.at_s, bounds))
    later = site if site.at_s > pending.at_s else None
    return replace(load, pending=later, compared=currents_ma(pending), settled=settled)


def bounds(load: OtherLoad, claims: Mapping[int, PerPhase], now_s: float) -> Bounds | None:
    """None before the first comparison."""
    if load.newest is None or not load.settled:
        return None
    certain = list(currents_ma(load.newest))
    for claim in claims.values():
        if claim != NOTHING:
            certain = [max(0, certain[phase] - claim[phase]) for phase in range(PHASES)]
    last = load.settled[-1][1]
    least = [max(certain[phase], last.least[phase]) for phase in range(PHASES)]
    recent = [b.most for at_s, b in load.settled if at_s >= now_s - WINDOW_S] or [last.most]
    most = [max(phase) for phase in zip(least, *recent, strict=True)]
    return Bounds((least[0], least[1], least[2]), (most[0], most[1], most[2]))


def is_news(load: OtherLoad) -> bool:
    """A reading waits for its comparison, and it shows something else than the one compared last."""
    if load.pending is None or load.compared is None:
        return load.pending is not None
    return any(abs(a - b) > NEWS_MA for a, b in zip(currents_ma(load.pending), load.compared, strict=True))


def currents_ma(reading: MeterReading) -> PerPhase:
    """Per phase of the site; a single-phase meter is on the first."""
    found = [*reading.current_ma[:PHASES], 0, 0, 0]
    return abs(found[0]), abs(found[1]), abs(found[2])


def _with(window: tuple[Drawn, ...], newest: Drawn) -> tuple[Drawn, ...]:
    return window if window and newest[0] <= window[-1][0] else (*window, newest)[-KEPT_READINGS:]


def _around(window: tuple[Drawn, ...], at_s: float, claim: PerPhase) -> tuple[PerPhase, PerPhase]:
    """The least and the most an EVSE drew when the site was read."""
    before = [drawn for asked_s, drawn in window if asked_s <= at_s][-1:]
    after = [drawn for asked_s, drawn in window if asked_s >= at_s][:1]
    if not before or not after:
        return NOTHING, claim
    (a, b) = (before[0], after[0])
    return (min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2])), (max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2]))
