"""A client's eyes: a page as elements, and everything that must hold of every page.

Promises to read HTML as `html.parser` does, without knowing the templates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
RAW_CONTROLS = {"hidden", "submit", "button", "reset", "image"}
LANDMARKS = {"nav": "navigation", "aside": "complementary", "section": "region"}
ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "xlink:href", "srcdoc"}
OUR_SCRIPTS = ("/static/theme.js", "/static/site.js")


@dataclass
class Element:
    """One element: its tag, attributes, parent, and all text within."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    words: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return its text, blanks collapsed."""
        return " ".join("".join(self.words).split())

    @property
    def name(self) -> str:
        """Return what a screen reader calls it: its label, its text or its pictures' words."""
        return self.attributes.get("aria-label", "") or self.text or " ".join(self.images)

    def within(self) -> Iterator[Element]:
        """Yield the elements around it, the nearest first."""
        here = self.parent
        while here is not None:
            yield here
            here = here.parent


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in one element."""
        given = {name: value or "" for name, value in attrs}
        parent = self._open[-1] if self._open else None
        self.elements.append(Element(tag, given, parent))
        for around in self._open:
            if tag == "img":
                around.images.append(given.get("alt", ""))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        """Close the nearest element of that name."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        """Give the text to every element around it; a line end that opens a field is none."""
        inner = self._open[-1] if self._open else None
        if inner and inner.tag in {"textarea", "pre"} and not inner.words:
            data = data.removeprefix("\n")
        for around in self._open:
            around.words.append(data)

    def all(self, *tags: str) -> list[Element]:
        """Return the elements of these tags."""
        return [element for element in self.elements if element.tag in tags]

    def one(self, tag: str) -> Element:
        """Return the only element of that tag."""
        (found,) = self.all(tag)
        return found

    def ids(self) -> list[str]:
        """Return every id, as often as it occurs."""
        return [e.attributes["id"] for e in self.elements if "id" in e.attributes]

    def by_id(self, name: str) -> Element | None:
        """Return the first element of that id."""
        return next((e for e in self.elements if e.attributes.get("id") == name), None)

    def form(self, action: str) -> dict[str, str]:
        """Return what the form of that action sends, its buttons left out."""
        sent: dict[str, str] = {}
        for element in self.all("input", "textarea", "select"):
            form = next((e for e in element.within() if e.tag == "form"), None)
            if form is None or form.attributes.get("action") != action:
                continue
            kind, name = element.attributes.get("type", ""), element.attributes.get("name", "")
            if kind in {"radio", "checkbox"} and "checked" not in element.attributes:
                continue
            raw = "".join(element.words)
            sent[name] = raw if element.tag == "textarea" else element.attributes.get("value", "")
        return sent


def active_content(page: Page) -> list[str]:
    """Return every script, style, handler or live address that is not our own."""
    found = []
    for element in page.elements:
        source = element.attributes.get("src", "").partition("?")[0]
        if element.tag == "script" and (source not in OUR_SCRIPTS or element.text):
            found.append(f"script {source} {element.text[:40]}")
        if element.tag in {"style", "iframe", "object", "embed", "base", "svg", "math", "applet"}:
            found.append(element.tag)
        if element.tag == "meta" and "http-equiv" in element.attributes:
            found.append("meta http-equiv")
        for name, value in element.attributes.items():
            if name.startswith("on") or name in {"style", "srcdoc"}:
                found.append(f"{element.tag} {name}={value[:40]}")
            if name in ADDRESSES and _is_live(value):
                found.append(f"{element.tag} {name}={value[:60]}")
    return found


def _is_live(address: str) -> bool:
    """Return whether an address does more than lead somewhere by HTTP or mail."""
    bare = "".join(char for char in address if ord(char) > 32).lower()
    scheme, colon, _ = bare.partition(":")
    named = colon and not set(scheme) & set("/?#")
    return bool(named) and scheme not in {"http", "https", "mailto"}


def complaints(html: str) -> list[str]:
    """Return what is wrong with a page, whoever reads it."""
    page = Page(html)
    return [*_frame(page), *_ids(page), *_controls(page), *_names(page), *active_content(page)]


def _frame(page: Page) -> Iterator[str]:
    if not html_language(page):
        yield "no language"
    if len(page.all("h1")) != 1 or not page.all("h1")[0].text:
        yield f"{len(page.all('h1'))} h1"
    titles = [e for e in page.all("title") if e.text]
    if len(titles) != 1 or titles[0].text.startswith("·"):
        yield "no title"
    if len(page.all("main")) != 1:
        yield "no main"
    level = 0
    for heading in page.all("h1", "h2", "h3", "h4", "h5", "h6"):
        if not heading.text:
            yield f"empty {heading.tag}"
        level = int(heading.tag[1])
    del level
    for image in page.all("img"):
        if "alt" not in image.attributes:
            yield "img without alt"


def html_language(page: Page) -> str:
    """Return the page's language."""
    return page.one("html").attributes.get("lang", "")


def _ids(page: Page) -> Iterator[str]:
    yield from (f"id {name} x{count}" for name, count in Counter(page.ids()).items() if count > 1)
    known = set(page.ids())
    for element in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            for wanted in element.attributes.get(name, "").split():
                if wanted not in known:
                    yield f"{element.tag} {name}={wanted} leads nowhere"
        address = element.attributes.get("href", "")
        if element.tag == "a" and address.startswith("#") and address[1:] not in known:
            yield f"link {address} leads nowhere"


def _controls(page: Page) -> Iterator[str]:
    labelled = {e.attributes.get("for") for e in page.all("label") if e.text}
    for control in page.all("input", "select", "textarea"):
        if control.attributes.get("type") in RAW_CONTROLS:
            continue
        wrapped = any(e.tag == "label" for e in control.within())
        if not wrapped and control.attributes.get("id", "") not in labelled:
            yield f"{control.tag} {control.attributes.get('name')} without a label"
    for button in page.all("button"):
        if not button.name:
            yield "button without a name"
    for group in page.all("fieldset"):
        if not any(e.tag == "legend" and e.parent is group for e in page.elements):
            yield "fieldset without a legend"


def _names(page: Page) -> Iterator[str]:
    for link in page.all("a"):
        if "href" in link.attributes and not link.name.strip():
            yield f"link to {link.attributes['href']} without a name"
    seen: Counter[tuple[str, str]] = Counter()
    for element in page.elements:
        role = element.attributes.get("role") or LANDMARKS.get(element.tag, "")
        label = element.attributes.get("aria-label", "")
        if (by := element.attributes.get("aria-labelledby")) and (named := page.by_id(by)):
            label = named.text
        if role in {*LANDMARKS.values(), "search"} and (role != "region" or label):
            seen[role, label] += 1
    yield from (f"{role} landmark {name!r} x{n}" for (role, name), n in seen.items() if n > 1)
    for table in page.all("table"):
        if not any(e.tag == "caption" and table in e.within() for e in page.elements):
            yield "table without a caption"
