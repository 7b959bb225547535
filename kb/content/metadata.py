"""What the front matter says about an article, whichever site it was written for; pure.

Promises the product's own fields from its own keys or from those of Jekyll, Hugo, Docusaurus,
MkDocs and Microsoft Learn, with a finding for each value that cannot be used. A doubtful audience
or status becomes the most restrictive one. Knows no rendering and no other article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from kb.content.article import Audience, Status
from kb.content.fields import AUDIENCES, STATUSES, names
from kb.content.front_matter import FrontMatter
from kb.content.language import language_tag
from kb.content.naming import normal_path
from kb.content.narrowing import narrowing_problems
from kb.content.problem import Problem
from kb.content.schedule import moment

# Microsoft's labels for whom a text is written; on that site they restrict nobody.
_MICROSOFT_READERS = frozenset(
    {"admin", "itpro", "it pro", "it-pro", "end user", "end-user", "enduser", "user", "developer"}
)
_JEKYLL_KEYS = frozenset({"layout", "permalink", "redirect_from", "redirect_to", "sidenav"})
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_MAX_ITEM = 300


@dataclass(slots=True)
class Metadata:
    """The facts found; "" and None where the author said nothing.

    `route` is the last part of the former address, or all of it when it begins with a slash.
    """

    title: str = ""
    summary: str = ""
    language: str = ""
    collection: str = ""
    owner: str = ""
    audience: Audience = Audience.PUBLIC
    status: Status = Status.PUBLISHED
    reviewed: date | None = None
    review_by: date | None = None
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    changed: datetime | None = None
    dated: datetime | None = None  # what `date` says; other sites hold back what is dated ahead
    dated_line: int | None = None
    keywords: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    not_answers: tuple[str, ...] = ()
    permalinks: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    translation_of: str = ""
    redirect_to: str = ""
    route: str = ""
    jekyll: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_metadata(front: FrontMatter) -> Metadata:
    """Return the article's facts; keys that mean nothing here are kept in `extra`."""
    return _Reading(front).facts()


