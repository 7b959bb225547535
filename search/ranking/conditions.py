"""Conditions in a query: a field, the beginning of a word, an exclusion, or alternatives.

    title:vpn   keywords:"remote work"   print*   -scanner   -"front door"   printer OR scanner

Only these forms are conditions; anything else stays words. Whoosh gets terms from `analysis`, never
what was typed, and the number of conditions and expansions is limited. A phrase in quotes alone is
not a condition: the articles that contain it only come first, since people quote messages from
memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

from whoosh.index import Index
from whoosh.query import And, NullQuery, Or, Phrase, Query, Term
from whoosh.reading import IndexReader
from whoosh.searching import Searcher

from search.index.keyword import EVERYTHING
from search.text.analysis import CODE, canonical, fold, is_code, spellings, stop_words, terms
from search.text.pasted import is_long, whole
from search.text.query import PhraseRows, Sought, phrase_rows
from search.text.tokens import query_tokens, tokens

# Limits for a query; what is over stays words. Phrases cost most: positions are compared.
MOST_CONDITIONS = 6
MOST_QUOTED = 1
# Words with a typed beginning: how many of the commonest match, and how many count in the ranking.
MOST_EXPANSIONS = 20
RANKED_EXPANSIONS = 12
# A stem may be shorter than the typed beginning ("configura*" and "configur").
SHORTER = 3
_ITEM = re.compile(
    r"(?P<minus>(?<=\s)-(?=[^\W\d_]{3}|[\"“«„]))?"
    r"(?:(?P<field>title|keywords):(?=[^\W_]|[\"“«„]))?"
    r"(?:[\"“«„](?P<quoted>[^\"“”«»„]{2,})[\"“”«»„]|(?P<word>\S+))",
    re.IGNORECASE,
)
# A minus before one of these says what is wrong: "printer -not printing".
_NEGATION_TEXT = "not no cannot cant can't never without nicht kein ohne sin nunca pas sans"
_NEGATIONS = frozenset(_NEGATION_TEXT.split())
_COMMAND_TEXT = """
apt bcdedit brew cat chkdsk chmod choco cmd cp curl dism docker git gpupdate gpresult helm ipconfig
java kubectl ls msiexec mv net netsh netstat nmap npm nslookup ping pip powershell pwsh python
python3 reg rm robocopy rsync sc schtasks scp sfc ssh sudo systemctl tar taskkill terraform tracert
vagrant wget winget wmic wsl xcopy yum
"""
_COMMANDS = frozenset(_COMMAND_TEXT.split())
_COMMAND = re.compile(r"^--|^/[a-z]+$|[A-Z][a-z]+-[A-Z]|\\|\.(?:exe|ps1|bat|cmd|sh|msi|py|jar)\b")
# Without one of these a query has no condition, which most have not.
_SIGN = re.compile(r"[-:*\"“«„]|\bOR\b")
_BEGINNING = re.compile(r"[^\W_]{3,}\*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A word, a phrase (`quoted`) or the beginning of a word (`starts`); `field` "" means any."""

    words: str
    field: str = ""
    quoted: bool = False
    starts: bool = False

    def __str__(self) -> str:
        shown = f'"{self.words}"' if self.quoted else f"{self.words}{'*' if self.starts else ''}"
        return f"{self.field}:{shown}" if self.field else shown


@dataclass(frozen=True, slots=True)
class Constraints:
    """The conditions in a query. `text` is what remains to rank by; an article must match one of
    each group in `every` and nothing in `none`. False when there are no conditions.
    """

    text: str
    every: tuple[tuple[Condition, ...], ...] = ()
    none: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.every or self.none)

    @property
    def quoted(self) -> int:
        """How many phrases there are among the conditions."""
        return sum(one.quoted for group in (*self.every, self.none) for one in group)

    def __str__(self) -> str:
        """Return the conditions as a person would type them."""
        groups = [" OR ".join(map(str, group)) for group in self.every]
        return " ".join([*groups, *(f"-{one}" for one in self.none)])


