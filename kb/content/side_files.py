"""The two files that describe the articles as a whole, `_collections.yml` and `_synonyms.yml`.

Promises collections and synonym groups from well-formed parts and a finding for each other part;
neither file can keep articles from being published.

    # _collections.yml                         # _synonyms.yml
    accounts:                                  en:
      order: 1                                   - [vpn, virtual private network]
      title: {en: Accounts, es: Cuentas}       es:
      description: {en: Passwords and names}     - [portátil, laptop, ordenador]
"""

from __future__ import annotations

from typing import Any

from kb.content.library import Collection
from kb.content.problem import Problem
from kb.content.strict_yaml import YamlFault, read_yaml

COLLECTIONS = "_collections.yml"
SYNONYMS = "_synonyms.yml"
Synonyms = dict[str, tuple[tuple[str, ...], ...]]


def read_collections(text: str, path: str) -> tuple[dict[str, Collection], list[Problem]]:
    """Return the collections by name, numbered as they are listed where no order is given."""
    value, problems = _mapping(text, path)
    found = {}
    for number, (name, facts) in enumerate(value.items(), start=1):
        if not isinstance(facts, dict):
            problems.append(_odd(path, f"The collection “{name}” is not a group of keys."))
            facts = {}
        order = facts.get("order", number)
        found[name] = Collection(
            name,
            order if isinstance(order, int) else number,
            _by_language(facts.get("titles", facts.get("title"))),
            _by_language(facts.get("descriptions", facts.get("description"))),
        )
    return found, problems


def read_synonyms(text: str, path: str) -> tuple[Synonyms, list[Problem]]:
    """Return the groups of two or more words by language."""
    value, problems = _mapping(text, path)
    found: Synonyms = {}
    for language, groups in value.items():
        rows = groups if isinstance(groups, list) else []
        kept = [_group(row) for row in rows]
        if not isinstance(groups, list) or any(len(row) < 2 for row in kept):
            problems.append(_odd(path, f"A group of “{language}” has fewer than two words."))
        found[language] = tuple(row for row in kept if len(row) >= 2)
    return found, problems


def _mapping(text: str, path: str) -> tuple[dict[str, Any], list[Problem]]:
    try:
        value, _ = read_yaml(text)
    except YamlFault as fault:
        return {}, [Problem(path, fault.line, "side-file", fault.message, fault.hint)]
    if value is None:
        return {}, []
    return (value, []) if isinstance(value, dict) else ({}, [_odd(path, "It is not a mapping.")])


def _odd(path: str, message: str) -> Problem:
    hint = "The documentation of kb.content.side_files shows the form."
    return Problem(path, None, "side-file", message, hint)


def _by_language(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(language): str(text) for language, text in value.items() if text is not None}
    return {"en": str(value)} if value is not None else {}


def _group(row: Any) -> tuple[str, ...]:
    words = row if isinstance(row, list) else []
    return tuple(" ".join(str(word).split()) for word in words if isinstance(word, (str, int)))
