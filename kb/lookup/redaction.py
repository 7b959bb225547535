"""Words without the secrets and the people in them, before anything is stored.

Promises placeholders such as [email] in place of addresses, telephone, card, account and
identity numbers, passwords, tokens and keys, in English and Spanish; and that error codes, patch
numbers, versions and network addresses, which people search for, come through. Never raises;
redacting twice changes nothing more. Knows no database; it cannot know a secret that looks like
an ordinary word and is not announced as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kb.lookup.checksums import iban_length, is_card, is_dni
from kb.lookup.passwords import without_passwords

Rule = Callable[[str], str]
_ROUNDS = 4  # one round suffices nearly always; a rule may uncover what an earlier one looks for
_NUMBER = "[number]"

# -- keys and tokens ----------------------------------------------------------------------------

_TOKENS = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?              # JSON web token
    | \b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b             # Amazon
    | \bgh[opsur]_\w{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,}
    | \bxox[abeoprs]-[\w-]{10,}                           # Slack
    | \b[spr]k_(?:live|test)_\w{10,} | \bsk-[\w-]{20,} | \bhf_[A-Za-z]{20,}
    | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,}               # Google
    | \b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b                  # product key
    | \b(?:\d{6}-){7}\d{6}\b                              # disk recovery key
    | \b[0-9a-fA-F]{32,}\b
    """,
    re.VERBOSE | re.DOTALL,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w+/.~=-]{12,}", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)")
_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{24,}={0,2}(?![\w+/=-])")
_RUN = re.compile(r"[A-Za-z0-9+]{20,}")


def _tokens(text: str) -> str:
    text = _USER_IN_URL.sub("[secret]", _TOKENS.sub("[secret]", text))
    text = _BEARER.sub(lambda match: f"{match[1]} [secret]", text)
    return _BASE64.sub(lambda match: "[secret]" if _random(match[0]) else match[0], text)


def _random(text: str) -> bool:
    """Return whether a long run mixes cases and digits as no name or path does."""
    runs = _RUN.findall(text)
    return any(
        sum(char.isdigit() for char in run) >= 3
        and any(char.islower() for char in run)
        and any(char.isupper() for char in run)
        for run in runs
    )


# -- addresses ----------------------------------------------------------------------------------

_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]*[\w+-](?:@|%40|\(at\)|\[at\])[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}"
)
_SPOKEN = re.compile(
    r"\b[\w.+-]+\s+(?:arroba|at)\s+[\w-]+(?:\s+(?:punto|dot)\s+[\w-]+)+", re.IGNORECASE
)


def _emails(text: str) -> str:
    return _SPOKEN.sub("[email]", _EMAIL.sub("[email]", text))


# -- numbers with a checksum --------------------------------------------------------------------

_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?!\w)")
_DNI = re.compile(r"(?<![\w.-])(\d{8}|[XYZxyz]-?\d{7})[ -]?([A-Za-z])(?!\w)")
_SSN = re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])")


def _accounts(text: str) -> str:
    text = _IBAN.sub(_iban, text)
    text = _CARD.sub(lambda match: "[card]" if is_card(_digits(match[0])) else match[0], text)
    return _SSN.sub("[id]", _DNI.sub(_dni, text))


def _iban(match: re.Match[str]) -> str:
    length = iban_length(match[0])
    return "[iban]" + match[0][length:] if length else match[0]


def _dni(match: re.Match[str]) -> str:
    compact = (match[1] + match[2]).replace("-", "").upper()
    return "[id]" if is_dni(compact) else match[0]


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


# -- telephone ----------------------------------------------------------------------------------

_AFTER_CODE = re.compile(
    r"(?:error|code|c[oó]digo|event|evento|id|kb|build|compilaci[oó]n|versi[oó]n|hresult|status|"
    r"ticket|puerto|port|0x)\W{0,3}$|[#-]$",
    re.IGNORECASE,
)
_INTERNATIONAL = re.compile(
    r"(?<![\w+.])(?:\+\s?|00)[1-9]\d{0,2}(?:[ .\-/]?\(?\d{1,4}\)?){2,6}(?![\w.]*\w)"
)
_NATIONAL = re.compile(
    r"""(?<![\w.(+-])(?:
      \(\d{3}\)\s?\d{3}[ .-]\d{4} | \d{3}([ .-])\d{3}\1\d{4}          # North America
    | [6789]\d{2}([ .-])\d{3}\2\d{3} | [6789]\d{2}([ .-])\d{2}\3\d{2}\3\d{2}   # Spain
    | [89]\d[ -]\d{3}[ -]\d{2}[ -]\d{2} | [6789]\d{8}
    | 0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4} | 0[1-9]\d{8,9}                # United Kingdom and others
    )(?![\w-]|\.\d)""",
    re.VERBOSE,
)
_ANNOUNCED = re.compile(
    r"(\b(?:tel[eé]fono|tel[eé]f?|phone(?:\s+number)?|mobile(?:\s+number)?|cell(?:phone)?|m[oó]vil|"
    r"celular|whatsapp|fax|call\s+me(?:\s+(?:at|on))?|ll[aá]m[ae]n?me(?:\s+al?)?)"
    r"(?:\s+(?:is|es|n[uú]mero|number|no))?[\s:.]{1,3})(\(?\d[\d ().-]{5,}\d)(?!\w)",
    re.IGNORECASE,
)


def _phones(text: str) -> str:
    text = _ANNOUNCED.sub(lambda match: f"{match[1]}[phone]", text)
    for pattern in (_INTERNATIONAL, _NATIONAL):
        text = pattern.sub(_phone, text)
    return text


def _phone(match: re.Match[str]) -> str:
    """Return the placeholder, unless the words before say that this is a code."""
    before = match.string[max(0, match.start() - 16) : match.start()]
    long_enough = 8 <= len(_digits(match[0])) <= 15
    return match[0] if _AFTER_CODE.search(before) or not long_enough else "[phone]"


_RULES: tuple[Rule, ...] = (_tokens, _emails, without_passwords, _accounts, _phones)
# Those that go by the form of what they find, not by words that announce it: for text in which
# “the password is …” is mostly advice.
_FORMS: tuple[Rule, ...] = (_tokens, _emails, _accounts, _phones)


def redact_forms(text: str) -> str:
    """Return `text` with placeholders for keys, addresses and numbers, but not for passwords."""
    return _stable(text, _FORMS)


def redact(text: str) -> str:
    """Return `text` with placeholders for what must not be stored."""
    return _stable(text, _RULES)


def redactor(patterns: Iterable[str]) -> Rule:
    """Return a `redact` that also hides what the site's own `patterns` match, as [number].

    For ticket and employee numbers. Raises re.error when a pattern is none.
    """
    own = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def hide(text: str) -> str:
        for pattern in own:
            text = pattern.sub(lambda match: _NUMBER if match[0] else "", text)
        return text

    return lambda text: _stable(text, (*_RULES, hide))


def _stable(text: str, rules: tuple[Rule, ...]) -> str:
    """Return `text` after the rules, repeated until they find nothing more."""
    for _ in range(_ROUNDS):
        before = text
        for rule in rules:
            text = rule(text)
        if text == before:
            break
    return text
