"""What the front matter says about an article, whichever site it was written for.

The product's fields are read from its own keys or from those of Jekyll, Hugo, Docusaurus, MkDocs
and Microsoft Learn, with a finding for each value that cannot be used. A doubtful audience or
status becomes the most restrictive one. Times are aware UTC, and the status at a moment follows
from them. A language is a two-letter tag or ""; where none is written it is guessed from script and
the commonest words, which is enough for a page of prose but ignores dialects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from kb.content.article import Article, ArticleStatus, Audience
from kb.content.frontmatter.fields import AUDIENCES, ROWS, STATUSES, Field, Holds, names
from kb.content.frontmatter.parsing import FrontMatter
from kb.content.frontmatter.restrictions import narrowing_problems
from kb.content.paths import normal_path
from kb.content.problem import Problem

# -- Languages --


_NAMES = {
    "english": "en", "español": "es", "spanish": "es", "français": "fr", "french": "fr",
    "deutsch": "de", "german": "de", "português": "pt", "portuguese": "pt", "chinese": "zh",
    "中文": "zh", "italiano": "it", "italian": "it",
}  # fmt: skip # a list, several to a line
_TAG = re.compile(r"^([a-z]{2})(?:[-_][a-z0-9]+)*$")
# The commonest words that tell these languages apart; words that two of them share are left out.
_COMMON = {
    "en": "the and of to is you your with for that this are from can have it not be on if",
    "es": "el los las una por para con usted su del está que y si puede más cómo lo se",
    "fr": "le les des une pour avec vous votre est dans sur que pas du au ou cette et vos",
    "de": "der die das und ist sie ein eine nicht mit auf für den von zu im werden oder ihr",
    "pt": "o os uma para com você não seu sua do da em que é ou mais pode como se na",
    "it": "il gli una per con non è della che di nel sono più si questo alla dei del",
}
_WORDS = {language: words.split() for language, words in _COMMON.items()}
_OWNERS: dict[str, list[str]] = {}
for _language, _common in _WORDS.items():
    for _word in _common:
        _OWNERS.setdefault(_word, []).append(_language)
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
)
_SAMPLE = 4000  # characters; more text does not change the guess


def language_tag(written: str) -> str:
    """Return the two-letter tag for "es", "es-ES", "es_MX" or "Español"; "" if it is none."""
    plain = written.strip().casefold()
    found = _TAG.match(plain)
    return found[1] if found else _NAMES.get(plain, "")


def guess_language(text: str) -> str:
    """Return the language that `text` is most probably in, "" when there is too little to tell."""
    sample = text[:_SAMPLE]
    letters = sum(1 for character in sample if character.isalpha()) or 1
    for language, script in _SCRIPTS:
        share = len(script.findall(sample)) / letters
        if share > (0.05 if language == "ja" else 0.25):
            return language
    return _by_words(sample)


def _by_words(sample: str) -> str:
    scores = dict.fromkeys(_WORDS, 0.0)
    for word in re.findall(r"[^\W\d_]+", sample.casefold()):
        owners = _OWNERS.get(word, ())
        for language in owners:
            scores[language] += 1 / len(owners)
    best, second = sorted(scores, key=lambda each: scores[each], reverse=True)[:2]
    return best if scores[best] >= 3 and scores[best] > 1.2 * scores[second] else ""


# -- Publishing and expiry times --


# The default `now`: earlier than anything an author can write.
EARLIEST = datetime.min.replace(tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment(written: str) -> datetime | None:
    """Return the moment in UTC, None if invalid; a day means its start, a time must have a zone."""
    text = written.strip()
    try:
        found = datetime.fromisoformat(f"{text}T00:00:00+00:00" if _DAY.fullmatch(text) else text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def status_at(
    wanted: ArticleStatus,
    publish_at: datetime | None,
    expires_at: datetime | None,
    *,
    now: datetime,
) -> ArticleStatus:
    """Return the status at `now` of an article whose author chose the status `wanted`."""
    if wanted is not ArticleStatus.PUBLISHED:
        return wanted
    if expires_at is not None and now >= expires_at:
        return ArticleStatus.ARCHIVED
    if publish_at is not None and now < publish_at:
        return ArticleStatus.DRAFT
    return ArticleStatus.PUBLISHED


def next_change(articles: Iterable[Article], now: datetime) -> datetime | None:
    """Return the first moment after `now` at which an article appears or expires, if any."""
    moments = (
        moment
        for article in articles
        if article.wanted is ArticleStatus.PUBLISHED
        for moment in (article.publish_at, article.expires_at)
    )
    return min((each for each in moments if each is not None and each > now), default=None)


# -- Metadata --


# Microsoft's labels for intended readers; on that site they restrict nobody.
_MICROSOFT_READERS = frozenset(
    {"admin", "itpro", "it pro", "it-pro", "end user", "end-user", "enduser", "user", "developer"}
)
_JEKYLL_KEYS = frozenset({"layout", "permalink", "redirect_from", "redirect_to", "sidenav"})
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_MAX_ITEM = 300


@dataclass(slots=True)
class Metadata:
    """The facts found; "" and None where the author said nothing.

    `route` is the last part of the former address, or the whole address if it begins with a slash.
    """

    title: str = ""
    summary: str = ""
    language: str = ""
    collection: str = ""
    audience: Audience = Audience.PUBLIC
    status: ArticleStatus = ArticleStatus.PUBLISHED
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
    fields: dict[str, Any] = field(default_factory=dict)  # of carried keys, JSON-able
    extra: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def owner(self) -> str:
        """The team that keeps the article, "" for none."""
        return str(self.fields.get("owner", ""))


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
        read = {row.name: self._carried(row) for row in ROWS if row.carried}
        facts.fields = {name: value for name, value in read.items() if value not in ("", [], None)}
        facts.extra = self.values
        refusals = tuple(narrowing_problems(self.front.values, self.lines))
        if refusals or self.front.narrows:
            facts.audience = Audience.STAFF  # the only readers of a kept version
        facts.problems = (*self.problems, *refusals)
        return facts

    def _carried(self, row: Field) -> Any:
        """Take a key as its row says; JSON-able, and empty where the author said nothing."""
        if row.holds is Holds.DAY:
            day = self.day(*names(row.name))
            return day.isoformat() if day else ""
        if row.holds is Holds.FLAG:
            return self.flag(row.name, default=False)
        if row.holds in (Holds.WORDS, Holds.LINES):
            split = "," if row.holds is Holds.WORDS else ""
            return list(self.items(*names(row.name), split=split))
        return self.text(*names(row.name))

    def _words(self, facts: Metadata) -> None:
        facts.title = self.text("title")
        facts.summary = self.text(*names("summary"))
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
            facts.status = (
                ArticleStatus.DRAFT if facts.status is ArticleStatus.PUBLISHED else facts.status
            )

    def _audience(self) -> Audience:
        if "audience" not in self.values:
            return Audience.PUBLIC
        is_text = isinstance(self.values["audience"], str)  # a list is not a valid answer
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

    def _status(self) -> ArticleStatus:
        if "status" not in self.values:
            return ArticleStatus.PUBLISHED
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
        return ArticleStatus.DRAFT

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
        if not (understood and ends_understood) and facts.status is ArticleStatus.PUBLISHED:
            facts.status = ArticleStatus.DRAFT
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
        """Take the first key with a value and return it as one line of text."""
        name, value = self._take(names)
        if isinstance(value, (list, dict)):
            what = "a list" if isinstance(value, list) else "a group of keys"
            self.report(name, "type", f"“{name}” is {what}.", "Write one line of text.")
            parts = value if isinstance(value, list) else []
            value = next((part for part in parts if isinstance(part, (str, int))), None)
        return "" if value is None else " ".join(str(value).split())

    def items(self, *names: str, split: str = ",") -> tuple[str, ...]:
        """Take the first key with a value and return its texts; one text is split at `split`."""
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
        """Take a yes or no; any other value is reported and holds the article back."""
        if name not in self.values:
            return default
        value = self.values.pop(name)
        known = value if isinstance(value, bool) else _FLAGS.get(str(value).strip().casefold())
        if known is None:
            self.report(name, "type", f"“{name}” is neither true nor false.", "Write one of them.")
            return not default
        return known

    def day(self, *names: str) -> date | None:
        """Take the first key with a value as a day; None, with a finding, if it is invalid."""
        name, value = self._take(names)
        if value in (None, ""):
            return None
        found = _day(str(value), microsoft=name == "ms.date")
        if found is None:
            message = f"“{str(value)[:40]}” in “{name}” is not a date."
            self.report(name, "date", message, "Write a day that exists, as 2026-09-14.")
        return found

    def moments(self, field: str) -> tuple[list[datetime], bool]:
        """Take every name of the key; return the moments, and False if one is invalid."""
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
        """Add a finding at the line of the key `name`."""
        self.problems.append(Problem("", self.lines.get(name), code, message, hint))

    def _take(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """Take the first of `names` that has a value; the others stay in `extra`."""
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
    """Return a moment; `lenient` also accepts forms of other sites, where no zone means UTC."""
    found = _TIME.fullmatch(written.strip()) if lenient else None
    if found:
        zone = (found[3] or "Z").replace("UTC", "Z")
        written = f"{found[1]}T{found[2]}{zone}"
    return moment(written)


def _one_line(item: Any) -> str:
    """Return an item as one line; YAML reads an unquoted “Error: what now” as a mapping."""
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
