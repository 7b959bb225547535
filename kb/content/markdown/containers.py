"""Rewrite the blocks of other sites (admonitions, folding parts, tabs) as quotes with a mark.

MkDocs' indented blocks (`!!!`, `???`, `===`), the fenced blocks of Docusaurus and Microsoft Learn
(`:::`), Learn's tabs and HTML's `<details>` become `> [!NOTE "Title"]`, `> [!DETAILS "Title"]-` and
`> [!TAB "Title"]`, which `conversion` reads. A block that never ends stays as it was written, and
code is skipped. The time is proportional to the text for each of `_DEEPEST` levels and for each of
the first `_MISSES` blocks without an end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Found = tuple[str, list[str]]  # the mark and the lines inside
_MISSES = 100  # blocks without an end; each costs a scan of all that follows
_DEEPEST = 6  # levels of nested blocks
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`]*$")
_INDENTED = re.compile(
    r"^(?P<margin> *)(?:(?P<box>!!!|\?\?\?\+?)[ \t]+(?P<kind>[\w-]+)[^\"\n]*"
    r"(?:\"(?P<title>[^\"\n]*)\")?|===[!+]*[ \t]+\"(?P<tab>[^\"\n]+)\")[ \t]*$"
)
_COLONS = re.compile(
    r"^(?P<margin> *)(?P<colons>:{3,})[ \t]*(?P<kind>[a-zA-Z][\w-]*)(?P<rest>.*?)[ \t]*$"
)
_TITLE = re.compile(r"\[(?P<square>[^\]\n]*)\]|title=[\"'](?P<key>[^\"'\n]*)[\"']")
_ZONE = re.compile(r"^ *:{3,}[ \t]*zone(?P<end>-end)?\b(?:[ \t]+pivot=\"(?P<pivot>[^\"\n]*)\")?")
_LEARN_TAB = re.compile(r"^#{1,6}[ \t]+\[(?P<title>[^\]\n]+)\]\(#tabs?/[^)\s]+\)[ \t]*$")
_RULER = re.compile(r"^ {0,3}(?:-{3,}|\*{3,}|_{3,})[ \t]*$")
_TAG = re.compile(
    r"^(?P<margin> *)<(?P<name>details|TabItem|Admonition)\b(?P<keys>[^>\n]*)>(?P<rest>.*)$"
)
_SUMMARY = re.compile(r"<summary\b[^>]*>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_KEY = r"\b{}=[\"']([^\"'\n]*)[\"']"
ALERTS = {
    "note": "NOTE", "info": "NOTE", "abstract": "NOTE", "summary": "NOTE", "secondary": "NOTE",
    "question": "NOTE", "example": "NOTE", "quote": "NOTE", "todo": "NOTE", "seealso": "NOTE",
    "tip": "TIP", "hint": "TIP", "success": "TIP", "check": "TIP", "important": "IMPORTANT",
    "warning": "WARNING", "warn": "WARNING", "attention": "WARNING", "caution": "CAUTION",
    "danger": "CAUTION", "error": "CAUTION", "failure": "CAUTION", "bug": "CAUTION",
}  # fmt: skip # a list, several to a line


def quoted_blocks(text: str) -> str:
    """Return `text` with its blocks written as quotes."""
    return "\n".join(_Blocks(text.split("\n"), 0).run())


def mark(kind: str, title: str = "", fold: str = "") -> str:
    """Return the first line of a block; `fold` is "-" for closed, "+" for open, "" for neither."""
    plain = " ".join(title.replace('"', "”").split())
    return f'[!{kind} "{plain}"]{fold}' if plain else f"[!{kind}]{fold}"


class _Blocks:
    def __init__(self, lines: list[str], depth: int) -> None:
        self.lines, self.depth, self.at = lines, depth, 0
        self.out: list[str] = []
        self._misses = 0

    def run(self) -> list[str]:
        if self.depth >= _DEEPEST:
            return self.lines
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if _FENCE.match(line):
                self._code(line)
            elif not self._block(line):
                self.out.append(line)
                self.at += 1
        return self.out

    def _block(self, line: str) -> bool:
        """Write the block that begins here; return False when none does."""
        if "!!!" not in line and "???" not in line and line.lstrip(" ")[:1] not in (*":<#=", ""):
            return False
        for read in (self._indented, self._colons, self._zone, self._learn_tab, self._tag):
            start = self.at
            found = read(line) if self._misses < _MISSES else None
            if found is not None:
                self._quote(len(line) - len(line.lstrip(" ")), *found)
                return True
            self.at = start
        return False

    def _quote(self, column: int, head: str, inner: list[str]) -> None:
        lines = _Blocks(_trimmed(inner), self.depth + 1).run()
        self.out.append("")
        if head:
            self.out += [f"{' ' * column}> {each}".rstrip() for each in (head, "", *lines)]
        else:
            self.out += lines
        self.out.append("")

    def _code(self, opening: str) -> None:
        """Skip fenced code; without an end it reaches to the end of the text."""
        fence = opening.strip()
        length = len(fence) - len(fence.lstrip(fence[0]))
        closing = re.compile(rf"^[ \t]*{re.escape(fence[0])}{{{length},}}[ \t]*$")
        self._take(lambda line: bool(closing.match(line)), first=True)

    def _take(self, ends: Callable[[str], bool], *, first: bool = False) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.out.append(line)
            self.at += 1
            if not first and ends(line):
                return
            first = False

    def _indented(self, line: str) -> Found | None:
        found = _INDENTED.match(line)
        if not found:
            return None
        column = len(found["margin"]) + 4
        inner: list[str] = []
        self.at += 1
        while self.at < len(self.lines):
            inside = self.lines[self.at].expandtabs(4)
            if inside.strip() and len(inside) - len(inside.lstrip(" ")) < column:
                break
            inner.append(inside[column:])
            self.at += 1
        if not any(map(str.strip, inner)):
            return None
        if found["tab"]:
            return mark("TAB", found["tab"]), inner
        kind = ALERTS.get(found["kind"].casefold(), "NOTE")
        fold = {"???": "-", "???+": "+"}.get(found["box"], "")
        kind = "DETAILS" if fold and found["kind"].casefold() == "details" else kind
        return mark(kind, found["title"] or "", fold), inner

    def _colons(self, line: str) -> Found | None:
        found = _COLONS.match(line)
        name = found["kind"].casefold() if found else ""
        if not found or (name not in ALERTS and name != "details"):
            return None
        inner = self._until_colons(len(found["colons"]))
        if inner is None:
            return None
        inner = [_outdented(line, len(found["margin"])) for line in inner]
        titled = _TITLE.search(found["rest"])
        title = (titled["square"] or titled["key"] or "") if titled else found["rest"].strip(" {}")
        if name == "details":
            return mark("DETAILS", title, "-"), inner
        return mark(ALERTS[name], title), inner

    def _until_colons(self, count: int) -> list[str] | None:
        """Return the lines up to the end of a block of `count` colons, None when it has no end."""
        inner: list[str] = []
        open_blocks, fence = 1, ""
        for at in range(self.at + 1, len(self.lines)):
            line = self.lines[at]
            plain = line.strip()
            if fence or _FENCE.match(line):
                fence = _inside_fence(fence, plain)
            elif plain.startswith(":" * count) and not plain.startswith(":" * (count + 1)):
                open_blocks += -1 if not plain.strip(":") else 0 if plain.endswith(":::") else 1
            if not open_blocks:
                self.at = at + 1
                return inner
            inner.append(line)
        self._misses += 1
        return None

    def _zone(self, line: str) -> Found | None:
        """Read Microsoft Learn's text for one of several products."""
        found = _ZONE.match(line)
        if not found or found["end"] or not found["pivot"]:
            return None
        for at in range(self.at + 1, len(self.lines)):
            other = _ZONE.match(self.lines[at])
            if other and other["end"]:
                inner, self.at = self.lines[self.at + 1 : at], at + 1
                names = found["pivot"].replace("-", " ").split(",")
                return mark("TAB", ", ".join(name.strip().capitalize() for name in names)), inner
        self._misses += 1
        return None

    def _learn_tab(self, line: str) -> Found | None:
        """Read a heading that links to `#tab/…`; the next one or a ruler ends it."""
        found = _LEARN_TAB.match(line)
        if not found:
            return None
        at, fence = self.at + 1, ""
        while at < len(self.lines):
            each = self.lines[at]
            if fence or _FENCE.match(each):
                fence = _inside_fence(fence, each.strip())
            elif _LEARN_TAB.match(each) or _RULER.match(each):
                break
            at += 1
        inner = self.lines[self.at + 1 : at]
        self.at = at + (1 if at < len(self.lines) and _RULER.match(self.lines[at]) else 0)
        return mark("TAB", found["title"]), inner

    def _tag(self, line: str) -> Found | None:
        found = _TAG.match(line)
        inner = self._until_tag(found["name"], found["rest"]) if found else None
        if not found or inner is None:
            return None
        if found["name"] == "details":
            return _details(found["keys"], inner)
        inner = _dedented(inner)
        if found["name"] == "TabItem":
            title = _key("label", found["keys"]) or _key("value", found["keys"]) or "…"
            return mark("TAB", title), inner
        kind = ALERTS.get(_key("type", found["keys"]).casefold(), "NOTE")
        return mark(kind, _key("title", found["keys"])), inner

    def _until_tag(self, name: str, rest: str) -> list[str] | None:
        opening, closing = re.compile(rf"<{name}\b"), re.compile(rf"</{name}\s*>")
        inner, depth = [rest], 1 + len(opening.findall(rest)) - len(closing.findall(rest))
        at, fence = self.at + 1, ""
        while depth > 0 and at < len(self.lines):
            line = self.lines[at]
            if fence or _FENCE.match(line):
                fence = _inside_fence(fence, line.strip())
            else:
                depth += len(opening.findall(line)) - len(closing.findall(line))
            inner.append(line)
            at += 1
        if depth > 0:
            self._misses += 1
            return None
        inner[-1] = closing.split(inner[-1])[0]
        self.at = at
        return inner


