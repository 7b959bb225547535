"""Converts the HTML of an exported page to Markdown.

Words are kept, links and images go through `resolve`, and alerts, code and collapsible sections are
written in this product's own syntax. What has no counterpart becomes a remark.
"""

# ruff: noqa: ARG002 - the library calls its converters with these three

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

from kb.content.html.hidden import first_line, is_hidden
from kb.content.html.sanitise import is_free_id
from kb.content.markdown.containers import ALERTS

Resolve = Callable[[str, str], str]  # "link" or "image", as written -> what to write, "" for none
_GONE = ("script", "style", "template", "form", "object", "embed", "svg", "canvas", "audio")
_DEEPEST = 150  # nested elements; deeper HTML is broken or malicious


def markdown_of(html: str, resolve: Resolve) -> tuple[str, tuple[str, ...]]:
    """Return the page as Markdown without its level-1 heading, and the remarks."""
    soup = BeautifulSoup(html, "html.parser")
    remarks: list[str] = []
    _drop_hidden(soup, remarks)
    if _depth(soup) > _DEEPEST:
        return soup.get_text("\n").strip() + "\n", ("Nested too deeply: only its words are kept.",)
    _prepare(soup, remarks)
    text = _Converter(resolve, remarks).convert_soup(soup)
    text = re.sub(r"[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", text))
    return text.strip() + "\n", tuple(dict.fromkeys(remarks))


def _drop_hidden(soup: BeautifulSoup, remarks: list[str]) -> None:
    """Remove what the page hid from its readers, but not what it only collapsed."""
    opened = set(_opened(soup))
    for element in soup.find_all(True):
        if element.decomposed or not is_hidden(element.name, _facts(element)):
            continue
        classes: list[str] = list(element.get("class") or [])
        if element.get("role") == "tabpanel" or "expand-content" in classes:
            continue
        if str(element.get("id") or "") in opened:
            continue
        words = first_line(element.get_text("\n"))[:60]
        if words:
            remarks.append(f"Hidden text was left out: “{words}”.")
        element.decompose()


def _opened(soup: BeautifulSoup) -> Iterator[str]:
    """Yield the ids of elements that a button or link of the page expands."""
    for name in ("aria-controls", "data-target", "data-bs-target"):
        for each in soup.select(f"[{name}]"):
            yield from (part.lstrip("#") for part in str(each[name]).split() if part.lstrip("#"))


def _facts(element: Tag) -> dict[str, str]:
    """Return the attributes as strings; lists of words are joined."""
    pairs = element.attrs.items()
    return {n: " ".join(v) if isinstance(v, list) else str(v or "") for n, v in pairs}


def _depth(soup: BeautifulSoup) -> int:
    deepest, waiting = 0, list[tuple[Tag, int]]([(soup, 0)])
    while waiting:
        element, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(each, depth + 1) for each in element.children if isinstance(each, Tag)]
    return deepest


def _prepare(soup: BeautifulSoup, remarks: list[str]) -> None:
    for name in _GONE:
        for each in soup.find_all(name):
            if name not in ("style", "template", "svg"):
                remarks.append(f"A {name} element was left out.")
            each.decompose()
    for each in soup.select(".toc-macro, .pageSection .greybox, .expand-control-icon"):
        each.decompose()
    if heading := soup.find("h1"):
        heading.decompose()
    for table in soup.select("table[rowspan], td[rowspan], td[colspan], td table"):
        words = table.get_text(" ")[:40].strip()
        remarks += [f"A table with joined cells was flattened (“{words}”)."]


