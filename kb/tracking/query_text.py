"""The text of a query: made fit to store and compare, and which wording represents several.

Every database accepts the bounded text, and words that differ only in case, accents, punctuation or
spacing have one key. Text is redacted (`kb.redaction`) before it comes here. The chosen wording
does not depend on the order of the searches.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

from search.text.tokens import composed

# -- Text to store and compare --


LONGEST_WORDS = 300  # characters kept of a query
_LATIN_MARKS = range(0x0300, 0x0370)


def bounded(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, without what databases reject.

    NUL and lone surrogates are removed; every other control character becomes a space.
    """
    sound = text[: 4 * limit].encode("utf-8", "ignore").decode("utf-8")
    plain = "".join(" " if unicodedata.category(c) == "Cc" else c for c in sound if c != "\0")
    return " ".join(plain.split())[:limit].strip()


def folded(words: str) -> str:
    """Return `words` without case, accents and punctuation, single-spaced and in order."""
    marks_apart = composed("NFKD", words).casefold()
    letters = (c for c in marks_apart if ord(c) not in _LATIN_MARKS)
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in letters)
    return " ".join(composed("NFC", spaced).split())


def words_key(words: str) -> str:
    """Return the key of "the same words": 64 hex digits of SHA-256 over the folded words.

    Words that fold to nothing ("???") are compared as they stand.
    """
    basis = folded(words) or words.strip()
    return hashlib.sha256(basis.encode("utf-8", "surrogatepass")).hexdigest()


# -- The wording that represents several --


def favourite(used: Iterable[tuple[str | None, str]]) -> str:
    """Return the wording that most people used, "" for none; `used` is pairs (words, visitor)."""
    by_people = Counter(
        words for words, _ in {(words, visitor) for words, visitor in used if words}
    )
    return min(by_people, key=lambda words: (-by_people[words], words)) if by_people else ""