class _Reading:
    def __init__(self, front: FrontMatter) -> None:
        self.front = front
        self.values = dict(front.values)
        self.lines = front.lines
        self.problems: list[Problem] = []
        self.jekyll = not _JEKYLL_KEYS.isdisjoint(self.values)
        self.microsoft = any(key.startswith("ms.") for key in self.values)

    def facts(self) -> Metadata:
        facts = Metadata(jekyll=self.jekyll)
        self._words(facts)
        self._access(facts)
        self._dates(facts)
        self._schedule(facts)
        self._places(facts)
        facts.extra = self.values
        refusals = tuple(narrowing_problems(self.front.values, self.lines))
        if refusals or self.front.narrows:
            facts.audience = Audience.STAFF  # who may see what an earlier version said
        facts.problems = (*self.problems, *refusals)
        return facts

    def _words(self, facts: Metadata) -> None:
        facts.title = self.text("title")
        facts.summary = self.text(*names("summary"))
        facts.owner = self.text(*names("owner"))
        facts.translation_of = self.text("translation_of")
        facts.keywords = self.items(*names("keywords"))
        facts.answers = self.items("answers", split="")
        facts.not_answers = self.items("not_answers", split="")
        written = self.text(*names("language"))
        facts.language = language_tag(written)
        if written and not facts.language:
            hint = "Write a tag such as en or es."
            self.report("language", "language", f"“{written[:40]}” is not a language.", hint)

    def _access(self, facts: Metadata) -> None:
        facts.audience = self._audience()
        facts.status = self._status()
        if self.flag("draft", default=False) or not self.flag("published", default=True):
            facts.status = Status.DRAFT if facts.status is Status.PUBLISHED else facts.status

    def _audience(self) -> Audience:
        if "audience" not in self.values:
            return Audience.PUBLIC
        is_text = isinstance(self.values["audience"], str)  # of a list, no entry is the answer
        written = self.text("audience")
        known = AUDIENCES.get(written.strip().casefold()) if is_text else None
        if known:
            return known
        if self.microsoft and written.strip().casefold() in _MICROSOFT_READERS:
            self.values["audience"] = written
            return Audience.PUBLIC
        self.report(
            "audience",
            "audience",
            f"The audience “{written[:40]}” is not known, so only staff can read this article.",
            "Write public, signed-in or staff.",
        )
        return Audience.STAFF

    def _status(self) -> Status:
        if "status" not in self.values:
            return Status.PUBLISHED
        written = self.text("status")
        known = STATUSES.get(written.strip().casefold())
        if known:
            return known
        self.report(
            "status",
            "status",
            f"The status “{written[:40]}” is not known, so this article stays a draft.",
            "Write published, draft or archived.",
        )
        return Status.DRAFT

    def _dates(self, facts: Metadata) -> None:
        facts.reviewed = self.day(*names("reviewed"))
        facts.review_by = self.day(*names("review_by"))
        written = self.values.get("date")
        facts.dated = _moment(str(written), lenient=True) if written is not None else None
        facts.dated_line = self.lines.get("date")
        changed = self.day(*names("updated"))
        if changed:
            facts.changed = datetime(changed.year, changed.month, changed.day, tzinfo=UTC)

    def _schedule(self, facts: Metadata) -> None:
        starts, understood = self.moments("publish_at")
        ends, ends_understood = self.moments("expires_at")
        if not (understood and ends_understood) and facts.status is Status.PUBLISHED:
            facts.status = Status.DRAFT
        facts.publish_at, facts.expires_at = max(starts, default=None), min(ends, default=None)
        if facts.publish_at and facts.expires_at and facts.expires_at <= facts.publish_at:
            message = "“expires_at” is not after “publish_at”, so this article is never shown."
            self.report("expires_at", "schedule", message, "Write a later moment.")

    def _places(self, facts: Metadata) -> None:
        facts.collection = next(iter(self.items(*names("collection"))), "")
        links = self.items(*names("permalink"), split="")
        facts.permalinks = tuple(filter(None, map(normal_path, links)))
        former = (*self.items("redirect_from", split=""), *self.items("aliases", split=""))
        facts.former = tuple(filter(None, map(normal_path, former)))
        facts.redirect_to = self.text("redirect_to")
        facts.route = self.text(*names("slug"))

    def text(self, *names: str) -> str:
        """Take the first key given; its value as one line of text."""
        name, value = self._take(names)
        if isinstance(value, (list, dict)):
            what = "a list" if isinstance(value, list) else "a group of keys"
            self.report(name, "type", f"“{name}” is {what}.", "Write one line of text.")
            parts = value if isinstance(value, list) else []
            value = next((part for part in parts if isinstance(part, (str, int))), None)
        return "" if value is None else " ".join(str(value).split())

    def items(self, *names: str, split: str = ",") -> tuple[str, ...]:
        """Take the first key given; its value as texts, a text being split at `split`."""
        name, value = self._take(names)
        if isinstance(value, dict):
            self.report(name, "type", f"“{name}” is a group of keys.", "Write a list of texts.")
            return ()
        if isinstance(value, str):
            value = value.split(split) if split else [value]
        given = value if isinstance(value, list) else [] if value is None else [value]
        if any(isinstance(item, (list, dict)) for item in given):
            hint = "Put entries that hold a colon between quotes."
            self.report(name, "type", f"An entry of “{name}” is not text.", hint)
        flat = (_one_line(item) for item in given if not isinstance(item, list))
        return tuple(dict.fromkeys(item[:_MAX_ITEM] for item in flat if item))

    def flag(self, name: str, *, default: bool) -> bool:
        """Take a yes or no; what is neither counts as not published, and is reported."""
        if name not in self.values:
            return default
        value = self.values.pop(name)
        known = value if isinstance(value, bool) else _FLAGS.get(str(value).strip().casefold())
        if known is None:
            self.report(name, "type", f"“{name}” is neither true nor false.", "Write one of them.")
            return not default
        return known

    def day(self, *names: str) -> date | None:
        """Take the first key given; None, with a finding, when it is no day of the calendar."""
        name, value = self._take(names)
        if value in (None, ""):
            return None
        found = _day(str(value), microsoft=name == "ms.date")
        if found is None:
            message = f"“{str(value)[:40]}” in “{name}” is not a date."
            self.report(name, "date", message, "Write a day that exists, as 2026-09-14.")
        return found

    def moments(self, field: str) -> tuple[list[datetime], bool]:
        """Take every name of the key; the moments, and False, with a finding, for what is none."""
        found: list[datetime] = []
        understood = True
        for name in names(field):
            value = self.values.pop(name, None)
            if value in (None, ""):
                continue
            moment = _moment(str(value), lenient=name != field)
            if moment is not None:
                found.append(moment)
                continue
            understood = False
            message = (
                f"“{str(value)[:40]}” in “{name}” is no moment, so this article stays a draft."
            )
            hint = "Write a day, as 2026-09-14, or a time with its zone, as 2026-09-14T09:00+02:00."
            self.report(name, "schedule", message, hint)
        return found, understood

    def report(self, name: str, code: str, message: str, hint: str) -> None:
        """Note a finding at the line of the key `name`."""
        self.problems.append(Problem("", self.lines.get(name), code, message, hint))

    def _take(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """Remove the first of `names` that has a value; the others stay in `extra`."""
        for name in names:
            if self.values.get(name) is not None:
                return name, self.values.pop(name)
        for name in names:
            self.values.pop(name, None)
        return names[0], None


_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?: ?(Z|UTC|[+-]\d{2}:?\d{2}))?"
)


def _moment(written: str, *, lenient: bool) -> datetime | None:
    """Return a moment; with `lenient` in forms of other sites, where no zone means UTC."""
    found = _TIME.fullmatch(written.strip()) if lenient else None
    if found:
        zone = (found[3] or "Z").replace("UTC", "Z")
        written = f"{found[1]}T{found[2]}{zone}"
    return moment(written)


def _one_line(item: Any) -> str:
    """A mapping of one key is what YAML makes of an unquoted “Error: what now”."""
    if isinstance(item, dict):
        return "; ".join(f"{k}: {v}" for k, v in item.items() if isinstance(v, (str, int)))
    return "" if item is None else " ".join(str(item).split())


def _day(text: str, *, microsoft: bool) -> date | None:
    if microsoft:
        found = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
        if found:
            text = f"{found[3]}-{int(found[1]):02}-{int(found[2]):02}"
    found = re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])", text.strip())
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None