@lru_cache(maxsize=256)
def constraints(text: str, *, literal: bool = False) -> Constraints:
    """Return the conditions in a bounded query; `text` is unchanged when there are none, and when
    it is `literal`.
    """
    if literal or not _SIGN.search(text):
        return Constraints(text)
    every: list[list[Condition]] = []
    none: list[Condition] = []
    left: list[str] = []
    items = list(_ITEM.finditer(text))
    meant, pasted = _exclusions(items), _is_pasted(items)
    either, joined = _alternatives(items, text), False
    for number, item in enumerate(items):
        wanted, role = _wanted(item), either.get(number, "")
        if role == "or":
            continue
        refused = number in meant
        asked = refused or role or wanted.field or wanted.starts
        if not asked or _full([*every, none], wanted) or (role == "next" and not joined):
            left.append(item[0] if pasted or not item["minus"] else item[0][1:])
            joined = False
        elif refused:
            none.append(wanted)
        else:
            left.append(wanted.words)
            every.append([*(every.pop() if role == "next" else []), wanted])
            joined = bool(role)
    if not any(map(_says_something, left)):
        return Constraints(text)
    if not (every or none):
        return Constraints(" ".join(left) if any(item["minus"] for item in items) else text)
    return Constraints(" ".join(left), tuple(map(tuple, every)), tuple(none))


def for_model(text: str, asked: Constraints) -> str:
    """Return what the model reads of a query: all of a long text, else what is ranked by."""
    return whole(text) if is_long(text) else asked.text


def _exclusions(items: Sequence[re.Match[str]]) -> frozenset[int]:
    """Return the positions of the words with a minus that are to be excluded: lower-case words or
    phrases after all others, where nothing looks like a pasted command.
    """
    found = list[int]()
    for number in reversed(range(len(items))):
        if not items[number]["minus"]:
            break
        found.append(number)
    rest = items[: len(items) - len(found)]
    if not rest or _is_pasted(items) or any(item["minus"] for item in rest):
        return frozenset()
    plain = [n for n in found if items[n]["quoted"] or _is_plain(items[n]["word"])]
    return frozenset(plain) if len(plain) == len(found) else frozenset()


def _is_pasted(items: Sequence[re.Match[str]]) -> bool:
    """Return whether a query looks like a command, whose words with a minus are switches."""
    first = fold(items[0][0]) if items else ""
    switches = (item["word"] or "" for item in items if item["minus"])
    return (
        first in _COMMANDS
        or any(_COMMAND.search(item[0]) for item in items)
        or any(word != word.lower() for word in switches)
    )


def _is_plain(word: str) -> bool:
    """Return whether a word with a minus may be one to exclude rather than a switch."""
    letters = re.sub(r"^(?:title|keywords):", "", word.rstrip("*"))
    return (
        letters == letters.lower()
        and letters.isalpha()
        and fold(letters) not in _NEGATIONS
        and not _common(letters)
    )


def _full(groups: Sequence[Sequence[Condition]], wanted: Condition) -> bool:
    """Return whether the limit on conditions of that kind is reached."""
    held = [one for group in groups for one in group]
    quoted = sum(one.quoted for one in held)
    return len(held) >= MOST_CONDITIONS or (wanted.quoted and quoted >= MOST_QUOTED)


def _alternatives(items: Sequence[re.Match[str]], text: str) -> dict[int, str]:
    """Return the positions of "first", "or" and "next" in "printer OR scanner OR copier". In a
    query all in capitals OR is an ordinary word.
    """
    roles: dict[int, str] = {}
    if text.isupper():
        return roles
    for n in range(1, len(items) - 1):
        around = (items[n - 1], items[n + 1])
        plain = all(i[0] != "OR" and not i["minus"] and _says_something(i[0]) for i in around)
        if items[n][0] == "OR" and plain:
            roles |= {n: "or", n + 1: "next"}
            roles.setdefault(n - 1, "first")
    return roles


def _wanted(item: re.Match[str]) -> Condition:
    field = (item["field"] or "").lower()
    if item["quoted"]:
        return Condition(item["quoted"].strip(), field, quoted=True)
    starts = _BEGINNING.fullmatch(item["word"]) is not None
    return Condition(item["word"].rstrip("*") if starts else item["word"], field, starts=starts)


def _common(words: str) -> bool:
    return fold(words) in stop_words("en")


