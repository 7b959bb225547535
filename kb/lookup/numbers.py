"""Numbers that belong to a person: cards, accounts, identity papers, telephones.

Promises that a number which proves itself (`checksums`) is found wherever it stands, one that does
not only by its form or when words announce it, and that error codes, versions, addresses of
machines and order numbers stay. English and Spanish; telephones of some thirty countries.
"""

from __future__ import annotations

import re

from kb.lookup.checksums import iban_length, is_card, is_cpf, is_cuit, is_dni, is_rut
from kb.lookup.rule import Form, Match, Rule, Span, form


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


# -- with a checksum ----------------------------------------------------------------------------

_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?!\w)")
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|[XYZxyz]-?\d{7})[ -]?[A-Za-z](?!\w)")
_RUT = re.compile(r"(?<![\w.-])(?:\d{1,2}\.\d{3}\.\d{3}|\d{7,8})-[\dkK](?![\w-])")
_CUIT = re.compile(r"(?<![\w.-])\d{2}-\d{8}-\d(?![\w-])")
_CPF = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])")


def _iban(match: Match) -> Span | None:
    length = iban_length(match[0])
    return (match.start(), match.start() + length) if length else None


def _compact(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


# -- by form, or announced ----------------------------------------------------------------------

_SSN = re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])")
_CURP = re.compile(r"\b[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d\b")
_PAPERS = re.compile(
    r"""\b(?i:ssn|social\ security|ni\ number|national\ insurance|passport|driver'?s?\ licen[cs]e
      |id\ card|tax\ id|dni|nie|nif|c[eé]dula(?:\ de\ (?:ciudadan[ií]a|identidad))?|curp|rfc|rut
      |cuit|cuil|pasaporte|nss|(?:a\ la\ )?seguridad\ social)
    (?i:\s+(?:number|no|n[uú]mero|nº|is|es))*[\s:.\#º]{1,3}
    (?P<hide>(?:[A-Z]{1,4}[ -]?)?\d[\dA-Z]*(?:[ ./-](?:[A-Z]*\d[\dA-Z]*|[A-Z]\b))*)(?!\w)""",
    re.VERBOSE,
)


def _papers(text: str) -> bool:
    """Return whether it is long enough for a number of papers: an RFC of the internet is not."""
    return len(_digits(text)) >= 6


# -- telephone ----------------------------------------------------------------------------------

_AFTER_CODE = re.compile(
    r"(?:error|code|c[oó]digo|event|evento|id|kb|build|compilaci[oó]n|versi[oó]n|hresult|status|"
    r"ticket|puerto|port|pedido|order|serial|serie|0x)\W{0,3}$|[#-]$",
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
    | 0[1-9](?:([ .-])\d{2})(?:\4\d{2}){3}                           # France
    | 0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4} | 0[1-9]\d{8,9}                # United Kingdom and others
    )(?![\w-]|\.\d)""",
    re.VERBOSE,
)
_CALL_ME = re.compile(
    r"\b(?:tel[eé]fono|tel[eé]?f?|tlf|phone(?:\s+number)?|mobile(?:\s+number)?|cell(?:phone)?"
    r"|m[oó]vil|celular|whatsapp|fax|contacto|contact:|(?:my|contact)\s+number"
    r"|(?:mi\s+n[uú]mero|n[uú]mero\s+de\s+contacto)|(?:call|text|phone|reach|ring)\s+me"
    r"|ll[aá]m[ae]n?me|llamar\s+al?(?:\s+\w+\s+al?)?)"
    r"(?:\s+(?:is|es|el|al?|at|on|n[uú]mero|number|no))*[\s:.]{1,3}"
    r"(?P<hide>\(?\d[\d ().-]{5,}\d)(?!\w)",
    re.IGNORECASE,
)


def _phone(match: Match) -> Span | None:
    """Return what to hide, unless the words before say that this is a code."""
    before = match.string[max(0, match.start() - 16) : match.start()]
    long_enough = 8 <= len(_digits(match[0])) <= 15
    return None if _AFTER_CODE.search(before) or not long_enough else match.span()


IBAN = Rule("iban", "iban", "any", "DE89370400440532013000", (Form(_IBAN, _iban),))
RULES = (
    Rule(
        "card",
        "card",
        "any",
        "4111 1111 1111 1111",
        (form(_CARD, lambda text: is_card(_digits(text))),),
    ),
    Rule(
        "identity",
        "id",
        "any",
        "12345678Z",
        (
            form(_DNI, lambda text: is_dni(_compact(text))),
            form(_RUT, lambda text: is_rut(_compact(text))),
            form(_CUIT, lambda text: is_cuit(_compact(text))),
            form(_CPF, lambda text: is_cpf(_compact(text))),
            form(_SSN),
            form(_CURP),
        ),
    ),
    Rule("papers", "id", "en, es", "passport number XN1234567", (form(_PAPERS, _papers),)),
    Rule("phone-announced", "phone", "en, es", "call me at 55512345", (form(_CALL_ME),)),
    Rule(
        "phone",
        "phone",
        "any",
        "+34 612 345 678",
        (Form(_INTERNATIONAL, _phone), Form(_NATIONAL, _phone)),
    ),
)
