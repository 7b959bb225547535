"""What the report's figures on deflection mean, in words and as a fraction.

Promises that whoever quotes a figure can say what it counts, what it rests on and what it leaves
out. Knows no code that applies them; `definitions` has the others.
"""

from __future__ import annotations

from kb.insight.definition import Definition

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