def _details(keys: str, inner: list[str]) -> Found | None:
    """Read HTML's folding block if it holds Markdown: as on GitHub, a blank line says so."""
    text = "\n".join(inner)
    summary = _SUMMARY.search(text)
    if not summary or not re.search(r"\n[ \t]*\n", text.rstrip()):
        return None
    rest = (text[: summary.start()] + text[summary.end() :]).split("\n")
    return mark("DETAILS", summary[1], "+" if re.search(r"\bopen\b", keys) else "-"), rest


def _inside_fence(fence: str, line: str) -> str:
    """Return the fence that is open after `line`, "" for none."""
    if not fence:
        return line[: len(line) - len(line.lstrip(line[0]))]
    return "" if line and not line.strip(fence[0]) and len(line) >= len(fence) else fence


def _key(name: str, keys: str) -> str:
    found = re.search(_KEY.format(name), keys)
    return found[1] if found else ""


def _dedented(lines: list[str]) -> list[str]:
    columns = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    return [line[min(columns, default=0) :] for line in lines]


def _outdented(line: str, column: int) -> str:
    return line[min(column, len(line) - len(line.lstrip(" "))) :]


def _trimmed(lines: list[str]) -> list[str]:
    """Return the lines without blank lines at both ends."""
    full = [at for at, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []
