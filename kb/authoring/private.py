"""What looks like a person's data or a secret in an article; pure.

Promises the same eye that reads searches before they are kept (`kb.lookup.redaction`), turned to
what authors write, with placeholders and example addresses left alone. Quotes no secret: what is
found is not printed again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.content.checks.page import Page
from kb.content.problem import Problem
from kb.lookup.redaction import redact_forms

# Only lines that could hold something are looked at closely: the rules take a while.
_WORTH = re.compile(
    r"\d[^\n]?\d[^\n]{0,2}\d|@|%40|\[at\]|\(at\)|arroba|[\w+/-]{20,}|KEY-----|bearer", re.I
)
_FOUND = re.compile(r"\[(secret|email|phone|number|card|account|id|iban)\]")
# Names that stand for any address: RFC 2606 and 6761, and words for a place to fill.
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
_PASSWORD = re.compile(
    r"(?i:\b(?:password|passwd|pwd|passphrase|pin|contrase[nñ]a|clave)\b\s*(?:is|es)?\s*[:=]\s*)"
    r"[`\"'“]?(?=[^\s`\"'”]*\d)(?=[^\s`\"'”]*[A-Za-z])([^\s`\"'”]{6,})"
)
_ADDRESS = re.compile(r"https?://[^\s)>\]]+|\]\([^)]*\)")


def private_problems(page: Page) -> Iterator[Problem]:
    """Yield the lines that look as if they held personal data or a secret."""
    for number, line in enumerate(page.text.split("\n"), start=1):
        if _WORTH.search(line) or _PASSWORD.search(line):
            yield from _in_line(page, number, line)


def _in_line(page: Page, number: int, line: str) -> Iterator[Problem]:
    secret = bool(_PASSWORD.search(line)) or "[secret]" in redact_forms(_without_pages(line))
    if secret:
        message = "This looks like a password, a token or a key."
        hint = "Take it out, and change it where it is used: Git keeps what was committed."
        yield page.problem("secret", number, message, hint)
    plain = _SHARED.sub("", _EXAMPLE.sub("", _ADDRESS.sub("", line)))
    told = set(_FOUND.findall(redact_forms(plain))) - set(_FOUND.findall(plain)) - {"secret"}
    if told:
        what = {"email": "a person's mail address", "phone": "a telephone number"}
        kinds = " and ".join(sorted(what.get(kind, "somebody's number") for kind in told))
        hint = "Name a team, or use an address at example.org."
        yield page.problem("personal", number, f"This looks like {kinds}.", hint)


def _without_pages(line: str) -> str:
    """Return a line without relative paths: long file names are no keys."""
    return re.sub(r"\]\((?!https?:)[^)]*\)", "]", line)
