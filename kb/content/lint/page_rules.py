"""Rules for one source file: front matter, headings, sections, tables, words and links.

Findings have their line in the source; those about front matter have the line of their key. Each
rule sees one page at a time, and the current day is passed in as `today`. Personal data is looked
for in `private_data`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from rapidfuzz.distance import OSA

from kb.content.article import ArticleStatus
from kb.content.frontmatter.fields import ROWS, Holds
from kb.content.html.hidden import ELEMENTS, UNSEEN_TAGS
from kb.content.html.sanitise import ALLOWED_TAGS, REMOVED_TAGS
from kb.content.lint.page import Heading, Link, SourcePage
from kb.content.problem import Problem

# -- Front matter --


# The title of a search result has one line of about 70 characters, or two on a telephone.
LONGEST_TITLE = 80
# Results show two lines of a summary.
LONGEST_SUMMARY = 220
KNOWN = tuple(name for field in ROWS for name in (field.name, *field.also))
# Other sites' keys for times are too close to other words to be guessed.
_MOMENTS_ELSEWHERE = frozenset(
    name for row in ROWS if row.holds is Holds.MOMENT for name in row.also
)
# Keys of other publishers that are close to one of ours and mean something else.
_FOREIGN = frozenset(
    {"titles", "tag", "data", "slug", "author", "authors", "layout", "order", "type"}
)


def fact_problems(page: SourcePage, today: date) -> Iterator[Problem]:
    """Yield the findings about the front matter of one page."""
    if page.draft.facts.redirect_to or any(p.refused for p in page.draft.problems):
        return
    yield from _keys(page)
    yield from _lengths(page)
    if page.draft.facts.status is ArticleStatus.PUBLISHED:
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
    # Two typing errors in a long word, one in a short one, none in three letters.
    allowed = 2 if len(plain) >= 7 else 1 if len(plain) >= 4 else 0
    return known if distance <= allowed else ""


def _keys(page: SourcePage) -> Iterator[Problem]:
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


def _lengths(page: SourcePage) -> Iterator[Problem]:
    title, facts = page.draft.title, page.draft.facts
    summary = facts.summary
    if len(title) > LONGEST_TITLE:
        message = f"The title has {len(title)} characters; {LONGEST_TITLE} fit a line of results."
        yield page.problem("title-long", page.keys.get("title"), message, "Shorten it.")
    line = next((page.keys[k] for k in ("summary", "description", "excerpt") if k in page.keys), 1)
    if not summary and facts.status is ArticleStatus.PUBLISHED:
        hint = "Add “summary: …”: for whom it is and what they will have done."
        yield page.problem("summary", line, "There is no summary.", hint)
    if len(summary) > LONGEST_SUMMARY:
        message = f"The summary has {len(summary)} characters; results show {LONGEST_SUMMARY}."
        yield page.problem("summary-long", line, message, "Keep the first thing readers need.")


def _review(page: SourcePage, today: date) -> Iterator[Problem]:
    facts = page.draft.facts
    line = next((page.keys[k] for k in ("review_by", "review-by") if k in page.keys), None)
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


# -- Headings, sections, code blocks and tables --


_DELIMITER = re.compile(r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")


def structure_problems(page: SourcePage) -> Iterator[Problem]:
    """Yield the findings about the structure of one page."""
    if page.draft.facts.redirect_to:
        return
    if page.open_fence:
        message = "This code block has no end, so the rest of the article is shown as code."
        hint = "Put a line like its first after the code."
        yield page.problem("fence", page.open_fence, message, hint)
    yield from _order(page)
    yield from _twice(page)
    yield from _empty(page)
    yield from _tables(page)
    if page.text and not page.text.endswith("\n"):
        last = page.text.count("\n") + 1
        message = "The file does not end with a line's end."
        yield page.problem("final-newline", last, message, "Press Enter after the last line.")


def fitted_levels(levels: list[int]) -> list[int]:
    """Return levels from 2 that skip none, with the same nesting."""
    fitted: list[int] = []
    above: list[int] = []
    for level in levels:
        while above and above[-1] >= level:
            above.pop()
        above.append(level)
        fitted.append(min(len(above) + 1, 6))
    return fitted


def _order(page: SourcePage) -> Iterator[Problem]:
    last = 1
    for number, heading in enumerate(page.headings):
        if heading.level == 1 and (number or not _gives_title(page, heading)):
            message = f"“{heading.text[:80]}” is of level 1, which is the title's."
            yield page.problem("heading-one", heading.line, message, "Write ## before it.")
        if heading.level > last + 1:
            message = f"“{heading.text[:80]}” is of level {heading.level} after level {last}."
            hint = f"Write {'#' * (last + 1)} before it."
            yield page.problem("heading-order", heading.line, message, hint)
        last = heading.level


def _gives_title(page: SourcePage, heading: Heading) -> bool:
    return not page.draft.own_title or heading.text.casefold() == page.draft.title.casefold()


def _twice(page: SourcePage) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    above: list[Heading] = []
    for heading in page.headings:
        above = [each for each in above if each.level < heading.level] + [heading]
        key = tuple(each.text.casefold() for each in above)
        first = seen.setdefault(key, heading.line)
        if first != heading.line and heading.text:
            message = f"“{heading.text[:80]}” is a heading here twice."
            hint = "Say how the two differ: each is found by itself."
            yield page.problem("heading-twice", heading.line, message, hint)


def _empty(page: SourcePage) -> Iterator[Problem]:
    lines = page.text.split("\n")
    for heading, after in zip(page.headings, [*page.headings[1:], None], strict=False):
        end = after.line - 1 if after else len(lines)
        is_last = after is None or after.level <= heading.level
        text = "".join(lines[heading.line : end]).strip(" \t=-")
        if is_last and not text and heading.level > 1:
            message = f"Nothing is written under “{heading.text[:80]}”."
            yield page.problem("section-empty", heading.line, message, "Fill it, or take it out.")


def _tables(page: SourcePage) -> Iterator[Problem]:
    lines = page.prose.split("\n") if "|" in page.prose else []
    for at in range(1, len(lines)):
        if "|" not in lines[at] or "-" not in lines[at] or "|" not in lines[at - 1]:
            continue
        if not _DELIMITER.match(lines[at]):
            continue
        wanted = _cells(lines[at - 1])
        for row in range(at, len(lines)):
            if not lines[row].strip(" \t>") or "|" not in lines[row]:
                break
            found = _cells(lines[row])
            if found != wanted:
                message = f"This row has {found} cells; the table's first row has {wanted}."
                hint = r"Add or remove a “|”; write \| for one that is text."
                yield page.problem("table", row + 1, message, hint)


def _cells(line: str) -> int:
    inner = line.strip(" \t>")
    inner = inner.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return len(_PIPE.findall(inner)) + 1


# -- Words, links and images --


_EMPTY_WORDS = frozenset(
    """here|click here|this|this link|link|this page|page|this article|read more|more|more info
    |more information|learn more|details|see here|go here|press here|tap here
    |aquí|haga clic aquí|clic aquí|pulse aquí|haz clic aquí|pinche aquí|este enlace|enlace
    |esta página|leer más|más|más información|ver más|saber más|este artículo""".replace("\n", "")
    .replace("    |", "|")
    .split("|")
)
# In Spanish the first of these marks is the word for “everything” and needs its colon.
_MARK = r"TO" r"DO"
_LEFT = re.compile(
    rf"\b(?:{_MARK}|FIX"
    r"ME|TBD|TBC)\b|(?i:\blorem ipsum\b)"
    r"|\[(?i:insert|your|add|fill in|placeholder|inserte|su)\b[^\]\n]*\](?![(\[:])"
)
_LEFT_ES = re.compile(
    rf"\b(?:{_MARK}\s?[:(]|FIX"
    r"ME\b|TBD\b|TBC\b)|(?i:\blorem ipsum\b)"
    r"|\[(?i:insert|your|add|inserte|su)\b[^\]\n]*\](?![(\[:])"
)
# A match of the patterns above contains one of these, which are much faster to look for.
_HINTS = (_MARK, "IXME", "TBD", "TBC")
_LOREM = re.compile(r"[lL][oO][rR][eE][mM]")
_BRACKET = re.compile(r"\[(?i:insert|your|add|fill in|placeholder|inserte|su)\b")
_LIQUID = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{\{[<%].*?[>%]\}\}")
_TAG = re.compile(r"</?([A-Za-z][\w-]*)(?=[\s/>])([^<>]*)>")
_HANDLER = re.compile(r"\s(on[a-z]+|style)\s*=", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))|\b(alt)\b")
_FILE = re.compile(r"[\w() -]+\.(?:png|jpe?g|gif|webp|svg|bmp)", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?i:(?:image|img|screenshot|screen shot|captura|imagen|picture|photo|dsc|foto)[ _-]?\d*)"
)


def wording_problems(
    page: SourcePage, *, variables: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """Yield the findings about the words, links and images of one page.

    `variables` are the names in braces that are replaced by a text here.
    """
    yield from _left(page, variables)
    yield from _tags(page)
    for link in page.links:
        if link.words.casefold().strip(" .*_:»>") in _EMPTY_WORDS:
            message = f"The words “{link.words[:60]}” do not say where this link leads."
            yield page.problem("link-words", link.line, message, "Link the name of the page.")
    yield from _unencrypted(page)
    for image in page.images:
        yield from _words_of(page, image)


def _left(page: SourcePage, variables: frozenset[str]) -> Iterator[Problem]:
    pattern = _LEFT_ES if page.language == "es" else _LEFT
    found = list(pattern.finditer(page.prose)) if _may_be_left(page.prose) else []
    if not page.draft.facts.jekyll:
        braces = _LIQUID.finditer(page.prose)
        # Shortcodes are converted elsewhere, and unknown ones are reported there.
        found += [b for b in braces if b[0][:3] not in ("{{<", "{{%") and not _is_in(b, variables)]
    for each in found:
        message = f"“{each[0][:60]}” was to be replaced."
        hint = "Write what belongs there, or put it between backquotes when it is meant."
        yield page.problem("placeholder", page.line_of(each.start()), message, hint)


def _may_be_left(prose: str) -> bool:
    return bool(
        any(word in prose for word in _HINTS) or _BRACKET.search(prose) or _LOREM.search(prose)
    )


def _is_in(braces: re.Match[str], variables: frozenset[str]) -> bool:
    return braces[0].strip("{} ") in variables


def _tags(page: SourcePage) -> Iterator[Problem]:
    told: set[str] = set()
    for tag in _TAG.finditer(page.prose):
        name, line = tag[1].casefold(), page.line_of(tag.start())
        if name == "img":
            yield from _html_image(page, tag[2], line)
        handler = _HANDLER.search(tag[2]) if name in ALLOWED_TAGS else None
        if (name in ALLOWED_TAGS and not handler) or name in told:
            continue
        told.add(name)
        yield _taken_out(page, line, name, handler[1] if handler else "")


def _taken_out(page: SourcePage, line: int, name: str, attribute: str) -> Problem:
    what = f"The attribute “{attribute}”" if attribute else f"The tag <{name}>"
    how = (
        "with what is inside it"
        if name in REMOVED_TAGS | UNSEEN_TAGS and not attribute
        else "from the page"
    )
    if name not in ELEMENTS and not attribute:
        hint = "Put it between backquotes, as other words of a command."
        return page.problem("html", line, f"“<{name}>” is no HTML and shown as written.", hint)
    hint = "Say it in Markdown, or put it between backquotes when readers should see it."
    return page.problem("html", line, f"{what} is taken out {how}.", hint)


def _html_image(page: SourcePage, written: str, line: int) -> Iterator[Problem]:
    """Yield findings about an image's words; an empty alt marks a decorative image and is right."""
    given = {
        m[1].casefold(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(written) if m[1]
    }
    if "alt" not in given and not re.search(r"\balt\b", written):
        yield _no_words(page, line, given.get("src", ""))
    elif given.get("alt"):
        yield from _words_of(page, Link(line, given["alt"], given.get("src", "")))


def _unencrypted(page: SourcePage) -> Iterator[Problem]:
    hosts = {host(link.target) for link in page.links if link.target.startswith("https:")}
    for link in page.links:
        if link.target.startswith("http:") and host(link.target) in hosts:
            message = f"“{link.target[:100]}” is not encrypted, and this host can be."
            yield page.problem("http-link", link.line, message, "Begin the address with https://.")


def host(address: str) -> str:
    """Return the host of an address in lower case, "" without one."""
    try:
        return (urlsplit(address).hostname or "").casefold()
    except ValueError:
        return ""


def _words_of(page: SourcePage, image: Link) -> Iterator[Problem]:
    name = unquote(image.target).rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    words = image.words.strip()
    if not words:
        yield _no_words(page, image.line, image.target)
    elif _is_name(words, name, stem):
        message = f"“{words[:80]}” is a file's name, not what the image shows."
        yield page.problem("alt-name", image.line, message, "Say what a reader learns from it.")


def _is_name(words: str, name: str, stem: str) -> bool:
    plain = words.casefold()
    is_stem = plain == stem.casefold() and (not stem.isalpha() or bool(_NUMBERED.fullmatch(stem)))
    return (
        bool(_FILE.fullmatch(words))
        or plain == name.casefold()
        or is_stem
        or bool(_NUMBERED.fullmatch(words))
    )


def _no_words(page: SourcePage, line: int, target: str) -> Problem:
    message = f"The image “{target[:80]}” has no text for those who cannot see it."
    return page.problem("alt", line, message, "Write what it shows between the brackets.")