def _says_something(text: str) -> bool:
    return bool(query_tokens(text))


def satisfying(index: Index, asked: Constraints, languages: Sequence[str]) -> list[int]:
    """Return the Whoosh numbers of the articles that meet the conditions, ascending."""
    with index.searcher() as searcher:
        left = set(range(searcher.reader().doc_count_all()))
        for group in asked.every:
            left &= _holding(searcher, group, languages)
        left -= _holding(searcher, asked.none, languages)
    return sorted(left)


def expanded(index: Index, asked: Constraints, language: str) -> tuple[Sought, ...]:
    """Return the words that the typed beginnings add to the ranking in a language."""
    rows = []
    starts = [one for group in asked.every for one in group if one.starts]
    with index.reader() as reader:
        for one in starts:
            held = (_beginning(reader, field, one.words) for field in _fields(one, [language]))
            found = dict.fromkeys(term for terms_ in held for term in terms_[:RANKED_EXPANSIONS])
            kept = list(found)[:RANKED_EXPANSIONS]
            rows.append(Sought(f"{one.words}*", dict.fromkeys(kept, 1.0), asked=False))
    return tuple(row for row in rows if row.alternatives)


def phrase_query(rows: PhraseRows, language: str) -> Query:
    """Return a query for articles that contain the words side by side."""
    return _side_by_side(f"{EVERYTHING}_{language}", rows)


def matching(index: Index, query: Query) -> list[int]:
    """Return the Whoosh numbers of the articles that a query matches."""
    with index.searcher() as searcher:
        return sorted(searcher.docs_for_query(query))


def _fields(one: Condition, languages: Sequence[str]) -> Iterator[str]:
    for language in languages:
        yield f"{one.field or EVERYTHING}_{language}"


def _holding(searcher: Searcher, group: Sequence[Condition], languages: Sequence[str]) -> set[int]:
    """Return the numbers of the articles that match one condition of a group."""
    found: set[int] = set()
    for one in group:
        for field in _fields(one, languages):
            for query in _queries(searcher.reader(), field, one):
                found.update(searcher.docs_for_query(query))
    return found


def _queries(reader: IndexReader, field: str, one: Condition) -> list[Query]:
    if one.starts:
        return [Term(field, term) for term in _beginning(reader, field, one.words)]
    return [_words(field, one)]


def _words(field: str, one: Condition) -> Query:
    """Return a query for a word or phrase in one field."""
    language = field.rpartition("_")[2]
    found = list(tokens(one.words))
    if len(found) == 1 and not is_code(found[0].surface):
        return _word(field, found[0].surface, language)
    return _side_by_side(field, phrase_rows(one.words, language))


def _word(field: str, surface: str, language: str) -> Query:
    rows = phrase_rows(surface, language)
    own = [Term(field, term) for term in spellings(surface, language)]
    parts = terms(surface, language)
    if len(parts) == 1:
        return Or(own)
    return _side_by_side(field, rows)


def _side_by_side(field: str, rows: PhraseRows) -> Query:
    """Return a query for terms at adjacent positions. Of a run without spaces every pair must
    match; its last pair takes the position.
    """
    if not rows:
        return NullQuery
    last = [row[-1] for row in rows]
    place = Phrase(field, last, slop=1) if len(last) > 1 else Term(field, last[0])
    return And([place, *(Term(field, term) for row in rows for term in row[:-1])])


def _beginning(reader: IndexReader, field: str, typed: str) -> list[str]:
    """Return the commonest terms of a field with that beginning, else the stem it extends."""
    word = fold(typed)
    if field not in reader.schema.names():
        return []
    found = _starting(reader, field, word) + _starting(reader, field, CODE + canonical(typed))
    shorter = (word[:-n] for n in range(1, SHORTER + 1) if len(word) - n >= SHORTER)
    return found or [term for term in shorter if (field, term) in reader][:1]


def _starting(reader: IndexReader, field: str, start: str) -> list[str]:
    held = [term.decode("utf-8") for term in reader.expand_prefix(field, start)]
    if len(held) <= MOST_EXPANSIONS:
        return held
    return nlargest(MOST_EXPANSIONS, held, key=lambda term: reader.doc_frequency(field, term))