class _Converter(MarkdownConverter):
    def __init__(self, resolve: Resolve, remarks: list[str]) -> None:
        super().__init__(
            heading_style="ATX", bullets="-", newline_style="backslash", table_infer_header=True
        )
        self._resolve, self._remarks = resolve, remarks

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Return the text escaped, so that Markdown sees no markup or tags in it."""
        plain: str = super().escape(text, parent_tags)  # type: ignore[misc]
        plain = re.sub(r"&(?=#?\w{1,30};)", "&amp;", plain).replace("<", "&lt;")
        # Python-Markdown begins a heading at a # without a space after it, too.
        plain = re.sub(r"^(\s*)#", r"\1\#", plain, flags=re.MULTILINE)
        return plain.replace("[[", r"\[\[").replace("{{", r"\{{")

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return a link to the page's new address."""
        written = str(el.get("href") or "")
        address = self._resolve("link", written) if written else ""
        words = text.strip()
        return f"[{words}]({_address(address)})" if address and words else text

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return an image that is in the export, else its alternative text."""
        words = re.sub(r"[\[\]\n]", " ", str(el.get("alt") or "")).strip()
        address = self._resolve("image", str(el.get("src") or ""))
        width = str(el.get("width") or "")
        size = f"{{width={width}}}" if width.isdecimal() else ""
        return f"![{words}]({_address(address)}){size}" if address else words

    def convert_hN(  # noqa: N802 - the library's name
        self, n: int, el: Tag, text: str, parent_tags: set[str]
    ) -> str:
        """Return a heading that keeps its anchor, since other pages may point at it."""
        heading: str = super().convert_hN(n, el, text, parent_tags)  # type: ignore[misc]
        name = str(el.get("id") or "")
        keeps = heading.strip() and is_free_id(name) and not re.search(r"[\s{}]", name)
        return f"{heading.rstrip()} {{#{name}}}\n\n" if keeps else heading

    def convert_kbd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return a keyboard key as `<kbd>`."""
        return f"<kbd>{text}</kbd>" if text.strip() else ""

    def convert_iframe(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return a link to the frame's address."""
        address = str(el.get("src") or "")
        address = f"https:{address}" if address.startswith("//") else address
        self._remarks.append(f"A frame became a link: {address[:120]}")
        return f"[Video]({_address(address)})" if address.startswith("http") else ""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return fenced code with its language."""
        given = f"{el.get('data-syntaxhighlighter-params', '')} {' '.join(el.get('class') or [])}"
        code = el.find("code")
        given += " ".join(code.get("class") or []) if isinstance(code, Tag) else ""
        found = re.search(r"(?:brush: *|language-|lang-)([\w+#-]+)", given)
        words = el.get_text().strip("\n")
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", words)), default=0))
        return f"\n\n{fence}{found[1] if found else ''}\n{words}\n{fence}\n\n"

    def convert_div(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return Confluence's alerts and expand macros in this product's syntax."""
        classes: list[str] = list(el.get("class") or [])
        kinds = [name.removeprefix("confluence-information-macro-") for name in classes]
        kind = next((ALERTS[name] for name in _kinds(kinds) if name in ALERTS), "")
        if "confluence-information-macro" in classes and kind:
            return _quoted(f"[!{kind}]", text)
        if "expand-container" in classes:
            title = el.select_one(".expand-control-text")
            body = text.replace(title.get_text(), "", 1) if title else text
            return _quoted(f"[!DETAILS]- {title.get_text().strip() if title else ''}", body)
        return f"\n\n{text}\n\n" if "_inline" not in parent_tags else text

    def convert_details(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return a collapsible section."""
        summary = el.find("summary")
        title = summary.get_text().strip() if isinstance(summary, Tag) else ""
        return _quoted(f"[!DETAILS]- {title}", text.replace(title, "", 1) if title else text)


def _kinds(names: list[str]) -> list[str]:
    """Return the alert kinds that Confluence's class names mean."""
    own = {"information": "info", "note": "warning", "warning": "danger"}
    return [own.get(name, name) for name in names]


def _quoted(head: str, text: str) -> str:
    lines = re.sub(r"\n{3,}", "\n\n", text.strip()).split("\n")
    return "\n\n" + "\n".join(f"> {line}".rstrip() for line in (head, *lines)) + "\n\n"


def _address(address: Any) -> str:
    text = str(address).strip()
    return f"<{text}>" if re.search(r"[\s()]", text) else text
