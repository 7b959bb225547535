"""Rules for words, links and images within one page; pure.

Promises findings with their lines from the source as it is written. Knows one page at a time and no
words of a person: `kb.authoring` looks for those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from kb.content.checks.page import Link, Page
from kb.content.components import ELEMENTS
from kb.content.hidden_html import UNSEEN_TAGS
from kb.content.problem import Problem
from kb.content.sanitise import ALLOWED_TAGS, REMOVED_TAGS

_EMPTY_WORDS = frozenset(
    """here|click here|this|this link|link|this page|page|this article|read more|more|more info
    |more information|learn more|details|see here|go here|press here|tap here
    |aquí|haga clic aquí|clic aquí|pulse aquí|haz clic aquí|pinche aquí|este enlace|enlace
    |esta página|leer más|más|más información|ver más|saber más|este artículo""".replace(
        "\n", ""
    ).replace("    |", "|").split("|")
)  # fmt: skip
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
# What the two above need a part of; each is looked for in a fraction of their time.
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


def wording_problems(page: Page, *, variables: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """Yield what is wrong with the words, links and images of one page.

    `variables` are the names in braces that stand for a text here.
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


def _left(page: Page, variables: frozenset[str]) -> Iterator[Problem]:
    pattern = _LEFT_ES if page.language == "es" else _LEFT
    found = list(pattern.finditer(page.prose)) if _may_be_left(page.prose) else []
    if not page.draft.facts.jekyll:
        braces = _LIQUID.finditer(page.prose)
        # Shortcodes are read; those that are not known are reported where that is found out.
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


def _tags(page: Page) -> Iterator[Problem]:
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


def _taken_out(page: Page, line: int, name: str, attribute: str) -> Problem:
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


def _html_image(page: Page, written: str, line: int) -> Iterator[Problem]:
    """An empty alt says that an image is for the eye alone; only a missing one is wrong."""
    given = {
        m[1].casefold(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(written) if m[1]
    }
    if "alt" not in given and not re.search(r"\balt\b", written):
        yield _no_words(page, line, given.get("src", ""))
    elif given.get("alt"):
        yield from _words_of(page, Link(line, given["alt"], given.get("src", "")))


def _unencrypted(page: Page) -> Iterator[Problem]:
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


def _words_of(page: Page, image: Link) -> Iterator[Problem]:
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


def _no_words(page: Page, line: int, target: str) -> Problem:
    message = f"The image “{target[:80]}” has no text for those who cannot see it."
    return page.problem("alt", line, message, "Write what it shows between the brackets.")
