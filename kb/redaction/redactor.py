"""Redacts words before they are stored: applies every rule and a site's own patterns.

Addresses, phone, card, account and identity numbers, passwords, tokens, keys and names that people
give are replaced by placeholders such as [email], in English and Spanish. Error codes, patch
numbers, versions and network addresses, which people search for, stay. The result says which rule
hid what. It never raises, and redacting twice changes nothing more. A secret that looks like an
ordinary word and is not announced as one is not recognised. The rules are in docs/privacy.md.

A site's own patterns use the regex package, since the standard library's matcher cannot be stopped;
regex can, and lets other threads run meanwhile. A text on which a pattern takes too long is hidden
whole, since nobody can say what is in it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import regex

from kb.redaction import numbers, people, secrets
from kb.redaction.rule import RedactedText, RedactionRule, applied, form

# -- A site's own patterns, with a time limit --


log = logging.getLogger(__name__)

LONGEST_S = 0.2  # a pattern usually takes well below a millisecond on what people type


class Bounded:
    """A case-insensitive pattern with a time limit, for `kb.redaction.rule.Form`. Raises
    regex.error when the text is not a regular expression.
    """

    def __init__(self, text: str, *, number: int) -> None:
        self._pattern = regex.compile(text, regex.IGNORECASE)
        self._all = regex.compile(r"(?s).+")
        self._number = number
        self.groupindex = self._pattern.groupindex

    def sub(self, replaced: Callable[[Any], str], text: str) -> str:
        """Return the text with each match replaced, or all of it as one match after `LONGEST_S`."""
        try:
            changed: str = self._pattern.sub(replaced, text, timeout=LONGEST_S)
        except TimeoutError:
            log.warning(
                "pattern %s of redact_patterns took more than %s s on a text of %s characters, "
                "which is hidden whole",
                self._number,
                LONGEST_S,
                len(text),
            )
            changed = self._all.sub(replaced, text)
        return changed


# -- The redactor --


_ROUNDS = 4  # nearly always one suffices; a rule may uncover what an earlier one looks for

RULES: tuple[RedactionRule, ...] = (
    numbers.IBAN,  # before the rule for long runs, which also matches it
    *secrets.KEY_RULES,
    people.MAIL,
    people.SPOKEN,
    *secrets.PASSWORD_RULES,
    *numbers.RULES,
    people.NAME,
    people.STREET,
)
# Rules by form rather than by announcing words, for text in which “the password is …” is mostly
# advice.
_FORMS = tuple(rule for rule in RULES if not rule.announced)
OWN = "own-pattern"
KINDS = ("secret", "email", "phone", "card", "iban", "id", "name", "address", "number")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text as it may be stored, and what was hidden; the findings hold the secrets."""

    text: str
    findings: tuple[RedactedText, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how many of each kind were hidden, as the event log keeps it beside the words."""
        return dict(sorted(Counter(finding.kind for finding in self.findings).items()))


class Redactor:
    """Applies the product's rules and the site's own `patterns`, whose placeholder is [number].

    Own patterns are for ticket and employee numbers. Raises regex.error for an invalid one.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        own = tuple(form(Bounded(each, number=n)) for n, each in enumerate(patterns, start=1))
        self._rules = (*RULES, RedactionRule(OWN, "number", "any", "", own)) if own else RULES

    def __call__(self, text: str) -> str:
        """Return `text` with placeholders for what must not be stored."""
        return self.explained(text).text

    def explained(self, text: str) -> Redacted:
        """Return `text` as it may be stored, and what each rule hid."""
        return _stable(text, self._rules)


def redact_forms(text: str) -> str:
    """Return `text` with placeholders for keys, addresses and numbers, but not for passwords."""
    return _stable(text, _FORMS).text


redact = Redactor()


def redactor(patterns: Iterable[str]) -> Redactor:
    """Return a redactor that also hides what the site's own `patterns` match."""
    return Redactor(patterns)


def added(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of counts by kind."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def _stable(text: str, rules: tuple[RedactionRule, ...]) -> Redacted:
    """Return `text` after applying the rules until they find nothing more."""
    found: list[RedactedText] = []
    for _ in range(_ROUNDS):
        before = text
        text = applied(rules, text, found)
        if text == before:
            break
    return Redacted(text, tuple(found))
