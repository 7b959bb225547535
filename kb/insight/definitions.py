"""Every definition that the product quotes, in words and as a fraction.

Promises that a report, its CSV and docs/metrics.md say the same: a test holds the page to these
rows. A change of meaning is a new DEFINITION_VERSION; raw facts are kept, so that classes can be
found anew. Knows no code that applies them.
"""

from __future__ import annotations

from kb.insight.definition import Definition as Definition  # part of this interface
from kb.insight.deflection_definitions import DEFLECTION, RIVALS
from kb.insight.search_definitions import SEARCHING
from kb.insight.ticket_definitions import CYCLE, TICKETS

# 2: a suggestion that answered instead of a ticket confirms; arms, survey and waits are kept.
# 3: device, collection, place opened and time to answer are kept; waits are of whole days.
DEFINITION_VERSION = 3

_CLOSED = "closed episodes that started in the range"
_SEARCHES = "searches of ended episodes that started in the range"

OUTCOMES: tuple[Definition, ...] = (
    Definition(
        "ticketed",
        "Ticketed",
        "The same person got a ticket in the episode or within 24 hours (setting outcome_window) "
        "of its end: a failed deflection. A ticket is theirs by visitor, by account, or because "
        "it names a search of the episode.",
        "closed episodes with such a ticket",
        _CLOSED,
    ),
    Definition(
        "confirmed",
        "Confirmed",
        "The person said that it was solved, on an article or at the ticket form instead of "
        "sending it, or voted an article helpful, and no ticket followed within the window. A "
        "person's last vote on an article counts; an answer to the survey does not.",
        "closed episodes, not ticketed, with such a statement",
        _CLOSED,
    ),
    Definition(
        "potential",
        "Potential",
        "The person read at least one article for 10 seconds or more that they did not vote "
        "down, said nothing, and no ticket followed within the window.",
        "closed episodes, neither ticketed nor confirmed, with such a reading",
        _CLOSED,
    ),
    Definition(
        "abandoned",
        "Abandoned",
        "None of the others: the person left with nothing read for 10 seconds, or with only "
        "articles that they voted down.",
        "closed episodes that are none of the others",
        _CLOSED,
    ),
    Definition(
        "open",
        "Too early",
        "The window in which a ticket may still follow has not passed. Counted apart, never as a "
        "success.",
        "episodes whose window has not passed",
        "episodes that started in the range",
    ),
)

