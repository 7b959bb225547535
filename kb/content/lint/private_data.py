"""Find what looks like personal data or a secret in an article.

The rules are those that redact searches before they are stored (`kb.redaction.redactor`), except
that placeholders and example addresses are left alone. A finding does not quote what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.content.lint.page import SourcePage
from kb.content.problem import Problem
from kb.redaction.redactor import redact_forms

# Only lines that match one of these are checked by the rules, which are slow. Separate patterns
# are faster than one with branches, because few characters can begin each.
_WORTH = (
    re.compile(r"\d[\d ().\-/]{6}"),
    re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20}"),
    re.compile(r"@\S"),
    *map(re.compile, (r"%40", r"\[at\]", r"\(at\)", "arroba", "KEY-----", "[Bb]earer ")),
    re.compile(r"[XYZ]-?\d{3}"),
    re.compile(r"\d{2} \w{4} \w{4}"),
    re.compile(r"[A-Z0-9]-[A-Z0-9]{5}-"),
)
_FOUND = re.compile(r"\[(secret|email|phone|number|card|account|id|iban)\]")
# Example addresses: names of RFC 2606 and 6761, and words used as placeholders.
_EXAMPLE = re.compile(
    r"[\w.+'-]+@(?:[\w-]+\.)*(?:example|test|invalid|localhost|contoso|fabrikam|domain|dominio"
    r"|company|empresa|yourcompany|ejemplo|organi[sz]ation|organizacion)(?:\.[a-z]{2,})*\b",
    re.IGNORECASE,
)
_SHARED = re.compile(
    r"\b(?:help|support|service|it|info|security|abuse|phishing|no-?reply|admin|postmaster|hr"
    r"|ayuda|soporte|seguridad)[\w.-]*@[\w.-]+",
    re.IGNORECASE,
)
# A password that a word announces and that mixes letters and digits, or one before a host name.
_VALUE = re.compile(r"[:=][ \t]{0,3}[`\"'“]?(?=[^\s`\"'”]*\d)(?=[^\s`\"'”]*[A-Za-z])[^\s`\"'”]{6}")
_ANNOUNCED = re.compile(
    r"\b(?i:password|passwd|pwd|passphrase|pin|contrase[nñ]a|clave)\b *(?:is|es)? *"
    + _VALUE.pattern
)
_SIGNED_IN = re.compile(r"://[^\s/@:]+:[^\s/@]+@")
# Web addresses, which often hold long identifiers; passwords in them are found by `_SIGNED_IN`.
_ADDRESS = re.compile(r"https?://[^\s)>\]\"]+|data:[^\s)>\"']+|\]\([^)]*\)|(?<=[\"'])/[^\"'\s]*")
# SHA-1 and SHA-256: commits and checksums, which articles may quote.
_DIGEST = re.compile(r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b")


def private_problems(page: SourcePage) -> Iterator[Problem]:
    """Yield the lines that seem to hold personal data or a secret."""
    foreign = {page.keys[key] for key in page.draft.facts.extra if key in page.keys}
    lines = page.text.split("\n")
    for number in _lines_with(page, _VALUE, _SIGNED_IN) - foreign:
        if _ANNOUNCED.search(lines[number - 1]) or _SIGNED_IN.search(lines[number - 1]):
            yield _secret(page, number)
    worth = [
        (number, _DIGEST.sub("", _ADDRESS.sub("", lines[number - 1])))
        for number in sorted(_lines_with(page, *_WORTH) - foreign)
    ]
    whole = "\n".join(line for _, line in worth)
    if redact_forms(whole) == whole:
        return
    for number, line in worth:
        yield from _in_line(page, number, line)


def _lines_with(page: SourcePage, *patterns: re.Pattern[str]) -> set[int]:
    found = (each for pattern in patterns for each in pattern.finditer(page.text))
    return {page.line_of(each.start()) for each in found}


def _in_line(page: SourcePage, number: int, line: str) -> Iterator[Problem]:
    plain = _SHARED.sub("", _EXAMPLE.sub("", line))
    told = set(_FOUND.findall(redact_forms(plain))) - set(_FOUND.findall(plain))
    if "secret" in told:
        yield _secret(page, number)
    if told - {"secret"}:
        what = {"email": "a person's mail address", "phone": "a telephone number"}
        kinds = sorted({what.get(kind, "somebody's number") for kind in told - {"secret"}})
        hint = "Name a team, or use an address at example.org."
        yield page.problem("personal", number, f"This looks like {' and '.join(kinds)}.", hint)


def _secret(page: SourcePage, number: int) -> Problem:
    message = "This looks like a password, a token or a key."
    hint = "Take it out, and change it where it is used: Git keeps what was committed."
    return page.problem("secret", number, message, hint)
