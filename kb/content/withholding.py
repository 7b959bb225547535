"""What keeps an article back beside its own status: a day to come, a version refused; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kb.content.article import Article, Audience, Status
from kb.content.drafting import Draft
from kb.content.problem import Problem
from kb.content.schedule import EARLIEST


def in_time(draft: Draft, now: datetime) -> Draft:
    """Return the draft, held back where its `date` is to come, as Hugo and Jekyll do."""
    facts = draft.facts
    if facts.dated is None or facts.publish_at or not EARLIEST < now < facts.dated:
        return draft
    message = f"“date” is {facts.dated.date().isoformat()}, so this article appears then."
    hint = "Write “publish_at” to mean that, or “updated” for the day of a change."
    problem = Problem(draft.path, facts.dated_line, "schedule", message, hint)
    held = replace(facts, publish_at=facts.dated)
    return replace(draft, facts=held, problems=(*draft.problems, problem))


def restricted(kept: Article, draft: Draft, *, status: Status) -> Article:
    """Return an older text under the newer wish to show it to fewer, to nobody, or later."""
    facts = draft.facts
    wanted = kept.wanted if facts.status is Status.PUBLISHED else facts.status
    return replace(
        kept,
        audience=narrower(kept.audience, facts.audience),
        wanted=wanted,
        status=kept.status if status is Status.PUBLISHED else status,
        publish_at=facts.publish_at or kept.publish_at,
        expires_at=facts.expires_at or kept.expires_at,
    )


def narrower(one: Audience, other: Audience) -> Audience:
    """Return the one of two audiences that lets fewer people read."""
    return max(one, other, key=list(Audience).index)