FAILURES: tuple[Definition, ...] = (
    Definition("zero", "No hit", "The search found no article.", "such searches", _SEARCHES),
    Definition(
        "weak",
        "Weak",
        "Articles were found, but the estimated chance that one answers lies under the floor.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
    Definition(
        "voted_down",
        "Voted down",
        "An article opened from this search was voted not helpful.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
    Definition(
        "ticketed_search",
        "Ticket followed",
        "A ticket names this search, or names none and this was the episode's last search.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
    Definition(
        "bounced",
        "Came straight back",
        "Every article opened from it was left within 10 seconds, and other words were searched.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
    Definition(
        "refined",
        "Asked again in other words",
        "Nothing was opened, and the next search of the episode has related words: a stem in "
        "common, or a spelling more than 66 % alike.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
    Definition(
        "no_click",
        "Nothing opened",
        "Nothing was opened from it and nobody said that it was solved, known once the episode "
        "has ended.",
        "such searches that are none of the classes before",
        _SEARCHES,
    ),
)

FIGURES: tuple[Definition, ...] = (
    Definition(
        "deflection_lower",
        "Deflection, lower bound",
        "The share of closed episodes that certainly did without a ticket: somebody said so.",
        "confirmed episodes",
        _CLOSED,
    ),
    Definition(
        "deflection_upper",
        "Deflection, upper bound",
        "The share of closed episodes that may have done without a ticket, had every silent "
        "reader found the answer.",
        "confirmed and potential episodes",
        _CLOSED,
    ),
    Definition(
        "episodes",
        "Episodes",
        "One visitor's acts with no silence longer than 30 minutes (setting episode_gap). "
        "Staff and robots are left out.",
    ),
    Definition(
        "searches",
        "Searches",
        "Words asked for in episodes that have ended. Words still being typed count in their last "
        "form; the same words asked again, with nothing else asked between, count once.",
    ),
    Definition(
        "failed_share",
        "Failed searches",
        "The share of searches that fall into one of the failure classes.",
        "searches with a failure class",
        _SEARCHES,
    ),
    Definition(
        "failing_words",
        "Searches that fail most",
        "Failed searches by the same words, whatever their case, accents and punctuation. Words "
        "are shown when at least 5 distinct people (setting k_anonymity) failed on them, at most "
        "the 50 with most searches, in the form that most used lately; all others are one row.",
    ),
    Definition(
        "article_read",
        "Read",
        "Closed episodes in which the article was open for 10 seconds or more: the longest time "
        "that the page reported, else the time to the visitor's next act. A last page that "
        "reported nothing is not counted as read, because nobody knows.",
    ),
    Definition(
        "article_resolved",
        "Resolved",
        "Closed episodes in which the visitor said of the article that it solved the problem or "
        "was helpful.",
    ),
    Definition(
        "article_unhelpful",
        "Not helpful",
        "Closed episodes in which the visitor's last vote on the article was not helpful.",
    ),
    Definition(
        "article_helpful",
        "Found helpful",
        "People whose last vote on the article was that it helped. Who did not vote says nothing.",
        "visitors whose last vote on it was helpful",
        "visitors who voted on it",
    ),
    Definition(
        "article_failed",
        "Failed deflections",
        "Closed episodes that ended with a ticket though the article had been read.",
        "ticketed episodes in which it was read",
        "episodes in which it was read",
    ),
    Definition(
        "tickets",
        "Tickets",
        "Tickets created in the range, by how they came to be: asked for by the person, opened "
        "by policy for an unresolved episode, opened for the team on demand, or told of by another "
        "system.",
    ),
    Definition(
        "unresolved",
        "Unresolved",
        "An ended episode with a failed search after whose last one nothing was called helpful or "
        "solving, nothing was read for 10 seconds that was not voted down, and no ticket came.",
    ),
    Definition(
        "demand",
        "Demand",
        "Distinct visitors who failed on the same words in ended episodes without a ticket. "
        "Somebody not signed in is another visitor on another day.",
    ),
    Definition(
        "solved_queries",
        "Solved queries",
        "Queries offered to others while they type: by the same words, whatever their case, "
        "accents and punctuation, at least 5 distinct visitors (setting k_anonymity) said within "
        "the retention period that one article solved it or was helpful. The statement names the "
        "search, or follows it in the episode. Only who may read that article is offered them.",
    ),
    Definition(
        "gap",
        "Gap",
        "Failed searches of the last 90 days that ask for one thing: grouped by meaning, so that "
        "their mean distance (1 - cosine) is at most 0.5, with a number that survives every "
        "grouping. Shown when at least 5 distinct people (setting k_anonymity) are in it.",
    ),
    Definition("gap_people", "People", "Distinct visitors whose searches are in the gap."),
    Definition(
        "gap_tickets",
        "Tickets that followed",
        "Episodes that ended with a ticket and whose last failed search is in the gap.",
    ),
    Definition(
        "gap_trend",
        "Trend",
        "People whose searches of the last 30 days are in the gap, against the 30 days before.",
    ),
    Definition(
        "gap_largest",
        "Held by the ten largest",
        "How much the ten gaps with most searches hold of all that failed.",
        "failed searches of the last 90 days in the ten largest gaps",
        "failed searches of the last 90 days whose words are kept",
    ),
    Definition(
        "gap_cause",
        "Cause",
        "Why the searches of a gap failed, against the articles that are live: misspelt, other "
        "words, too far down, not open to them, other language, draft or overdue, no article. "
        "What most people share; between other words and no article the mean log odds decide that "
        "an article answers.",
    ),
    Definition(
        "interval",
        "95 % interval",
        "Wilson's score interval for a share (E. B. Wilson, 1927), z = 1.96: in 95 of 100 such "
        "samples it holds the true share.",
    ),
)

DEFINITIONS: dict[str, Definition] = {
    row.key: row
    for row in (*OUTCOMES, *FAILURES, *FIGURES, *SEARCHING, *DEFLECTION, *RIVALS, *TICKETS, *CYCLE)
}


def of_failure(failure: str) -> Definition:
    """Return the definition of a failure class; "ticketed" is also the name of an outcome."""
    return DEFINITIONS["ticketed_search" if failure == "ticketed" else failure]
