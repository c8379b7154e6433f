"""`kiosk-sim worlds`: many seeds, on every core, one line of JSON; a failing seed tells its story.

Exit status: 0 no harm and enough activity, 1 harm or too little activity, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from worlds.faults.kinds import DEFAULT, chosen

HARMS = (
    "unbilled_wh", "overbilled_wh", "lost", "doubled", "unsafe", "stuck",
    "unbalanced", "paid_not_supplied", "charged_twice",
)  # fmt: skip
STORY_LINES = 80  # of each failing seed, on standard error
STORIES = 3
# What a day of a seed must at least have seen, so that "no harm" means something; per 100 seeds and 24 hours.
LEAST_PER_100 = {"sessions": 1_000.0, "kwh": 5_000.0, "power_cuts": 300.0, "offline_h": 500.0}
LEAST_KWH_OF_TROUBLE = 3_000.0  # where other faults than the quiet street's are asked for: most of them end a charge
LEAST_FAULTS_PER_100 = 50.0  # of each kind that was asked for; per 100 seeds and 48 hours


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed, judged."""

    seed: int
    harm: dict[str, int]
    sessions: int
    kwh: float
    power_cuts: int
    offline_h: float
    refusals: int
    paid_orders: int
    faults: dict[str, int]
    forgiven_wh: dict[str, int]
    story: tuple[str, ...] = field(repr=False)

    @property
    def is_harmed(self) -> bool:
        return any(self.harm.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", default="1-20", help="a number, or a range such as 1-300")
    parser.add_argument("--hours", type=float, default=24.0, help="of trouble per seed, in virtual time")
    parser.add_argument("--json", action="store_true", help="exactly one JSON object on standard output")
    parser.add_argument("--story", action="store_true", help="tell the whole story of every seed")
    parser.add_argument("--first-harm", action="store_true", help="stop at the first seed with harm")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument(
        "--faults",
        default="default",
        metavar="all|none|KIND[,KIND…]",
        help=f"what goes wrong; without it {', '.join(sorted(DEFAULT))}",
    )
    parser.add_argument(
        "--without",
        choices=("freshness", "release-first", "idempotency-key", "release"),
        help="take one rule away, to see that the worlds find it",
    )


def run(args: argparse.Namespace) -> int:
    try:
        seeds = parse_seeds(args.seeds)
    except ValueError as error:
        print(f"kiosk-sim worlds: --seeds {args.seeds}: {error}", file=sys.stderr)
        return 2
    try:
        faults = chosen(args.faults)
    except ValueError as error:
        print(f"kiosk-sim worlds: --faults: {error}", file=sys.stderr)
        return 2
    if not 0 < args.hours <= 24 * 366:
        print(f"kiosk-sim worlds: --hours {args.hours}: want more than 0 and at most a year", file=sys.stderr)
        return 2
    began_s = time.monotonic()
    outcomes = []
    for outcome in _judge_all(seeds, args.hours, faults, args.without, args.jobs):
        outcomes.append(outcome)
        if args.first_harm and outcome.is_harmed:
            break
    took_s = time.monotonic() - began_s
    report = summary(outcomes, args.hours, took_s)
    failing = [outcome for outcome in outcomes if outcome.is_harmed]
    for outcome in outcomes if args.story else failing[:STORIES]:
        lines = outcome.story if args.story else outcome.story[-STORY_LINES:]
        print(f"\nseed {outcome.seed}: {outcome.harm}", *lines, sep="\n", file=sys.stderr)
    if failing:
        numbers = ", ".join(str(outcome.seed) for outcome in failing[:20])
        print(f"\n{len(failing)} seeds with harm: {numbers}; replay one: {_replay(args)}", file=sys.stderr)
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))
    lacking = too_little(report, args.hours, faults)
    if lacking:
        print(f"too little activity: {lacking}", file=sys.stderr)
    return 1 if failing or lacking else 0


def _replay(args: argparse.Namespace) -> str:
    faults = "" if args.faults == "default" else f" --faults {args.faults}"
    return f"--seeds N --hours {args.hours:g}{faults} --story"


def parse_seeds(text: str) -> range:
    """`7` or `1-300`. Raises ValueError."""
    first, dash, last = text.partition("-")
    low, high = int(first), int(last if dash else first)
    if not 0 <= low <= high or high - low >= 100_000:
        raise ValueError("want a rising range of at most 100000 seeds")
    return range(low, high + 1)


