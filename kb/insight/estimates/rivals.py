"""Figures that other products and guides call deflection, on the same data.

Promises their formulas as published, so that a lead can see how far apart they lie and answer
whoever quotes them. None of them is this product's figure. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What the formulas are made of, over closed episodes."""

    closed: int
    confirmed: int
    potential: int
    people: int  # distinct visitors
    people_with_ticket: int
    searches: int
    searches_with_click: int


def self_service_ratio(counts: Counts) -> float | None:
    """Return users of the help centre for each user in tickets; None when nobody got a ticket.

    Zendesk, "Tracking essential self-service metrics": total users of the help centre / total
    users in tickets, called self-service score and ticket deflection ratio.
    """
    return counts.people / counts.people_with_ticket if counts.people_with_ticket else None


def no_ticket(counts: Counts) -> float | None:
    """Return the share of users who got no ticket: the same two numbers read as a deflection rate,
    by which everybody who did not come back was served; None of nobody.
    """
    without = counts.people - counts.people_with_ticket
    return without / counts.people if counts.people else None


def everybody_silent(counts: Counts) -> float | None:
    """Return confirmed and potential episodes as if every silent reader were a ticket saved; times
    the cost of a ticket it is the usual "cost saved". None of nothing.
    """
    return (counts.confirmed + counts.potential) / counts.closed if counts.closed else None


def click_is_solved(counts: Counts) -> float | None:
    """Return the share of searches from which anything was opened, which some call the self-solved
    rate; None without searches.
    """
    return counts.searches_with_click / counts.searches if counts.searches else None
