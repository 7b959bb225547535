"""Figures as people read them, on a page and in a letter.

Promises the same words for the same value everywhere. Pure.
"""

from __future__ import annotations


def amount(value: float | None, unit: str) -> str:
    """Return a figure as it is read: "12.3 %", "+4.0 points", "1,250", "4.0 : 1", "0.08 : 1"; "no
    data" for none. `unit` is a Unit of kb.insight.estimates.
    """
    if value is None:
        return "no data"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "difference":
        return f"{value * 100:+.1f} points".replace("-", "−")
    if unit == "ratio":
        return f"{value:.1f} : 1" if value >= 1 else f"{value:.2f} : 1"
    if unit == "money":
        return f"{value:,.2f}".replace("-", "−")
    return (f"{value:,.1f}" if unit == "tickets" else f"{value:,.0f}").replace("-", "−")


def extent(interval: tuple[float, float] | None, unit: str) -> str:
    """Return "10.2 % to 14.4 %", "" without an interval."""
    return " to ".join(amount(end, unit) for end in interval) if interval else ""
