"""Is the report right? `python -m benchmarks.deflection [--months 1000]`.

Simulated months with known truth, judged and added up by the product's own code: how often the
bounds and the 95 % intervals hold the truth, how far the estimates are off on average, and what
others' formulas would have said of the same months. A few months also go through the database.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import repeat
from pathlib import Path
from statistics import fmean, quantiles, stdev

from benchmarks.readers import DAYS, SHARED, START, Life, month
from kb.analytics.daily_counts import by_day
from kb.analytics.episodes import episodes
from kb.analytics.jobs import close_episodes
from kb.analytics.model import EpisodeRow, JudgedEpisode, TicketIndex, TicketSeen
from kb.analytics.outcomes import Waits, judge
from kb.analytics.report import DateRange, Report, ReportFacts, make_report
from kb.analytics.service import report as stored_report
from kb.analytics.statistics.survey import Silence
from kb.config.settings import load
from kb.database import Database
from kb.tracking.events import Event, EventKind
from kb.tracking.store import put_all

NOW = START + timedelta(days=DAYS + 9)
SPAN = DateRange(date(2026, 3, 1), date(2026, 3, DAYS))
SPANS = Waits()
Interval = tuple[float, float]


@dataclass(frozen=True)
class Found:
    """One month: the truth and what was reported of it; None where there were too few data."""

    truth: float
    bounds: Interval
    estimate: float | None
    interval: Interval | None
    true_effect: float
    effect: float | None
    planned: Interval | None
    always: Interval | None
    rivals: dict[str, float]
    worst: (
        Interval | None
    )  # deflection if all who did not answer the survey had failed, or had succeeded


def rows(events: Iterable[Event]) -> list[EpisodeRow]:
    """Return the judged episodes as reports take them."""
    events = list(events)
    tickets = TicketIndex(
        TicketSeen(e.at, e.visitor, search_id=e.search_id or "")
        for e in events
        if e.kind is EventKind.TICKET_CREATED and e.visitor
    )
    return [
        _row(judge(one, tickets.candidates(one), NOW, spans=SPANS))
        for one in episodes(events, SPANS.gap)
    ]


def _row(judged: JudgedEpisode) -> EpisodeRow:
    one = judged.episode
    return EpisodeRow(one.id, judged.outcome, judged.ended, judged.closed, judged.unresolved,
                      judged.data, one.visitor, one.started_at, one.ended_at, 2)  # fmt: skip


def reported(life: Life) -> Report:
    """Return the report of a month, computed in memory by the rules for closing and reporting."""
    return make_report(ReportFacts(by_day(rows(life.events))), SPAN, k=5, now=NOW)


def through_database(life: Life) -> Report:
    """Return the report of a month, computed through the database."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'month.db'}")
        db.migrate()
        put_all(db, life.events)
        close_episodes(db, load({}), NOW)
        found = stored_report(db, SPAN, k=5, now=NOW)
        db.close()
    return found


def one_month(seed: int, failures_answer: float, shared: float) -> Found:
    """Return the truth of a month and what was reported."""
    life = Life(month(seed, failures_answer=failures_answer, shared=shared)).live()
    told = reported(life)
    d = told.deflection
    return Found(
        truth=life.truth.deflection,
        bounds=(told.deflection_lower.value or 0.0, told.deflection_upper.value or 0.0),
        estimate=d.estimate.value,
        interval=d.estimate.interval,
        true_effect=life.month.effect,
        effect=d.effect.value,
        planned=d.effect.interval,
        always=d.effect.always,
        worst=_worst(d.silence, d.worst.interval),
        rivals={r.name: r.value for r in d.rivals if r.unit == "share" and r.value is not None},
    )


def _worst(silence: Silence, worst: Interval | None) -> Interval | None:
    if worst is None:
        return None
    low, high = (silence.confirmed + silence.potential * share for share in worst)
    return low / silence.closed, high / silence.closed


def holds(interval: Interval, truth: float) -> bool:
    """Return whether the truth is inside the interval."""
    return interval[0] <= truth <= interval[1]


def tell(found: Sequence[Found]) -> None:
    """Print the figures of the months."""
    n = len(found)
    print(f"bounds hold the truth: {sum(holds(f.bounds, f.truth) for f in found)} of {n}")
    told = [(f.truth, f.estimate, f.interval) for f in found
            if f.estimate is not None and f.interval]  # fmt: skip
    kept = sum(holds(interval, truth) for truth, _, interval in told)
    print(f"estimate: 95 % interval holds the truth in {kept} of {len(told)} "
          f"({kept / len(told):.1%}); {n - len(told)} months had too few answers")  # fmt: skip
    _spread("estimate - truth", [value - truth for truth, value, _ in told])
    print(f"  width of the interval, median: {_median([i[1] - i[0] for _, _, i in told]):.3f}")
    spans = [(f.truth, f.worst) for f in found if f.worst]
    kept = sum(holds(span, truth) for truth, span in spans)
    print(f"span without any assumption on who does not answer: holds in {kept} of {len(spans)}")
    seen = [(f.true_effect, f.effect, f.planned, f.always) for f in found
            if f.effect is not None and f.planned and f.always]  # fmt: skip
    for name, place in (("one planned look (Newcombe)", 2), ("every look", 3)):
        kept = sum(holds(row[place], row[0]) for row in seen)  # type: ignore[arg-type]
        print(f"effect of suggestions, interval for {name}: holds in {kept} of {len(seen)} "
              f"({kept / len(seen):.1%})")  # fmt: skip
    print(f"  {n - len(seen)} months had too few people in an arm")
    _spread("effect - truth", [value - truth for truth, value, _, _ in seen])
    for name in found[0].rivals:
        _spread(f"{name} - truth", [f.rivals[name] - f.truth for f in found if name in f.rivals])


def _spread(name: str, errors: Sequence[float]) -> None:
    cuts = quantiles(errors, n=20)
    error = stdev(errors) / len(errors) ** 0.5
    print(f"  {name}: mean {fmean(errors):+.4f} (standard error {error:.4f}), "
          f"90 % of months {cuts[0]:+.3f} to {cuts[-1]:+.3f}")  # fmt: skip


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def compared(months: int) -> int:
    """Print whether months through the database give the same; return 1 when one does not."""
    lives = [Life(month(seed)).live() for seed in range(1, months + 1)]
    same = sum(through_database(life).deflection == reported(life).deflection for life in lives)
    print(f"through the database, the same figures: {same} of {months} months")
    return int(same != months)


def main() -> int:
    """Simulate and print the results; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--months", type=int, default=1000)
    parser.add_argument("--shared", type=float, default=SHARED)
    parser.add_argument("--through-database", type=int, default=5)
    given = parser.parse_args()
    failed = compared(given.through_database)
    with ProcessPoolExecutor() as pool:
        for title, likelier, months in (
            ("who failed answers the survey as often", 1.0, given.months),
            ("who failed answers the survey half as often", 0.5, given.months // 5),
        ):
            print(f"\n{months} months; {title}", flush=True)
            each = range(1, months + 1), repeat(likelier), repeat(given.shared)
            tell(list(pool.map(one_month, *each, chunksize=10)))
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
