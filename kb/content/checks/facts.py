"""Rules for what the front matter says; pure.

Promises findings with the line of the key they are about. The time comes in as `today`. Knows one
page at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from rapidfuzz.distance import OSA

from kb.content.article import Status
from kb.content.checks.page import Page
from kb.content.fields import ROWS, Holds
from kb.content.problem import Problem

# A result's title is one line of about 70 characters on a wide screen, two on a telephone.
LONGEST_TITLE = 80
# Results show two lines of a summary.
LONGEST_SUMMARY = 220
KNOWN = tuple(name for field in ROWS for name in (field.name, *field.also))
# Other sites' names of moments are near too many words to be guessed.
_MOMENTS_ELSEWHERE = frozenset(
    name for row in ROWS if row.holds is Holds.MOMENT for name in row.also
)
# Keys of other publishers that are near one of ours and mean something else.
_FOREIGN = frozenset(
    {"titles", "tag", "data", "slug", "author", "authors", "layout", "order", "type"}
)


def fact_problems(page: Page, today: date) -> Iterator[Problem]:
    """Yield what is wrong with the facts of one page."""
    if page.draft.facts.redirect_to or any(p.refused for p in page.draft.problems):
        return
    yield from _keys(page)
    yield from _lengths(page)
    if page.draft.facts.status is Status.PUBLISHED:
        yield from _review(page, today)


@lru_cache(maxsize=4096)
def nearest_key(written: str) -> str:
    """Return the known key that `written` was probably meant to be, "" when none is near."""
    if written in KNOWN or written in _FOREIGN:
        return ""
    plain = written.casefold().replace("-", "_")
    folded = {known.casefold(): known for known in KNOWN if known not in _MOMENTS_ELSEWHERE}
    if plain in folded:
        return folded[plain]
    near = [(OSA.distance(plain, key), known) for key, known in folded.items()]
    distance, known = min(near)
    # Two slips in a long word, one in a short one; of three letters nothing follows.
    allowed = 2 if len(plain) >= 7 else 1 if len(plain) >= 4 else 0
    return known if distance <= allowed else ""


def _keys(page: Page) -> Iterator[Problem]:
    for written in page.draft.facts.extra:
        known = nearest_key(str(written))
        if known:
            message = f"The key “{str(written)[:60]}” is not known and not used."
            yield page.problem("key", page.keys.get(written), message, f"Did you mean “{known}”?")
    lines = page.text.split("\n")
    for key, line in page.keys.items():
        if lines[line - 1].startswith((f"{key} :", f"{key}\t:")):
            message = f"There is white space between “{key}” and its colon."
            yield page.problem("key-space", line, message, "Take it out.")


def _lengths(page: Page) -> Iterator[Problem]:
    title, facts = page.draft.title, page.draft.facts
    summary = facts.summary
    if len(title) > LONGEST_TITLE:
        message = f"The title has {len(title)} characters; {LONGEST_TITLE} fit a line of results."
        yield page.problem("title-long", page.keys.get("title"), message, "Shorten it.")
    line = next((page.keys[k] for k in ("summary", "description", "excerpt") if k in page.keys), 1)
    if not summary and facts.status is Status.PUBLISHED:
        hint = "Add “summary: …”: for whom it is and what they will have done."
        yield page.problem("summary", line, "There is no summary.", hint)
    if len(summary) > LONGEST_SUMMARY:
        message = f"The summary has {len(summary)} characters; results show {LONGEST_SUMMARY}."
        yield page.problem("summary-long", line, message, "Keep the first thing readers need.")


def _review(page: Page, today: date) -> Iterator[Problem]:
    facts = page.draft.facts
    line = next((page.keys[k] for k in ("review_by", "review-by")
                 if k in page.keys), None)  # fmt: skip
    if facts.review_by and facts.review_by < today:
        message = f"It was to be reviewed by {facts.review_by.isoformat()}."
        yield page.problem("overdue", line, message, "Check each step, then set a new day.")
    if facts.review_by and not facts.owner:
        message = "There is a day of review and no owner."
        yield page.problem("owner", line, message, "Add “owner: …”, the team that reviews it.")
    if facts.reviewed and facts.reviewed > today:
        where, message = page.keys.get("reviewed"), "The last review is in the future."
        yield page.problem("review-order", where, message, "Write the day it was checked.")
    elif facts.reviewed and facts.review_by and facts.review_by <= facts.reviewed:
        message = "The next review is not after the last one."
        yield page.problem("review-order", line, message, "Set a day after “reviewed”.")
