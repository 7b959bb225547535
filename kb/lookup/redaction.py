"""Words without the secrets and the people in them, before anything is stored.

Promises placeholders such as [email] in place of addresses, telephone, card, account and
identity numbers, passwords, tokens, keys and names that are given, in English and Spanish; that
error codes, patch numbers, versions and network addresses, which people search for, come through;
and which rule hid what. Never raises; redacting twice changes nothing more. Knows no database; it
cannot know a secret that looks like an ordinary word and is not announced as one. The rules are in
docs/privacy.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb.lookup import keys, numbers, passwords, personal
from kb.lookup.own_patterns import Bounded
from kb.lookup.rule import Finding, Rule, applied, form

_ROUNDS = 4  # one round suffices nearly always; a rule may uncover what an earlier one looks for

RULES: tuple[Rule, ...] = (
    numbers.IBAN,  # before the rule for long runs, which it would look like
    *keys.RULES,
    personal.MAIL,
    personal.SPOKEN,
    *passwords.RULES,
    *numbers.RULES,
    personal.NAME,
    personal.STREET,
)
# Those that go by the form of what they find, not by words that announce it: for text in which
# “the password is …” is mostly advice.
_FORMS = tuple(rule for rule in RULES if not rule.announced)
OWN = "own-pattern"
KINDS = ("secret", "email", "phone", "card", "iban", "id", "name", "address", "number")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text as it may be stored, and what was hidden; the findings hold the secrets."""

    text: str
    findings: tuple[Finding, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how many of each kind were hidden: what the record keeps beside the words."""
        return dict(sorted(Counter(finding.kind for finding in self.findings).items()))


class Redactor:
    """The product's rules and the site's own `patterns`, which hide as [number].

    Own patterns are for ticket and employee numbers. Raises regex.error when a pattern is none.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        own = tuple(form(Bounded(each, number=n)) for n, each in enumerate(patterns, start=1))
        self._rules = (*RULES, Rule(OWN, "number", "any", "", own)) if own else RULES

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
    """Return a `redact` that also hides what the site's own `patterns` match."""
    return Redactor(patterns)


def added(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of counts by kind."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def _stable(text: str, rules: tuple[Rule, ...]) -> Redacted:
    """Return `text` after the rules, repeated until they find nothing more."""
    found: list[Finding] = []
    for _ in range(_ROUNDS):
        before = text
        text = applied(rules, text, found)
        if text == before:
            break
    return Redacted(text, tuple(found))
