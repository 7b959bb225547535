"""The definitions of all figures, outcomes and failures: in words and, for a share, as a fraction.

Each says what is counted, what the figure rests on and what it leaves out. Reports, their CSV files
and docs/metrics.md use the same text: a test compares the document with these rows. A change of
meaning gets a new DEFINITION_VERSION; raw events are kept, so that old episodes can be judged
again.
"""

from __future__ import annotations

from kb.analytics.model import Failure
from kb.analytics.ticket_definitions import CYCLE, TICKETS, Definition

# -- Deflection --


_CLOSED = "closed episodes that started in the range"

DEFLECTION: tuple[Definition, ...] = (
    Definition(
        "deflection_estimate",
        "Deflection, estimate",
        "Confirmed episodes, and of the potential ones the share that the survey says found what "
        "they needed. The interval adds up what is not known of the silent and of the shares "
        "themselves: 95 % of 40,000 draws with a fixed seed, the success of the silent from its "
        "Beta(1,1) posterior, the outcomes from a uniform Dirichlet one.",
        "confirmed episodes + potential episodes x success of the silent",
        _CLOSED,
    ),
    Definition(
        "silent_success",
        "Success of the silent",
        "Of the potential episodes that answered the survey, the share that said yes, with one yes "
        "and one no added: the mean of the posterior of a Beta(1,1) prior. An answer does not "
        "change an episode's outcome. Who does not answer is taken to be like who does.",
        "yes + 1",
        "answers of potential episodes + 2",
    ),
    Definition(
        "silent_worst",
        "Success of the asked, whatever the others would say",
        "No assumption about those who were asked and did not answer: from none of them having "
        "found it to all of them (Horowitz and Manski 1995).",
        "yes, to yes and not answered",
        "potential episodes that were asked",
    ),
    Definition(
        "survey_response",
        "Answered the survey",
        "A random share of visitors (setting survey_share), drawn anew each UTC day, is asked on "
        "article pages whether they found what they needed, unless they said so already. The "
        "first answer of a day counts.",
        "potential episodes that answered",
        "potential episodes that were asked",
    ),
    Definition(
        "tickets_shown",
        "Tickets with suggestions",
        "People who were drawn to see suggestions on the ticket form, whether they looked at them "
        "or not (intention to treat), and got a ticket in that episode or within the window. A "
        "person's first closed episode at the form in the range counts.",
        "people shown suggestions who got a ticket",
        "people at the form drawn to see suggestions",
    ),
    Definition(
        "tickets_held_out",
        "Tickets without suggestions",
        "A random share of visitors (setting holdout_share), the same at every visit, sees no "
        "suggestions on the ticket form. Where the share was changed, only people drawn under "
        "the latest one count.",
        "people held out who got a ticket",
        "people at the form drawn to be held out",
    ),
    Definition(
        "effect",
        "Tickets that suggestions avoid, in 100 people",
        "Tickets without suggestions less tickets with suggestions. Chance alone decides who sees "
        "suggestions, so that nothing else can explain a difference. With Newcombe's hybrid score "
        "interval for one planned look (Newcombe 1998, method 10).",
    ),
    Definition(
        "tickets_avoided",
        "Tickets avoided by suggestions",
        "People who were shown suggestions x the difference, with the ends of its interval. It "
        "speaks of suggestions on the ticket form alone, not of search or articles.",
    ),
    Definition(
        "money_saved",
        "Money saved by suggestions",
        "Tickets avoided x the cost of a ticket, with the ends of the interval.",
    ),
    Definition(
        "ticket_cost",
        "Cost of a ticket",
        "The mean over the range's tickets of the cost at the tier where each stands (setting "
        "tiers); without tickets, that of level 1. Taken as known exactly.",
    ),
    Definition(
        "always_valid",
        "Interval for every look",
        "An interval that holds at all looks at once, for ranges with the same first day: in at "
        "most 5 of 100 experiments without any difference it ever excludes nought, however often "
        "it is read. An asymptotic confidence sequence (Waudby-Smith et al. 2024). Only this "
        "interval decides whether a difference is called established.",
    ),
    Definition(
        "power",
        "How long it takes",
        "People at the form, in both arms, before a difference of so many points is found in 4 of "
        "5 cases at one planned look (Fleiss 1981, formula 3.18), and the days that takes at the "
        "range's pace. Reading earlier and more often takes longer.",
    ),
    Definition(
        "reached_form",
        "Reached the ticket form",
        "Closed episodes in which the ticket form was opened.",
    ),
    Definition(
        "no_form",
        "Did not reach the ticket form",
        "Closed episodes in which it was not. Somebody who asks in another way counts here.",
    ),
    Definition(
        "windows",
        "Other waits for a ticket",
        "The outcomes had the window been 1 hour, 24 hours or 7 days, on the same episodes: those "
        "of the days all of whose episodes ended more than 7 days ago.",
    ),
    Definition(
        "before",
        "The period before",
        "As many days, ending the day before the range. The difference has Newcombe's interval, "
        "which takes the two for different people; whatever else changed between them is in it.",
    ),
    Definition(
        "failed_by",
        "Failed searches by what they have in common",
        "The share of failed searches, by the language of the search, by where it was typed, by "
        "the kind of device that the browser names, and by collection: the one searched in, else "
        "that of the first hit.",
        "searches with a failure class",
        "searches of ended episodes that started in the range, of that language, place, device or "
        "collection",
    ),
    Definition(
        "outside_matched",
        "Tickets from outside, matched",
        "Tickets that another system told of (mail, phone), matched to a reader by the account "
        "with that address, by the account named, or by a confirmed wish to be told of an answer. "
        "One that is not matched counts as nobody's outcome, so the upper bound is too high by "
        "such readers.",
        "matched tickets from outside created in the range",
        "tickets from outside created in the range",
    ),
    Definition(
        "too_few",
        "Too few data",
        "No figure is shown: for the estimate under 30 answers, for the comparison under 30 people "
        "in an arm.",
    ),
)

RIVALS: tuple[Definition, ...] = (
    Definition(
        "rival_ratio",
        "Self-service ratio",
        "Users of the help centre for each user with a ticket, as Zendesk's guide has it. It "
        "counts everybody who came as served.",
        "visitors of closed episodes",
        "visitors of ticketed episodes",
    ),
    Definition(
        "rival_no_ticket",
        "No ticket = deflected",
        "The same two numbers as a share: whoever did not come back was served.",
        "visitors of closed episodes without a ticketed one",
        "visitors of closed episodes",
    ),
    Definition(
        "rival_silent",
        "Silent = deflected",
        "Every silent reader counts as a ticket saved: the upper bound taken for the truth.",
        "confirmed and potential episodes",
        _CLOSED,
    ),
    Definition(
        "rival_cost",
        "Silent = money saved",
        "Confirmed and potential episodes x the cost of a ticket, as if each would have been one.",
    ),
    Definition(
        "rival_click",
        "Click = solved",
        "The share of searches from which anything was opened, whether it helped or not.",
        "searches from which something was opened",
        "searches of closed episodes",
    ),
)


# -- Searching and reading --


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


# -- Outcomes, failures, other figures, and the index of all definitions --


# 2: a suggestion that replaced a ticket counts as confirmed; arms, survey, waits are stored.
# 3: device, collection, rank opened and response time are stored; waits are of whole days.
DEFINITION_VERSION = 3

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

FAILURES: tuple[Definition, ...] = tuple(
    Definition(
        failure.key,
        failure.heading,
        failure.definition,
        "such searches"
        + (" that are none of the classes before" if failure is not Failure.ZERO else ""),
        _SEARCHES,
    )
    for failure in Failure
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