def summary(outcomes: list[Outcome], hours: float, took_s: float) -> dict[str, object]:
    """The one report; `kiosk_hours_per_s` counts the trouble only, not the calm after it."""
    harm: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    forgiven_wh: Counter[str] = Counter()
    for outcome in outcomes:
        forgiven_wh.update(outcome.forgiven_wh)
        harm.update(outcome.harm)
        faults.update(outcome.faults)
    return {
        "seeds": len(outcomes),
        "harm": {name: harm[name] for name in HARMS},
        "activity": {
            "sessions": sum(o.sessions for o in outcomes),
            "kwh": round(sum(o.kwh for o in outcomes), 1),
            "power_cuts": sum(o.power_cuts for o in outcomes),
            "offline_h": round(sum(o.offline_h for o in outcomes), 1),
            "refusals": sum(o.refusals for o in outcomes),
            "paid_orders": sum(o.paid_orders for o in outcomes),
            "faults": dict(sorted(faults.items())),
            "forgiven_wh": dict(sorted(forgiven_wh.items())),
        },
        "kiosk_hours_per_s": round(len(outcomes) * hours / took_s, 1),
    }


def too_little(report: dict[str, object], hours: float, faults: frozenset[str] = DEFAULT) -> str:
    """What a large enough run did not see often enough, or "". Small runs are not held to it."""
    seeds, activity = report["seeds"], report["activity"]
    assert isinstance(seeds, int) and isinstance(activity, dict)
    if seeds < 50 or hours < 24:
        return ""
    share = seeds / 100 * hours / 24
    least = LEAST_PER_100 if faults <= DEFAULT else LEAST_PER_100 | {"kwh": LEAST_KWH_OF_TROUBLE}
    least = {k: n * share for k, n in least.items() if k != "power_cuts" or "power_cut" in faults}
    if "network_loss" not in faults:
        del least["offline_h"]
    seen = {name: activity[name] for name in least}
    if faults != DEFAULT:
        least |= dict.fromkeys(sorted(faults), LEAST_FAULTS_PER_100 * share / 2)
        seen |= {name: activity["faults"].get(name, 0) for name in faults}
    return ", ".join(f"{name} {seen[name]} < {n:.0f}" for name, n in least.items() if seen[name] < n)


def _judge_all(
    seeds: Iterable[int], hours: float, faults: frozenset[str], without: str | None, jobs: int
) -> Iterable[Outcome]:
    work = [(seed, hours, faults) for seed in seeds]
    if jobs <= 1 or len(work) == 1:
        _prepare(without)
        yield from map(_judge, work)
        return
    _prepare(without)
    # Forked before any thread was started: what is loaded is loaded once, and never looked through for garbage again.
    with multiprocessing.get_context("fork").Pool(min(jobs, len(work))) as pool:
        yield from pool.imap(_judge, work)


def _prepare(without: str | None) -> None:
    """Load everything a world needs, and take a rule away."""
    import gc
    import logging

    import worlds.checker
    import worlds.world  # noqa: F401

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # a world makes many small values and hardly a cycle
    logging.disable(logging.CRITICAL)
    if without is not None:
        from worlds.without import remove

        remove(without)


def _judge(work: tuple[int, float, frozenset[str]]) -> Outcome:
    import gc

    outcome = _judged(work)
    gc.collect()  # a world that has ended is one large knot
    return outcome


def _judged(work: tuple[int, float, frozenset[str]]) -> Outcome:
    from worlds.checker import check
    from worlds.world import World

    seed, hours, faults = work
    world = World(seed, hours, faults=faults)
    before_wh = sum(outlet.meter.import_wh for outlet in world.outlets.values())
    try:
        world.run()
        harm = asdict(check(world))
    except Exception as error:  # noqa: BLE001 - a crash of one seed is that seed's finding, told with its story
        import traceback

        world.tell("CRASHED: " + "".join(traceback.format_exception(error)))
        harm = {"stuck": 1}
    activity = world.activity
    kwh = (sum(outlet.meter.import_wh for outlet in world.outlets.values()) - before_wh) / 1000
    return Outcome(
        seed,
        harm,
        activity.sessions,
        kwh,
        activity.power_cuts,
        activity.offline_s / 3600,
        activity.refusals,
        activity.paid_orders,
        dict(activity.faults),
        dict(activity.forgiven_wh),
        tuple(world.story),
    )
