"""How well a folder of articles, in the form its owners keep it, is read.

    python -m benchmarks.reading DIR

Prints the share of articles that are rendered, of links and images whose target exists, and of
former addresses that lead to an article: those that the articles name and, if the folder has one,
those in OLD_URLS.yml. Then what was not understood, by kind, with an example of each.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from kb.content.build import build_library
from kb.content.library import Library
from kb.content.paths import is_article
from kb.content.sources.source import open_source


def main() -> None:
    root = Path(sys.argv[1])
    began = time.monotonic()
    source = open_source(root)
    files = [path for path in source.files() if is_article(path)]
    library = build_library(source)
    took = time.monotonic() - began
    refused = {problem.path for problem in library.problems if problem.refused}
    print(f"{len(files)} files, {len(library.articles)} articles, {took:.1f} s")
    print(share("files read without a refusal", len(files) - len(refused), len(files)))
    print(rendered(library))
    for kind in ("link", "image"):
        asked = [r for a in library.articles.values() for r in a.references if r[0] == kind]
        print(share(f"{kind}s that lead somewhere", sum(bool(to) for *_, to in asked), len(asked)))
    named = [old for article in library.articles.values() for old in article.aliases]
    print(
        share(
            "former addresses in articles", sum(map(bool, map(library.resolve, named))), len(named)
        )
    )
    listed = old_addresses(root)
    if listed:
        found = sum(library.resolve(address) is not None for address in listed)
        print(share("addresses of OLD_URLS.yml", found, len(listed)))
    table(library)


def rendered(library: Library) -> str:
    """Return the share of articles that have text and no finding."""
    wrong = {problem.path for problem in library.problems}
    clean = [a for a in library.articles.values() if a.html.strip() and a.path not in wrong]
    return share("articles with nothing to report", len(clean), len(library.articles))


def share(what: str, part: int, whole: int) -> str:
    """Return one line of the result."""
    return f"{what:<34} {part:>6} of {whole:<6} {part / whole if whole else 1:.1%}"


def old_addresses(root: Path) -> list[str]:
    """Return the paths listed in OLD_URLS.yml at the folder or above it, [] without one."""
    file = next(
        (f for f in (root / "OLD_URLS.yml", root.parent / "OLD_URLS.yml") if f.exists()), None
    )
    if file is None:
        return []
    addresses = re.findall(r"^- (https?://\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return [urlsplit(address).path for address in addresses]


def table(library: Library) -> None:
    """Print what was not understood, the most frequent first."""
    counts = Counter(problem.code for problem in library.problems)
    first = {problem.code: problem for problem in reversed(library.problems)}
    for code, count in counts.most_common():
        print(f"  {code:<14} {count:>6}  {first[code].message[:90]}")


if __name__ == "__main__":
    main()
