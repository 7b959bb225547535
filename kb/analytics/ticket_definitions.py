"""The `Definition` type, and the definitions of figures on tickets and on the knowledge cycle.

`kb.analytics.definitions` holds the other definitions and the index of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

# -- Definition --


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure, outcome or failure; `numerator` and `denominator` are "" unless it is a share."""

    key: str
    name: str
    meaning: str
    numerator: str = ""
    denominator: str = ""


# -- Tickets and the knowledge cycle --


_CREATED = "tickets of people created in the range"
_ONCE = "tickets of people created in the range and resolved at least once"
_KIND = "tickets of people created in the range that are resolved with a kind"

TICKETS: tuple[Definition, ...] = (
    Definition(
        "tickets_of_people",
        "Tickets of people",
        "Tickets created in the range that a person asked for or that a policy opened for one. "
        "Staff's own are left out, and so are those opened for the team on demand and those that "
        "another system told of: nobody here answers them.",
    ),
    Definition(
        "ticket_status",
        "Where tickets stand",
        "Tickets created in the range by status and tier, as they are now. A resolved ticket "
        "stands at the tier that resolved it.",
    ),
    Definition(
        "ticket_escalated",
        "Escalated",
        "Moved to a higher tier at least once, by somebody or by the clock of the tier.",
        "tickets of people moved up",
        _CREATED,
    ),
    Definition(
        "ticket_escalated_clock",
        "Escalated by the clock",
        "Moved up at least once because the time of its tier was over. A ticket may count here and "
        "under escalated by hand.",
        "tickets of people moved up by the clock",
        _CREATED,
    ),
    Definition(
        "ticket_escalated_hand",
        "Escalated by hand",
        "Moved up at least once by somebody.",
        "tickets of people moved up by somebody",
        _CREATED,
    ),
    Definition(
        "ticket_returned",
        "Returned to a lower tier",
        "Moved down at least once.",
        "tickets of people moved down",
        _CREATED,
    ),
    Definition(
        "ticket_reopened",
        "Reopened",
        "Taken up again after a resolution, by a reply or by staff. A ticket resolved lately may "
        "still be.",
        "tickets of people taken up again",
        _ONCE,
    ),
    Definition(
        "ticket_first_contact",
        "Resolved at first contact",
        "Resolved with no move to a higher tier, with at most one text to the requester (an answer "
        "or the text of the resolution; a question back is one), and not taken up again. First "
        "contact resolution as service desks count it (HDI, ICMI), for tickets. One that was "
        "resolved and is open again counts as not.",
        "tickets of people resolved so",
        _ONCE,
    ),
    Definition(
        "ticket_first_answer",
        "Time to the first answer",
        "From a ticket's creation to the first answer or resolution by staff, around the clock: "
        "nights and days off are in it. Tickets not answered yet count for as long as they have "
        "waited (Kaplan and Meier 1958), so that they cannot make it look quicker.",
    ),
    Definition(
        "ticket_resolve_time",
        "Time to resolve",
        "From a ticket's creation to its last resolution, around the clock; waiting for the "
        "requester is in it. Tickets open still count for as long as they have been open (Kaplan "
        "and Meier 1958). By tier: where a ticket stands, which for a resolved one is the tier "
        "that resolved it.",
    ),
    Definition(
        "time_quantiles",
        "Median and 9 of 10",
        "The times within which half and nine tenths have ended; none where so many have not, or "
        "under 5 have. The median's 95 % interval holds for any distribution: two order statistics "
        "(Thompson 1936), or, where tickets are open that might change them, the times at which "
        "the estimate does not differ from a half (Brookmeyer and Crowley 1982).",
    ),
    Definition(
        "ticket_resolution",
        "How tickets were resolved",
        "What the resolution says of the articles: one answered it; one must be mended; none "
        "answers it yet; no article would.",
        "tickets of people resolved so",
        _KIND,
    ),
    Definition(
        "known_share",
        "Known answers",
        "Tickets whose answer was in an article already, against new ones, as the Consortium for "
        "Service Innovation counts known and new in KCS. Known: an article answered it or must be "
        "mended. New: none answers it yet, or no article would. Much that is known could have been "
        "found without a ticket.",
        "such tickets with a known answer",
        _KIND,
    ),
)

CYCLE: tuple[Definition, ...] = (
    Definition(
        "cycle",
        "From gap to article",
        "Gaps that an article answered in the range, each by its first answer there, those open "
        "again since included. From the first failed search that is kept to the answer; known as a "
        "gap since the first grouping that found it.",
    ),
    Definition(
        "cycle_time",
        "Time to an answer",
        "From the day a gap was first known to its first answer, for gaps first known in the range "
        "and not merged into others. Gaps without an answer count for as long as they have waited "
        "(Kaplan and Meier 1958).",
    ),
    Definition(
        "cycle_effect",
        "Effect of an answer",
        "People who failed on the gap, for each 1,000 searches of all, after its answer against "
        "before. Equal spans of whole days: the 28 before the day of the answer and as many after "
        "it, fewer (at least 7) where fewer have passed; too early under 7. A person counts once "
        "in a span. Failed searches after the answer are the gap's when they come to lie in it by "
        "meaning. Searches of all days stand below, so that more traffic is no effect. Not taken "
        "out: a gap is written for when it is large, and what was large by chance shrinks by "
        "itself (regression to the mean).",
        "people who failed after / searches after",
        "people who failed before / searches before",
    ),
    Definition(
        "cycle_ratio",
        "Interval of the effect",
        "95 % interval of the ratio of the two rates: the exact conditional one for two Poisson "
        "rates (Przyborowski and Wilenski 1940), from the limits of Clopper and Pearson (1934).",
    ),
    Definition(
        "cycle_overall",
        "Effect of all answers",
        "The ratio over all gaps whose effect is known, each compared with itself "
        "(Mantel-Haenszel), with the exact conditional interval; with more than 50 people both "
        "before and after, that of Greenland and Robins (1985). Gaps that are not shown, and those "
        "open again, are in it. A person who failed on two gaps counts in both.",
    ),
)
