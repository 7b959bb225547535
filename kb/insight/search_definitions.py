"""What the report's figures on searching and reading mean, in words and as a fraction.

Promises that whoever quotes a figure can say what it counts, what it rests on and what it leaves
out. Knows no code that applies them.
"""

from __future__ import annotations

from kb.insight.definition import Definition

_SEARCHES = "searches of ended episodes that started in the range"
_FUNNEL = "closed episodes with a search that started in the range"
_PLACES = "searches from which a hit was opened whose place is known"

SEARCHING: tuple[Definition, ...] = (
    Definition(
        "funnel_searched",
        "Searched",
        "Closed episodes with at least one search: all that the other steps are parts of.",
        _FUNNEL,
        _FUNNEL,
    ),
    Definition(
        "funnel_opened",
        "Opened an article",
        "Of those who searched, who opened an article, from the search or in another way.",
        "closed episodes with a search in which an article was opened",
        _FUNNEL,
    ),
    Definition(
        "funnel_read",
        "Read an article",
        "Of those who searched, who had an article open for 10 seconds or more.",
        "closed episodes with a search in which an article was read",
        _FUNNEL,
    ),
    Definition(
        "clicked",
        "Opened something",
        "The share of searches from which a hit was opened. Opening is no success: it is read "
        "beside failed searches, not in their place.",
        "searches from which a hit was opened",
        _SEARCHES,
    ),
    Definition(
        "clicked_top",
        "Opened the first hit",
        "Of the searches from which a hit was opened, those whose first one opened stood at the "
        "top of the list. Places beyond 50 count as 50.",
        "searches whose first hit opened was the first of the list",
        _PLACES,
    ),
    Definition(
        "clicked_near_top",
        "Opened one of the first three",
        "The same for the first three of the list.",
        "searches whose first hit opened was among the first three of the list",
        _PLACES,
    ),
    Definition(
        "clicked_rank",
        "Mean place opened",
        "The mean place of the first hit opened, 1 for the top of the list, over the searches from "
        "which one was opened. Nearer to 1 is better; people who open nothing are not in it.",
    ),
    Definition(
        "reworded",
        "Followed by related words",
        "The share of searches that the same person followed at once by one with related words: "
        "a stem in common, or a spelling more than 66 % alike, whether or not something had been "
        "opened.",
        "searches followed by one with related words",
        _SEARCHES,
    ),
    Definition(
        "latency",
        "Time to answer",
        "How long the server took to find the hits: the median, and the time that 95 of 100 "
        "searches stayed under. Kept in steps of an eighth of a doubling, so each is right to "
        "4.5 %. The way to the reader and drawing the page are not in it.",
    ),
    Definition(
        "article_share",
        "Resolved, of opened",
        "Of the episodes in which the article was opened, those whose visitor said that it solved "
        "the problem or was helpful. Who says nothing counts as not resolved, so it is a lower "
        "bound.",
        "closed episodes in which it was opened and resolved",
        "closed episodes in which it was opened",
    ),
    Definition(
        "article_leaning",
        "Resolved, adjusted for few readers",
        "The same share with 10 episodes of the average article of the range added to each "
        "article: an article of few readers is not best or worst by chance.",
    ),
)
