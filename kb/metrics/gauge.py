"""The gauges that the site shows, by the naming rules of Prometheus.

Promises names in base units with the unit last, a time as seconds since 1970 and never as an age,
and nothing in place of a figure that there are too few data for. Pure. Knows no library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kb.analytics.figures import Estimate, Figure
from kb.analytics.report import Report

PREFIX = "tierzero_"
DAYS = 28  # whole weeks, so that no weekend comes or goes with the day of the scrape


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its labels."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One family: every sample has the same label names; none at all where nothing is known."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def single(name: str, help: str, value: float | None) -> Gauge:
    """Return a gauge without labels, empty where `value` is None."""
    samples = () if value is None else (Sample(float(value)),)
    return Gauge(PREFIX + name, help, samples)


def labelled(name: str, help: str, label: str, values: Mapping[str, float]) -> Gauge:
    """Return a gauge with one label."""
    samples = tuple(Sample(float(value), {label: key}) for key, value in values.items())
    return Gauge(PREFIX + name, help, samples)


def moment(name: str, help: str, at: datetime | None) -> Gauge:
    """Return a gauge that holds a time."""
    return single(f"{name}_timestamp_seconds", help, at.timestamp() if at else None)


def of_report(report: Report) -> tuple[Gauge, ...]:
    """Return the gauges of a report over DAYS days."""
    lower, upper = report.deflection_lower, report.deflection_upper
    estimate, failed = report.deflection.estimate, report.failed
    during = f"of the last {DAYS} days"
    return (
        single(
            "deflection_lower_ratio",
            f"Closed episodes {during} in which somebody said that it was solved, of all closed.",
            lower.value,
        ),
        single(
            "deflection_estimate_ratio",
            f"Closed episodes {during} that did without a ticket, as the survey says; absent when "
            "too few answered.",
            estimate.value,
        ),
        single(
            "deflection_upper_ratio",
            f"Closed episodes {during} that may have done without a ticket, of all closed.",
            upper.value,
        ),
        single("failed_searches_ratio", f"Failed searches {during}, of all.", failed.value),
        _intervals(lower, estimate, upper, failed),
        single("episodes", f"Episodes {during}.", report.episodes.numerator),
        single("closed_episodes", f"Episodes {during} whose outcome is final.", report.closed),
        single("searches", f"Searches {during}.", report.searches.numerator),
        labelled(
            "created_tickets",
            f"Tickets created {during}, by how they came to be.",
            "origin",
            {figure.name: figure.numerator for figure in report.tickets},
        ),
        single("definition_version", "Version of the definitions.", report.definition),
    )


def _intervals(*figures: Figure | Estimate) -> Gauge:
    names = {"deflection_estimate": "deflection_estimate", "failed_share": "failed_searches"}
    samples = (
        Sample(value, {"figure": names.get(figure.definition, figure.definition), "end": end})
        for figure in figures
        if figure.value is not None and figure.interval
        for end, value in zip(("low", "high"), figure.interval, strict=True)
    )
    told = "Ends of the 95 % interval of the ratio of that name."
    return Gauge(f"{PREFIX}interval_ratio", told, tuple(samples))


def window(first: datetime, until: datetime) -> Gauge:
    """Return how much time the figures of a report are over."""
    told = "Time that episodes, searches and ratios are counted over, the running day included."
    return single("window_seconds", told, (until - first).total_seconds())
